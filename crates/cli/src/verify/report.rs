//! What `verify` found, as it is told to people and to scripts, and the exit code that follows from it.

use anyhow::Result;
use rebuttal_client::protocol::body::BODY_MAX_BYTES;
use serde::Serialize;

use super::case::Case;
use super::mistakes::{Mistake, Place};
use crate::exit::Exit;
use crate::sign::READ_MAX_BYTES;
use crate::signing::{Draft, Value, Voice, visible};
use crate::terminal;

/// What is known of the sign.
pub(super) enum Verdict {
    Right,
    /// Right for the URL that it was sent to, where the gateway's URL was said to be another.
    RightWhereSent,
    /// The one or two mistakes that together make this sign.
    Mistaken(Vec<Mistake>),
    Unexplained,
}

/// All that was found; also the object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Report {
    outcome: &'static str,
    verifies: bool,
    /// The URL that the sign is right for, if there is one.
    verified_url: Option<String>,
    /// What was done wrong, if it is known: one or two mistakes that together make this sign.
    mistakes: Vec<Told>,
    /// Why the gateway refuses the request, whatever the sign.
    refusals: Vec<String>,
    /// What else may be amiss.
    findings: Vec<String>,
    /// The header that would have been right; null where the given one cannot be read.
    right_authorization: Option<String>,
    /// What should have been signed.
    right_signed_bytes: Option<String>,
    #[serde(skip)]
    exit: Exit,
    #[serde(skip)]
    headline: String,
    /// What differs, as the signer had it and as it is right.
    #[serde(skip)]
    altered: Vec<(String, String)>,
    /// The right bytes, where they help.
    #[serde(skip)]
    right: Option<Draft>,
}

/// A mistake as it is told; `value` is null where it is between the values or in the scheme.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    value: Option<Value>,
    mistake: String,
}

impl Report {
    /// Of a header that cannot be read: nothing can be said of its sign.
    pub(super) fn malformed(faults: Vec<String>) -> Self {
        Self {
            outcome: Exit::Refused.word(),
            verifies: false,
            verified_url: None,
            mistakes: Vec::new(),
            refusals: faults,
            findings: Vec::new(),
            right_authorization: None,
            right_signed_bytes: None,
            exit: Exit::Refused,
            headline: "the gateway refuses this Authorization header, which is not of its form:".to_owned(),
            altered: Vec::new(),
            right: None,
        }
    }

    /// Of a body that is too long to be looked at, and far too long for the gateway.
    pub(super) fn too_long() -> Self {
        let fault = format!(
            "the body has over {} bytes; the gateway takes {BODY_MAX_BYTES}. So long a one was not looked at",
            READ_MAX_BYTES
        );
        let headline = "the gateway refuses the request, whatever its sign:".to_owned();
        Self { headline, ..Self::malformed(vec![fault]) }
    }

    /// `draft` is what should have been signed under the header's scheme, which the mistakes are made in; `is_compared`
    /// tells that the findings say in what the signer's bytes differ from it.
    pub(super) fn of(
        case: &Case<'_>,
        verdict: Verdict,
        draft: &Draft,
        mut findings: Vec<String>,
        is_compared: bool,
    ) -> Self {
        let url = format!("{}{}", case.base_url, case.target);
        let scheme = case.app_scheme.unwrap_or(case.header.scheme);
        let right = case.draft(scheme);
        let exit = match &verdict {
            _ if !case.refusals.is_empty() => Exit::Refused,
            Verdict::Right => Exit::Done,
            Verdict::RightWhereSent => Exit::Unknown,
            Verdict::Mistaken(_) | Verdict::Unexplained => Exit::Refused,
        };
        if let Verdict::RightWhereSent = verdict {
            findings.insert(
                0,
                format!(
                    "it was sent to {}, but by the gateway's address given here (--url, REBUTTAL_URL or the profile) it \
                     is {url}; a gateway may have several: if this one has both, the sign is right, if not, sign the \
                     second",
                    case.sent_to.spelt()
                ),
            );
        } else if let (Verdict::Right, None) = (&verdict, case.app_scheme) {
            findings.insert(
                0,
                format!(
                    "it is made with {scheme}, and the app must be set to that; the gateway's InvalidSignature answer \
                     names the scheme that it expects, and --scheme compares it"
                ),
            );
        }
        let mistakes = if let Verdict::Mistaken(mistakes) = &verdict { mistakes.as_slice() } else { &[] };
        Self {
            outcome: exit.word(),
            verifies: matches!(verdict, Verdict::Right),
            verified_url: match &verdict {
                Verdict::Right => Some(url),
                Verdict::RightWhereSent => Some(case.sent_to.spelt()),
                Verdict::Mistaken(_) | Verdict::Unexplained => None,
            },
            mistakes: mistakes.iter().map(Mistake::told).collect(),
            refusals: case.refusals.clone(),
            findings,
            right_authorization: Some(case.right_authorization(scheme).to_string()),
            right_signed_bytes: Some(right.text()),
            exit,
            headline: headline(&verdict, !case.refusals.is_empty(), is_compared).to_owned(),
            altered: altered(draft, mistakes),
            right: Some(right).filter(|_| !matches!(verdict, Verdict::Right) || scheme != case.header.scheme),
        }
    }

    pub(super) const fn exit(&self) -> Exit {
        self.exit
    }

    pub(super) fn tell(&self, voice: &Voice, json: bool) -> Result<()> {
        if json {
            return voice.say_json(self);
        }
        let mark = match self.exit {
            Exit::Done => terminal::ok_mark(),
            Exit::Unknown => terminal::warn_mark(),
            _ => terminal::fail_mark(),
        };
        voice.say_after(&format!("{mark} "), &self.headline, 2);
        let point = |sentence: &String| voice.say_after("  · ", sentence, 4);
        self.mistakes.iter().map(|told| &told.mistake).for_each(point);
        for (theirs, ours) in &self.altered {
            voice.say("");
            voice.say(format!("    {} {theirs}", terminal::dim("they signed ")));
            voice.say(format!("    {} {ours}", terminal::dim("what is right")));
        }
        self.refusals.iter().chain(&self.findings).for_each(point);
        if let Some(right) = &self.right {
            voice.say("");
            right.say(voice);
            voice.say("");
            voice
                .say(format!("  Authorization: {}", self.right_authorization.as_deref().unwrap_or_default()));
        }
        Ok(())
    }
}

const fn headline(verdict: &Verdict, is_refused: bool, is_compared: bool) -> &'static str {
    match (verdict, is_refused) {
        (Verdict::Right, false) => "the sign is right.",
        (Verdict::Right, true) => "the sign is right, but the gateway refuses the request:",
        (Verdict::RightWhereSent, false) => "the sign is right for the URL that it was sent to.",
        (Verdict::RightWhereSent, true) => {
            "the sign is right for the URL that it was sent to, but the gateway refuses the request:"
        }
        (Verdict::Mistaken(_), _) => "the sign is not right, and this is why:",
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

fn altered(right: &Draft, mistakes: &[Mistake]) -> Vec<(String, String)> {
    let mut theirs = right.clone();
    // In another order or encoding every value would seem altered.
    let inside = mistakes.iter().filter(|mistake| matches!(mistake.place, Place::Value(_)));
    inside.for_each(|mistake| (mistake.make)(&mut theirs));
    let values = theirs.values.iter().filter(|(value, _)| *value != Value::AppSecret);
    let pairs = values.filter_map(|(value, bytes)| Some((bytes.as_slice(), right.value(*value)?)));
    pairs
        .filter(|(theirs, ours)| theirs != ours)
        .map(|(theirs, ours)| (visible(theirs), visible(ours)))
        .collect()
}

impl Mistake {
    fn told(&self) -> Told {
        let value = match self.place {
            Place::Value(value) => Some(value),
            Place::Ends | Place::Scheme => None,
        };
        Told { value, mistake: self.sentence.clone() }
    }
}
