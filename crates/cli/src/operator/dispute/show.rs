//! `rebuttal operator dispute show`.

use anyhow::Result;
use rebuttal_client::DisputeNo;

use super::view;
use crate::operator::client::OperatorClient;
use crate::operator::output;

#[derive(Debug, clap::Args)]
pub(crate) struct ShowDispute {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,
}

impl ShowDispute {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let answer = client.fetch(&format!("/disputes/{}", self.dispute_no)).await?;
        output::print_answer(&answer, json, |dispute| view::print(&dispute))
    }
}
