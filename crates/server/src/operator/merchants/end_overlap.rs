//! `POST /operator/v1/merchants/{merchantId}/apps/{appId}/endOverlap`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::operator::{EndOverlap, answers};
use rebuttal_protocol::{AppId, MerchantId};
use rebuttal_store::AccountChange;

use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::app_after;
use crate::operator::request::{AuthorizedBody, StrictPath};

/// Ends the validity of all of an app's secrets except the newest. Without a running overlap nothing is changed.
pub(crate) async fn end_overlap(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, StrictPath<(MerchantId, AppId)>>,
) -> Result<Json<answers::App>, Problem> {
    let StrictPath((merchant_id, app_id)) = change.path;
    let EndOverlap {} = change.parse_if_any(EndOverlap::parse)?;
    let account = AccountChange::EndOverlap { merchant_id, app_id };
    let done = change.commit_account(&gateway, account).await?;
    Ok(Json(app_after(done)?))
}
