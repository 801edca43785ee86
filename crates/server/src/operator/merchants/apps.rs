//! `GET /operator/v1/merchants/{merchantId}/apps`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::MerchantId;
use rebuttal_protocol::operator::answers;
use rebuttal_store::AppRecord;

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::clock;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::{app_view, no_merchant};
use crate::operator::request::{NoQuery, StrictPath};

/// Lists a merchant's apps, the oldest first, without their secrets.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    _: NoQuery,
    StrictPath(merchant_id): StrictPath<MerchantId>,
) -> Result<Json<answers::Apps>, Problem> {
    gateway.store.merchant(merchant_id).await?.ok_or_else(no_merchant)?;
    let apps = gateway.store.apps_of(merchant_id).await?;
    let now = clock::now();
    let view = |app: AppRecord| {
        let overlap_until = app.overlap_until(now);
        app_view(app, overlap_until)
    };
    Ok(Json(answers::Apps { items: apps.into_iter().map(view).collect() }))
}
