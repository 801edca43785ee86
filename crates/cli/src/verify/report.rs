//! The result of `verify`, for people and for scripts, and its exit code.

use anyhow::Result;
use rebuttal_client::protocol::body::BODY_MAX_BYTES;
use serde::Serialize;

use super::mistakes::{Mistake, MistakeLocation};
use super::request::CheckedRequest;
use crate::exit::Exit;
use crate::sign::READ_MAX_BYTES;
use crate::signing::{SecretRedactor, SignedBytes, SignedField, escape_invisible};
use crate::terminal;

/// The result for the signature.
pub(super) enum Verdict {
    Valid,
    /// Valid for the URL that the request was sent to, where another URL of the gateway was given.
    ValidForSentUrl,
    /// The one or two mistakes that together explain this signature.
    Explained(Vec<Mistake>),
    Unexplained,
}

/// The result; also the object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifyReport {
    outcome: &'static str,
    verifies: bool,
    /// The URL that the signature is valid for, if there is one.
    verified_url: Option<String>,
    /// The one or two mistakes that together explain this signature, if they are known.
    mistakes: Vec<MistakeJson>,
    /// Why the gateway refuses the request, whatever the signature.
    refusals: Vec<String>,
    /// What else may be wrong.
    findings: Vec<String>,
    /// The header that would have been valid; null where the given one cannot be parsed.
    right_authorization: Option<String>,
    /// What should have been signed.
    right_signed_bytes: Option<String>,
    #[serde(skip)]
    exit: Exit,
    #[serde(skip)]
    headline: String,
    /// The fields that differ: what was signed, and what is expected.
    #[serde(skip)]
    changed_fields: Vec<(String, String)>,
    /// The expected bytes, where they help.
    #[serde(skip)]
    expected: Option<SignedBytes>,
}

/// A mistake in JSON; `value` is null where it is in the separators or the scheme.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct MistakeJson {
    value: Option<SignedField>,
    mistake: String,
}

impl VerifyReport {
    /// The report on a header that cannot be parsed: nothing is known of its signature.
    pub(super) fn malformed(faults: Vec<String>) -> Self {
        Self {
            outcome: Exit::Refused.as_str(),
            verifies: false,
            verified_url: None,
            mistakes: Vec::new(),
            refusals: faults,
            findings: Vec::new(),
            right_authorization: None,
            right_signed_bytes: None,
            exit: Exit::Refused,
            headline: "the gateway refuses this Authorization header, which is not of its form:".to_owned(),
            changed_fields: Vec::new(),
            expected: None,
        }
    }

    /// The report on a body that is too long to be examined, and far too long for the gateway.
    pub(super) fn too_long() -> Self {
        let fault = format!(
            "the body has over {} bytes; the gateway takes {BODY_MAX_BYTES}. So long a one was not looked at",
            READ_MAX_BYTES
        );
        let headline = "the gateway refuses the request, whatever its sign:".to_owned();
        Self { headline, ..Self::malformed(vec![fault]) }
    }

    /// `header_scheme_bytes` should have been signed under the header's scheme; the mistakes apply to them.
    /// `is_compared` says whether the findings list how the signer's bytes differ from them.
    pub(super) fn of(
        request: &CheckedRequest<'_>,
        verdict: Verdict,
        header_scheme_bytes: &SignedBytes,
        mut findings: Vec<String>,
        is_compared: bool,
    ) -> Self {
        let url = format!("{}{}", request.base_url, request.target);
        let scheme = request.app_scheme.unwrap_or(request.header.scheme);
        let expected = request.expected_bytes(scheme);
        let exit = match &verdict {
            _ if !request.refusals.is_empty() => Exit::Refused,
            Verdict::Valid => Exit::Done,
            Verdict::ValidForSentUrl => Exit::Unknown,
            Verdict::Explained(_) | Verdict::Unexplained => Exit::Refused,
        };
        if let Verdict::ValidForSentUrl = verdict {
            findings.insert(
                0,
                format!(
                    "it was sent to {}, but by the gateway's address given here (--url, REBUTTAL_URL or the profile) it \
                     is {url}; a gateway may have several: if this one has both, the sign is right, if not, sign the \
                     second",
                    request.sent_to.normalized()
                ),
            );
        } else if let (Verdict::Valid, None) = (&verdict, request.app_scheme) {
            findings.insert(
                0,
                format!(
                    "it is made with {scheme}, and the app must be set to that; the gateway's InvalidSignature answer \
                     names the scheme that it expects, and --scheme compares it"
                ),
            );
        }
        let mistakes = if let Verdict::Explained(mistakes) = &verdict { mistakes.as_slice() } else { &[] };
        Self {
            outcome: exit.as_str(),
            verifies: matches!(verdict, Verdict::Valid),
            verified_url: match &verdict {
                Verdict::Valid => Some(url),
                Verdict::ValidForSentUrl => Some(request.sent_to.normalized()),
                Verdict::Explained(_) | Verdict::Unexplained => None,
            },
            mistakes: mistakes.iter().map(Mistake::to_json).collect(),
            refusals: request.refusals.clone(),
            findings,
            right_authorization: Some(request.expected_authorization(scheme).to_string()),
            right_signed_bytes: Some(expected.to_text()),
            exit,
            headline: headline(&verdict, !request.refusals.is_empty(), is_compared).to_owned(),
            changed_fields: changed_fields(header_scheme_bytes, mistakes),
            expected: Some(expected)
                .filter(|_| !matches!(verdict, Verdict::Valid) || scheme != request.header.scheme),
        }
    }

    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }

    pub(super) fn print(&self, redactor: &SecretRedactor, json: bool) -> Result<()> {
        if json {
            return redactor.print_json(self);
        }
        let mark = match self.exit {
            Exit::Done => terminal::ok_mark(),
            Exit::Unknown => terminal::warn_mark(),
            _ => terminal::fail_mark(),
        };
        redactor.print_wrapped(&format!("{mark} "), &self.headline, 2);
        let point = |sentence: &String| redactor.print_wrapped("  · ", sentence, 4);
        self.mistakes.iter().map(|reported| &reported.mistake).for_each(point);
        for (actual, wanted) in &self.changed_fields {
            redactor.println("");
            redactor.println(format!("    {} {actual}", terminal::dim("they signed ")));
            redactor.println(format!("    {} {wanted}", terminal::dim("what is right")));
        }
        self.refusals.iter().chain(&self.findings).for_each(point);
        if let Some(expected) = &self.expected {
            redactor.println("");
            expected.print(redactor);
            redactor.println("");
            redactor.println(format!(
                "  Authorization: {}",
                self.right_authorization.as_deref().unwrap_or_default()
            ));
        }
        Ok(())
    }
}

const fn headline(verdict: &Verdict, is_refused: bool, is_compared: bool) -> &'static str {
    match (verdict, is_refused) {
        (Verdict::Valid, false) => "the sign is right.",
        (Verdict::Valid, true) => "the sign is right, but the gateway refuses the request:",
        (Verdict::ValidForSentUrl, false) => "the sign is right for the URL that it was sent to.",
        (Verdict::ValidForSentUrl, true) => {
            "the sign is right for the URL that it was sent to, but the gateway refuses the request:"
        }
        (Verdict::Explained(_), _) => "the sign is not right, and this is why:",
        (Verdict::Unexplained, _) if is_compared => {
            "the sign is not right, and no usual mistake explains it. In what the given bytes differ from the right ones \
             is told below. If that is not it, it may be made with another app's secret, over another body or over \
             another URL: compare with the one that the gateway's InvalidSignature answer names, and give it as --url."
        }
        (Verdict::Unexplained, _) => {
            "the sign is not right, and no usual mistake explains it: it may be made with another app's secret, over \
             another body or over another URL: compare with the one that the gateway's InvalidSignature answer names, and \
             give it as --url. Compare what you hash with the bytes below, or give them with --signed-bytes."
        }
    }
}

fn changed_fields(expected: &SignedBytes, mistakes: &[Mistake]) -> Vec<(String, String)> {
    let mut actual = expected.clone();
    // In another order or encoding every field would seem changed.
    let in_fields = mistakes.iter().filter(|mistake| matches!(mistake.location, MistakeLocation::Field(_)));
    in_fields.for_each(|mistake| (mistake.apply)(&mut actual));
    let values = actual.fields.iter().filter(|(value, _)| *value != SignedField::AppSecret);
    let pairs = values.filter_map(|(value, bytes)| Some((bytes.as_slice(), expected.field(*value)?)));
    pairs
        .filter(|(actual, wanted)| actual != wanted)
        .map(|(actual, wanted)| (escape_invisible(actual), escape_invisible(wanted)))
        .collect()
}

impl Mistake {
    fn to_json(&self) -> MistakeJson {
        let value = match self.location {
            MistakeLocation::Field(value) => Some(value),
            MistakeLocation::Separators | MistakeLocation::Scheme => None,
        };
        MistakeJson { value, mistake: self.sentence.clone() }
    }
}
