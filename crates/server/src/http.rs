//! HTTP below the APIs: connections and their limits, the service of a listener, request bodies, refusals, health.
//!
//! It knows no merchant and no operator: what calls there are is said above it.

pub(crate) mod base_url;
pub(crate) mod body;
pub(crate) mod connection_limits;
pub(crate) mod error;
mod header_timeout;
pub(crate) mod health;
mod idle_state;
pub(crate) mod listener;
pub(crate) mod log_throttle;
pub(crate) mod media_types;
pub(crate) mod metrics;
pub(crate) mod paths;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod service;
pub(crate) mod tls;
mod write_timeout;
