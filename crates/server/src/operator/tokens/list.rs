//! `GET /operator/v1/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rebuttal_protocol::operator::answers::{self, ListPage};
use rebuttal_protocol::operator::{PAGE_MAX, TokenName};

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::problem::Problem;
use crate::operator::page;
use crate::operator::request::QueryParameters;
use crate::operator::tokens::token_view;

/// Distinguishes a cursor of this list from those of other lists, which a token's name may equal.
const CURSOR_PREFIX: &str = "token:";

/// Lists the valid tokens by name; the cursor contains the name of the page's last one.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    query: QueryParameters,
) -> Result<Json<ListPage<answers::Token>>, Problem> {
    query.refuse_unknown(&["limit", "cursor"])?;
    let limit = query.limit(PAGE_MAX)?;
    let after = page::cursor(&query, after)?;
    let tokens = gateway.store.tokens(after, limit + 1).await?;
    Ok(Json(page::of(tokens, limit, |token| cursor(&token.name), token_view)))
}

fn cursor(last: &TokenName) -> String {
    URL_SAFE_NO_PAD.encode(format!("{CURSOR_PREFIX}{last}"))
}

fn after(cursor: &str) -> Option<TokenName> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    text.strip_prefix(CURSOR_PREFIX)?.parse().ok()
}
