//! The read connections. Point reads run on the calling thread: they read a few cached pages, which takes less time
//! than a handover to another thread. Reads that may be long run on a thread for blocking work, and so do point reads
//! after one that was slow: its pages were not cached, and those of the next ones may not be.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_protocol::dispute::QueryRequest;
use rebuttal_protocol::operator::TokenName;
use rebuttal_protocol::{AppId, DisputeNo, MerchantId, StorageUri, UnixMillis};
use rusqlite::types::ToSqlOutput;
use rusqlite::{Connection, OptionalExtension, Result, ToSql, params, params_from_iter};
use tokio::sync::Semaphore;

use super::file_identity::FileIdentity;
use super::statements::{
    ANY_ACCOUNT, ANY_UPLOAD, APP, APPS_OF_MERCHANT, BACKLOG, DISPUTE, DISPUTE_BY_ID, DISPUTE_BY_PAYMENT,
    DISPUTE_BY_TRADE, DISPUTE_OF_MERCHANT, DUE, ENCRYPTED_SECRETS, HISTORY, INSPECTION, MARKED, MERCHANT,
    MERCHANTS, META, SECRETS_OF_APPS, TOKEN, TOKENS, UPLOAD, UPLOADS,
};
use super::{rows, schema};
use crate::StoreError;
use crate::accounts::{AppRecord, EncryptedAppSecret, MerchantRecord, TokenHash, TokenRecord};
use crate::dispute_list::{ListPlan, Sql, SqlValue};
use crate::views::EntryId;
use crate::views::{
    Backlog, DisputeDetail, DisputeFilter, DisputePage, DisputeRecord, Inspections, MarkedUpload,
};
use crate::write_request::Upload;

/// Idle read connections; point reads may open more while they run.
const IDLE_MAX: usize = 8;
/// Most reads on threads for blocking work: as many as there are connections.
const BLOCKING_MAX: usize = IDLE_MAX;
/// A point read that takes longer waited for the disk, or for a processor.
const SLOW_READ: Duration = Duration::from_millis(1);
/// Point reads after a slow one that run on threads for blocking work.
const READS_AFTER_SLOW: u32 = 64;

/// A pool of read connections.
pub(crate) struct SqliteReadPool {
    files: FileIdentity,
    idle: Arc<Mutex<Vec<Connection>>>,
    /// For reads that may be long, and for point reads: they do not wait for each other.
    long_reads: Arc<Semaphore>,
    point_reads: Arc<Semaphore>,
    /// Point reads that are still run on threads for blocking work.
    offloaded: Arc<AtomicU32>,
}

impl SqliteReadPool {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let first = schema::open_reader(path)?;
        let idle = Arc::new(Mutex::new(vec![first]));
        Ok(Self {
            files: FileIdentity::of(path)?,
            idle,
            long_reads: Arc::new(Semaphore::new(BLOCKING_MAX)),
            point_reads: Arc::new(Semaphore::new(BLOCKING_MAX)),
            offloaded: Arc::default(),
        })
    }

    /// Reads a few rows of a large table: on the calling thread, as long as such reads are fast.
    pub(crate) async fn run_point<T: Send + 'static>(
        &self,
        read: impl FnOnce(Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let offloaded = Arc::clone(&self.offloaded);
        let timed = move |reader: Reader<'_>| {
            let started = Instant::now();
            let outcome = read(reader);
            if started.elapsed() > SLOW_READ {
                offloaded.store(READS_AFTER_SLOW, Ordering::Relaxed);
            }
            outcome
        };
        let take = |left: u32| left.checked_sub(1);
        match self.offloaded.fetch_update(Ordering::Relaxed, Ordering::Relaxed, take) {
            Ok(_) => self.offload(&self.point_reads, timed).await,
            Err(_) => self.run_inline(timed),
        }
    }

    /// Reads on the calling thread.
    pub(crate) fn run_inline<T>(&self, read: impl FnOnce(Reader<'_>) -> Result<T>) -> Result<T, StoreError> {
        run_inline(&self.files, &self.idle, read)
    }

    /// Whether the database answers and is still the file that was opened.
    pub(crate) fn answer(&self) -> Result<(), StoreError> {
        self.files.check()?;
        self.run_inline(|read| read.meta("min_binary")).map(drop)
    }

    /// Reads on a thread for blocking work.
    pub(crate) async fn run_blocking<T: Send + 'static>(
        &self,
        read: impl FnOnce(Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        self.offload(&self.long_reads, read).await
    }

    async fn offload<T: Send + 'static>(
        &self,
        places: &Arc<Semaphore>,
        read: impl FnOnce(Reader<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let permit = Arc::clone(places).acquire_owned().await;
        let (files, idle) = (self.files.clone(), Arc::clone(&self.idle));
        tokio::task::spawn_blocking(move || {
            let _permit = permit;
            run_inline(&files, &idle, read)
        })
        .await
        .map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }
}

fn run_inline<T>(
    files: &FileIdentity,
    idle: &Mutex<Vec<Connection>>,
    read: impl FnOnce(Reader<'_>) -> Result<T>,
) -> Result<T, StoreError> {
    let pooled = idle.lock().pop();
    let connection = match pooled {
        Some(connection) => connection,
        None => {
            let connection = schema::open_reader(files.path())?;
            files.check()?;
            connection
        }
    };
    let outcome = read(Reader(&connection))?;
    let mut idle = idle.lock();
    if idle.len() < IDLE_MAX {
        idle.push(connection);
    }
    Ok(outcome)
}

/// What can be read on one connection.
pub(crate) struct Reader<'c>(&'c Connection);

impl<'c> Reader<'c> {
    /// On the writer's connection it reads the uncommitted changes of its transaction.
    pub(super) const fn on(connection: &'c Connection) -> Self {
        Self(connection)
    }

    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut select = self.0.prepare_cached(META)?;
        select.query_row([name], |row| row.get(0)).optional()
    }

    pub(crate) fn app(&self, app_id: AppId) -> Result<Option<AppRecord>> {
        let mut select = self.0.prepare_cached(APP)?;
        let app = select.query_row([app_id.as_bytes()], rows::app).optional()?;
        app.map(|app| self.with_secrets(app)).transpose()
    }

    pub(crate) fn apps_of(&self, merchant_id: MerchantId) -> Result<Vec<AppRecord>> {
        let mut select = self.0.prepare_cached(APPS_OF_MERCHANT)?;
        let apps: Vec<AppRecord> =
            select.query_map([merchant_id.number()], rows::app)?.collect::<Result<_>>()?;
        apps.into_iter().map(|app| self.with_secrets(app)).collect()
    }

    fn with_secrets(&self, app: AppRecord) -> Result<AppRecord> {
        let mut select = self.0.prepare_cached(SECRETS_OF_APPS)?;
        let secrets = select.query_map([app.app_id.as_bytes()], rows::secret)?.collect::<Result<_>>()?;
        Ok(AppRecord { secrets, ..app })
    }

    pub(crate) fn merchant(&self, merchant_id: MerchantId) -> Result<Option<MerchantRecord>> {
        let mut select = self.0.prepare_cached(MERCHANT)?;
        select.query_row([merchant_id.number()], rows::merchant).optional()
    }

    pub(crate) fn merchants(&self, after: Option<MerchantId>, limit: u32) -> Result<Vec<MerchantRecord>> {
        let mut select = self.0.prepare_cached(MERCHANTS)?;
        select.query_map([after.map_or(0, MerchantId::number), limit], rows::merchant)?.collect()
    }

    pub(crate) fn token(&self, hash: TokenHash) -> Result<Option<TokenRecord>> {
        let mut select = self.0.prepare_cached(TOKEN)?;
        select.query_row([hash.0], rows::token).optional()
    }

    pub(crate) fn tokens(&self, after: Option<&TokenName>, limit: u32) -> Result<Vec<TokenRecord>> {
        let mut select = self.0.prepare_cached(TOKENS)?;
        select.query_map(params![after.map_or("", TokenName::as_str), limit], rows::token)?.collect()
    }

    pub(crate) fn upload(&self, url: StorageUri) -> Result<Option<Upload>> {
        let mut select = self.0.prepare_cached(UPLOAD)?;
        select.query_row([url.key()], |row| Ok(Upload { url, file: rows::found_file(row, 0)? })).optional()
    }

    pub(crate) fn inspections(&self, urls: &[StorageUri]) -> Result<Inspections> {
        let mut select = self.0.prepare_cached(INSPECTION)?;
        let mut found = Inspections::new();
        for url in urls {
            let inspection = select.query_row([url.key()], |row| rows::inspection(row, 0)).optional()?;
            found.extend(inspection.map(|inspection| (*url, inspection)));
        }
        Ok(found)
    }

    pub(crate) fn uploads(&self, after: Option<StorageUri>, limit: u32) -> Result<Vec<Upload>> {
        let mut select = self.0.prepare_cached(UPLOADS)?;
        let after = after.map(|url| url.key()).unwrap_or_default();
        let upload =
            |row: &rusqlite::Row<'_>| Ok(Upload { url: rows::url(row, 0)?, file: rows::found_file(row, 1)? });
        select.query_map(params![after, limit], upload)?.collect()
    }

    pub(crate) fn has_accounts(&self) -> Result<bool> {
        self.0.prepare_cached(ANY_ACCOUNT)?.exists([])
    }

    pub(crate) fn encrypted_secrets(&self, limit: u32) -> Result<Vec<EncryptedAppSecret>> {
        let mut select = self.0.prepare_cached(ENCRYPTED_SECRETS)?;
        let secret = |row: &rusqlite::Row<'_>| {
            Ok(EncryptedAppSecret {
                app_id: AppId::from_bytes(row.get(0)?),
                secret_id: row.get(1)?,
                ciphertext: row.get(2)?,
            })
        };
        select.query_map([limit], secret)?.collect()
    }

    pub(crate) fn has_uploads(&self) -> Result<bool> {
        self.0.prepare_cached(ANY_UPLOAD)?.exists([])
    }

    pub(crate) fn marked(
        &self,
        before: UnixMillis,
        after: Option<MarkedUpload>,
        limit: u32,
    ) -> Result<Vec<MarkedUpload>> {
        let mut select = self.0.prepare_cached(MARKED)?;
        let (at, url) = MarkedUpload::begin(after);
        let marked = |row: &rusqlite::Row<'_>| {
            Ok(MarkedUpload { at: UnixMillis(row.get(0)?), url: rows::url(row, 1)? })
        };
        select.query_map(params![before.0, at, url, limit], marked)?.collect()
    }

    pub(crate) fn due(&self, deadline_until: UnixMillis, limit: u32) -> Result<Vec<DisputeNo>> {
        let mut select = self.0.prepare_cached(DUE)?;
        select.query_map(params![deadline_until.0, limit], |row| rows::parsed(row, 0))?.collect()
    }

    pub(crate) fn backlog(&self) -> Result<Backlog> {
        let mut select = self.0.prepare_cached(BACKLOG)?;
        select.query_row([], |row| {
            Ok(Backlog {
                earliest_deadline: row.get::<_, Option<i64>>(0)?.map(UnixMillis),
                oldest_unreferenced_at: row.get::<_, Option<i64>>(1)?.map(UnixMillis),
                oldest_marked_at: row.get::<_, Option<i64>>(2)?.map(UnixMillis),
            })
        })
    }

    pub(crate) fn dispute(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeRecord>> {
        self.0.prepare_cached(DISPUTE)?.query_row([dispute_no.as_str()], rows::record).optional()
    }

    pub(crate) fn find(
        &self,
        merchant_id: MerchantId,
        query: &QueryRequest,
    ) -> Result<Option<DisputeRecord>> {
        let (sql, key) = match query {
            QueryRequest::DisputeNo(no) => (DISPUTE_OF_MERCHANT, no.as_str()),
            QueryRequest::PaymentNo(no) => (DISPUTE_BY_PAYMENT, no.as_str()),
            QueryRequest::MerchantTradeNo(no) => (DISPUTE_BY_TRADE, no.as_str()),
        };
        let mut select = self.0.prepare_cached(sql)?;
        select.query_row(params![merchant_id.number(), key], rows::record).optional()
    }

    pub(crate) fn detail(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeDetail>> {
        // One transaction, so that state, history and submissions are of one snapshot.
        let snapshot = self.0.unchecked_transaction()?;
        let Some(record) = self.dispute(dispute_no)? else { return Ok(None) };
        let mut select = snapshot.prepare_cached(HISTORY)?;
        let entries =
            select.query_map([dispute_no.as_str()], |row| Ok((rows::entry(row)?, rows::submission(row)?)))?;
        let (history, submissions): (_, Vec<_>) = entries.collect::<Result<Vec<_>>>()?.into_iter().unzip();
        Ok(Some(DisputeDetail { record, history, submissions: submissions.into_iter().flatten().collect() }))
    }

    pub(crate) fn list(&self, filter: &DisputeFilter) -> Result<DisputePage> {
        let snapshot = self.0.unchecked_transaction()?;
        let one = |sql: &Sql| {
            let mut select = snapshot.prepare_cached(&sql.text)?;
            select.query_row(params_from_iter(&sql.values), |row| row.get::<_, i64>(0)).optional()
        };
        let plan = ListPlan::of(filter);
        let count = |sql: &Sql| Ok(one(sql)?.unwrap_or_default().unsigned_abs());
        let counts = plan.counts().iter().map(count).collect::<Result<Vec<_>>>()?;
        let how = plan.page_ids(&counts);
        let mut select = snapshot.prepare_cached(&how.sql.text)?;
        let ids = select.query_map(params_from_iter(&how.sql.values), |row| row.get(0))?;
        let ids = ids.collect::<Result<Vec<EntryId>>>()?;
        let end = how.end.as_ref().map(one).transpose()?.flatten();
        let mut select = snapshot.prepare_cached(DISPUTE_BY_ID)?;
        let items = plan.on_page(&ids).iter().map(|id| select.query_row([id], rows::record));
        Ok(plan.page(&how, &ids, end, items.collect::<Result<_>>()?))
    }
}

impl ToSql for SqlValue {
    fn to_sql(&self) -> Result<ToSqlOutput<'_>> {
        match self {
            Self::Number(number) => number.to_sql(),
            Self::Text(text) => text.to_sql(),
        }
    }
}
