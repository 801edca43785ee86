//! HTTP below the APIs: listeners, connection limits, request service, bodies, refusals, health. It knows neither
//! merchants nor operators.

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
pub(crate) mod origin;
pub(crate) mod pace;
pub(crate) mod paths;
pub(crate) mod problem;
pub(crate) mod request_id;
pub(crate) mod service;
pub(crate) mod tls;
pub(crate) mod unread_body;
mod write_timeout;
