//! `GET /operator/v1/merchants`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::{Code, MerchantId};
use serde::Serialize;

use crate::auth::operator::Operator;
use crate::auth::right::Reading;
use crate::error::Refusal;
use crate::gateway::Gateway;
use crate::operator::disputes::list::PAGE_MAX;
use crate::operator::merchants::MerchantView;
use crate::operator::problem::Problem;
use crate::operator::request::Query;

/// A page of merchants, by number.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    items: Vec<MerchantView>,
    next_cursor: Option<String>,
}

/// Lists merchants; the cursor is the number of the last one told.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<Reading>,
    query: Query,
) -> Result<Json<Page>, Problem> {
    query.refuse_unknown(&["limit", "cursor"])?;
    let limit = query.limit(PAGE_MAX)?;
    let after = query.get("cursor").map(|cursor| {
        cursor
            .parse::<MerchantId>()
            .map_err(|_| Refusal::new(Code::InvalidParameter, "cursor is not one of ours"))
    });
    let merchants = gateway.store.merchants(after.transpose()?, limit + 1).await?;
    let more = merchants.len() > limit as usize;
    let items: Vec<_> = merchants.into_iter().take(limit as usize).collect();
    let next_cursor = items.last().filter(|_| more).map(|merchant| merchant.merchant_id.to_string());
    Ok(Json(Page { items: items.into_iter().map(Into::into).collect(), next_cursor }))
}
