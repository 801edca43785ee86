//! The gateway as a server: settings, authentication, the merchant API, the operator API and background jobs, on top of
//! `rebuttal_store` (decides and commits) and `rebuttal_evidence` (stores files).
//!
//! The entry point is [`run()`]. Only this crate knows axum and HTTP statuses; it contains no SQL.

mod auth;
mod clock;
mod gateway;
mod http;
mod io_hints;
mod jobs;
mod merchant;
mod metrics;
mod openapi;
mod operator;
mod scanner;
mod setup;
mod workers;

pub use crate::http::base_url::{BASE_URL_MAX_BYTES, BaseUrl, InvalidBaseUrl};
pub use crate::http::error::{causes, http_status};
pub use crate::http::origin::{InvalidOrigin, Origin};
pub use crate::http::tls::TlsFiles;
pub use io_hints::read_error_reason;
pub use merchant::dispute::ANSWER_LIMIT;
pub use metrics::{MetricKind, described_metrics};
pub use rebuttal_documents::worker;
pub use rebuttal_store::{DataMigrationError, Location};
pub use scanner::{InvalidScannerAddress, ScannerAddress};
pub use setup::config::{
    AUTH_FAILURES_PER_SECOND, COMMIT_BATCH_MAX, CONNECTIONS_MAX, Config, EvidenceLocation,
    FRESHNESS_WINDOW_MAX, FreshnessWindow, IDLE_TIMEOUT, InvalidSetting, OPERATOR_TOKEN_MAX,
    OPERATOR_TOKEN_MIN, OTHER_LISTENERS_PART, OperatorToken, READ_NONCE_CAPACITY,
    UNREFERENCED_UPLOAD_RETENTION,
};
pub use setup::doctor::{DoctorApp, Examination, ExamineOptions, Finding, Severity, examine};
pub use setup::migrate_data::{MigratedFiles, Migration, MigrationProgress, MigrationReport};
pub use setup::run::{Ready, run};
pub use workers::Workers;
