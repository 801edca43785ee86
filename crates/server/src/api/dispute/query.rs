//! `POST /pg/v2/dispute/query` (contract §5).

use std::sync::Arc;

use axum::extract::State;
use jiff::tz::TimeZone;
use rebuttal_protocol::dispute::{DisputeData, QueryRequest};
use rebuttal_store::DisputeRecord;

use crate::api::{Reply, Success};
use crate::auth::signature::SignedRead;
use crate::gateway::Gateway;

/// Tells one of the merchant's disputes.
///
/// 1. The signature has been verified, the one key read, and the nonce used up, in memory: a read changes nothing.
/// 2. The dispute is looked for among the merchant's own; another's is answered as one that does not exist.
pub(crate) async fn query(
    State(gateway): State<Arc<Gateway>>,
    SignedRead { call, app, used }: SignedRead<QueryRequest>,
) -> Reply<DisputeData> {
    let record = gateway.store.find(app.merchant_id, &call).await?;
    let record = record.ok_or(rebuttal_disputes::Refusal::NotFound)?;

    Ok(Success(data(&record, &app.zone), used))
}

/// The dispute in the words of the wire, its times in a zone.
pub(crate) fn data(record: &DisputeRecord, zone: &TimeZone) -> DisputeData {
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
