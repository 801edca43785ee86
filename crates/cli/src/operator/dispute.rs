//! `rebuttal operator dispute`: a module for each subcommand, and one for the actions that change a dispute.

mod actions;
mod evidence;
mod list;
mod open;
mod show;
mod view;

use anyhow::Result;

use super::client::OperatorClient;

#[derive(Debug, clap::Subcommand)]
pub(super) enum DisputeCommand {
    /// Open a dispute
    Open(Box<open::Open>),
    /// List disputes, the newest first
    List(list::ListDisputes),
    /// Show a dispute with its submissions and history
    Show(show::ShowDispute),
    /// Download the submitted evidence
    Evidence(evidence::FetchEvidence),
    #[command(flatten)]
    Act(actions::DisputeAction),
}

impl DisputeCommand {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        match self {
            Self::Open(open) => open.run(client, json).await,
            Self::List(list) => list.run(client, json).await,
            Self::Show(show) => show.run(client, json).await,
            Self::Evidence(evidence) => evidence.run(client, json).await,
            Self::Act(action) => action.run(client, json).await,
        }
    }
}
