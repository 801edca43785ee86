//! The queries on a connection: one of the pool, or a lane's within its transaction.

use std::collections::HashMap;
use std::ops::Deref;

use futures_util::future::try_join_all;
use rebuttal_protocol::dispute::QueryRequest;
use rebuttal_protocol::operator::TokenName;
use rebuttal_protocol::{AppId, DisputeNo, MerchantId, StorageUri, UnixMillis};
use tokio_postgres::Row;
use tokio_postgres::types::Type;

use super::rows;
use super::session::{Session, SessionError, Value};
use super::statements::{
    ANY_ACCOUNT, ANY_UPLOAD, APP, APPS_OF_MERCHANT, BACKLOG, DISPUTE, DISPUTE_BY_PAYMENT, DISPUTE_BY_TRADE,
    DISPUTE_OF_MERCHANT, DISPUTES_BY_ID, DUE, ENCRYPTED_SECRETS, HISTORY, INSPECTIONS, MARKED, MERCHANT,
    MERCHANTS, META, SECRETS_OF_APPS, SERVER_TIME, TOKEN, TOKENS, UPLOAD, UPLOADS,
};
use crate::accounts::{AppRecord, EncryptedAppSecret, MerchantRecord, TokenHash, TokenRecord};
use crate::dispute_list::{ListPlan, Sql, SqlValue};
use crate::views::{
    Backlog, DisputeDetail, DisputeFilter, DisputePage, DisputeRecord, Inspections, MarkedUpload,
};
use crate::write_request::Upload;

type Result<T> = std::result::Result<T, SessionError>;

pub(crate) async fn meta(session: impl Deref<Target = Session>, name: &str) -> Result<Option<Vec<u8>>> {
    let row = session.row(META, &[&name]).await?;
    row.map(|row| rows::value(&row, 0)).transpose()
}

/// The database server's clock.
pub(crate) async fn server_time(session: impl Deref<Target = Session>) -> Result<Option<UnixMillis>> {
    let row = session.row(SERVER_TIME, &[]).await?;
    row.map(|row| rows::millis(&row, 0)).transpose()
}

pub(crate) async fn app(session: impl Deref<Target = Session>, app_id: AppId) -> Result<Option<AppRecord>> {
    let apps = session.rows(APP, &[&app_id.as_bytes().as_slice()]).await?;
    Ok(with_secrets(&session, &apps).await?.pop())
}

pub(crate) async fn apps_of(
    session: impl Deref<Target = Session>,
    merchant_id: MerchantId,
) -> Result<Vec<AppRecord>> {
    let apps = session.rows(APPS_OF_MERCHANT, &[&number(merchant_id)]).await?;
    with_secrets(&session, &apps).await
}

async fn with_secrets(session: &Session, apps: &[Row]) -> Result<Vec<AppRecord>> {
    let mut apps: Vec<AppRecord> = apps.iter().map(rows::app).collect::<Result<_>>()?;
    let ids: Vec<&[u8]> = apps.iter().map(|app| app.app_id.as_bytes().as_slice()).collect();
    let mut secrets: HashMap<AppId, Vec<_>> = HashMap::new();
    for row in session.rows(SECRETS_OF_APPS, &[&ids]).await? {
        let app_id = AppId::from_bytes(rows::bytes(&row, 5)?);
        secrets.entry(app_id).or_default().push(rows::secret(&row)?);
    }
    for app in &mut apps {
        app.secrets = secrets.remove(&app.app_id).unwrap_or_default();
    }
    Ok(apps)
}

fn number(merchant_id: MerchantId) -> i64 {
    merchant_id.number().into()
}

pub(crate) async fn merchant(
    session: impl Deref<Target = Session>,
    merchant_id: MerchantId,
) -> Result<Option<MerchantRecord>> {
    let row = session.row(MERCHANT, &[&number(merchant_id)]).await?;
    row.as_ref().map(rows::merchant).transpose()
}

pub(crate) async fn merchants(
    session: impl Deref<Target = Session>,
    after: Option<MerchantId>,
    limit: u32,
) -> Result<Vec<MerchantRecord>> {
    let rows = session.rows(MERCHANTS, &[&after.map_or(0, number), &i64::from(limit)]).await?;
    rows.iter().map(rows::merchant).collect()
}

pub(crate) async fn token(
    session: impl Deref<Target = Session>,
    hash: TokenHash,
) -> Result<Option<TokenRecord>> {
    let row = session.row(TOKEN, &[&hash.0.as_slice()]).await?;
    row.as_ref().map(rows::token).transpose()
}

pub(crate) async fn tokens(
    session: impl Deref<Target = Session>,
    after: Option<&TokenName>,
    limit: u32,
) -> Result<Vec<TokenRecord>> {
    let after = after.map_or("", TokenName::as_str);
    let rows = session.rows(TOKENS, &[&after, &i64::from(limit)]).await?;
    rows.iter().map(rows::token).collect()
}

pub(crate) async fn upload(session: impl Deref<Target = Session>, url: StorageUri) -> Result<Option<Upload>> {
    let row = session.row(UPLOAD, &[&url.key()]).await?;
    row.map(|row| Ok(Upload { url, file: rows::found_file(&row, 0)? })).transpose()
}

pub(crate) async fn inspections(
    session: impl Deref<Target = Session>,
    urls: &[StorageUri],
) -> Result<Inspections> {
    let keys: Vec<String> = urls.iter().map(StorageUri::key).collect();
    let found = session.rows(INSPECTIONS, &[&keys]).await?;
    found.iter().map(|row| Ok((rows::url(row, 0)?, rows::inspection(row, 1)?))).collect()
}

pub(crate) async fn uploads(
    session: impl Deref<Target = Session>,
    after: Option<StorageUri>,
    limit: u32,
) -> Result<Vec<Upload>> {
    let after = after.map(|url| url.key()).unwrap_or_default();
    let found = session.rows(UPLOADS, &[&after, &i64::from(limit)]).await?;
    let upload = |row: &Row| Ok(Upload { url: rows::url(row, 0)?, file: rows::found_file(row, 1)? });
    found.iter().map(upload).collect()
}

pub(crate) async fn has_accounts(session: impl Deref<Target = Session>) -> Result<bool> {
    Ok(session.row(ANY_ACCOUNT, &[]).await?.is_some())
}

pub(crate) async fn encrypted_secrets(session: &Session, limit: u32) -> Result<Vec<EncryptedAppSecret>> {
    let rows = session.rows(ENCRYPTED_SECRETS, &[&i64::from(limit)]).await?;
    let secret = |row: &Row| {
        Ok(EncryptedAppSecret {
            app_id: AppId::from_bytes(rows::bytes(row, 0)?),
            secret_id: rows::bytes(row, 1)?,
            ciphertext: rows::value(row, 2)?,
        })
    };
    rows.iter().map(secret).collect()
}

pub(crate) async fn has_uploads(session: impl Deref<Target = Session>) -> Result<bool> {
    Ok(session.row(ANY_UPLOAD, &[]).await?.is_some())
}

pub(crate) async fn marked(
    session: impl Deref<Target = Session>,
    before: UnixMillis,
    after: Option<MarkedUpload>,
    limit: u32,
) -> Result<Vec<MarkedUpload>> {
    let (at, url) = MarkedUpload::begin(after);
    let rows = session.rows(MARKED, &[&before.0, &at, &url, &i64::from(limit)]).await?;
    rows.iter()
        .map(|row| Ok(MarkedUpload { at: UnixMillis(rows::value(row, 0)?), url: rows::url(row, 1)? }))
        .collect()
}

pub(crate) async fn due(
    session: impl Deref<Target = Session>,
    deadline_until: UnixMillis,
    limit: u32,
) -> Result<Vec<DisputeNo>> {
    let rows = session.rows(DUE, &[&deadline_until.0, &i64::from(limit)]).await?;
    rows.iter().map(|row| rows::parsed(row, 0)).collect()
}

pub(crate) async fn backlog(session: impl Deref<Target = Session>) -> Result<Backlog> {
    let Some(row) = session.row(BACKLOG, &[]).await? else { return Ok(Backlog::default()) };
    let at = |index| -> Result<_> { Ok(rows::value::<Option<i64>>(&row, index)?.map(UnixMillis)) };
    Ok(Backlog { earliest_deadline: at(0)?, oldest_unreferenced_at: at(1)?, oldest_marked_at: at(2)? })
}

pub(crate) async fn dispute(
    session: impl Deref<Target = Session>,
    dispute_no: &DisputeNo,
) -> Result<Option<DisputeRecord>> {
    let row = session.row(DISPUTE, &[&dispute_no.as_str()]).await?;
    row.as_ref().map(rows::record).transpose()
}

pub(crate) async fn find(
    session: impl Deref<Target = Session>,
    merchant_id: MerchantId,
    query: &QueryRequest,
) -> Result<Option<DisputeRecord>> {
    let (sql, key) = match query {
        QueryRequest::DisputeNo(no) => (DISPUTE_OF_MERCHANT, no.as_str()),
        QueryRequest::PaymentNo(no) => (DISPUTE_BY_PAYMENT, no.as_str()),
        QueryRequest::MerchantTradeNo(no) => (DISPUTE_BY_TRADE, no.as_str()),
    };
    let row = session.row(sql, &[&number(merchant_id), &key]).await?;
    row.as_ref().map(rows::record).transpose()
}

/// One transaction, so that everything is read in one snapshot.
const MOMENT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY";

pub(crate) async fn detail(
    session: impl Deref<Target = Session>,
    dispute_no: &DisputeNo,
) -> Result<Option<DisputeDetail>> {
    prepare(&session, &[DISPUTE, HISTORY]).await?;
    let no: [Value<'_>; 1] = [&dispute_no.as_str()];
    let (begun, dispute, history, ended) = tokio::join! {
        biased;
        session.batch(MOMENT),
        session.row(DISPUTE, &no),
        session.rows(HISTORY, &no),
        session.batch("COMMIT"),
    };
    begun.and(ended)?;
    let Some(record) = dispute?.as_ref().map(rows::record).transpose()? else { return Ok(None) };
    let entries = history?;
    let history = entries.iter().map(rows::entry).collect::<Result<_>>()?;
    let submissions = entries.iter().filter_map(|row| rows::submission(row).transpose());
    Ok(Some(DisputeDetail { record, history, submissions: submissions.collect::<Result<_>>()? }))
}

/// A page of a list.
///
/// Ordered from the newest to the oldest. A dispute's position never changes, so paging finds every dispute whose
/// opening was answered before the first page was read, also if it was committed after a newer one.
pub(crate) async fn list(
    session: impl Deref<Target = Session>,
    filter: &DisputeFilter,
) -> Result<DisputePage> {
    session.batch(LIST_SNAPSHOT).await?;
    let page = page(&session, filter).await;
    // After an error it rolls back.
    session.batch("COMMIT").await?;
    page
}

/// One snapshot. Rows are read by indexes, although the planner would read a whole small table.
pub(super) const LIST_SNAPSHOT: &str = "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY; SET LOCAL enable_seqscan = off; \
                             SET LOCAL enable_hashjoin = off; SET LOCAL enable_mergejoin = off";

async fn page(session: &Session, filter: &DisputeFilter) -> Result<DisputePage> {
    let plan = ListPlan::of(filter);
    let counts = plan.counts();
    let counts = try_join_all(counts.iter().map(|sql| ids(session, sql))).await?;
    let counts: Vec<u64> =
        counts.iter().map(|count| count.first().copied().unwrap_or_default().unsigned_abs()).collect();
    let how = plan.page_ids(&counts);
    let found = ids(session, &how.sql).await?;
    let end = match &how.end {
        Some(end) => ids(session, end).await?.first().copied(),
        None => None,
    };
    let items = session.rows(DISPUTES_BY_ID, &[&plan.on_page(&found)]).await?;
    Ok(plan.page(&how, &found, end, items.iter().map(rows::record).collect::<Result<_>>()?))
}

/// Reads a column of numbers by a statement that is planned for its values.
async fn ids(session: &Session, sql: &Sql) -> Result<Vec<i64>> {
    let rows = session.client.query_typed(&sql.text, &values(sql)).await?;
    rows.iter().map(|row| rows::value(row, 0)).collect()
}

/// A statement's values with their types.
pub(super) fn values(sql: &Sql) -> Vec<(Value<'_>, Type)> {
    let mut typed: Vec<(Value<'_>, Type)> = Vec::with_capacity(sql.values.len());
    for value in &sql.values {
        typed.push(match value {
            SqlValue::Number(number) => (number, Type::INT8),
            SqlValue::Text(text) => (text, Type::TEXT),
        });
    }
    typed
}

/// Queries that are sent together must be prepared first; otherwise they are executed out of order.
async fn prepare(session: &Session, statements: &[&'static str]) -> Result<()> {
    for sql in statements {
        session.prepared(sql).await?;
    }
    Ok(())
}
