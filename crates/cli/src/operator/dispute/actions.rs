//! The actions that change a dispute. Irreversible ones ask first.

use anyhow::Result;
use rebuttal_client::DisputeNo;
use rebuttal_client::protocol::dispute::Stage;
use rebuttal_client::protocol::operator::answers::Dispute;
use rebuttal_client::protocol::operator::{OperatorAction, Outcome};
use rebuttal_client::protocol::text::Note;

use super::view;
use crate::enum_arg;
use crate::operator::client::OperatorClient;
use crate::operator::idempotency_key::IdempotencyKeyArg;
use crate::operator::output;
use crate::prompt;
use crate::time_arg::TimeArg;

/// The dispute.
#[derive(Debug, clap::Args)]
struct DisputeArg {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,
}

/// Whether to ask first.
#[derive(Debug, clap::Args)]
struct ConfirmArg {
    /// Do not ask before; needed where there is no terminal
    #[arg(long)]
    yes: bool,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Resolve {
    #[command(flatten)]
    dispute: DisputeArg,

    /// How it ended for the merchant
    #[arg(value_name = "OUTCOME", value_parser = enum_arg::parser(Outcome::ALL, Outcome::as_str))]
    outcome: Outcome,

    /// Internal note; merchants do not see it
    #[arg(long, value_name = "TEXT")]
    note: Option<Note>,

    #[command(flatten)]
    confirm: ConfirmArg,

    #[command(flatten)]
    key: IdempotencyKeyArg,
}

#[derive(Debug, clap::Args)]
pub(crate) struct RequestEvidence {
    #[command(flatten)]
    dispute: DisputeArg,

    /// Response deadline: a time with its zone, or a duration from now, such as 7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    /// What is asked for
    #[arg(long, value_name = "TEXT")]
    note: Note,

    #[command(flatten)]
    key: IdempotencyKeyArg,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Extend {
    #[command(flatten)]
    dispute: DisputeArg,

    /// The new deadline: a time with its zone, or a duration from now, such as 7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    #[command(flatten)]
    key: IdempotencyKeyArg,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Advance {
    #[command(flatten)]
    dispute: DisputeArg,

    /// The later stage
    #[arg(value_name = "STAGE", value_parser = enum_arg::parser(later_stages(), Stage::as_str))]
    stage: Stage,

    /// Response deadline in it: a time with its zone, or a duration from now, such as 7d
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    #[command(flatten)]
    confirm: ConfirmArg,

    #[command(flatten)]
    key: IdempotencyKeyArg,
}

#[derive(Debug, clap::Args)]
pub(crate) struct Withdraw {
    #[command(flatten)]
    dispute: DisputeArg,

    /// Internal note; merchants do not see it
    #[arg(long, value_name = "TEXT")]
    note: Option<Note>,

    #[command(flatten)]
    confirm: ConfirmArg,

    #[command(flatten)]
    key: IdempotencyKeyArg,
}

/// All stages but the first, to which no dispute advances.
const fn later_stages() -> &'static [Stage] {
    match Stage::ALL {
        [_first, later_stages @ ..] => later_stages,
        [] => &[],
    }
}

impl Resolve {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute, outcome, note, confirm, key } = self;
        confirm.ask(&format!("Resolve {} as {outcome}?", dispute.dispute_no)).await?;
        dispute.send(client, json, &OperatorAction::Resolve { outcome, note }, &key).await
    }
}

impl RequestEvidence {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute, deadline, note, key } = self;
        let action = OperatorAction::RequestEvidence { deadline: key.deadline(deadline)?, note };
        dispute.send(client, json, &action, &key).await
    }
}

impl Extend {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute, deadline, key } = self;
        let action = OperatorAction::Extend { deadline: key.deadline(deadline)? };
        dispute.send(client, json, &action, &key).await
    }
}

impl Advance {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute, stage, deadline, confirm, key } = self;
        confirm.ask(&format!("Take {} to {stage}?", dispute.dispute_no)).await?;
        let action = OperatorAction::Advance { stage, deadline: key.deadline(deadline)? };
        dispute.send(client, json, &action, &key).await
    }
}

impl Withdraw {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute, note, confirm, key } = self;
        confirm.ask(&format!("Withdraw {}?", dispute.dispute_no)).await?;
        dispute.send(client, json, &OperatorAction::Withdraw { note }, &key).await
    }
}

impl DisputeArg {
    async fn send(
        &self,
        client: &OperatorClient,
        json: bool,
        action: &OperatorAction,
        key: &IdempotencyKeyArg,
    ) -> Result<()> {
        let path = format!("/disputes/{}/{}", self.dispute_no, action.kind());
        let answer = client.post(&path, action, key).await?;
        output::print_answer(&answer, json, |dispute: Dispute| view::print_state(&dispute.summary))
    }
}

impl ConfirmArg {
    async fn ask(&self, question: &str) -> Result<()> {
        match self.yes {
            true => Ok(()),
            false => prompt::confirm(&format!("{question} This cannot be undone."), "changed").await,
        }
    }
}
