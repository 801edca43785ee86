//! `GET /operator/v1/merchants`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::operator::PAGE_MAX;
use rebuttal_protocol::operator::answers::{self, ListPage};

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::merchants::merchant_view;
use crate::operator::page::{self, cursor};
use crate::operator::request::QueryParameters;

/// Lists merchants by id; the cursor is the id of the page's last one.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    query: QueryParameters,
) -> Result<Json<ListPage<answers::Merchant>>, Problem> {
    query.refuse_unknown(&["limit", "cursor"])?;
    let limit = query.limit(PAGE_MAX)?;
    let after = cursor(&query, |number| number.parse().ok())?;
    let merchants = gateway.store.merchants(after, limit + 1).await?;
    Ok(Json(page::of(merchants, limit, |merchant| merchant.merchant_id.to_string(), merchant_view)))
}
