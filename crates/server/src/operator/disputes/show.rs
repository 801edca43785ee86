//! `GET /operator/v1/disputes/{disputeNo}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::DisputeNo;
use rebuttal_protocol::operator::answers;

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::disputes::{view, with_inspections};
use crate::operator::request::{NoQuery, StrictPath};

/// Returns a dispute with its submissions and history.
pub(crate) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    _: NoQuery,
    StrictPath(dispute_no): StrictPath<DisputeNo>,
) -> Result<Json<answers::OperatorDispute>, Problem> {
    let found = with_inspections(&gateway, &dispute_no).await?;
    let (detail, inspections) =
        found.ok_or(rebuttal_disputes::DisputeRefusal::NotFound).map_err(Refusal::from)?;
    Ok(Json(view::now(detail, &inspections)))
}
