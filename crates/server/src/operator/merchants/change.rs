//! `PATCH /operator/v1/merchants/{merchantId}`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::MerchantId;
use rebuttal_protocol::operator::{ChangeMerchant, answers};
use rebuttal_store::AccountChange;

use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::merchant_after;
use crate::operator::request::{AuthorizedBody, StrictPath};

/// Changes a merchant's name or time zone; fields that are left out keep their value.
pub(crate) async fn change(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, StrictPath<MerchantId>>,
) -> Result<Json<answers::Merchant>, Problem> {
    let StrictPath(merchant_id) = change.path;
    let ChangeMerchant { name, time_zone } = change.parse(ChangeMerchant::parse)?;
    let account = AccountChange::ChangeMerchant { merchant_id, name, time_zone };
    let done = change.commit_account(&gateway, account).await?;
    Ok(Json(merchant_after(done)?))
}
