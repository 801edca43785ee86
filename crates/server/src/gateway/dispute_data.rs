//! Conversion of a dispute to its form in the API.

use jiff::tz::TimeZone;
use rebuttal_protocol::dispute::DisputeData;
use rebuttal_store::DisputeRecord;

/// The members of a dispute, with its times in a time zone.
pub(crate) fn dispute_data(record: &DisputeRecord, zone: &TimeZone) -> DisputeData {
    let DisputeRecord { state, facts, created_at } = record;
    DisputeData {
        dispute_no: state.dispute_no.to_string(),
        payment_no: facts.payment_no.to_string(),
        merchant_trade_no: facts.merchant_trade_no.to_string(),
        status: state.status.to_string(),
        stage: Some(state.stage.to_string()),
        rrn: facts.rrn.as_ref().map(ToString::to_string),
        deadline: Some(state.deadline.to_rfc3339(zone)),
        payment_amount: facts.payment_amount.to_string(),
        dispute_amount: facts.dispute_amount.to_string(),
        currency: facts.payment_amount.currency().to_string(),
        dispute_reason: facts.dispute_reason.to_string(),
        created_time: created_at.to_rfc3339(zone),
    }
}
