//! What is known of a merchant's request before any check: it travels in the request's extensions, from the layer that
//! signs answers to the extractor that checks, and tells the layer afterwards what verified.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use axum::body::Body;
use http::Uri;
use http::header::AUTHORIZATION;
use http::request::Parts;
use rebuttal_protocol::{Authorization, Code};

use crate::auth::Auth;
use crate::auth::apps::KnownApp;
use crate::auth::verified::Verified;
use crate::http::body::{self, BodyFailure, ReceivedBody};
use crate::http::error::Refusal;
use crate::http::service::Peer;

/// A merchant's request, unjudged. Header and app are parsed apart from every other check, so that whatever fails, the
/// answer can be signed (contract §2).
pub(crate) struct RequestContext {
    /// Whose failures these would be.
    pub(crate) origin: IpAddr,
    pub(crate) body: Result<ReceivedBody, BodyFailure>,
    pub(crate) header: Result<Authorization, Refusal>,
    /// An error too where the header is one.
    pub(crate) app: Result<Arc<KnownApp>, Refusal>,
    pub(crate) verified: OnceLock<Arc<Verified>>,
}

/// Reads the request and looks up who sent it.
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
        return Err(malformed("is there twice; send it once"));
    }
    Authorization::parse(value.as_bytes()).map_err(|error| malformed(&format!("is not of its form: {error}")))
}

async fn look_up(auth: &Auth, origin: IpAddr, header: &Authorization) -> Result<Arc<KnownApp>, Refusal> {
    if let Some(app) = auth.apps.find(header.app_id).await? {
        return Ok(app);
    }
    auth.rate_limits.failure(origin)?;
    let message = "no app has this appId; check it, and which gateway it belongs to";
    Err(Refusal::new(Code::UnknownApp, message))
}

/// The raw request target: path and query as they stand in the request line.
pub(crate) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}
