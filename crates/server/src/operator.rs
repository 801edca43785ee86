//! The operator API: merchants, apps, tokens and disputes, for the gateway's operators and their systems (contract §8).

pub(crate) mod disputes;
pub(crate) mod merchants;
pub(crate) mod page;
pub(crate) mod request;
pub(crate) mod tokens;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
use axum::middleware::{Next, from_fn};
use axum::routing::{any, get, patch, post};

use http::HeaderValue;
use http::header::CACHE_CONTROL;
use rebuttal_protocol::operator::OperatorActionKind;
pub(crate) use rebuttal_protocol::operator::PREFIX;
use tower_http::set_header::SetResponseHeaderLayer;

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::http::service::catch_panic;
use crate::operator::request::AuthorizedBody;

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
        .route("/disputes/{dispute_no}/{action}", any(async |_: Operator<CanRead>| no_such_path()))
        .route("/disputes/{dispute_no}/evidence/{evidence_id}", get(disputes::evidence::evidence))
        .route("/disputes/{dispute_no}/evidence/{evidence_id}/link", get(disputes::link::link))
        .fallback(async || no_such_path());
    let routes = OperatorActionKind::ALL.iter().fold(routes, |routes, kind| {
        let act = async move |gateway: State<Arc<Gateway>>, change: AuthorizedBody<_, _>| {
            disputes::action::action(*kind, gateway, change).await
        };
        routes.route(&format!("/disputes/{{dispute_no}}/{kind}"), post(act))
    });
    let routes = routes.method_not_allowed_fallback(async || Problem::from(Refusal::method_not_allowed()));
    // The nested routes do not include the prefix with a slash.
    let routes =
        Router::new().nest(PREFIX, routes).route(&format!("{PREFIX}/"), any(async || no_such_path()));
    with_layers(routes).with_state(gateway)
}

fn no_such_path() -> Problem {
    Refusal::no_such_path().into()
}

/// Answers a panic with a problem document, and forbids caches to store answers, which include secrets and merchants'
/// files.
fn with_layers<S: Clone + Send + Sync + 'static>(routes: Router<S>) -> Router<S> {
    let no_store = SetResponseHeaderLayer::overriding(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    let catch_panic = async |request, next: Next| catch_panic(next.run(request)).await.map_err(Problem::from);
    routes.layer(from_fn(catch_panic)).layer(no_store)
}

#[cfg(test)]
mod tests {
    use axum::body::{Body, to_bytes};
    use axum::extract::Request;
    use axum::response::Response;
    use http::header::CONTENT_TYPE;
    use serde_json::{Value, json};
    use tower::ServiceExt as _;

    use super::*;

    #[tokio::test]
    async fn panic_is_answered_with_problem_document_without_cause() {
        async fn panics() -> Response {
            panic!("an internal cause")
        }
        let request = Request::get("/").body(Body::empty()).unwrap();
        let response = with_layers(Router::new().fallback(panics)).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        assert_eq!(response.headers()[CACHE_CONTROL], "no-store");
        assert_eq!(response.status(), 500);
        let body = to_bytes(response.into_body(), 1024).await.unwrap();
        let problem: Value = serde_json::from_slice(&body).unwrap();
        assert_eq!((&problem["code"], &problem["status"]), (&json!("Common.System.Error"), &json!(500)));
        assert!(!problem.to_string().contains("internal cause"), "{problem}");
    }
}
