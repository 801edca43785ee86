//! The operator API: merchants, apps, tokens and disputes, for the people who run the gateway and the systems beside it
//! (contract §8).

pub(crate) mod disputes;
pub(crate) mod merchants;
pub(crate) mod page;
pub(crate) mod problem;
pub(crate) mod request;
pub(crate) mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::middleware::map_response;
use axum::response::Response;
use axum::routing::{get, patch, post};

use http::HeaderValue;
use http::header::CACHE_CONTROL;

use crate::api::method_not_allowed;
use crate::error::Refusal;
use crate::gateway::Gateway;
use crate::operator::problem::Problem;

/// Under which path the operator API lies.
pub(crate) const PREFIX: &str = "/operator/v1";

/// The routes, one file for each operation.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    let routes = Router::new()
        .route("/merchants", post(merchants::create::create).get(merchants::list::list))
        .route("/merchants/{merchant_id}", patch(merchants::change::change))
        .route(
            "/merchants/{merchant_id}/apps",
            post(merchants::create_app::create).get(merchants::apps::list),
        )
        .route("/merchants/{merchant_id}/apps/{app_id}", patch(merchants::change_app::change))
        .route("/merchants/{merchant_id}/apps/{app_id}/rotate", post(merchants::rotate::rotate))
        .route("/tokens", post(tokens::create::create).get(tokens::list::list))
        .route("/tokens/{name}/revoke", post(tokens::revoke::revoke))
        .route("/disputes", post(disputes::open::open).get(disputes::list::list))
        .route("/disputes/{dispute_no}", get(disputes::show::show))
        .route("/disputes/{dispute_no}/{act}", post(disputes::act::act))
        .route("/disputes/{dispute_no}/evidence/{evidence_id}", get(disputes::evidence::evidence))
        .route("/disputes/{dispute_no}/evidence/{evidence_id}/link", get(disputes::link::link))
        .fallback(async || Problem::from(Refusal::no_such_path()))
        .method_not_allowed_fallback(async || Problem::from(method_not_allowed()));
    Router::new().nest(PREFIX, routes.layer(map_response(never_stored))).with_state(gateway)
}

/// Secrets are told here, and merchants' files handed out: nothing on the way may keep a copy.
async fn never_stored(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
