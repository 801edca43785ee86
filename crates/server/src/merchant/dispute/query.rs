//! `POST /pg/v2/dispute/query` (contract §5).

use std::sync::Arc;

use axum::extract::State;
use rebuttal_protocol::Code;
use rebuttal_protocol::dispute::{DisputeData, QueryRequest};

use crate::auth::signature::SignedRead;
use crate::gateway::Gateway;
use crate::gateway::dispute_data::dispute_data;
use crate::http::error::Refusal;
use crate::merchant::{Reply, Success};

/// Returns one of the merchant's disputes.
///
/// 1. The signature has been verified, the key parsed, and the nonce used up in memory, because a read changes nothing.
/// 2. The dispute is searched among the merchant's disputes; that of another merchant is answered as not found.
pub(crate) async fn query(
    State(gateway): State<Arc<Gateway>>,
    SignedRead { call, app, used }: SignedRead<QueryRequest>,
) -> Reply<DisputeData> {
    // In a box, because this future is large, and moved with the handler's.
    let record = Box::pin(gateway.store.find(app.merchant_id, &call)).await?;
    let not_found = || {
        let message =
            "no dispute of this merchant matches; check the number, and that the app is the merchant's";
        Refusal::new(Code::DisputeNotFound, message)
    };
    let record = record.ok_or_else(not_found)?;

    Ok(Success(dispute_data(&record, &app.zone), used))
}
