//! The result of `verify`, for people and for scripts, and its exit code.

use anyhow::Result;
use serde::Serialize;

use super::mistakes::Mistake;
use super::request::CheckedRequest;
use crate::exit::Exit;
use crate::signing::{SecretRedactor, SignedBytes, SignedField, escape_invisible};
use crate::terminal;

/// The result for the signature.
pub(super) enum Verdict {
    Valid,
    /// Valid for the URL that the request was sent to, but another URL of the gateway was given.
    ValidForSentUrl,
    Explained(Mistake),
    Unexplained,
}

impl Verdict {
    /// The exit code and the first line. A reason to refuse the request takes precedence over the signature.
    const fn conclusion(&self, refused: bool) -> (Exit, &'static str) {
        match self {
            Self::Valid if refused => {
                (Exit::Refused, "the signature is valid, but the gateway refuses the request:")
            }
            Self::Valid => (Exit::Done, "the signature is valid."),
            Self::ValidForSentUrl => (
                if refused { Exit::Refused } else { Exit::Unknown },
                "the signature is valid for the URL that the request was sent to.",
            ),
            Self::Explained(_) => (Exit::Refused, "the signature is not valid, because of this mistake:"),
            Self::Unexplained => (
                Exit::Refused,
                "the signature is not valid, and no usual mistake explains it. Compare the bytes that you sign with those \
                 below, the secret with the app's, and the URL with the one in the gateway's InvalidSignature answer.",
            ),
        }
    }
}

/// The result; also the object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct VerifyReport {
    outcome: &'static str,
    verifies: bool,
    /// The URL that the signature is valid for, if there is one.
    verified_url: Option<String>,
    /// The mistake that explains the signature, if it is a usual one.
    mistake: Option<String>,
    /// Why the gateway refuses the request, whatever the signature.
    refusals: Vec<String>,
    /// What else may be wrong.
    warnings: Vec<String>,
    /// The header that would have been valid; null if the given one cannot be parsed.
    expected_authorization: Option<String>,
    /// What should have been signed.
    expected_signed_bytes: Option<String>,
    #[serde(skip)]
    exit: Exit,
    #[serde(skip)]
    headline: &'static str,
    /// The field that differs: what was signed, and what is expected.
    #[serde(skip)]
    difference: Option<(String, String)>,
    /// The expected bytes, if they help.
    #[serde(skip)]
    expected: Option<SignedBytes>,
}

impl VerifyReport {
    /// The report on a header that cannot be parsed.
    pub(super) fn malformed(error: String, leak: Option<String>) -> Self {
        Self {
            outcome: Exit::Refused.as_str(),
            verifies: false,
            verified_url: None,
            mistake: None,
            refusals: vec![error],
            warnings: leak.into_iter().collect(),
            expected_authorization: None,
            expected_signed_bytes: None,
            exit: Exit::Refused,
            headline: "the gateway refuses the Authorization header:",
            difference: None,
            expected: None,
        }
    }

    pub(super) fn of(request: &CheckedRequest<'_>, verdict: Verdict) -> Self {
        let url = format!("{}{}", request.base_url, request.target);
        let scheme = request.app_scheme.unwrap_or(request.header.scheme);
        let expected = request.expected_bytes(scheme);
        let mut report = Self {
            refusals: request.refusals.clone(),
            warnings: request.warnings.clone(),
            expected_authorization: Some(request.expected_authorization(scheme).to_string()),
            expected_signed_bytes: Some(expected.to_text()),
            expected: Some(expected),
            ..Self::malformed(String::new(), None)
        };
        (report.exit, report.headline) = verdict.conclusion(!request.refusals.is_empty());
        report.outcome = report.exit.as_str();
        match verdict {
            Verdict::Valid => {
                report.verifies = true;
                report.verified_url = Some(url);
                if request.app_scheme.is_none() {
                    report
                        .warnings
                        .insert(0, format!("the app must be set to {scheme}; check with --scheme"));
                }
                if scheme == request.header.scheme {
                    report.expected = None;
                }
            }
            Verdict::ValidForSentUrl => {
                let sent_to = request.sent_to.normalized();
                report.warnings.insert(
                    0,
                    format!(
                        "the request was sent to {sent_to}, but the gateway's URL given here (--url, REBUTTAL_URL or the \
                         profile) makes it {url}; if the first is not a public URL of the gateway, sign the second"
                    ),
                );
                report.verified_url = Some(sent_to);
            }
            Verdict::Explained(mistake) => {
                let header_scheme_bytes = request.expected_bytes(request.header.scheme);
                report.difference =
                    mistake.field.filter(|field| *field != SignedField::AppSecret).map(|field| {
                        let shown =
                            |bytes: &SignedBytes| escape_invisible(bytes.field(field).unwrap_or_default());
                        (shown(&mistake.signed), shown(&header_scheme_bytes))
                    });
                report.mistake = Some(mistake.sentence);
            }
            Verdict::Unexplained => {}
        }
        report
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
        redactor.print_wrapped(&format!("{mark} "), self.headline, 2);
        let point = |sentence: &String| redactor.print_wrapped("  · ", sentence, 4);
        self.mistake.iter().for_each(point);
        if let Some((signed, expected)) = &self.difference {
            redactor.println(format!("    {} {signed}", terminal::dim("signed:  ")));
            redactor.println(format!("    {} {expected}", terminal::dim("expected:")));
        }
        self.refusals.iter().chain(&self.warnings).for_each(point);
        if let Some(expected) = &self.expected {
            redactor.println("");
            expected.print(redactor);
            redactor.println("");
            let header = self.expected_authorization.as_deref().unwrap_or_default();
            redactor.println(format!("  Authorization: {header}"));
        }
        Ok(())
    }
}
