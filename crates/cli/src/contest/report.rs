//! Tells the outcome: to people what happened, why and what to do; to scripts one JSON object and the exit code.

use std::io;

use anyhow::Result;
use console::style;
use rebuttal_client::protocol::answer::Done;
use rebuttal_client::protocol::dispute::{ContestRequest, EvidenceItem};
use rebuttal_client::protocol::{Authorization, Code};
use rebuttal_client::{Answer, Cause, DisputeNo, Error, Flaw, Proof, Unverified};
use serde::Serialize;

use super::Interrupted;
use crate::exit::Exit;
use crate::look;

/// What is told.
pub(super) struct Report<'a> {
    pub(super) dispute_no: &'a DisputeNo,
    /// What may have taken effect.
    pub(super) submitted: Option<&'a ContestRequest>,
    pub(super) result: &'a Result<Answer<Done>>,
}

/// The object that `--json` prints. Members that do not apply are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Json<'a> {
    outcome: &'static str,
    dispute_no: &'a DisputeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    code: Option<&'a Code>,
    #[serde(skip_serializing_if = "Option::is_none")]
    error_message: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_list: Option<&'a [EvidenceItem]>,
    #[serde(skip_serializing_if = "Option::is_none")]
    proof: Option<&'a Proof>,
    /// The command that submits the same contest again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<String>,
}

impl Report<'_> {
    pub(super) fn exit(&self) -> Exit {
        match self.result {
            Ok(_) => Exit::Done,
            Err(error) if error.is::<Interrupted>() => Exit::Unknown,
            Err(error) => error.downcast_ref().map_or(Exit::Local, Exit::of),
        }
    }

    pub(super) fn print_json(&self) -> Result<()> {
        let exit = self.exit();
        let (code, proof) = match self.result {
            Ok(answer) => (Some(&Code::Ok), Some(&answer.proof)),
            Err(error) => match error.downcast_ref() {
                Some(Error::Refused(refusal)) => (Some(&refusal.code), Some(&refusal.proof)),
                _ => (None, None),
            },
        };
        let error_message = self.result.as_ref().err().map(|error| match error.downcast_ref() {
            Some(Error::Refused(refusal)) => refusal.message.clone(),
            _ => look::causes(error),
        });
        let json = Json {
            outcome: exit.word(),
            dispute_no: self.dispute_no,
            code,
            error_message,
            evidence_list: self.submitted.map(|request| request.evidence_list.as_slice()),
            proof,
            again: self.submitted.filter(|_| exit != Exit::Done && exit != Exit::Refused).map(again),
        };
        look::say(serde_json::to_string_pretty(&json)?);
        Ok(())
    }

    pub(super) fn print(&self) {
        match self.result {
            Ok(answer) => self.print_done(answer),
            Err(error) => {
                look::failure(&look::causes(error));
                let remedy = match error.is::<Interrupted>() {
                    true => self.make_sure(),
                    false => error.downcast_ref().and_then(|error| self.remedy(error)),
                };
                if let Some(remedy) = remedy {
                    look::remedy(&remedy);
                }
            }
        }
    }

    /// Tells on standard error what standard output did not take, and how the process ends then.
    pub(super) fn print_untold(&self, lost: &io::Error, exit: Exit, json: bool) -> Exit {
        if exit != Exit::Done {
            look::failure(&format!("the outcome could not be written to standard output: {lost}"));
            // As text it was told here already.
            if json {
                self.print();
            }
            return exit;
        }
        look::failure(&format!(
            "{} is contested, but the signed answer could not be written to standard output: {lost}",
            self.dispute_no
        ));
        if let Some(request) = self.submitted {
            let command = style(again(request)).bold().for_stderr();
            look::remedy(&format!(
                "To have it signed once more, submit exactly the same again; nothing changes:\n{command}"
            ));
        }
        Exit::Untold
    }

    fn print_done(&self, answer: &Answer<Done>) {
        let count = self.submitted.map_or(0, |request| request.evidence_list.len());
        let pieces = if count == 1 { "piece" } else { "pieces" };
        look::say(format!(
            "{} {} is contested with {count} {pieces} of evidence.",
            look::tick(),
            look::strong(self.dispute_no)
        ));
        let Authorization { scheme, sign, timestamp, nonce, .. } = &answer.proof.answer;
        let at = timestamp.to_rfc3339(&jiff::tz::TimeZone::UTC);
        look::say(format!("  The gateway signed this at {at}; its answer is verified:"));
        look::say(look::faint(format!("  {scheme} nonce {nonce}")));
        look::say(look::faint(format!("  sign {sign}")));
    }

    fn remedy(&self, error: &Error) -> Option<String> {
        let nothing = "Nothing was submitted.";
        match error {
            Error::Refused(refusal) if refusal.code == Code::InvalidSignature => {
                Some("Check REBUTTAL_URL, REBUTTAL_APP_SECRET and REBUTTAL_SCHEME.".to_owned())
            }
            Error::Refused(refusal) if refusal.code == Code::StaleTimestamp => {
                Some("Set this machine's clock; NTP does it for good.".to_owned())
            }
            Error::Unavailable { cause: Cause::Untrusted(_), .. } => Some(format!(
                "{nothing} Check REBUTTAL_URL, or name its certificate or that of its authority with --trust."
            )),
            Error::UploadRefused { .. } => Some(nothing.to_owned()),
            Error::Unavailable { retry_after, .. } => Some(match (self.submitted, retry_after) {
                (Some(request), _) => {
                    format!("{nothing} The files are uploaded; submit them later with\n{}", again(request))
                }
                (None, Some(pause)) => {
                    format!("{nothing} Run the same command again in {} seconds.", pause.as_secs())
                }
                (None, None) => format!("{nothing} Check REBUTTAL_URL, or run the same command again later."),
            }),
            Error::Unverified(unverified) => Some(format!("{nothing} {}", suspect(unverified))),
            Error::Unknown { .. } => self.make_sure(),
            _ => None,
        }
    }

    /// How an unknown outcome is learnt.
    fn make_sure(&self) -> Option<String> {
        let command = style(again(self.submitted?)).bold().for_stderr();
        Some(format!(
            "It may have taken effect. To make sure, submit exactly the same again; if it has, nothing changes:\n{command}"
        ))
    }
}

/// What to look at first, by what is wrong with an answer.
fn suspect(unverified: &Unverified) -> &'static str {
    match (&unverified.flaw, unverified.claim.as_ref().map(|claim| &claim.code)) {
        (_, Some(Code::UnknownApp)) => "Check REBUTTAL_APP_ID, and that REBUTTAL_URL is the right gateway.",
        (Flaw::WeakerScheme { .. }, _) => "The app signs with the weaker scheme: leave REBUTTAL_SCHEME out.",
        (Flaw::WrongSign, _) => {
            "Check REBUTTAL_APP_SECRET and REBUTTAL_SCHEME, and that REBUTTAL_URL is spelt as the gateway knows it."
        }
        (Flaw::Unsigned, _) => {
            "Check that REBUTTAL_URL is the gateway, and nothing in between answers for it."
        }
        _ => "Check REBUTTAL_URL: somebody else may be answering there.",
    }
}

/// The command that submits the same contest again, with what is uploaded already.
fn again(request: &ContestRequest) -> String {
    let mut words = vec!["rebuttal".to_owned(), "contest".to_owned(), request.dispute_no.to_string()];
    for EvidenceItem { evidence_type, name, url } in &request.evidence_list {
        words.push(format!("--{}", evidence_type.as_str().to_ascii_lowercase()));
        words.push(url.map(|url| url.to_string()).unwrap_or_default());
        words.push("--name".to_owned());
        words.push(look::shell(name.as_str()));
    }
    words.join(" ")
}
