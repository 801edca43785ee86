//! `PATCH /operator/v1/merchants/{merchantId}/apps/{appId}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::operator::{AppSettings, answers};
use rebuttal_protocol::{AppId, MerchantId};
use rebuttal_store::AccountChange;

use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::app_after;
use crate::operator::request::{AuthorizedBody, StrictPath};

/// Changes an app's notification URL, scheme, or whether it is enabled; fields that are left out keep their value.
pub(crate) async fn change(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, StrictPath<(MerchantId, AppId)>>,
) -> Result<Json<answers::App>, Problem> {
    let StrictPath((merchant_id, app_id)) = change.path;
    let settings = change.parse(AppSettings::parse)?;
    let account = AccountChange::ChangeApp { merchant_id, app_id, settings };
    let done = change.commit_account(&gateway, account).await?;
    Ok(Json(app_after(done)?))
}
