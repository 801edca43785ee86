//! What is known of a merchant's request before any check: it travels in the request's extensions, from the layer that
//! signs answers to the extractor that checks, and tells the layer afterwards what verified.

use std::net::IpAddr;
use std::sync::{Arc, OnceLock};

use http::Uri;
use rebuttal_protocol::Authorization;

use crate::auth::apps::KnownApp;
use crate::auth::signature::Verified;
use crate::http::body::{Arrived, NoBody};
use crate::http::error::Refusal;

/// A merchant's request, unjudged. Header and app are parsed apart from every other check, so that whatever fails, the
/// answer can be signed (contract §2).
pub(crate) struct RequestContext {
    /// Whose failures these would be.
    pub(crate) origin: IpAddr,
    pub(crate) body: Result<Arrived, NoBody>,
    pub(crate) header: Result<Authorization, Refusal>,
    /// An error too where the header is one.
    pub(crate) app: Result<Arc<KnownApp>, Refusal>,
    pub(crate) verified: OnceLock<Arc<Verified>>,
}

/// The raw request target: path and query as they stand in the request line.
pub(crate) fn target(uri: &Uri) -> &str {
    uri.path_and_query().map_or("/", |target| target.as_str())
}
