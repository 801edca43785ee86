//! The gateway's description of itself: an OpenAPI document, and a page to read it. Both are the same bytes for
//! everybody, made once when they are first asked for, from the code and nothing of the installation.

mod call;
mod disputes;
mod document;
mod examples;
mod merchants;
mod operators;
mod page;
mod shapes;
mod signing;
mod values;
mod words;

use std::sync::Arc;

use axum::Router;
use axum::extract::State;
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
use crate::http::paths::{DOCS, OPENAPI};

/// What a listener serves beside this, and so what its document tells.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Apis {
    /// The merchants' calls.
    pub(crate) merchants: bool,
    /// The embedded store's end of an upload form.
    pub(crate) uploads: bool,
    /// The operators' calls.
    pub(crate) operators: bool,
}

/// Bytes that are made when they are first asked for.
struct Made {
    apis: Apis,
    document: OnceCell<Fixed>,
    docs: OnceCell<Fixed>,
}

/// Bytes that never change, and the name by which a cache knows them.
#[derive(Clone)]
struct Fixed {
    bytes: Bytes,
    etag: HeaderValue,
}

pub(crate) fn router(apis: Apis) -> Router {
    let made = Made { apis, document: OnceCell::new(), docs: OnceCell::new() };
    Router::new()
        .route(OPENAPI, get(document))
        .route(DOCS, get(docs))
        .method_not_allowed_fallback(async || Refusal::method_not_allowed())
        .with_state(Arc::new(made))
}

async fn document(State(made): State<Arc<Made>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let make = async || Fixed::of(document::document(made.apis)?.to_json()?);
    let fixed = made.document.get_or_try_init(make).await.map_err(Refusal::internal)?;
    Ok(fixed.answer("application/json", &headers))
}

async fn docs(State(made): State<Arc<Made>>, headers: HeaderMap) -> Result<Response, Refusal> {
    let make = async || Fixed::of(page::page(&document::document(made.apis)?));
    let fixed = made.docs.get_or_try_init(make).await.map_err(Refusal::internal)?;
    let mut response = fixed.answer("text/html; charset=utf-8", &headers);
    let policy = HeaderValue::try_from(page::policy()).map_err(Refusal::internal)?;
    response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    response.headers_mut().insert(REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    Ok(response)
}

impl Fixed {
    fn of(text: String) -> anyhow::Result<Self> {
        let name = hex::encode(Sha256::digest(&text));
        Ok(Self { bytes: text.into(), etag: HeaderValue::try_from(format!("\"{name}\""))? })
    }

    /// The bytes, unless the asker has them. A cache asks each time: another version of the gateway has others.
    fn answer(&self, media_type: &'static str, headers: &HeaderMap) -> Response {
        let has_them = headers.get_all(IF_NONE_MATCH).iter().any(|tags| names(tags, &self.etag));
        let mut response = match has_them {
            true => StatusCode::NOT_MODIFIED.into_response(),
            false => ([(CONTENT_TYPE, media_type)], self.bytes.clone()).into_response(),
        };
        let headers = response.headers_mut();
        headers.insert(ETAG, self.etag.clone());
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-cache"));
        headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        response
    }
}

/// Whether a list of entity tags names this one (RFC 9110 §13.1.2, by the weak comparison).
fn names(tags: &HeaderValue, etag: &HeaderValue) -> bool {
    let mut tags = tags.as_bytes().split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
    tags.any(|tag| tag == b"*" || tag.strip_prefix(b"W/").unwrap_or(tag) == etag.as_bytes())
}

#[cfg(test)]
mod tests;
