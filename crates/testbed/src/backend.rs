//! The database and evidence store that the gateways of a test run use. `cargo xtask test` runs the end-to-end tests
//! once on each backend, and they do not depend on which; tests of the default's own files say so.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::postgres::Database;
use crate::s3::{Bucket, Store};

/// Names the backend of a run, joined by `+`: nothing for SQLite and a folder, `postgres` for PostgreSQL, `s3` for S3.
pub const VARIABLE: &str = "REBUTTAL_TEST_BACKEND";

/// The database of each data directory, for a restarted gateway or another one on the same data. Dropped with the
/// cluster.
static DATABASES: Mutex<BTreeMap<PathBuf, Database>> = Mutex::new(BTreeMap::new());

/// The bucket of each data directory, likewise.
static BUCKETS: Mutex<BTreeMap<PathBuf, Bucket>> = Mutex::new(BTreeMap::new());

/// Whether this run's backend includes a part.
#[must_use]
pub fn includes(part: &str) -> bool {
    std::env::var(VARIABLE).is_ok_and(|backend| backend.split('+').any(|name| name == part))
}

/// The URL of the database of a data directory, unless it is SQLite in that directory.
pub(crate) fn database(data: &Path) -> Option<String> {
    if !includes("postgres") {
        return None;
    }
    let mut databases = DATABASES.lock().unwrap_or_else(PoisonError::into_inner);
    Some(databases.entry(data.to_owned()).or_insert_with(Database::shared).url())
}

/// The bucket with the evidence of a data directory, unless it is a folder in that directory.
pub(crate) fn bucket(data: &Path) -> Option<Bucket> {
    if !includes("s3") {
        return None;
    }
    let mut buckets = BUCKETS.lock().unwrap_or_else(PoisonError::into_inner);
    Some(buckets.entry(data.to_owned()).or_insert_with(|| Store::shared().bucket()).clone())
}
