//! `POST /operator/v1/merchants/{merchantId}/apps/{appId}/rotate`.

use std::sync::Arc;
use std::time::Duration;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::operator::{RotateSecret, answers};
use rebuttal_protocol::{AppId, MerchantId};
use rebuttal_store::AccountChange;

use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::{make_secret, new_app};
use crate::operator::request::{AuthorizedBody, StrictPath};

/// Creates a new secret, which only this answer shows; the old one stays valid until the end of the overlap. A second
/// overlap during the first is a conflict. Without an overlap all older secrets become invalid.
pub(crate) async fn rotate(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, StrictPath<(MerchantId, AppId)>>,
) -> Result<Json<answers::NewApp>, Problem> {
    let StrictPath((merchant_id, app_id)) = change.path;
    let RotateSecret { overlap_seconds } = change.parse(RotateSecret::parse)?;
    let (secret_id, ciphertext) = make_secret(&gateway, app_id)?;
    let overlap = (overlap_seconds > 0).then(|| Duration::from_secs(overlap_seconds));
    let overlap_until = overlap.map(|overlap| change.arrived_at() + overlap);
    let account = AccountChange::RotateSecret { merchant_id, app_id, secret_id, ciphertext, overlap_until };
    let done = change.commit_account(&gateway, account).await?;
    Ok(Json(new_app(&gateway, done)?))
}
