//! The actions that change a dispute. Irreversible ones ask first.

use anyhow::Result;
use rebuttal_client::DisputeNo;
use rebuttal_client::protocol::dispute::Stage;
use rebuttal_client::protocol::operator::answers::OperatorDispute;
use rebuttal_client::protocol::operator::{DisputeOutcome, OperatorAction};
use rebuttal_client::protocol::text::Note;

use super::view;
use crate::enum_arg;
use crate::operator::client::OperatorClient;
use crate::operator::idempotency_key::IdempotencyKeyArg;
use crate::operator::output;
use crate::prompt::ConfirmArg;
use crate::time_arg::TimeArg;

const FINAL: &str = "This cannot be undone.";

#[derive(Debug, clap::Subcommand)]
pub(crate) enum DisputeAction {
    /// Close a dispute as won or lost
    Resolve {
        #[command(flatten)]
        dispute: DisputeArg,

        /// The outcome for the merchant
        #[arg(value_name = "OUTCOME", value_parser = enum_arg::parser(DisputeOutcome::ALL, DisputeOutcome::as_str))]
        outcome: DisputeOutcome,

        /// Internal note; merchants do not see it
        #[arg(long, value_name = "TEXT")]
        note: Option<Note>,

        #[command(flatten)]
        confirm: ConfirmArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// Ask the merchant for more evidence
    RequestEvidence {
        #[command(flatten)]
        dispute: DisputeArg,

        /// Response deadline: a time with its zone, or a duration from now, such as 7d
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        deadline: TimeArg,

        /// The evidence that is requested
        #[arg(long, value_name = "TEXT")]
        note: Note,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// Give the merchant more time
    Extend {
        #[command(flatten)]
        dispute: DisputeArg,

        /// The new deadline: a time with its zone, or a duration from now, such as 7d
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        deadline: TimeArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// Advance a dispute to a later stage
    Advance {
        #[command(flatten)]
        dispute: DisputeArg,

        /// The new stage, later than the current one
        #[arg(value_name = "STAGE", value_parser = enum_arg::parser(later_stages(), Stage::as_str))]
        stage: Stage,

        /// Response deadline in the new stage: a time with its zone, or a duration from now, such as 7d
        #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
        deadline: TimeArg,

        #[command(flatten)]
        confirm: ConfirmArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// Close a dispute that the cardholder or the issuer withdrew
    Withdraw {
        #[command(flatten)]
        dispute: DisputeArg,

        /// Internal note; merchants do not see it
        #[arg(long, value_name = "TEXT")]
        note: Option<Note>,

        #[command(flatten)]
        confirm: ConfirmArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
}

/// The dispute.
#[derive(Debug, clap::Args)]
pub(crate) struct DisputeArg {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,
}

/// All stages but the first, to which no dispute advances.
const fn later_stages() -> &'static [Stage] {
    match Stage::ALL {
        [_first, later_stages @ ..] => later_stages,
        [] => &[],
    }
}

impl DisputeAction {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let (DisputeArg { dispute_no }, action, key) = match self {
            Self::Resolve { dispute, outcome, note, confirm, key } => {
                confirm
                    .ask(&format!("Resolve {} as {outcome}? {FINAL}", dispute.dispute_no), "changed")
                    .await?;
                (dispute, OperatorAction::Resolve { outcome, note }, key)
            }
            Self::RequestEvidence { dispute, deadline, note, key } => {
                (dispute, OperatorAction::RequestEvidence { deadline: key.deadline(deadline)?, note }, key)
            }
            Self::Extend { dispute, deadline, key } => {
                (dispute, OperatorAction::Extend { deadline: key.deadline(deadline)? }, key)
            }
            Self::Advance { dispute, stage, deadline, confirm, key } => {
                confirm
                    .ask(&format!("Advance {} to {stage}? {FINAL}", dispute.dispute_no), "changed")
                    .await?;
                (dispute, OperatorAction::Advance { stage, deadline: key.deadline(deadline)? }, key)
            }
            Self::Withdraw { dispute, note, confirm, key } => {
                confirm.ask(&format!("Withdraw {}? {FINAL}", dispute.dispute_no), "changed").await?;
                (dispute, OperatorAction::Withdraw { note }, key)
            }
        };
        let path = format!("/disputes/{dispute_no}/{}", action.kind());
        let answer = client.post(&path, &action, &key).await?;
        output::print_answer(&answer, json, |dispute: OperatorDispute| view::print_state(&dispute.summary))
    }
}
