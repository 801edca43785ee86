//! A look at a database without serving from it, and without changing it: what a doctor needs to know.

use std::path::Path;

use rebuttal_protocol::UnixMillis;

use crate::error::{EVIDENCE_PLACE, MOVED_TO, MOVING, SWEEP_FENCE};
use crate::location::{Location, PostgresAddress};
use crate::{SCHEMA_GENERATION, StoreError, postgres, sqlite};

/// What was seen of a database.
#[derive(Debug, Clone, Default)]
pub struct Examined {
    /// The value that tells the right master key; `None` until a gateway has started on it.
    pub key_check: Option<Vec<u8>>,
    /// Timestamps at or below it are refused.
    pub nonce_bound: Option<UnixMillis>,
    /// The newest entry of any dispute's history.
    pub newest_entry_at: Option<UnixMillis>,
    /// The server's own clock, where it has one.
    pub server_time: Option<UnixMillis>,
    /// What tells the place that the evidence lies in, once a gateway has served.
    pub evidence_place: Option<String>,
    /// The fence that tells this database from its copies, once it has swept a bucket.
    pub sweep_fence: Option<String>,
    /// Whether any upload is recorded.
    pub has_uploads: bool,
    /// What is wrong with it.
    pub ailments: Vec<Ailment>,
}

/// Something that is wrong with a database; each sentence says what, why it matters, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Ailment {
    /// It has no schema: no gateway has started on it, or it is not a gateway's.
    #[error("no gateway has started on this database yet; the first start makes what it needs")]
    Empty,
    /// A newer version made the schema.
    #[error("the schema needs a binary of generation {0} or later; start a newer version of rebuttal")]
    TooNew(u32),
    /// The content was moved elsewhere.
    #[error("the content was moved to {0}; set database_url to that")]
    Moved(String),
    /// A move into it was broken off.
    #[error("a move into this database is not finished; run `rebuttal move` again")]
    HalfMoved,
    /// Pages do not fit together.
    #[error("the file is damaged ({0}): stop the gateway and restore it from a backup")]
    Damaged(String),
    /// Something about the server, or what stands before it, endangers what a gateway promises.
    #[error("{0}")]
    Hazard(String),
}

impl Ailment {
    /// Whether it is more than a database that has not been begun.
    pub const fn is_fault(&self) -> bool {
        !matches!(self, Self::Empty)
    }
}

/// Looks at a database, which may be served meanwhile.
///
/// # Errors
/// Where it cannot be reached or read at all.
pub async fn examine(location: &Location) -> Result<Examined, StoreError> {
    match location {
        Location::Sqlite(path) => examine_file(path),
        Location::Postgres(PostgresAddress(address)) => postgres::examine(address).await,
    }
}

fn examine_file(path: &Path) -> Result<Examined, StoreError> {
    let Some(look) = sqlite::Look::at(path)? else {
        return Ok(Examined { ailments: vec![Ailment::Empty], ..Examined::default() });
    };
    let mut examined = Examined {
        key_check: look.meta("key_check")?,
        nonce_bound: look.meta("nonce_bound")?.as_deref().and_then(number).map(UnixMillis),
        newest_entry_at: look.newest_entry_at()?,
        server_time: None,
        evidence_place: look.meta(EVIDENCE_PLACE)?.as_deref().map(text),
        sweep_fence: look.meta(SWEEP_FENCE)?.as_deref().map(text),
        has_uploads: look.has_uploads()?,
        ailments: look.damage()?.map(Ailment::Damaged).into_iter().collect(),
    };
    let marks = [look.meta("min_binary")?, look.meta(MOVED_TO)?, look.meta(MOVING)?];
    examined.ailments.extend(ailments_of(marks));
    Ok(examined)
}

/// What the single values tell: `min_binary`, `moved_to`, `moving`.
pub(crate) fn ailments_of([min_binary, moved_to, moving]: [Option<Vec<u8>>; 3]) -> Vec<Ailment> {
    let too_new =
        min_binary.as_deref().and_then(number).and_then(|generation| u32::try_from(generation).ok());
    let too_new = too_new.filter(|generation| *generation > SCHEMA_GENERATION).map(Ailment::TooNew);
    let moved = moved_to.map(|to| Ailment::Moved(text(&to)));
    too_new.into_iter().chain(moved).chain(moving.map(|_| Ailment::HalfMoved)).collect()
}

/// A number as single values hold it.
pub(crate) fn number(value: &[u8]) -> Option<i64> {
    std::str::from_utf8(value).ok()?.parse().ok()
}

/// A text as single values hold it.
pub(crate) fn text(value: &[u8]) -> String {
    String::from_utf8_lossy(value).into_owned()
}
