//! The rows of the table `meta`: their keys, and how values are stored.

/// Location of the evidence store.
pub(crate) const EVIDENCE_LOCATION: &str = "evidence_place";
/// Random id of the installation.
pub(crate) const IDENTITY: &str = "identity";
/// Fencing token: only the database that holds the bucket's newest one deletes evidence from it.
pub(crate) const SWEEP_FENCE: &str = "sweep_fence";
/// The latest time that a gateway trusted.
pub(crate) const CLOCK_TRUSTED_AT: &str = "clock_trusted_at";
/// In a database whose data was migrated: the target.
pub(crate) const MIGRATED_TO: &str = "migrated_to";
/// In the target of an unfinished data migration: where it continues.
pub(crate) const DATA_MIGRATION: &str = "data_migration";
/// The oldest schema generation that may open the database.
pub(crate) const MIN_BINARY: &str = "min_binary";
/// Requests with this timestamp or an older one are refused.
pub(crate) const NONCE_BOUND: &str = "nonce_bound";
/// In SQLite, while the queue may have rows of disputes that have left it.
pub(crate) const STALE_QUEUE_ROWS: &str = "stale_queue_rows";
/// Check value of the master key.
pub(crate) const KEY_CHECK: &str = "key_check";

/// A number as the rows of `meta` store it.
pub(crate) fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A text as the rows of `meta` store it.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
