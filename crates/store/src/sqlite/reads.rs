//! The read connections. Point reads run in place: they touch a few cached pages and take less than handing them to
//! another thread would. Reads that may be long run apart.

use std::path::Path;
use std::sync::Arc;

use parking_lot::Mutex;
use rebuttal_protocol::dispute::QueryRequest;
use rebuttal_protocol::{AppId, DisputeNo, MerchantId, StorageUri, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Result, params, params_from_iter, types::Value};
use tokio::sync::Semaphore;

use super::place::Place;
use super::rows::{self, FACT_COLUMNS, STATE_COLUMNS};
use super::schema;
use crate::StoreError;
use crate::accounts::{App, Merchant, Token};
use crate::views::{Backlog, DisputeRecord, Filter, Page, Position, Story};
use crate::work::Upload;

/// Read connections that are kept; point reads may open more for as long as they last.
const IDLE_MAX: usize = 8;
/// Most reads that run apart at once: as many as there are connections for.
const APART_MAX: usize = IDLE_MAX;

/// A pool of read connections.
pub(crate) struct Reads {
    place: Place,
    idle: Arc<Mutex<Vec<Connection>>>,
    apart: Arc<Semaphore>,
}

impl Reads {
    pub(crate) fn open(path: &Path) -> Result<Self, StoreError> {
        let first = schema::open_reader(path)?;
        let idle = Arc::new(Mutex::new(vec![first]));
        Ok(Self { place: Place::of(path)?, idle, apart: Arc::new(Semaphore::new(APART_MAX)) })
    }

    /// Reads on the calling thread.
    pub(crate) fn in_place<T>(&self, read: impl FnOnce(Read<'_>) -> Result<T>) -> Result<T, StoreError> {
        in_place(&self.place, &self.idle, read)
    }

    /// Whether the database answers and is still in its place.
    pub(crate) fn answer(&self) -> Result<(), StoreError> {
        self.place.check()?;
        self.in_place(|read| read.meta("min_binary")).map(drop)
    }

    /// Reads on a thread for blocking work.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        read: impl FnOnce(Read<'_>) -> Result<T> + Send + 'static,
    ) -> Result<T, StoreError> {
        let turn = Arc::clone(&self.apart).acquire_owned().await;
        let (place, idle) = (self.place.clone(), Arc::clone(&self.idle));
        tokio::task::spawn_blocking(move || {
            let _turn = turn;
            in_place(&place, &idle, read)
        })
        .await
        .map_err(|error| StoreError::Io(std::io::Error::other(error)))?
    }
}

fn in_place<T>(
    place: &Place,
    idle: &Mutex<Vec<Connection>>,
    read: impl FnOnce(Read<'_>) -> Result<T>,
) -> Result<T, StoreError> {
    let pooled = idle.lock().pop();
    let connection = match pooled {
        Some(connection) => connection,
        None => {
            let connection = schema::open_reader(place.path())?;
            place.check()?;
            connection
        }
    };
    let outcome = read(Read(&connection))?;
    let mut idle = idle.lock();
    if idle.len() < IDLE_MAX {
        idle.push(connection);
    }
    Ok(outcome)
}

/// What can be read on one connection.
pub(crate) struct Read<'c>(&'c Connection);

impl<'c> Read<'c> {
    /// On the writer's connection it sees what its transaction has done so far.
    pub(super) const fn on(connection: &'c Connection) -> Self {
        Self(connection)
    }

    pub(crate) fn meta(&self, name: &str) -> Result<Option<Vec<u8>>> {
        let mut select = self.0.prepare_cached("SELECT value FROM meta WHERE name = ?1")?;
        select.query_row([name], |row| row.get(0)).optional()
    }

    pub(crate) fn app(&self, app_id: AppId) -> Result<Option<App>> {
        let mut select = self.0.prepare_cached(
            "SELECT app_id, merchant_id, time_zone, scheme, enabled, notify_url, apps.created_at \
             FROM apps JOIN merchants USING (merchant_id) WHERE app_id = ?1",
        )?;
        let app = select.query_row([app_id.as_bytes()], rows::app).optional()?;
        app.map(|app| self.with_secrets(app)).transpose()
    }

    pub(crate) fn apps_of(&self, merchant_id: MerchantId) -> Result<Vec<App>> {
        let mut select = self.0.prepare_cached(
            "SELECT app_id, merchant_id, time_zone, scheme, enabled, notify_url, apps.created_at \
             FROM apps JOIN merchants USING (merchant_id) WHERE merchant_id = ?1 ORDER BY apps.created_at, app_id",
        )?;
        let apps: Vec<App> = select.query_map([merchant_id.number()], rows::app)?.collect::<Result<_>>()?;
        apps.into_iter().map(|app| self.with_secrets(app)).collect()
    }

    fn with_secrets(&self, app: App) -> Result<App> {
        let mut select = self.0.prepare_cached(
            "SELECT secret_id, sealed, created_at, expires_at, first_used_at FROM secrets WHERE app_id = ?1 \
             ORDER BY expires_at IS NULL, created_at",
        )?;
        let secrets = select.query_map([app.app_id.as_bytes()], rows::secret)?.collect::<Result<_>>()?;
        Ok(App { secrets, ..app })
    }

    pub(crate) fn merchant(&self, merchant_id: MerchantId) -> Result<Option<Merchant>> {
        let mut select = self.0.prepare_cached(
            "SELECT merchant_id, name, time_zone, created_at FROM merchants WHERE merchant_id = ?1",
        )?;
        select.query_row([merchant_id.number()], rows::merchant).optional()
    }

    pub(crate) fn merchants(&self, after: Option<MerchantId>, limit: u32) -> Result<Vec<Merchant>> {
        let mut select = self.0.prepare_cached(
            "SELECT merchant_id, name, time_zone, created_at FROM merchants WHERE merchant_id > ?1 \
             ORDER BY merchant_id LIMIT ?2",
        )?;
        select.query_map([after.map_or(0, MerchantId::number), limit], rows::merchant)?.collect()
    }

    pub(crate) fn token(&self, hash: [u8; 32]) -> Result<Option<Token>> {
        let mut select = self.0.prepare_cached("SELECT name, created_at FROM tokens WHERE hash = ?1")?;
        select
            .query_row([hash], |row| Ok(Token { name: row.get(0)?, created_at: rows::millis(row, 1)? }))
            .optional()
    }

    pub(crate) fn upload(&self, url: StorageUri) -> Result<Option<Upload>> {
        let mut select =
            self.0.prepare_cached("SELECT sha256, size, media_type FROM uploads WHERE url = ?1")?;
        select.query_row([url.key()], |row| Ok(Upload { url, file: rows::found_file(row, 0)? })).optional()
    }

    pub(crate) fn uploads(&self, after: Option<StorageUri>, limit: u32) -> Result<Vec<Upload>> {
        let mut select = self.0.prepare_cached(
            "SELECT url, sha256, size, media_type FROM uploads WHERE url > ?1 AND swept_at IS NULL ORDER BY url LIMIT ?2",
        )?;
        let after = after.map(|url| url.key()).unwrap_or_default();
        let upload =
            |row: &rusqlite::Row<'_>| Ok(Upload { url: rows::url(row, 0)?, file: rows::found_file(row, 1)? });
        select.query_map(params![after, limit], upload)?.collect()
    }

    pub(crate) fn has_uploads(&self) -> Result<bool> {
        self.0.prepare_cached("SELECT 1 FROM uploads LIMIT 1")?.exists([])
    }

    pub(crate) fn swept(&self, marked_before: UnixMillis, limit: u32) -> Result<Vec<StorageUri>> {
        let mut select = self.0.prepare_cached(
            "SELECT url FROM uploads WHERE swept_at < ?1 AND referenced = 0 ORDER BY swept_at LIMIT ?2",
        )?;
        select.query_map(params![marked_before.0, limit], |row| rows::url(row, 0))?.collect()
    }

    pub(crate) fn due(&self, deadline_until: UnixMillis, limit: u32) -> Result<Vec<DisputeNo>> {
        let mut select = self.0.prepare_cached(
            "SELECT dispute_no FROM disputes WHERE status = 'NEEDS_RESPONSE' AND deadline <= ?1 \
             ORDER BY deadline LIMIT ?2",
        )?;
        select.query_map(params![deadline_until.0, limit], |row| rows::parsed(row, 0))?.collect()
    }

    pub(crate) fn backlog(&self) -> Result<Backlog> {
        let mut select = self.0.prepare_cached(
            "SELECT (SELECT min(deadline) FROM disputes WHERE status = 'NEEDS_RESPONSE'), \
             (SELECT min(uploaded_at) FROM uploads WHERE referenced = 0 AND swept_at IS NULL), \
             (SELECT min(swept_at) FROM uploads WHERE swept_at IS NOT NULL)",
        )?;
        select.query_row([], |row| {
            Ok(Backlog {
                earliest_deadline: row.get::<_, Option<i64>>(0)?.map(UnixMillis),
                oldest_unreferenced_at: row.get::<_, Option<i64>>(1)?.map(UnixMillis),
                oldest_marked_at: row.get::<_, Option<i64>>(2)?.map(UnixMillis),
            })
        })
    }

    pub(crate) fn dispute(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeRecord>> {
        self.record("dispute_no = ?1", [dispute_no.as_str()])
    }

    pub(crate) fn find(
        &self,
        merchant_id: MerchantId,
        query: &QueryRequest,
    ) -> Result<Option<DisputeRecord>> {
        /// Of several, the one that needs a response soonest, else the newest, ties by number.
        const FIRST: &str = "ORDER BY CASE WHEN status = 'NEEDS_RESPONSE' THEN deadline END NULLS LAST, \
             CASE WHEN status <> 'NEEDS_RESPONSE' THEN created_at END DESC, dispute_no LIMIT 1";
        let (condition, key) = match query {
            QueryRequest::DisputeNo(no) => ("dispute_no = ?2".to_owned(), no.as_str()),
            QueryRequest::PaymentNo(no) => (format!("payment_no = ?2 {FIRST}"), no.as_str()),
            QueryRequest::MerchantTradeNo(no) => (format!("merchant_trade_no = ?2 {FIRST}"), no.as_str()),
        };
        self.record(&format!("merchant_id = ?1 AND {condition}"), params![merchant_id.number(), key])
    }

    fn record(&self, condition: &str, params: impl rusqlite::Params) -> Result<Option<DisputeRecord>> {
        let sql = format!("SELECT {STATE_COLUMNS}, {FACT_COLUMNS} FROM disputes WHERE {condition}");
        self.0.prepare_cached(&sql)?.query_row(params, rows::record).optional()
    }

    pub(crate) fn story(&self, dispute_no: &DisputeNo) -> Result<Option<Story>> {
        // One transaction, so that state, history and submissions are of one moment.
        let moment = self.0.unchecked_transaction()?;
        let Some(record) = self.dispute(dispute_no)? else { return Ok(None) };
        let no = [dispute_no.as_str()];
        let mut select = moment.prepare_cached(
            "SELECT sequence, at, event, actor, detail, hash FROM history WHERE dispute_no = ?1 ORDER BY sequence",
        )?;
        let history = select.query_map(no, rows::entry)?.collect::<Result<_>>()?;
        let mut select = moment.prepare_cached(
            "SELECT number, stage, submitted_at, fingerprint FROM submissions WHERE dispute_no = ?1 ORDER BY number",
        )?;
        let mut submissions: Vec<_> = select.query_map(no, rows::submission)?.collect::<Result<_>>()?;
        let mut select = moment.prepare_cached(
            "SELECT type, name, url, sha256, size, media_type FROM evidence WHERE dispute_no = ?1 AND submission = ?2 \
             ORDER BY position",
        )?;
        for submission in &mut submissions {
            let key = params![dispute_no.as_str(), submission.number];
            submission.evidence = select.query_map(key, rows::evidence)?.collect::<Result<_>>()?;
        }
        Ok(Some(Story { record, history, submissions }))
    }

    pub(crate) fn list(&self, filter: &Filter) -> Result<Page> {
        let moment = self.0.unchecked_transaction()?;
        let (matching, values) = conditions(filter);
        let count = format!(
            "SELECT count(*) FROM (SELECT 1 FROM disputes WHERE {matching} LIMIT {})",
            Page::COUNT_MAX + 1
        );
        let counted: u64 =
            moment.prepare_cached(&count)?.query_row(params_from_iter(&values), |row| row.get(0))?;

        let mut page_values = values;
        let mut after = String::new();
        if let Some(Position { created_at, dispute_no }) = &filter.after {
            after.push_str(" AND (created_at, dispute_no) < (?, ?)");
            page_values.extend([Value::from(created_at.0), Value::from(dispute_no.to_string())]);
        }
        let sql = format!(
            "SELECT {STATE_COLUMNS}, {FACT_COLUMNS} FROM disputes WHERE {matching}{after} \
             ORDER BY created_at DESC, dispute_no DESC LIMIT {}",
            u64::from(filter.limit) + 1
        );
        let mut select = moment.prepare_cached(&sql)?;
        let mut items: Vec<_> =
            select.query_map(params_from_iter(page_values), rows::record)?.collect::<Result<_>>()?;
        let more = items.len() > filter.limit as usize;
        items.truncate(filter.limit as usize);
        let next = items
            .last()
            .filter(|_| more)
            .map(|last| Position { created_at: last.created_at, dispute_no: last.state.dispute_no.clone() });
        let total_exact = counted <= Page::COUNT_MAX;
        Ok(Page { items, next, total: counted.min(Page::COUNT_MAX), total_exact })
    }
}

/// What a filter asks for, in SQL, with its values in order.
fn conditions(filter: &Filter) -> (String, Vec<Value>) {
    let mut sql = vec!["TRUE".to_owned()];
    let mut values = Vec::new();
    let mut condition = |condition: &str, value: Option<Value>| {
        if let Some(value) = value {
            sql.push(condition.to_owned());
            values.push(value);
        }
    };
    condition("merchant_id = ?", filter.merchant_id.map(|id| id.number().into()));
    condition("status = ?", filter.status.map(|status| status.to_string().into()));
    condition("stage = ?", filter.stage.map(|stage| stage.to_string().into()));
    condition("deadline < ?", filter.deadline_before.map(|at| at.0.into()));
    condition("created_at > ?", filter.created_after.map(|at| at.0.into()));
    if let Some(q) = &filter.q {
        const COLUMNS: [&str; 4] = ["dispute_no", "payment_no", "merchant_trade_no", "rrn"];
        // A prefix as a range, which an index can serve: no text that starts with `q` lies beyond q followed by the
        // last character there is.
        let either = COLUMNS.map(|column| format!("({column} >= ? AND {column} < ?)")).join(" OR ");
        sql.push(format!("({either})"));
        for _ in COLUMNS {
            values.extend([Value::from(q.clone()), Value::from(format!("{q}\u{10ffff}"))]);
        }
    }
    (sql.join(" AND "), values)
}
