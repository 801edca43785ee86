//! `GET /operator/v1/disputes`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use rebuttal_protocol::operator::PAGE_MAX;
use rebuttal_protocol::operator::answers::{DisputeSummary, ListPage};
use rebuttal_protocol::{Code, UnixMillis};
use rebuttal_store::{DisputeCursor, DisputeFilter, DisputePage};

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::disputes::view::summary;
use crate::operator::page;
use crate::operator::request::QueryParameters;

/// Most characters of a search text: the numbers that it is compared with are not longer.
pub(crate) const Q_MAX: usize = 50;

const PARAMETERS: [&str; 8] =
    ["merchantId", "status", "type", "deadlineBefore", "createdAfter", "q", "limit", "cursor"];

/// Lists disputes that match all given filters, the newest first, with their total number.
pub(crate) async fn list(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<CanRead>,
    query: QueryParameters,
) -> Result<Json<ListPage<DisputeSummary>>, Problem> {
    query.refuse_unknown(&PARAMETERS)?;
    let filter = DisputeFilter {
        merchant_id: query.read("merchantId", str::parse)?,
        status: query.read("status", str::parse)?,
        stage: query.read("type", str::parse)?,
        deadline_before: query.read("deadlineBefore", UnixMillis::from_rfc3339)?,
        created_after: query.read("createdAfter", UnixMillis::from_rfc3339)?,
        q: search(&query)?,
        after: page::cursor(&query, position)?,
        limit: query.limit(PAGE_MAX)?,
    };
    let DisputePage { items, next, total, total_exact } = gateway.store.list(filter).await?;
    Ok(Json(ListPage {
        items: items.iter().map(summary).collect(),
        next_cursor: next.as_ref().map(cursor),
        total: Some(total),
        total_exact: Some(total_exact),
    }))
}

/// Refuses control characters: no number contains any, and PostgreSQL fails on a NUL.
fn search(query: &QueryParameters) -> Result<Option<String>, Refusal> {
    let Some(q) = query.get("q").filter(|q| !q.is_empty()) else { return Ok(None) };
    if q.chars().count() <= Q_MAX && !q.chars().any(char::is_control) {
        return Ok(Some(q.to_owned()));
    }
    let message = format!("q must have at most {Q_MAX} characters, none of them a control character");
    Err(Refusal::new(Code::InvalidParameter, message))
}

/// Opaque to operators, so that the order of the list can change.
fn cursor(DisputeCursor(position): &DisputeCursor) -> String {
    URL_SAFE_NO_PAD.encode(format!("{ORDER}{position}"))
}

/// Of cursors of this list. Those of an earlier order are refused.
const ORDER: &str = "opened:";

fn position(cursor: &str) -> Option<DisputeCursor> {
    let text = String::from_utf8(URL_SAFE_NO_PAD.decode(cursor).ok()?).ok()?;
    let number = text.strip_prefix(ORDER)?;
    let position =
        number.parse().ok().filter(|position: &i64| *position > 0 && position.to_string() == number);
    position.map(DisputeCursor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cursor_round_trips_and_invalid_cursors_are_refused() {
        let end = DisputeCursor(1_714_128);
        assert_eq!(position(&cursor(&end)), Some(end));
        let texts = ["opened:-1", "opened:+5", "opened:007", "1714128828114:D-1"];
        let encoded = texts.map(|text| URL_SAFE_NO_PAD.encode(text));
        for wrong in ["", "!", "MQ", "MTpA"].into_iter().chain(encoded.iter().map(String::as_str)) {
            assert_eq!(position(wrong), None, "{wrong}");
        }
    }
}
