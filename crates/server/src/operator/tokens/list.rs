//! `GET /operator/v1/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::operator::PAGE_MAX;
use rebuttal_protocol::operator::answers::{self, ListPage};

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::page::{self, cursor};
use crate::operator::request::QueryParameters;
use crate::operator::tokens::token_view;

/// Lists the valid tokens by name; the cursor is the name of the page's last one.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    query: QueryParameters,
) -> Result<Json<ListPage<answers::Token>>, Problem> {
    query.refuse_unknown(&["limit", "cursor"])?;
    let limit = query.limit(PAGE_MAX)?;
    let after = cursor(&query, |name| name.parse().ok())?;
    let tokens = gateway.store.tokens(after, limit + 1).await?;
    Ok(Json(page::of(tokens, limit, |token| token.name.to_string(), token_view)))
}
