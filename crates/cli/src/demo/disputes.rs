//! The disputes of the demo, one of each kind.

use std::time::Duration;

use anyhow::Result;
use rebuttal_client::protocol::dispute::Stage;
use rebuttal_client::protocol::operator::OpenDispute;
use rebuttal_client::protocol::{Amount, MerchantId, UnixMillis};

const HOUR: Duration = Duration::from_secs(3600);

/// A dispute as an acquirer would report it.
pub(super) struct DemoDispute {
    pub(super) dispute_no: &'static str,
    pub(super) trade_no: &'static str,
    pub(super) currency: &'static str,
    pub(super) paid: &'static str,
    pub(super) disputed: &'static str,
    pub(super) reason: &'static str,
    reason_code: Option<&'static str>,
    pub(super) stage: Stage,
    rrn: &'static str,
    hours_left: u32,
}

/// The dispute that the demo contests; its receipt and refund are in the assets.
pub(super) const CONTESTED: DemoDispute = DemoDispute {
    dispute_no: "CB-20418",
    trade_no: "NC-20418",
    currency: "EUR",
    paid: "129.00",
    disputed: "129.00",
    reason: "Credit not processed",
    reason_code: Some("13.6"),
    stage: Stage::Chargeback,
    rrn: "413314208817",
    hours_left: 9 * 24,
};

/// The dispute that the user is invited to contest.
pub(super) const INVITED: DemoDispute = DemoDispute {
    dispute_no: "CB-20377",
    trade_no: "NC-20377",
    currency: "SEK",
    paid: "2460.00",
    disputed: "1840.00",
    reason: "Merchandise not received",
    reason_code: Some("13.1"),
    stage: Stage::Chargeback,
    rrn: "412909551208",
    hours_left: 3 * 24,
};

/// All of them, the most pressing first.
pub(super) const ALL: [DemoDispute; 6] = [
    DemoDispute {
        dispute_no: "PA-20102",
        trade_no: "NC-20102",
        currency: "KWD",
        paid: "42.750",
        disputed: "42.750",
        reason: "Not as described",
        reason_code: Some("13.3"),
        stage: Stage::PreArbitration,
        rrn: "409718820461",
        hours_left: 18,
    },
    INVITED,
    DemoDispute {
        dispute_no: "RQ-20467",
        trade_no: "NC-20467",
        currency: "USD",
        paid: "38.00",
        disputed: "38.00",
        reason: "Transaction not recognised",
        reason_code: None,
        stage: Stage::Inquiry,
        rrn: "413820117745",
        hours_left: 6 * 24,
    },
    CONTESTED,
    DemoDispute {
        dispute_no: "CB-20455",
        trade_no: "NC-20455",
        currency: "GBP",
        paid: "64.50",
        disputed: "64.50",
        reason: "Duplicate processing",
        reason_code: Some("12.6.1"),
        stage: Stage::Chargeback,
        rrn: "413702996310",
        hours_left: 12 * 24,
    },
    DemoDispute {
        dispute_no: "AR-19874",
        trade_no: "NC-19874",
        currency: "JPY",
        paid: "18400.00",
        disputed: "18400.00",
        reason: "Fraud, card absent",
        reason_code: Some("10.4"),
        stage: Stage::Arbitration,
        rrn: "405203318872",
        hours_left: 20 * 24,
    },
];

impl DemoDispute {
    /// The time until which the merchant may respond.
    pub(super) fn deadline(&self, now: UnixMillis) -> UnixMillis {
        now + HOUR.saturating_mul(self.hours_left)
    }

    /// The operator's request that opens it.
    pub(super) fn request(&self, merchant_id: MerchantId, now: UnixMillis) -> Result<OpenDispute> {
        let currency = self.currency.parse()?;
        Ok(OpenDispute {
            dispute_no: Some(self.dispute_no.parse()?),
            merchant_id,
            payment_no: format!("PAY-{}", self.rrn).parse()?,
            merchant_trade_no: self.trade_no.parse()?,
            payment_amount: Amount::parse(self.paid, currency)?,
            dispute_amount: Amount::parse(self.disputed, currency)?,
            dispute_reason: self.reason.parse()?,
            reason_code: self.reason_code.map(str::parse).transpose()?,
            stage: self.stage,
            rrn: Some(self.rrn.parse()?),
            deadline: self.deadline(now),
        })
    }
}
