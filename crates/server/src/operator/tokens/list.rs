//! `GET /operator/v1/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::operator::TokenName;
use serde::Serialize;

use crate::auth::operator::Operator;
use crate::auth::right::Reading;
use crate::gateway::Gateway;
use crate::operator::disputes::list::PAGE_MAX;
use crate::operator::problem::Problem;
use crate::operator::request::Query;
use crate::operator::tokens::TokenView;

/// A page of tokens, by name.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Page {
    items: Vec<TokenView>,
    next_cursor: Option<TokenName>,
}

/// Lists the tokens that let somebody in; the cursor is the name of the last one told.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<Reading>,
    query: Query,
) -> Result<Json<Page>, Problem> {
    query.refuse_unknown(&["limit", "cursor"])?;
    let limit = query.limit(PAGE_MAX)?;
    let after = query.read("cursor", str::parse)?;
    let tokens = gateway.store.tokens(after, limit + 1).await?;
    let more = tokens.len() > limit as usize;
    let items: Vec<TokenView> = tokens.into_iter().take(limit as usize).map(Into::into).collect();
    let next_cursor = items.last().filter(|_| more).map(|token| token.name.clone());
    Ok(Json(Page { items, next_cursor }))
}
