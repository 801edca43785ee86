//! The paths of everything that is not a merchant's call or an operator's.

/// Whether the process is alive.
pub(crate) const HEALTHZ: &str = "/healthz";
/// Whether the gateway can serve.
pub(crate) const READYZ: &str = "/readyz";
/// The metrics, on a listener of their own.
pub(crate) const METRICS: &str = "/metrics";
/// The OpenAPI document.
pub(crate) const OPENAPI: &str = "/openapi.json";
/// The page to read the OpenAPI document on.
pub(crate) const DOCS: &str = "/docs";
/// The style of that page.
pub(crate) const DOCS_STYLE: &str = "/docs/page.css";
/// The script of that page.
pub(crate) const REDOC: &str = "/docs/redoc-2.5.4.js";
/// Where the upload forms of the evidence folder are posted to.
pub(crate) const UPLOADED: &str = "/uploaded";
