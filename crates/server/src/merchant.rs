//! The merchant API: signed calls, one file per operation, named as the API names them, and the upload endpoint of the
//! embedded store.

pub(crate) mod dispute;
pub(crate) mod file;
pub(crate) mod upload;

use std::sync::Arc;

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use rebuttal_protocol::Envelope;
use rebuttal_protocol::dispute::{ACCEPT_PATH, CONTEST_PATH, QUERY_PATH};
use rebuttal_protocol::file::GENERATE_UPLOAD_URL_PATH;

use crate::auth::answer_signing::AnswerSigning;
use crate::auth::signature::{NonceUsed, Unrouted};
use crate::gateway::Gateway;
use crate::http::error::{Refusal, json};

/// Everything that answers in the merchant's envelope, behind the layer that signs. Unknown paths are part of it.
pub(crate) fn merchant_calls(gateway: Arc<Gateway>) -> AnswerSigning<Arc<Gateway>> {
    AnswerSigning::around(calls(&gateway), gateway)
}

/// The calls, which cannot be served without that layer.
pub(crate) fn calls(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .route(CONTEST_PATH, post(dispute::contest::contest))
        .route(ACCEPT_PATH, post(dispute::accept::accept))
        .route(QUERY_PATH, post(dispute::query::query))
        .route(GENERATE_UPLOAD_URL_PATH, post(file::generate_upload_url::generate_upload_url))
        .fallback(async |_: Unrouted| Refusal::no_such_path())
        .method_not_allowed_fallback(async |_: Unrouted| Refusal::method_not_allowed())
        .with_state(Arc::clone(gateway))
}

/// What answers where there are no calls. Its refusals settle nothing: elsewhere the same request may be a call.
pub(crate) fn no_calls(gateway: Arc<Gateway>) -> AnswerSigning<Arc<Gateway>> {
    AnswerSigning::around(Router::new().fallback(async || Refusal::no_such_path()), gateway)
}

/// What a merchant's call returns: the envelope's data, or why not.
pub(crate) type Reply<T> = Result<Success<T>, Refusal>;

/// A call that succeeded, its nonce used up.
pub(crate) struct Success<T>(pub(crate) T, pub(crate) NonceUsed);

impl<T: serde::Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        json(&Envelope::ok(self.0))
    }
}
