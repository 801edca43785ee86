//! The paths of everything that is neither a merchant call nor an operator action.

/// Liveness.
pub(crate) const HEALTHZ: &str = "/healthz";
/// Readiness.
pub(crate) const READYZ: &str = "/readyz";
/// The metrics, on a separate listener.
pub(crate) const METRICS: &str = "/metrics";
/// The OpenAPI document.
pub(crate) const OPENAPI: &str = "/openapi.json";
/// The page that shows the OpenAPI document.
pub(crate) const DOCS: &str = "/docs";
/// The style of that page.
pub(crate) const DOCS_STYLE: &str = "/docs/page.css";
/// The script of that page.
pub(crate) const REDOC: &str = "/docs/redoc-2.5.4.js";
/// Target of the upload forms for the evidence folder.
pub(crate) const UPLOADED: &str = "/uploaded";
