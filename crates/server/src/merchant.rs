//! The merchant API: signed calls, one file per operation, named as in the API, and the upload endpoint of the built-in
//! store.

pub(crate) mod dispute;
pub(crate) mod file;
pub(crate) mod upload;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn_with_state;
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, post};
use rebuttal_protocol::{Envelope, MerchantCall};

use crate::auth::answer_signing::sign_answers;
use crate::auth::signature::{NonceUsed, Unrouted};
use crate::gateway::Gateway;
use crate::http::error::{Refusal, json};
use crate::merchant::dispute::accept::accept;
use crate::merchant::dispute::contest::contest;
use crate::merchant::dispute::query::query;
use crate::merchant::file::generate_upload_url::generate_upload_url;

/// The calls and the fallback for all other paths; every answer is signed.
pub(crate) fn router(gateway: &Arc<Gateway>) -> Router {
    let calls = MerchantCall::ALL
        .iter()
        .fold(Router::new(), |router, call| router.route(call.path(), handler(*call)));
    calls
        .fallback(async |_: Unrouted| Refusal::no_such_path())
        .method_not_allowed_fallback(async |_: Unrouted| Refusal::method_not_allowed())
        .layer(from_fn_with_state(Arc::clone(gateway), sign_answers::<Arc<Gateway>>))
        .with_state(Arc::clone(gateway))
}

fn handler(call: MerchantCall) -> MethodRouter<Arc<Gateway>> {
    match call {
        MerchantCall::GenerateUploadUrl => post(generate_upload_url),
        MerchantCall::Contest => post(contest),
        MerchantCall::Accept => post(accept),
        MerchantCall::Query => post(query),
    }
}

/// The fallback of a listener without merchant calls. Its answer settles nothing: the same request may be a valid call
/// elsewhere.
pub(crate) fn no_calls(gateway: &Arc<Gateway>) -> Router {
    Router::new()
        .fallback(async || Refusal::no_such_path())
        .layer(from_fn_with_state(Arc::clone(gateway), sign_answers::<Arc<Gateway>>))
}

/// Result of a merchant call: the data of the envelope, or the refusal.
pub(crate) type Reply<T> = Result<Success<T>, Refusal>;

/// A successful call whose nonce is used up.
pub(crate) struct Success<T>(pub(crate) T, pub(crate) NonceUsed);

impl<T: serde::Serialize> IntoResponse for Success<T> {
    fn into_response(self) -> Response {
        json(&Envelope::ok(self.0))
    }
}
