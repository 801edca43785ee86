//! The acts that move a dispute. Those that have no way back ask first.

use anyhow::Result;
use rebuttal_client::DisputeNo;
use rebuttal_client::protocol::dispute::Stage;
use rebuttal_client::protocol::operator::answers::Dispute;
use rebuttal_client::protocol::operator::{Act, Outcome};
use rebuttal_client::protocol::text::Note;

use super::view;
use crate::enum_arg;
use crate::operator::client::Client;
use crate::operator::key::Key;
use crate::operator::tell;
use crate::prompt;
use crate::time_arg::TimeArg;

/// Which dispute.
#[derive(Debug, clap::Args)]
struct Of {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,
}

/// Whether to ask first.
#[derive(Debug, clap::Args)]
struct Asking {
    /// Do not ask before; needed where there is no terminal
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    of: Of,

    /// How it ended for the merchant
    #[arg(value_name = "OUTCOME", value_parser = enum_arg::parser(Outcome::ALL, Outcome::as_str))]
    outcome: Outcome,

    /// What to remember beside it; merchants do not see it
    #[arg(long, value_name = "TEXT")]
    note: Option<Note>,

    #[command(flatten)]
    asking: Asking,

    #[command(flatten)]
    key: Key,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RequestEvidence {
    #[command(flatten)]
    of: Of,

    /// Until when it may respond: a time with its zone, or a span from now, such as 7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    /// What is asked for
    #[arg(long, value_name = "TEXT")]
    note: Note,

    #[command(flatten)]
    key: Key,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Extend {
    #[command(flatten)]
    of: Of,

    /// The new deadline: a time with its zone, or a span from now, such as 7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    #[command(flatten)]
    key: Key,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Advance {
    #[command(flatten)]
    of: Of,

    /// The later stage
    #[arg(value_name = "STAGE", value_parser = enum_arg::parser(later(), Stage::as_str))]
    stage: Stage,

    /// Until when the merchant may respond in it: a time with its zone, or a span from now, such as 7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    #[command(flatten)]
    asking: Asking,

    #[command(flatten)]
    key: Key,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    of: Of,

    /// What to remember beside it; merchants do not see it
    #[arg(long, value_name = "TEXT")]
    note: Option<Note>,

    #[command(flatten)]
    asking: Asking,

    #[command(flatten)]
    key: Key,
}

/// Nothing leads to the first stage.
const fn later() -> &'static [Stage] {
    match Stage::ALL {
        [_first, later @ ..] => later,
        [] => &[],
    }
}

impl Resolve {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let Self { of, outcome, note, asking, key } = self;
        asking.ask(&format!("Resolve {} as {outcome}?", of.dispute_no)).await?;
        of.act(client, json, &Act::Resolve { outcome, note }, &key).await
    }
}

impl RequestEvidence {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let Self { of, deadline, note, key } = self;
        let act = Act::RequestEvidence { deadline: key.deadline(deadline)?, note };
        of.act(client, json, &act, &key).await
    }
}

impl Extend {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let Self { of, deadline, key } = self;
        let act = Act::Extend { deadline: key.deadline(deadline)? };
        of.act(client, json, &act, &key).await
    }
}

impl Advance {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let Self { of, stage, deadline, asking, key } = self;
        asking.ask(&format!("Take {} to {stage}?", of.dispute_no)).await?;
        let act = Act::Advance { stage, deadline: key.deadline(deadline)? };
        of.act(client, json, &act, &key).await
    }
}

impl Withdraw {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let Self { of, note, asking, key } = self;
        asking.ask(&format!("Withdraw {}?", of.dispute_no)).await?;
        of.act(client, json, &Act::Withdraw { note }, &key).await
    }
}

impl Of {
    async fn act(&self, client: &Client, json: bool, act: &Act, key: &Key) -> Result<()> {
        let path = format!("/disputes/{}/{}", self.dispute_no, act.kind());
        let answer = client.post(&path, act, key).await?;
        tell::answer(&answer, json, |dispute: Dispute| view::say_standing(&dispute.summary))
    }
}

impl Asking {
    async fn ask(&self, question: &str) -> Result<()> {
        match self.yes {
            true => Ok(()),
            false => prompt::confirm(&format!("{question} There is no way back."), "changed").await,
        }
    }
}
