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
    /// Show a dispute with all that was submitted and all that happened
    Show(show::ShowDispute),
    /// Fetch the evidence that was submitted
    Evidence(evidence::FetchEvidence),
    /// End a dispute: it is won or lost
    Resolve(actions::Resolve),
    /// Ask the merchant for more evidence
    RequestEvidence(actions::RequestEvidence),
    /// Give the merchant more time
    Extend(actions::Extend),
    /// Take a dispute to a later stage
    Advance(actions::Advance),
    /// End a dispute that the other side took back
    Withdraw(actions::Withdraw),
}

impl DisputeCommand {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        match self {
            Self::Open(open) => open.run(client, json).await,
            Self::List(list) => list.run(client, json).await,
            Self::Show(show) => show.run(client, json).await,
            Self::Evidence(evidence) => evidence.run(client, json).await,
            Self::Resolve(action) => action.run(client, json).await,
            Self::RequestEvidence(action) => action.run(client, json).await,
            Self::Extend(action) => action.run(client, json).await,
            Self::Advance(action) => action.run(client, json).await,
            Self::Withdraw(action) => action.run(client, json).await,
        }
    }
}
