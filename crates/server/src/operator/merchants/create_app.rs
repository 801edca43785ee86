//! `POST /operator/v1/merchants/{merchantId}/apps`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use rebuttal_protocol::operator::{AppSettings, answers};
use rebuttal_protocol::{AppId, MerchantId};
use rebuttal_store::AccountChange;

use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::{make_secret, new_app, random};
use crate::operator::request::{AuthorizedBody, StrictPath};

/// Creates an app with its first secret, which only this answer shows.
pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, StrictPath<MerchantId>>,
) -> Result<(StatusCode, Json<answers::NewApp>), Problem> {
    let StrictPath(merchant_id) = change.path;
    let settings = change.parse(AppSettings::parse)?;
    let app_id = AppId::from_bytes(random()?);
    let (secret_id, ciphertext) = make_secret(&gateway, app_id)?;
    let account = AccountChange::CreateApp { merchant_id, app_id, settings, secret_id, ciphertext };
    let done = change.commit_account(&gateway, account).await?;
    Ok((StatusCode::CREATED, Json(new_app(&gateway, done)?)))
}
