//! The middleware that signs every answer with a merchant envelope, 404, 405 and 413 included. It reads the whole
//! request, and signs the final bytes of the answer (contract §2).
//!
//! It verifies nothing: the handlers do, through [`crate::auth::signature`].

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Method};
use http_body_util::BodyExt;
use rebuttal_protocol::signature::{Message, Signer};
use rebuttal_protocol::{Finality, answer_nonce};

use crate::auth::request_context::{RequestContext, identify, target};
use crate::auth::{Auth, HasAuth};
use crate::clock;
use crate::http::body::BodyFailure;
use crate::http::service::catch_panic;

/// Identifies the caller for the handlers, and signs their answers.
pub(crate) async fn sign_answers<S: HasAuth>(
    State(state): State<S>,
    request: Request,
    next: Next,
) -> Response {
    let (mut parts, body) = request.into_parts();
    let context = Arc::new(identify(state.auth(), &parts, body).await);
    if let Err(
        fault @ (BodyFailure::TooSlow | BodyFailure::Paused | BodyFailure::Broken | BodyFailure::BadChunk),
    ) = context.body
    {
        return fault.into_response();
    }
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    parts.extensions.insert(Arc::clone(&context));
    let request = Request::from_parts(parts, Body::empty());
    let response = catch_panic(next.run(request)).await.into_response();
    sign(state.auth(), &context, &method, target(&uri), response).await
}

/// Signs an answer if the header could be parsed and the app is known, whatever else failed. The answer is a notice
/// unless the checks in the handlers settled it.
async fn sign(
    auth: &Auth,
    context: &RequestContext,
    method: &Method,
    target: &str,
    response: Response,
) -> Response {
    let (Ok(header), Ok(app)) = (&context.header, &context.app) else { return response };
    let now = clock::now();
    let (app, secret, url_index, finality) = match context.verified.get() {
        Some(verified) => (&verified.app, verified.secret(), verified.url_index, verified.finality()),
        None => (app, app.valid_secrets(now).next(), 0, Finality::Notice),
    };
    let Some(secret) = secret else { return response };

    let (mut parts, body) = response.into_parts();
    // Answers to merchants are in memory: collecting them neither waits nor fails.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let base_url = auth.public_url(url_index);
    // The answer to HEAD has no body on the wire.
    let signed_body = if *method == Method::HEAD { Bytes::new() } else { body.clone() };
    let message = Message { method: method.as_str(), base_url, target, body: &signed_body };
    let nonce = answer_nonce(finality, &header.nonce, &header.sign);
    let signer = Signer { scheme: app.scheme, app_id: app.app_id, secret: &secret.secret };
    let signed = signer.authorize(now, nonce, &message);
    if let Ok(value) = HeaderValue::try_from(signed.to_string()) {
        parts.headers.insert(AUTHORIZATION, value);
    }
    Response::from_parts(parts, Body::from(body))
}
