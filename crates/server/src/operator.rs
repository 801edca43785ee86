//! The operator API: merchants, apps, tokens and disputes, for the people who run the gateway and the systems beside it
//! (contract §8).

pub(crate) mod disputes;
pub(crate) mod merchants;
pub(crate) mod page;
pub(crate) mod request;
pub(crate) mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn, map_response};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, patch, post};

use http::HeaderValue;
use http::header::CACHE_CONTROL;
pub(crate) use rebuttal_protocol::operator::PREFIX;

use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::http::service::catch_panic;

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
        .route("/merchants/{merchant_id}/apps/{app_id}/endOverlap", post(merchants::end_overlap::end_overlap))
        .route("/tokens", post(tokens::create::create).get(tokens::list::list))
        .route("/tokens/{name}/revoke", post(tokens::revoke::revoke))
        .route("/disputes", post(disputes::open::open).get(disputes::list::list))
        .route("/disputes/{dispute_no}", get(disputes::show::show))
        .route("/disputes/{dispute_no}/{action}", post(disputes::action::action))
        .route("/disputes/{dispute_no}/evidence/{evidence_id}", get(disputes::evidence::evidence))
        .route("/disputes/{dispute_no}/evidence/{evidence_id}/link", get(disputes::link::link))
        .fallback(async || Problem::from(Refusal::no_such_path()))
        .method_not_allowed_fallback(async || Problem::from(Refusal::method_not_allowed()));
    Router::new().nest(PREFIX, guarded(routes)).with_state(gateway)
}

/// Routes whose answers nobody keeps, and whose handlers are answered for where they panic.
fn guarded<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    routes.layer(from_fn(catch_panic_as_problem)).layer(map_response(no_store))
}

async fn catch_panic_as_problem(request: Request, next: Next) -> Response {
    catch_panic(next.run(request), |refusal| Problem::from(refusal).into_response()).await
}

/// Secrets are told here, and merchants' files handed out: nothing on the way may keep a copy.
async fn no_store(mut response: Response) -> Response {
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use http::header::CONTENT_TYPE;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn a_handler_that_panics_is_a_problem_that_tells_no_cause() {
        async fn panics() -> Response {
            panic!("a cause that is nobody's business")
        }
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = guarded(Router::new().fallback(panics)).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.status(), 500);
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&json!("Common.System.Error"), &json!(500)));
        assert!(!problem.to_string().contains("business"), "{problem}");
    }
}
