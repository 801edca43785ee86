//! `rebuttal operator dispute open`.

use anyhow::Result;
use rebuttal_client::DisputeNo;
use rebuttal_client::protocol::dispute::Stage;
use rebuttal_client::protocol::text::{DisputeReason, ReasonCode, Rrn};
use rebuttal_client::protocol::{Amount, Currency, MerchantId, MerchantTradeNo, PaymentNo, UnixMillis};
use serde_json::json;

use super::view::View;
use crate::operator::client::Client;
use crate::operator::tell;
use crate::span;

#[derive(Debug, clap::Args)]
pub(crate) struct Open {
    /// Number of the merchant whose payment is disputed
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: MerchantId,

    /// The platform's number of the payment
    #[arg(long, value_name = "NO")]
    payment_no: PaymentNo,

    /// The merchant's own number of the trade
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

    /// Why the cardholder disputes
    #[arg(long, value_name = "TEXT")]
    reason: DisputeReason,

    /// The card network's code for it
    #[arg(long, value_name = "CODE")]
    reason_code: Option<ReasonCode>,

    /// Stage: INQUIRY, CHARGEBACK, PRE_ARBITRATION or ARBITRATION
    #[arg(long = "type", value_name = "STAGE", default_value_t = Stage::Chargeback)]
    stage: Stage,

    /// The networks' retrieval reference number
    #[arg(long, value_name = "RRN")]
    rrn: Option<Rrn>,

    /// Until when the merchant may respond: a time with its zone, or a span from now, such as 7d
    #[arg(long, value_name = "TIME", value_parser = span::moment)]
    deadline: UnixMillis,

    /// The upstream's own number; the same number and facts again open nothing new [default: made by the gateway]
    #[arg(long, value_name = "NO")]
    dispute_no: Option<DisputeNo>,
}

impl Open {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let amount = |name, text: &str| {
            Amount::parse(text, self.currency).map_err(|error| anyhow::anyhow!("{name} {error}"))
        };
        let payment_amount = amount("--payment-amount", &self.payment_amount)?;
        let dispute_amount = match &self.dispute_amount {
            Some(text) => amount("--dispute-amount", text)?,
            None => payment_amount,
        };
        let body = json!({
            "disputeNo": self.dispute_no,
            "merchantId": u32::from(self.merchant),
            "paymentNo": self.payment_no.as_str(),
            "merchantTradeNo": self.merchant_trade_no.as_str(),
            "paymentAmount": payment_amount.to_string(),
            "disputeAmount": dispute_amount.to_string(),
            "currency": self.currency.to_string(),
            "disputeReason": self.reason.as_str(),
            "reasonCode": self.reason_code.as_ref().map(ReasonCode::as_str),
            "type": self.stage.as_str(),
            "rrn": self.rrn.as_ref().map(Rrn::as_str),
            "deadline": self.deadline.to_rfc3339(&jiff::tz::TimeZone::UTC),
        });
        let answer = client.post("/disputes", &body).await?;
        tell::answer(&answer, json, |dispute: View| dispute.summary.say_standing())
    }
}
