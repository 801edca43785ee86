//! `POST /operator/v1/merchants`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use rebuttal_protocol::operator::{CreateMerchant, answers};
use rebuttal_store::AccountChange;

use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::merchant_after;
use crate::operator::request::AuthorizedBody;

/// Creates a merchant.
pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin>,
) -> Result<(StatusCode, Json<answers::Merchant>), Problem> {
    let CreateMerchant { name, time_zone } = change.parse(CreateMerchant::parse)?;
    let account = AccountChange::CreateMerchant { name, time_zone };
    let done = change.commit_account(&gateway, account).await?;
    Ok((StatusCode::CREATED, Json(merchant_after(done)?)))
}
