//! The outcome of a contest, with what was submitted and the command that submits the same again.

use anyhow::Result;
use rebuttal_client::protocol::answer::Done;
use rebuttal_client::protocol::dispute::{ContestRequest, EvidenceItem};
use rebuttal_client::{Answer, DisputeNo};
use serde::Serialize;

use super::evidence;
use crate::access::ConnectionNames;
use crate::exit::Exit;
use crate::outcome::{self, FailureHints, OutcomeJson};
use crate::rerun_command;
use crate::terminal;

const NO_EFFECT: &str = "Nothing was submitted.";

/// The outcome to report.
pub(super) struct ContestReport<'a> {
    pub(super) dispute_no: &'a DisputeNo,
    /// Where the gateway and the app come from.
    pub(super) names: &'a ConnectionNames,
    /// What may have taken effect.
    pub(super) submitted: Option<&'a ContestRequest>,
    pub(super) result: &'a Result<Answer<Done>>,
}

/// The object that `--json` prints. Members that do not apply are left out.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ContestJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    dispute_no: &'a DisputeNo,
    #[serde(skip_serializing_if = "Option::is_none")]
    evidence_list: Option<&'a [EvidenceItem]>,
    /// The command that submits the same contest again.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a str>,
}

impl ContestReport<'_> {
    /// Prints it and returns the exit code.
    pub(super) fn finish(&self, json: bool) -> Result<Exit> {
        let error = self.result.as_ref().err();
        let unsettled = error.is_some_and(|error| outcome::exit(error) == Exit::Unknown);
        let again = self.submitted.map(rerun_command);
        let hints = FailureHints { names: self.names, no_effect: NO_EFFECT, again: again.as_deref() };
        let json = json.then(|| ContestJson {
            outcome: OutcomeJson::from_answer(self.result, &hints),
            dispute_no: self.dispute_no,
            evidence_list: self.submitted.map(|request| request.evidence_list.as_slice()),
            again: again.as_deref().filter(|_| unsettled),
        });
        outcome::finish(
            self.result,
            json,
            |answer| self.print_done(answer),
            |error| hints.print(error),
            |error| self.print_write_error(error, again.as_deref()),
        )
    }

    fn print_done(&self, answer: &Answer<Done>) {
        let count = self.submitted.map_or(0, |request| request.evidence_list.len());
        let pieces = if count == 1 { "piece" } else { "pieces" };
        terminal::println(format!(
            "{} {} is contested with {count} {pieces} of evidence.",
            terminal::ok_mark(),
            terminal::bold(self.dispute_no)
        ));
        outcome::print_proof(&answer.proof);
    }

    /// Reports on standard error a contest whose answer could not be written to standard output.
    fn print_write_error(&self, error: &std::io::Error, again: Option<&str>) {
        terminal::eprint_error(&format!(
            "{} is contested, but the signed answer could not be written to standard output: {error}",
            self.dispute_no
        ));
        if let Some(again) = again {
            let sentence = "To get a signed answer again, submit exactly the same again; nothing changes";
            terminal::eprint_hint(&rerun_command::after_sentence(sentence, again));
        }
    }
}

/// The command that submits the same contest again, with the uploaded files.
fn rerun_command(request: &ContestRequest) -> String {
    let words = |EvidenceItem { evidence_type, name, url }: &EvidenceItem| {
        [(evidence::flag(*evidence_type), url.to_string()), ("--name".to_owned(), name.to_string())]
    };
    let options: Vec<_> = request.evidence_list.iter().flat_map(words).collect();
    let options: Vec<_> = options.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    rerun_command::with_options(&options)
}
