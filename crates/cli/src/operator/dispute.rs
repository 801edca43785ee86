//! `rebuttal operator dispute`: one file for each verb, and one for the acts that move a dispute.

mod act;
mod evidence;
mod list;
mod open;
mod show;
mod view;

use anyhow::Result;

use super::client::Client;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Dispute {
    /// Open a dispute
    Open(Box<open::Open>),
    /// List disputes, the newest first
    List(list::List),
    /// Show a dispute with all that was submitted and all that happened
    Show(show::Show),
    /// Fetch the evidence that was submitted
    Evidence(evidence::Evidence),
    /// End a dispute: it is won or lost
    Resolve(act::Resolve),
    /// Ask the merchant for more evidence
    RequestEvidence(act::RequestEvidence),
    /// Give the merchant more time
    Extend(act::Extend),
    /// Take a dispute to a later stage
    Advance(act::Advance),
    /// End a dispute that the other side took back
    Withdraw(act::Withdraw),
}

impl Dispute {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Open(open) => open.run(client, json).await,
            Self::List(list) => list.run(client, json).await,
            Self::Show(show) => show.run(client, json).await,
            Self::Evidence(evidence) => evidence.run(client, json).await,
            Self::Resolve(act) => act.run(client, json).await,
            Self::RequestEvidence(act) => act.run(client, json).await,
            Self::Extend(act) => act.run(client, json).await,
            Self::Advance(act) => act.run(client, json).await,
            Self::Withdraw(act) => act.run(client, json).await,
        }
    }
}
