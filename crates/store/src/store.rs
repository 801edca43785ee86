//! The store's interface for the rest of the gateway: one method for changes, and the reads.

use std::sync::Arc;

use rebuttal_protocol::dispute::QueryRequest;
use rebuttal_protocol::operator::TokenName;
use rebuttal_protocol::{AppId, DisputeNo, MerchantId, StorageUri, UnixMillis};

use crate::accounts::{AppRecord, KeyCheck, MerchantRecord, TokenHash, TokenRecord};
use crate::committer::Options;
use crate::examined::missing_value;
use crate::lanes::{CommitTraffic, Lanes};
use crate::location::{Location, PostgresAddress};
use crate::meta::{
    CLOCK_TRUSTED_AT, DATA_MIGRATION, EVIDENCE_LOCATION, IDENTITY, KEY_CHECK, MIGRATED_TO, SWEEP_FENCE,
    number, text,
};
use crate::postgres::queries;
use crate::views::{
    Backlog, DisputeDetail, DisputeFilter, DisputePage, DisputeRecord, Inspections, MarkedUpload,
};
use crate::write_request::{QueuedRequest, Upload, WriteResult};
use crate::{CommitError, StoreError, postgres, sqlite};

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Store {
    lanes: Arc<Lanes>,
    reads: ReadBackend,
}

/// Where reads go.
#[derive(Clone)]
enum ReadBackend {
    Sqlite(Arc<sqlite::SqliteReadPool>),
    Postgres(Arc<postgres::PostgresReadPool>),
}

impl ReadBackend {
    /// A single value.
    async fn meta(&self, name: &'static str) -> Result<Option<Vec<u8>>, StoreError> {
        match self {
            Self::Sqlite(reads) => reads.run_inline(|read| read.meta(name)),
            Self::Postgres(reads) => reads.read(|session| queries::meta(session, name)).await,
        }
    }
}

impl Store {
    /// Opens the database at a location, creates it if it is a file, and migrates its schema.
    ///
    /// Must be called within a tokio runtime: callers are woken in it.
    ///
    /// For a SQLite file the caller must hold the lock of its directory: two processes on one file would both write. A
    /// PostgreSQL database may be shared by any number of processes.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] where a newer version created the schema; [`StoreError::DataMigrated`] and
    /// [`StoreError::DataMigrationUnfinished`] where the data is elsewhere or incomplete; otherwise what the database
    /// reports.
    pub async fn open(location: &Location, options: &Options) -> Result<Self, StoreError> {
        match location {
            Location::Sqlite(path) => {
                let writer = sqlite::Writer::open(path)?;
                let reads = ReadBackend::Sqlite(Arc::new(sqlite::SqliteReadPool::open(path)?));
                if let Some(to) = reads.meta(MIGRATED_TO).await? {
                    return Err(StoreError::DataMigrated { to: text(&to) });
                }
                Ok(Self { lanes: Arc::new(Lanes::start(vec![writer], options)?), reads })
            }
            Location::Postgres(PostgresAddress(address)) => {
                postgres::prepare(address).await?;
                let lane = |_| postgres::Lane::new((**address).clone());
                let lanes = (0..options.lanes.get()).map(lane).collect::<Result<_, _>>()?;
                let reads =
                    ReadBackend::Postgres(Arc::new(postgres::PostgresReadPool::new((**address).clone())));
                if reads.meta(DATA_MIGRATION).await?.is_some() {
                    return Err(StoreError::DataMigrationUnfinished);
                }
                Ok(Self { lanes: Arc::new(Lanes::start(lanes, options)?), reads })
            }
        }
    }

    /// Commits a request, together with other waiting ones, and returns once it is durable.
    ///
    /// Dropping the future does not withdraw the request.
    ///
    /// # Errors
    /// [`CommitError`] where there is no outcome.
    pub async fn commit(&self, request: impl Into<QueuedRequest>) -> Result<WriteResult, CommitError> {
        self.lanes.commit(request.into()).await
    }

    /// Accepts no more requests, finishes the waiting ones, and returns after the last commit.
    pub async fn close(&self) {
        self.lanes.close().await;
    }

    /// An app with its secrets.
    pub async fn app(&self, app_id: AppId) -> Result<Option<AppRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_inline(|read| read.app(app_id)),
            ReadBackend::Postgres(reads) => reads.read(|session| queries::app(session, app_id)).await,
        }
    }

    /// The merchant's dispute that a query asks for: of several, the one that needs a response soonest, otherwise the
    /// newest, ties by number (contract §5).
    pub async fn find(
        &self,
        merchant_id: MerchantId,
        query: &QueryRequest,
    ) -> Result<Option<DisputeRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => {
                let query = query.clone();
                reads.run_point(move |read| read.find(merchant_id, &query)).await
            }
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::find(session, merchant_id, query)).await
            }
        }
    }

    /// A dispute of any merchant.
    pub async fn dispute(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => {
                let dispute_no = dispute_no.clone();
                reads.run_point(move |read| read.dispute(&dispute_no)).await
            }
            ReadBackend::Postgres(reads) => reads.read(|session| queries::dispute(session, dispute_no)).await,
        }
    }

    /// A dispute with its history and submissions, read in one snapshot.
    pub async fn detail(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeDetail>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => {
                let dispute_no = dispute_no.clone();
                reads.run_blocking(move |read| read.detail(&dispute_no)).await
            }
            ReadBackend::Postgres(reads) => reads.read(|session| queries::detail(session, dispute_no)).await,
        }
    }

    /// A page of disputes.
    pub async fn list(&self, filter: DisputeFilter) -> Result<DisputePage, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_blocking(move |read| read.list(&filter)).await,
            ReadBackend::Postgres(reads) => reads.read(|session| queries::list(session, &filter)).await,
        }
    }

    /// At most `limit` disputes whose deadline is at or before a time and that still need a response, the longest
    /// overdue first.
    pub async fn due(&self, deadline_until: UnixMillis, limit: u32) -> Result<Vec<DisputeNo>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => {
                reads.run_blocking(move |read| read.due(deadline_until, limit)).await
            }
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::due(session, deadline_until, limit)).await
            }
        }
    }

    /// The backlog of the background jobs. Each figure is the first row of an index.
    pub async fn backlog(&self) -> Result<Backlog, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_blocking(|read| read.backlog()).await,
            ReadBackend::Postgres(reads) => reads.read(queries::backlog).await,
        }
    }

    /// How busy the committers are now.
    pub fn traffic(&self) -> CommitTraffic {
        self.lanes.traffic()
    }

    /// A merchant.
    pub async fn merchant(&self, merchant_id: MerchantId) -> Result<Option<MerchantRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_inline(|read| read.merchant(merchant_id)),
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::merchant(session, merchant_id)).await
            }
        }
    }

    /// Merchants by number, at most `limit`, after a number.
    pub async fn merchants(
        &self,
        after: Option<MerchantId>,
        limit: u32,
    ) -> Result<Vec<MerchantRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_blocking(move |read| read.merchants(after, limit)).await,
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::merchants(session, after, limit)).await
            }
        }
    }

    /// A merchant's apps, the oldest first.
    pub async fn apps_of(&self, merchant_id: MerchantId) -> Result<Vec<AppRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_blocking(move |read| read.apps_of(merchant_id)).await,
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::apps_of(session, merchant_id)).await
            }
        }
    }

    /// The token whose SHA-256 this is, unless it is revoked.
    pub async fn token(&self, hash: TokenHash) -> Result<Option<TokenRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_inline(|read| read.token(hash)),
            ReadBackend::Postgres(reads) => reads.read(|session| queries::token(session, hash)).await,
        }
    }

    /// The tokens that are not revoked, by name, at most `limit`, after a name.
    pub async fn tokens(&self, after: Option<TokenName>, limit: u32) -> Result<Vec<TokenRecord>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => {
                reads.run_blocking(move |read| read.tokens(after.as_ref(), limit)).await
            }
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::tokens(session, after.as_ref(), limit)).await
            }
        }
    }

    /// The check value of the master key, once it is stored.
    ///
    /// # Errors
    /// [`StoreError::Schema`] where it is missing: it is written with the first token, so a database with accounts
    /// must have one. Accounts are read first, because another gateway may be initializing the database.
    pub async fn key_check(&self) -> Result<Option<KeyCheck>, StoreError> {
        let has_accounts = match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_inline(|read| read.has_accounts())?,
            ReadBackend::Postgres(reads) => reads.read(queries::has_accounts).await?,
        };
        let check = self.reads.meta(KEY_CHECK).await?;
        match check.is_none() && has_accounts {
            true => Err(StoreError::Schema(missing_value(KEY_CHECK))),
            false => Ok(check.map(KeyCheck)),
        }
    }

    /// Random id of this installation, once a gateway has served. Copies have the same one.
    ///
    /// # Errors
    /// [`StoreError`] where it cannot be read.
    pub async fn identity(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.reads.meta(IDENTITY).await
    }

    /// Location of the evidence store, once a gateway has served.
    pub async fn evidence_location(&self) -> Result<Option<String>, StoreError> {
        Ok(self.reads.meta(EVIDENCE_LOCATION).await?.as_deref().map(text))
    }

    /// The fencing token of the bucket, once a gateway of this database has deleted uploads.
    pub async fn sweep_fence(&self) -> Result<Option<String>, StoreError> {
        Ok(self.reads.meta(SWEEP_FENCE).await?.as_deref().map(text))
    }

    /// Whether several gateways may serve this database.
    pub const fn is_shared(&self) -> bool {
        matches!(self.reads, ReadBackend::Postgres(_))
    }

    /// The newest timestamp whose nonces may have been deleted; requests with it or an older one are stale.
    pub async fn nonce_bound(&self) -> Result<UnixMillis, StoreError> {
        let stored = self.reads.meta("nonce_bound").await?;
        let bound = stored.as_deref().and_then(number);
        bound
            .map(UnixMillis)
            .ok_or_else(|| StoreError::Unreadable("a nonce_bound that is no number".to_owned()))
    }

    /// The latest time that a gateway trusted; `None` until one has.
    pub async fn clock_trusted_at(&self) -> Result<Option<UnixMillis>, StoreError> {
        Ok(self.reads.meta(CLOCK_TRUSTED_AT).await?.as_deref().and_then(number).map(UnixMillis))
    }

    /// The database server's time; `None` where there is no server.
    pub async fn server_time(&self) -> Result<Option<UnixMillis>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(_) => Ok(None),
            ReadBackend::Postgres(reads) => reads.read(queries::server_time).await,
        }
    }

    /// The upload at a url, marked or not.
    pub async fn upload(&self, url: StorageUri) -> Result<Option<Upload>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_point(move |read| read.upload(url)).await,
            ReadBackend::Postgres(reads) => reads.read(|session| queries::upload(session, url)).await,
        }
    }

    /// What the inspections of uploads found.
    pub async fn inspections(&self, urls: Vec<StorageUri>) -> Result<Inspections, StoreError> {
        if urls.is_empty() {
            return Ok(Inspections::new());
        }
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_point(move |read| read.inspections(&urls)).await,
            ReadBackend::Postgres(reads) => reads.read(|session| queries::inspections(session, &urls)).await,
        }
    }

    /// At most `limit` uploads that are not marked for deletion, by url, after a url.
    pub async fn uploads(&self, after: Option<StorageUri>, limit: u32) -> Result<Vec<Upload>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_blocking(move |read| read.uploads(after, limit)).await,
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::uploads(session, after, limit)).await
            }
        }
    }

    /// Whether any upload is recorded.
    pub async fn has_uploads(&self) -> Result<bool, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.run_inline(|read| read.has_uploads()),
            ReadBackend::Postgres(reads) => reads.read(queries::has_uploads).await,
        }
    }

    /// At most `limit` uploads that were marked before a time and that no submission refers to: their files may be
    /// deleted. Ordered by time and url, after the one given.
    pub async fn marked(
        &self,
        before: UnixMillis,
        after: Option<MarkedUpload>,
        limit: u32,
    ) -> Result<Vec<MarkedUpload>, StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => {
                reads.run_blocking(move |read| read.marked(before, after, limit)).await
            }
            ReadBackend::Postgres(reads) => {
                reads.read(|session| queries::marked(session, before, after, limit)).await
            }
        }
    }

    /// Whether the database answers, is still the file that was opened, and can be written: if the last write failed
    /// because of the database, one that changes nothing is tried.
    pub async fn ping(&self) -> Result<(), StoreError> {
        match &self.reads {
            ReadBackend::Sqlite(reads) => reads.answer()?,
            ReadBackend::Postgres(_) => drop(self.reads.meta("min_binary").await?),
        }
        self.lanes.probe().await
    }
}
