//! A inspector at a database without serving from it, and without changing it: what a doctor needs to know.

use std::path::Path;
use std::time::Instant;

use rebuttal_protocol::UnixMillis;

use crate::error::{DATA_MIGRATION, EVIDENCE_PLACE, IDENTITY, MIGRATED_TO, SWEEP_FENCE};
use crate::location::{Location, PostgresAddress};
use crate::{KeyCheck, SCHEMA_GENERATION, SealedAppSecret, StoreError, TokenHash, postgres, sqlite};

/// What tells the generations that may open the database.
pub(crate) const MIN_BINARY: &str = "min_binary";
const NONCE_BOUND: &str = "nonce_bound";
/// What tells the right master key.
pub(crate) const KEY_CHECK: &str = "key_check";
/// SealedAppSecret secrets that are looked at: a second or so.
pub(crate) const SEALED_MAX: u32 = 100_000;

/// What was seen of a database.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// The value that tells the right master key; `None` until a gateway has started on it.
    pub key_check: Option<KeyCheck>,
    /// What tells the installation from every other one, once a gateway that knows of it has served.
    pub identity: Option<Vec<u8>>,
    /// Timestamps at or below it are refused.
    pub nonce_bound: Option<UnixMillis>,
    /// The newest entry of any dispute's history.
    pub newest_entry_at: Option<UnixMillis>,
    /// The server's own clock, where it has one, and when it was read.
    pub server_time: Option<(UnixMillis, Instant)>,
    /// What tells the place that the evidence lies in, once a gateway has served.
    pub evidence_place: Option<String>,
    /// The fence that tells this database from its copies, once it has swept a bucket.
    pub sweep_fence: Option<String>,
    /// Whether any upload is recorded.
    pub has_uploads: bool,
    /// Whether the token that was asked for lets somebody in; `None` where that was not looked at.
    pub knows_token: Option<bool>,
    /// The apps' secrets as they lie there, 100,000 at most.
    pub sealed: Vec<SealedAppSecret>,
    /// What is wrong with it.
    pub defects: Vec<Defect>,
}

/// Something that is wrong with a database; each sentence says what, why it matters, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Defect {
    /// It has no schema: no gateway has started on it, or it is not a gateway's.
    #[error("no gateway has started on this database yet; the first start makes what it needs")]
    Empty,
    /// A newer version has added to the schema.
    #[error(
        "a newer version of rebuttal has added to the schema: migration {0}. This version can go on beside that one; end \
         the upgrade, so that every gateway is of the newer"
    )]
    Ahead(String),
    /// This version has yet to add to the schema.
    #[error(
        "an older version of rebuttal has made the schema, without migration {0}: the next start of this one makes that. \
         Take a backup before"
    )]
    Behind(String),
    /// Migrations of the same numbers made something else.
    #[error(
        "another build of rebuttal has made migration {0} differently: this binary does not belong to this database. Start \
         one of the version that served it"
    )]
    OtherSchema(String),
    /// The history of migrations, or something that they made, is missing.
    #[error(
        "the schema is incomplete: {0}. Something other than rebuttal has changed it, or only a part of it was restored. Stop \
         every gateway, keep the database as it is, and restore it whole from a backup"
    )]
    Incomplete(String),
    /// A newer version made the schema.
    #[error("the schema needs a binary of generation {0} or later; start a newer version of rebuttal")]
    TooNew(u32),
    /// The content was moved elsewhere.
    #[error("the content was moved to {0}; set database_url to that")]
    DataMigrated(String),
    /// A move into it was broken off.
    #[error("a move into this database is not finished; run `rebuttal move` again")]
    DataMigrationUnfinished,
    /// Pages do not fit together.
    #[error(
        "the file is damaged ({0}): stop the gateway, keep the file as it is, and restore the database from a backup, as \
         docs/operate/backup-and-restore.md tells"
    )]
    Damaged(String),
    /// What the server_warnings before it may have kept from being seen.
    #[error("the rest could not be looked at: {0}")]
    Unreadable(String),
    /// Something about the server, or what stands before it, endangers what a gateway promises.
    #[error("{0}")]
    Server(String),
}

impl Defect {
    /// Whether there may be nothing to read.
    pub(crate) const fn hides(&self) -> bool {
        matches!(self, Self::Empty | Self::Incomplete(_) | Self::OtherSchema(_))
    }

    /// Whether a gateway of this version would not serve as it should.
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Empty | Self::Ahead(_) | Self::Behind(_))
    }

    /// Whether all that this version knows of can be read all the same.
    pub const fn lets_read(&self) -> bool {
        matches!(self, Self::Server(_) | Self::Ahead(_))
    }
}

/// Looks at a database, which may be served meanwhile. `token` is the hash of a token that it should know.
///
/// # Errors
/// Where it cannot be reached or read at all.
pub async fn examine(location: &Location, token: Option<TokenHash>) -> Result<Examined, StoreError> {
    match location {
        Location::Sqlite(path) => examine_file(path, token),
        Location::Postgres(PostgresAddress(address)) => postgres::examine(address, token).await,
    }
}

fn examine_file(path: &Path, token: Option<TokenHash>) -> Result<Examined, StoreError> {
    let Some(inspector) = sqlite::Inspector::at(path)? else {
        return Ok(Examined { defects: vec![Defect::Empty], ..Examined::default() });
    };
    let schema = inspector.schema()?;
    if schema.iter().any(Defect::hides) {
        return Ok(Examined { defects: schema, ..Examined::default() });
    }
    // An older schema knows tokens in other words.
    let token = token.filter(|_| !schema.iter().any(|defect| matches!(defect, Defect::Behind(_))));
    // Asked for before the value that comes with them: a first start may be at work.
    let has_accounts = inspector.read().has_accounts()?;
    let mut examined = Examined {
        key_check: inspector.meta(KEY_CHECK)?.map(KeyCheck),
        identity: inspector.meta(IDENTITY)?,
        nonce_bound: inspector.meta("nonce_bound")?.as_deref().and_then(number).map(UnixMillis),
        newest_entry_at: inspector.newest_entry_at()?,
        server_time: None,
        evidence_place: inspector.meta(EVIDENCE_PLACE)?.as_deref().map(text),
        sweep_fence: inspector.meta(SWEEP_FENCE)?.as_deref().map(text),
        has_uploads: inspector.read().has_uploads()?,
        knows_token: token.map(|hash| inspector.read().token(hash)).transpose()?.map(|found| found.is_some()),
        sealed: inspector.read().sealed(SEALED_MAX)?,
        defects: inspector.damage()?.map(Defect::Damaged).into_iter().collect(),
    };
    examined.defects.extend(schema);
    let marks =
        [inspector.meta("min_binary")?, inspector.meta(MIGRATED_TO)?, inspector.meta(DATA_MIGRATION)?];
    let is_there = [examined.nonce_bound.is_some(), examined.key_check.is_some() || !has_accounts];
    examined.defects.extend(meta_defects(marks, is_there));
    Ok(examined)
}

/// What the single values tell: `min_binary`, `migrated_to`, `unfinished`, and whether there is a `nonce_bound` and, where
/// there must be one, a `key_check`. A move that was broken off has yet to bring that.
pub(crate) fn meta_defects(
    [min_binary, migrated_to, unfinished]: [Option<Vec<u8>>; 3],
    [has_bound, has_check]: [bool; 2],
) -> Vec<Defect> {
    let missing = [
        (MIN_BINARY, min_binary.is_some()),
        (NONCE_BOUND, has_bound),
        (KEY_CHECK, has_check || unfinished.is_some()),
    ];
    let missing = missing.into_iter().find(|(_, is_there)| !is_there).map(|(name, _)| missing_value(name));
    let too_new =
        min_binary.as_deref().and_then(number).and_then(|generation| u32::try_from(generation).ok());
    let too_new = too_new.filter(|generation| *generation > SCHEMA_GENERATION).map(Defect::TooNew);
    let moved = migrated_to.map(|to| Defect::DataMigrated(text(&to)));
    let told = missing.into_iter().chain(too_new).chain(moved);
    told.chain(unfinished.map(|_| Defect::DataMigrationUnfinished)).collect()
}

/// One of the values that the first migration writes is gone.
pub(crate) fn missing_value(name: &str) -> Defect {
    Defect::Incomplete(format!("the row {name} of the table meta is missing"))
}

/// A number as single values hold it.
pub(crate) fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A text as single values hold it.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
