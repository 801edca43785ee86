//! `POST /operator/v1/disputes/{disputeNo}/{resolve|requestEvidence|extend|advance|withdraw}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::DisputeNo;
use rebuttal_protocol::operator::{OperatorAction, OperatorActionKind, answers};
use rebuttal_store::Operation;

use crate::auth::permission::CanOperate;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::disputes::after;
use crate::operator::request::{AuthorizedBody, StrictPath};

/// Performs an action on a dispute. A repeated outcome is answered like the first; a different outcome is refused.
pub(crate) async fn action(
    kind: OperatorActionKind,
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanOperate, StrictPath<DisputeNo>>,
) -> Result<Json<answers::OperatorDispute>, Problem> {
    let StrictPath(dispute_no) = &change.path;
    let action = change.parse(|object| OperatorAction::parse(kind, object))?;
    let operation = Operation::Command {
        dispute_no: dispute_no.clone(),
        merchant_id: None,
        actor: change.actor(),
        command: action.into(),
    };
    let outcome = change.commit(&gateway, operation).await?;
    let (view, _) = after(&gateway, outcome).await?;
    Ok(Json(view))
}
