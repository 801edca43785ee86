//! The database behind the gateway: all SQL, and the committer that every change goes through.
//!
//! A change is a [`WriteRequest`]; [`Store::commit`] queues it for the committer, which commits all waiting requests
//! in one transaction and answers each caller after the commit. `rebuttal-disputes` decides the outcome; this crate
//! loads what a decision needs and saves its result.

mod accounts;
mod batch;
mod committer;
mod dispute_list;
mod error;
mod examine;
mod examined;
mod lanes;
mod layout_progress;
mod location;
mod meta;
mod meters;
mod migrate_data;
mod pending_migration;
mod postgres;
mod schema;
mod sqlite;
mod statements;
mod store;
mod stored_submission;
mod table_digest;
mod tables;
mod verify_histories;
mod views;
mod write_request;

pub use accounts::{
    AccountChange, AccountRefusal, AffectedApps, AppRecord, ChangedApp, CreatedToken, EncryptedAppSecret,
    EncryptedSecret, KeyCheck, MerchantRecord, SecretId, TokenHash, TokenRecord,
};
pub use batch::SECRETS_SHOWN_FOR;
pub use committer::Options;
pub use error::{CommitError, InvalidLocation, StoreError};
pub use examine::examine;
pub use examined::{Defect, Examined};
pub use lanes::CommitTraffic;
pub use location::{Location, PostgresAddress};
pub use migrate_data::{
    DataMigration, DataMigrationError, DataMigrationProgress, DataMigrationStep, MigratedTable,
};
pub use pending_migration::PendingMigration;
pub use postgres::ANSWER_LIMIT;
pub use store::Store;
pub use verify_histories::{HistoryReport, verify_histories};
pub use views::{
    Backlog, DisputeCursor, DisputeDetail, DisputeFilter, DisputePage, DisputeRecord, Inspections,
    MarkedUpload,
};
pub use write_request::{
    Idempotency, IdempotencyKey, Maintenance, NonceUse, Operation, Outcome, QueuedRequest, Rejection,
    RequestHash, SingleOperation, Upload, WriteRequest, WriteResult,
};

/// The schema generation of this binary. A database whose `min_binary` is greater is not opened.
///
/// 2: tokens have roles, and can be revoked. 3: history and submissions are appended to tables of another layout.
pub const SCHEMA_GENERATION: u32 = 3;
