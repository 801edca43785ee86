//! Whether the process lives and whether it can serve.

use axum::Router;
use axum::routing::get;

pub(crate) fn router() -> Router {
    Router::new().route("/healthz", get(async || "ok\n"))
}
