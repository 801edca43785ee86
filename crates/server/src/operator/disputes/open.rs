//! `POST /operator/v1/disputes`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use rebuttal_disputes::Opening;
use rebuttal_protocol::operator::{OpenDispute, answers};
use rebuttal_protocol::{Code, DisputeNo};
use rebuttal_store::Operation;

use crate::auth::permission::CanOperate;
use crate::gateway::Gateway;
use crate::gateway::new_id::new_id;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::disputes::after;
use crate::operator::request::AuthorizedBody;

/// Opens a dispute.
///
/// 1. Without a `disputeNo` it needs an idempotency key, or a repetition would open a second dispute.
/// 2. The merchant must exist.
/// 3. The committer opens it: 201, or 200 for a repetition.
pub(crate) async fn open(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanOperate>,
) -> Result<(StatusCode, Json<answers::OperatorDispute>), Problem> {
    let facts = change.parse(OpenDispute::parse)?;
    let dispute_no = match &facts.dispute_no {
        Some(dispute_no) => dispute_no.clone(),
        // For a repeated key it is not used: the dispute has the first request's number.
        None if change.has_key() => DisputeNo::from_bytes(new_id(change.arrived_at())?),
        None => {
            let message = "disputeNo must be given, or an Idempotency-Key must be sent";
            return Err(Refusal::new(Code::InvalidParameter, message).into());
        }
    };
    if gateway.store.merchant(facts.merchant_id).await?.is_none() {
        return Err(Refusal::new(Code::InvalidParameter, "no merchant has this merchantId").into());
    }
    let actor = change.actor();
    let operation = Operation::Open { opening: Opening { dispute_no, facts }, actor };
    let done = change.commit(&gateway, operation).await?;
    let (view, opened) = after(&gateway, done).await?;
    let status = if opened { StatusCode::CREATED } else { StatusCode::OK };
    Ok((status, Json(view)))
}
