//! The OpenAPI document of a listener, and a page to read it. Both are the same bytes for every caller: the document is
//! made from the code when it is first requested, and the page is Redoc, which reads the document in the browser.

mod call;
mod disputes;
mod document;
mod examples;
mod merchants;
mod operators;
mod schemas;
mod signing;

use std::sync::{Arc, LazyLock};

use axum::Router;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, IF_NONE_MATCH, REFERRER_POLICY,
    X_CONTENT_TYPE_OPTIONS,
};
use http::{HeaderMap, HeaderValue, StatusCode};
use sha2::{Digest, Sha256};
use tokio::sync::OnceCell;

use crate::http::error::Refusal;
use crate::http::paths::{DOCS, DOCS_STYLE, OPENAPI, REDOC};

/// The APIs that a listener serves, and that its document describes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apis {
    /// The merchants' calls.
    pub(crate) merchants: bool,
    /// The upload endpoint of the built-in store.
    pub(crate) uploads: bool,
    /// The operators' calls.
    pub(crate) operators: bool,
}

/// Redoc 2.5.4 from npm, unmodified. [`DOCS_PAGE`] has its hash; its licence is in the same folder.
static REDOC_SCRIPT: &[u8] = include_bytes!("../assets/redoc/redoc.standalone.js");
static DOCS_PAGE: &[u8] = include_bytes!("openapi/page.html");

/// The page and its assets, hashed when they are first requested.
static PAGE_BODY: LazyLock<StaticBody> =
    LazyLock::new(|| StaticBody::new("text/html; charset=utf-8", REVALIDATE, Bytes::from_static(DOCS_PAGE)));
static STYLE_BODY: LazyLock<StaticBody> = LazyLock::new(|| {
    let css = Bytes::from_static(include_bytes!("openapi/page.css"));
    StaticBody::new("text/css; charset=utf-8", REVALIDATE, css)
});
static REDOC_BODY: LazyLock<StaticBody> = LazyLock::new(|| {
    StaticBody::new("text/javascript; charset=utf-8", IMMUTABLE, Bytes::from_static(REDOC_SCRIPT))
});

/// The page's policy: its own scripts and styles and the document, no other host, no form, no frame. Redoc adds two
/// style elements, an empty one that it fills by script and its loading indicator's; their hashes allow them.
const DOCS_POLICY: &str = "default-src 'none'; script-src 'self'; \
     style-src 'self' 'sha256-47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=' \
     'sha256-QMIg+bpjm3JdElJ388KYke01izlUW0UoNOeKjpMxdgc='; \
     img-src data:; connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";
/// Revalidate each time: another version of the gateway has another document.
const REVALIDATE: &str = "no-cache";
/// A year: the version is part of the path.
const IMMUTABLE: &str = "public, max-age=31536000, immutable";

pub(crate) fn router(apis: Apis) -> Router {
    let document = Arc::new(OnceCell::new());
    let send_document = async move |headers: HeaderMap| -> Result<Response, Refusal> {
        let make = async || {
            let json = document::document(apis)?.to_json()?;
            anyhow::Ok(StaticBody::new("application/json", REVALIDATE, json.into()))
        };
        let body: &StaticBody = document.get_or_try_init(make).await.map_err(Refusal::internal)?;
        Ok(body.response(&headers))
    };
    Router::new()
        .route(OPENAPI, get(send_document))
        .route(DOCS, get(async |headers: HeaderMap| PAGE_BODY.response(&headers)))
        .route(DOCS_STYLE, get(async |headers: HeaderMap| STYLE_BODY.response(&headers)))
        .route(REDOC, get(async |headers: HeaderMap| REDOC_BODY.response(&headers)))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
}

/// Bytes that never change while the process runs.
struct StaticBody {
    media_type: &'static str,
    caching: &'static str,
    bytes: Bytes,
    /// Their SHA-256 in quotes.
    etag: String,
}

impl StaticBody {
    fn new(media_type: &'static str, caching: &'static str, bytes: Bytes) -> Self {
        let etag = format!("\"{}\"", hex::encode(Sha256::digest(&bytes)));
        Self { media_type, caching, bytes, etag }
    }

    /// The bytes, or 304 if the caller has them.
    fn response(&self, request: &HeaderMap) -> Response {
        let headers = [
            (ETAG, self.etag.as_str()),
            (CACHE_CONTROL, self.caching),
            (X_CONTENT_TYPE_OPTIONS, "nosniff"),
            (CONTENT_SECURITY_POLICY, DOCS_POLICY),
            (REFERRER_POLICY, "no-referrer"),
        ];
        if request.get_all(IF_NONE_MATCH).iter().any(|tags| matches(tags, &self.etag)) {
            return (StatusCode::NOT_MODIFIED, headers).into_response();
        }
        (headers, [(CONTENT_TYPE, self.media_type)], self.bytes.clone()).into_response()
    }
}

/// Whether a list of entity tags has this one (RFC 9110 §13.1.2, by weak comparison).
fn matches(tags: &HeaderValue, etag: &str) -> bool {
    let mut tags = tags.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tags.any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

#[cfg(test)]
mod tests;
