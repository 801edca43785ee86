//! The gateway as a server: configuration, authentication, the merchant API, the operator API and the sweeper, around
//! a store that decides and an evidence folder that keeps files.
//!
//! [`run()`] is all of it. Only this crate knows axum and HTTP statuses; it knows no SQL.

mod agreement;
mod api;
mod auth;
mod base_url;
mod body;
mod clock;
mod config;
mod data_dir;
mod doctor;
mod error;
mod front;
mod gateway;
mod health;
mod listen;
mod media_types;
mod metrics;
mod moving;
mod openapi;
mod operator;
mod recording;
mod remedy;
mod request_id;
mod routes;
mod run;
mod start;
mod sweeper;
mod unread;

pub use api::dispute::ANSWER_LIMIT;
pub use base_url::{BASE_URL_MAX_BYTES, BaseUrl, InvalidBaseUrl};
pub use config::{
    AUTH_FAILURES_PER_SECOND, COMMIT_BATCH_MAX, CONNECTIONS_MAX, CONNECTIONS_PER_PEER_MAX, Config,
    EvidencePlace, FRESHNESS_WINDOW, FRESHNESS_WINDOW_MAX, FreshnessWindow, InvalidSetting,
    OPERATOR_TOKEN_MAX, OPERATOR_TOKEN_MIN, OTHER_LISTENERS_PART, OperatorToken, READ_NONCE_CAPACITY,
    TlsFiles, UNREFERENCED_UPLOADS_KEPT,
};
pub use doctor::{Asked, DoctorsApp, Examination, Finding, State, examine};
pub use error::{causes, http_status};
pub use metrics::{MetricKind, described_metrics};
pub use moving::{Moved, MovedFiles, Moving, MovingProgress};
pub use rebuttal_store::{Location, MoveError};
pub use run::{Ready, run};
pub use unread::unread;
