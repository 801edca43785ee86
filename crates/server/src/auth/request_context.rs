//! What is known about a merchant request before any check. It is passed in the request's extensions from the layer
//! that signs answers to the extractor that verifies, which stores in it what verified the signature.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use http::Uri;
use http::header::AUTHORIZATION;
use http::request::Parts;
use rebuttal_protocol::{Authorization, Code};

use crate::auth::Auth;
use crate::auth::apps::KnownApp;
use crate::auth::verified::VerifiedRequest;
use crate::http::body::{self, BodyFailure, ReceivedBody};
use crate::http::error::Refusal;
use crate::http::service::Peer;

/// A merchant request before verification. Header and app are parsed first and separately, so that the answer can be
/// signed whatever check fails later (contract §2).
pub(crate) struct RequestContext {
    /// The address under which authentication failures are counted.
    pub(crate) origin: IpAddr,
    pub(crate) body: Result<ReceivedBody, BodyFailure>,
    pub(crate) header: Result<Authorization, Refusal>,
    /// An error if the app cannot be looked up, or the header cannot be parsed.
    pub(crate) app: Result<Arc<KnownApp>, Refusal>,
    pub(crate) verified: OnceLock<Arc<VerifiedRequest>>,
}

/// Reads the body and looks up the app.
pub(super) async fn identify(auth: &Auth, parts: &Parts, body: Body) -> RequestContext {
    let peer = parts.extensions.get::<Peer>().map_or(std::net::Ipv4Addr::UNSPECIFIED.into(), |peer| peer.0);
    let origin = auth.rate_limits.origin(peer, &parts.headers);
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
        return Err(malformed("occurs more than once; send it once"));
    }
    Authorization::parse(value.as_bytes()).map_err(|error| malformed(&format!("is malformed: {error}")))
}

async fn look_up(auth: &Auth, origin: IpAddr, header: &Authorization) -> Result<Arc<KnownApp>, Refusal> {
    if let Some(app) = auth.apps.find(header.app_id).await? {
        return Ok(app);
    }
    auth.rate_limits.failure(origin)?;
    let message = "no app has this appId; check the appId and that the request was sent to the right gateway";
    Err(Refusal::new(Code::UnknownApp, message))
}

/// The raw request target: path and query as in the request line.
pub(crate) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}
