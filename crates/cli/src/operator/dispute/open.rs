//! `rebuttal operator dispute open`.

use anyhow::{Context as _, Result};
use rebuttal_client::protocol::dispute::Stage;
use rebuttal_client::protocol::operator::OpenDispute;
use rebuttal_client::protocol::operator::answers::OperatorDispute;
use rebuttal_client::protocol::text::{DisputeReason, ReasonCode, Rrn};
use rebuttal_client::protocol::{Amount, Currency, MerchantId, MerchantTradeNo, PaymentNo, UnixMillis};
use rebuttal_client::{Code, DisputeNo};

use super::view;
use crate::operator::client::OperatorClient;
use crate::operator::failure::OperatorFailure;
use crate::operator::idempotency_key::IdempotencyKeyArg;
use crate::operator::output;
use crate::terminal;
use crate::time_arg::TimeArg;
use crate::{enum_arg, usage};

#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// Number of the merchant whose payment is disputed
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: MerchantId,

    /// Number of the payment at the platform
    #[arg(long, value_name = "NO")]
    payment_no: PaymentNo,

    /// Number of the trade at the merchant
    #[arg(long, value_name = "NO")]
    merchant_trade_no: MerchantTradeNo,

    /// The payment's amount, such as 100.05
    #[arg(long, value_name = "AMOUNT")]
    payment_amount: String,

    /// The disputed amount [default: the payment's]
    #[arg(long, value_name = "AMOUNT")]
    dispute_amount: Option<String>,

    /// Currency of both, such as USD
    #[arg(long, value_name = "CODE")]
    currency: Currency,

    /// The cardholder's reason
    #[arg(long, value_name = "TEXT")]
    reason: DisputeReason,

    /// The card network's reason code
    #[arg(long, value_name = "CODE")]
    reason_code: Option<ReasonCode>,

    /// Stage in which the dispute opens
    #[arg(long = "type", value_name = "STAGE", default_value_t = Stage::Chargeback, value_parser = enum_arg::parser(Stage::ALL, Stage::as_str))]
    stage: Stage,

    /// The networks' retrieval reference number
    #[arg(long, value_name = "RRN")]
    rrn: Option<Rrn>,

    /// Response deadline: a time with its zone, or a duration from now, such as 7d. A repeated command with a duration
    /// does not change the deadline of the existing dispute
    #[arg(long, value_name = "TIME", allow_hyphen_values = true)]
    deadline: TimeArg,

    /// Number of the dispute in your system; the same number and facts again open no second dispute [default:
    /// generated]
    #[arg(long, value_name = "NO")]
    dispute_no: Option<DisputeNo>,

    #[command(flatten)]
    key: IdempotencyKeyArg,
}

impl Open {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let amount = |name, text: &str| {
            Amount::parse(text, self.currency).map_err(|error| {
                usage::error(format!(
                    "invalid value '{}' for '{name} <AMOUNT>': {error}",
                    terminal::sanitize(text)
                ))
            })
        };
        let payment_amount = amount("--payment-amount", &self.payment_amount)?;
        let dispute_amount = match &self.dispute_amount {
            Some(text) => amount("--dispute-amount", text)?,
            None => payment_amount,
        };
        let opening = OpenDispute {
            dispute_no: self.dispute_no,
            merchant_id: self.merchant,
            payment_no: self.payment_no,
            merchant_trade_no: self.merchant_trade_no,
            payment_amount,
            dispute_amount,
            dispute_reason: self.reason,
            reason_code: self.reason_code,
            stage: self.stage,
            rrn: self.rrn,
            deadline: self.key.deadline(self.deadline)?,
        };
        let answer = match client.post("/disputes", &opening, &self.key).await {
            Err(refused) if self.deadline.is_relative && is_conflict(&refused) => match &opening.dispute_no {
                Some(no) => reopen_with_first_deadline(client, no, &opening).await.map_err(|_| refused)?,
                None => return Err(refused),
            },
            answer => answer?,
        };
        output::print_answer(&answer, json, |dispute: OperatorDispute| view::print_state(&dispute.summary))?;
        // The contract allows it, because exchange rates change and fees are added; more often it is a mistake.
        if dispute_amount.minor_units() <= payment_amount.minor_units() {
            return Ok(());
        }
        let opened: OperatorDispute = output::parse(&answer)?;
        let dispute_no: DisputeNo = opened.summary.dispute.dispute_no.parse()?;
        terminal::eprint_warning(&format!(
            "the disputed amount ({dispute_amount}) is greater than the payment ({payment_amount})"
        ));
        terminal::eprint_hint(&format!(
            "The facts of a dispute cannot be changed. If this is a mistake, withdraw it and open another:\n\
             rebuttal operator dispute withdraw {dispute_no}"
        ));
        Ok(())
    }
}

fn is_conflict(error: &anyhow::Error) -> bool {
    matches!(error.downcast_ref(), Some(OperatorFailure::Refused { code, .. }) if *code == Code::OperatorConflict)
}

/// Opens the dispute again with the deadline that it was opened with, so that the gateway compares everything else: a
/// duration gives another deadline in each run, and would be a conflict.
async fn reopen_with_first_deadline(
    client: &OperatorClient,
    no: &DisputeNo,
    opening: &OpenDispute,
) -> Result<Vec<u8>> {
    let existing: OperatorDispute = output::parse(&client.fetch(&format!("/disputes/{no}")).await?)?;
    let first = existing.history.first().and_then(|entry| entry.deadline.as_deref());
    let deadline = first.context("no deadline")?;
    let opening = OpenDispute { deadline: UnixMillis::from_rfc3339(deadline)?, ..opening.clone() };
    let answer = client.post("/disputes", &opening, &IdempotencyKeyArg::default()).await?;
    terminal::eprint_warning(&format!(
        "{no} was already opened with these facts and the deadline {}; nothing was changed. A duration gives another deadline \
         in each run",
        terminal::short_time(deadline)
    ));
    Ok(answer)
}
