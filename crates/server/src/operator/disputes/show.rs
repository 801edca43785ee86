//! `GET /operator/v1/disputes/{disputeNo}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::DisputeNo;
use rebuttal_protocol::operator::answers;

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::disputes::detail;
use crate::operator::disputes::view;
use crate::operator::request::{NoQuery, StrictPath};

/// Returns a dispute with its submissions and history.
pub(crate) async fn show(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    _: NoQuery,
    StrictPath(dispute_no): StrictPath<DisputeNo>,
) -> Result<Json<answers::OperatorDispute>, Problem> {
    Ok(Json(view::now(detail(&gateway, &dispute_no).await?)))
}
