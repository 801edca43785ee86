//! The one place that signs answers: a service around everything that speaks the merchant's envelope, 404, 405 and 413
//! included. It reads the request whole, and signs the final bytes of whatever was answered (contract §2).
//!
//! It checks nothing. That is [`crate::auth::signature`]'s, behind it.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::{Arc, OnceLock};
use std::task::{Context, Poll};

use axum::Router;
use axum::body::Body;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use http::header::AUTHORIZATION;
use http::request::Parts;
use http::{HeaderValue, Method, Request};
use http_body_util::BodyExt;
use rebuttal_protocol::signature::{Message, Signer};
use rebuttal_protocol::{Authorization, Code, Finality, answer_nonce};
use tower::Service;

use crate::auth::apps::KnownApp;
use crate::auth::request_context::{RequestContext, target};
use crate::auth::{Auth, HasAuth};
use crate::clock;
use crate::http::body::{self, NoBody};
use crate::http::error::Refusal;
use crate::http::service::{Peer, surviving};

/// Signs what a router answers.
#[derive(Clone)]
pub(crate) struct AnswerSigning<S> {
    router: Router,
    state: S,
}

impl<S> AnswerSigning<S> {
    pub(crate) const fn around(router: Router, state: S) -> Self {
        Self { router, state }
    }
}

impl<S: HasAuth + Clone + 'static> Service<Request<Body>> for AnswerSigning<S> {
    type Response = Response;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let Self { router, state } = self.clone();
        Box::pin(async move { Ok(answer(router, state, request).await) })
    }
}

async fn answer(mut router: Router, state: impl HasAuth, request: Request<Body>) -> Response {
    let (mut parts, body) = request.into_parts();
    let caller = Arc::new(identify(state.auth(), &parts, body).await);
    if let Err(fault @ (NoBody::TooSlow | NoBody::Broken | NoBody::BadChunk)) = caller.body {
        return fault.into_response();
    }
    let (method, uri) = (parts.method.clone(), parts.uri.clone());
    parts.extensions.insert(Arc::clone(&caller));
    let request = Request::from_parts(parts, Body::empty());
    let answered = async { router.call(request).await.into_response() };
    let response = surviving(answered, Refusal::into_response).await;
    sign(state.auth(), &caller, &method, target(&uri), response).await
}

/// Reads the request and looks up who sent it.
async fn identify(auth: &Auth, parts: &Parts, body: Body) -> RequestContext {
    let peer = parts.extensions.get::<Peer>().map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
    let origin = auth.rates.origin(peer, &parts.headers);
    let header = parse_header(parts);
    let body = body::read(parts, body).await;
    let app = match &header {
        Ok(header) => look_up(auth, origin, header).await,
        Err(refusal) => Err(refusal.clone()),
    };
    RequestContext { origin, body, header, app, verified: OnceLock::new() }
}

fn parse_header(parts: &Parts) -> Result<Authorization, Refusal> {
    let malformed = |why: &str| Refusal::new(Code::AuthMalformed, format!("the Authorization header {why}"));
    let mut values = parts.headers.get_all(AUTHORIZATION).iter();
    let value = values
        .next()
        .ok_or_else(|| malformed("is missing; send V2_SHA256 appId=…,sign=…,timestamp=…,nonce=…"))?;
    if values.next().is_some() {
        return Err(malformed("is there twice; send it once"));
    }
    Authorization::parse(value.as_bytes()).map_err(|error| malformed(&format!("is not of its form: {error}")))
}

async fn look_up(
    auth: &Auth,
    origin: std::net::IpAddr,
    header: &Authorization,
) -> Result<Arc<KnownApp>, Refusal> {
    if let Some(app) = auth.apps.find(header.app_id).await? {
        return Ok(app);
    }
    auth.rates.failure(origin)?;
    let message = "no app has this appId; check it, and which gateway it belongs to";
    Err(Refusal::new(Code::UnknownApp, message))
}

/// Signs an answer where header and app could be read, whatever else failed; as a notice, unless the checks behind
/// settled it.
async fn sign(
    auth: &Auth,
    caller: &RequestContext,
    method: &Method,
    target: &str,
    response: Response,
) -> Response {
    let (Ok(header), Ok(app)) = (&caller.header, &caller.app) else { return response };
    let now = clock::now();
    let (app, secret, url_index, finality) = match caller.verified.get() {
        Some(verified) => (&verified.app, verified.secret(), verified.url_index, verified.finality()),
        None => (app, app.valid_secrets(now).next(), 0, Finality::Notice),
    };
    let Some(secret) = secret else { return response };

    let (mut parts, body) = response.into_parts();
    // Answers to merchants are bytes in memory: collecting them neither waits nor fails.
    let body = body.collect().await.map(http_body_util::Collected::to_bytes).unwrap_or_default();
    let base_url = auth.public_url(url_index);
    // The answer to HEAD has no body on the wire.
    let seen = if *method == Method::HEAD { Bytes::new() } else { body.clone() };
    let message = Message { method: method.as_str(), base_url, target, body: &seen };
    let nonce = answer_nonce(finality, &header.nonce, &header.sign);
    let signer = Signer { scheme: app.scheme, app_id: app.app_id, secret: &secret.secret };
    let signed = signer.authorize(now, nonce, &message);
    if let Ok(value) = HeaderValue::try_from(signed.to_string()) {
        parts.headers.insert(AUTHORIZATION, value);
    }
    Response::from_parts(parts, Body::from(body))
}
