//! `rebuttal contest`: checks the files, shows the dispute, asks for confirmation, uploads, submits, and prints the
//! outcome.

mod evidence;
mod pieces;
mod report;
mod uploads;

use std::io::IsTerminal as _;
use std::pin::pin;

use anyhow::{Result, bail};
use rebuttal_client::protocol::answer::Done;
use rebuttal_client::protocol::dispute::ContestRequest;
use rebuttal_client::{Answer, Client, DisputeNo, PreparedContest, QueryRequest};

use crate::access::MerchantAccess;
use crate::exit::{self, Exit};
use crate::outcome::Interrupted;
use crate::wait_notice::with_wait_notice;
use crate::{prompt, signals, summary};
use evidence::EvidenceArgs;
use report::ContestReport;

/// Contest a dispute with evidence
///
/// Every file is checked before the first byte is sent: jpg, jpeg, png, pdf, xls or xlsx, 1 to 2,097,152 bytes, with
/// content that matches its extension. Then the dispute is shown and a confirmation is requested, because a submission
/// cannot be changed.
///
/// Instead of a FILE, the storageUri of a file that is already uploaded may be given (s3://uploaded/…). The same
/// contest with the same storageUris, types and names may be submitted as often as needed: repetitions change nothing.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub(crate) struct ContestArgs {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,

    #[command(flatten)]
    evidence: EvidenceArgs,

    /// Submit without confirmation; required without a terminal
    #[arg(long)]
    yes: bool,

    /// Print one JSON object on standard output: the outcome, the storageUris, and the signed answer as proof
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: MerchantAccess,
}

impl ContestArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let mut submitted = None;
        let result = self.contest(&mut submitted).await;
        let report = ContestReport {
            dispute_no: &self.dispute_no,
            names: &self.access.names(),
            submitted: submitted.as_ref(),
            result: &result,
        };
        report.finish(self.json)
    }

    /// `submitted` is set as soon as something may take effect.
    async fn contest(&self, submitted: &mut Option<ContestRequest>) -> Result<Answer<Done>> {
        let client = self.access.client()?;
        let mut stop = pin!(signals::stop()?);
        let submission = tokio::select! {
            submission = self.prepare(&client) => submission?,
            () = &mut stop => bail!("interrupted: nothing was submitted"),
        };
        let request = submitted.insert(submission.request().clone());
        // From here on, an interruption must say how to find out the outcome.
        tokio::select! {
            answer = with_wait_notice(client.base_url(), client.submit(request)) => Ok(answer?),
            () = stop => Err(Interrupted.into()),
        }
    }

    /// All steps before the call that submits.
    async fn prepare(&self, client: &Client) -> Result<PreparedContest> {
        let pieces = pieces::read(&self.evidence).await?;
        let request = QueryRequest::DisputeNo(self.dispute_no.clone());
        let dispute = with_wait_notice(client.base_url(), client.query(&request)).await?;
        let needs_confirmation = !self.yes;
        if needs_confirmation || std::io::stderr().is_terminal() {
            summary::print(&dispute);
            pieces::print(&pieces);
            summary::print_warning(&dispute);
        }
        if needs_confirmation {
            prompt::confirm("Submit? A submission cannot be changed.", "submitted").await?;
        }
        uploads::upload(client, self.dispute_no.clone(), pieces).await
    }
}
