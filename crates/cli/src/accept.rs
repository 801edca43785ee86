//! `rebuttal accept`: accepts a dispute, after showing its amount.

use std::io::IsTerminal as _;
use std::pin::pin;

use anyhow::{Result, bail};
use rebuttal_client::protocol::answer::Done;
use rebuttal_client::{Answer, Client, DisputeNo, QueryRequest};
use serde::Serialize;

use crate::access::MerchantAccess;
use crate::exit::{self, Exit};
use crate::outcome::{self, FailureHints, Interrupted, OutcomeJson};
use crate::wait_notice::with_wait_notice;
use crate::{prompt, rerun_command, signals, summary, terminal};

const NO_EFFECT: &str = "Nothing was accepted.";

/// Accept a dispute: give up the disputed amount
///
/// The dispute is shown and a confirmation is requested, because this cannot be undone. Accepting it again changes
/// nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub(crate) struct AcceptArgs {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,

    /// Accept without confirmation; required without a terminal
    #[arg(long)]
    yes: bool,

    /// Print one JSON object on standard output: the outcome, and the signed answer as proof
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: MerchantAccess,
}

/// The object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AcceptJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    dispute_no: &'a DisputeNo,
    /// The command that accepts the dispute again, if the outcome is unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    again: Option<&'a str>,
}

impl AcceptArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let result = self.accept().await;
        let (names, again) = (self.access.names(), rerun_command::with_options(&[]));
        let is_unknown = result.as_ref().is_err_and(|error| outcome::exit(error) == Exit::Unknown);
        let hints = FailureHints { names: &names, no_effect: NO_EFFECT, again: Some(&again) };
        let json = self.json.then(|| AcceptJson {
            outcome: OutcomeJson::from_answer(&result, &hints),
            dispute_no: &self.dispute_no,
            again: is_unknown.then_some(again.as_str()),
        });
        outcome::finish(
            &result,
            json,
            |answer| {
                terminal::println(format!(
                    "{} {} is accepted.",
                    terminal::ok_mark(),
                    terminal::bold(&self.dispute_no)
                ));
                outcome::print_proof(&answer.proof);
            },
            |error| hints.print(error),
            |error| {
                terminal::eprint_error(&format!(
                    "{} is accepted, but the signed answer could not be written to standard output: {error}",
                    self.dispute_no
                ));
                let sentence = "To get a signed answer again, accept the same dispute again; nothing changes";
                terminal::eprint_hint(&rerun_command::after_sentence(sentence, &again));
            },
        )
    }

    async fn accept(&self) -> Result<Answer<Done>> {
        let client = self.access.client()?;
        let mut stop = pin!(signals::stop()?);
        tokio::select! {
            prepared = self.prepare(&client) => prepared?,
            () = &mut stop => bail!("interrupted: nothing was accepted"),
        }
        // From here on, an interruption must say how to find out the outcome.
        tokio::select! {
            answer = with_wait_notice(client.base_url(), client.accept(self.dispute_no.clone())) => Ok(answer?),
            () = stop => Err(Interrupted.into()),
        }
    }

    async fn prepare(&self, client: &Client) -> Result<()> {
        let needs_confirmation = !self.yes;
        if needs_confirmation || std::io::stderr().is_terminal() {
            let request = QueryRequest::DisputeNo(self.dispute_no.clone());
            summary::print(&with_wait_notice(client.base_url(), client.query(&request)).await?);
        }
        if needs_confirmation {
            prompt::confirm("Accept? The disputed amount is given up. This cannot be undone.", "accepted")
                .await?;
        }
        Ok(())
    }
}
