//! A database fixture, and short constructors for the requests of the cases.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};

use rebuttal_disputes::{Actor, Command, ContestItem, EvidenceFault, Fingerprint, FoundFile, Opening};
use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::{EvidenceType, ReceivedEvidence};
use rebuttal_protocol::operator::{AppSettings, CreateMerchant, OpenDispute};
use rebuttal_protocol::{AppId, DisputeNo, FileInspection, MerchantId, Nonce, StorageUri, UnixMillis};
use rebuttal_store::{
    AccountChange, DisputeDetail, Idempotency, IdempotencyKey, Location, NonceUse, Operation, Options,
    Outcome, QueuedRequest, Rejection, RequestHash, SingleOperation, Store, Upload, WriteRequest,
    WriteResult,
};
use rebuttal_testbed::postgres;
use tempfile::TempDir;

pub(crate) const NOW: UnixMillis = UnixMillis(1_750_000_000_000);
pub(crate) const DEADLINE: UnixMillis = UnixMillis(NOW.0 + 3_600_000);
pub(crate) const APP: AppId = AppId::from_bytes([7; 16]);

/// A database that outlives the stores that are opened on it.
pub(crate) struct Fixture {
    database: Database,
    counter: AtomicU64,
}

enum Database {
    Sqlite { _folder: TempDir, path: PathBuf },
    Postgres(postgres::Database),
}

impl Fixture {
    pub(crate) fn sqlite() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rebuttal.db");
        Self { database: Database::Sqlite { _folder: folder, path }, counter: AtomicU64::new(1) }
    }

    pub(crate) fn postgres() -> Self {
        let database = Database::Postgres(postgres::Database::shared());
        Self { database, counter: AtomicU64::new(1) }
    }

    pub(crate) fn location(&self) -> Location {
        match &self.database {
            Database::Sqlite { path, .. } => Location::from(path.as_path()),
            Database::Postgres(database) => database.url().parse().unwrap(),
        }
    }

    /// Edits the database without the store, as only an operator could. SQLite's BLOB is PostgreSQL's BYTEA.
    pub(crate) fn tamper(&self, sql: &str) {
        match &self.database {
            Database::Sqlite { path, .. } => {
                rusqlite::Connection::open(path).unwrap().execute_batch(sql).unwrap();
            }
            Database::Postgres(database) => drop(database.query(&sql.replace("BLOB", "BYTEA"))),
        }
    }

    /// As [`Self::tamper`], without foreign key checks.
    pub(crate) fn tamper_unchecked(&self, sql: &str) {
        match &self.database {
            Database::Sqlite { .. } => self.tamper(&format!("PRAGMA foreign_keys = off; {sql}")),
            Database::Postgres(_) => self.tamper(&format!("SET session_replication_role = replica; {sql}")),
        }
    }

    /// The result of a query, one text per row.
    pub(crate) fn ask(&self, sql: &str) -> Vec<String> {
        match &self.database {
            Database::Sqlite { path, .. } => {
                let connection = rusqlite::Connection::open(path).unwrap();
                let mut select = connection.prepare(sql).unwrap();
                select.query_map([], |row| row.get(0)).unwrap().collect::<Result<_, _>>().unwrap()
            }
            Database::Postgres(database) => database.query(sql).lines().map(str::to_owned).collect(),
        }
    }

    /// A single value that is text.
    pub(crate) fn meta(&self, name: &str) -> String {
        let value = match &self.database {
            Database::Sqlite { .. } => "CAST(value AS TEXT)",
            Database::Postgres(_) => "convert_from(value, 'UTF8')",
        };
        self.ask(&format!("SELECT {value} FROM meta WHERE name = '{name}'")).concat()
    }

    pub(crate) async fn store(&self) -> Store {
        self.store_with(&Options::default()).await
    }

    pub(crate) async fn store_with(&self, options: &Options) -> Store {
        Store::open(&self.location(), options).await.unwrap()
    }

    /// A copy of SQLite's files, as a process that is killed now leaves them.
    pub(crate) fn as_a_kill_leaves_it(&self) -> Option<Self> {
        let Database::Sqlite { path, .. } = &self.database else { return None };
        let copy = Self::sqlite();
        let Database::Sqlite { path: to, .. } = &copy.database else { return None };
        for suffix in ["", "-wal"] {
            let of = |path: &std::path::Path| format!("{}{suffix}", path.display());
            std::fs::copy(of(path), of(to)).unwrap();
        }
        Some(copy)
    }

    pub(crate) fn number(&self) -> u64 {
        self.counter.fetch_add(1, Ordering::Relaxed)
    }

    pub(crate) fn nonce(&self) -> NonceUse {
        self.nonce_at(NOW)
    }

    pub(crate) fn nonce_at(&self, timestamp: UnixMillis) -> NonceUse {
        let nonce: Nonce = format!("nonce-{:026}", self.number()).parse().unwrap();
        NonceUse { timestamp, app_id: APP, nonce }
    }
}

pub(crate) async fn commit<O>(store: &Store, idempotency: Idempotency, operation: O) -> WriteResult
where
    QueuedRequest: From<WriteRequest<O>>,
{
    store.commit(WriteRequest { arrived_at: NOW, idempotency, token: None, operation }).await.unwrap()
}

pub(crate) async fn merchant(store: &Store) -> MerchantId {
    let body = Object::parse(br#"{"name":"Corner Shop","timeZone":"Asia/Shanghai"}"#).unwrap();
    let CreateMerchant { name, time_zone } = CreateMerchant::parse(&body).unwrap();
    let change = AccountChange::CreateMerchant { name, time_zone };
    match commit(store, Idempotency::None, SingleOperation::Account(change)).await.unwrap() {
        Outcome::Merchant(merchant) => merchant.merchant_id,
        other => panic!("{other:?}"),
    }
}

pub(crate) fn settings() -> AppSettings {
    AppSettings { notify_url: None, scheme: None, enabled: None }
}

pub(crate) fn opening(merchant_id: MerchantId, no: &str, deadline: UnixMillis) -> Opening {
    let body = format!(
        r#"{{"merchantId":{merchant_id},"paymentNo":"P-{no}","merchantTradeNo":"T-{no}","paymentAmount":"100.05",
        "disputeAmount":"99","currency":"USD","disputeReason":"Not received","type":"CHARGEBACK","deadline":"{}"}}"#,
        deadline.to_rfc3339_utc()
    );
    let facts = OpenDispute::parse(&Object::parse(body.as_bytes()).unwrap()).unwrap();
    Opening { dispute_no: no.parse().unwrap(), facts }
}

pub(crate) fn operator() -> Actor {
    Actor::Operator("night shift".to_owned())
}

pub(crate) async fn open(store: &Store, merchant_id: MerchantId, no: &str) -> DisputeNo {
    let opening = opening(merchant_id, no, DEADLINE);
    let dispute_no = opening.dispute_no.clone();
    commit(store, Idempotency::None, Operation::Open { opening, actor: operator() }).await.unwrap();
    dispute_no
}

pub(crate) fn url(merchant_id: MerchantId, file: u8) -> StorageUri {
    format!("s3://uploaded/m/{merchant_id}/open/dispute-evidence/{file:032x}.png").parse().unwrap()
}

pub(crate) fn found(file: u8) -> FoundFile {
    FoundFile {
        sha256: Fingerprint([file; 32]),
        size: 100 + u64::from(file),
        media_type: "image/png".to_owned(),
    }
}

pub(crate) async fn upload(store: &Store, url: StorageUri, file: u8) -> WriteResult {
    upload_inspected(store, url, file, None).await
}

pub(crate) async fn upload_inspected(
    store: &Store,
    url: StorageUri,
    file: u8,
    inspection: Option<FileInspection>,
) -> WriteResult {
    let upload = Upload { url, file: found(file) };
    commit(store, Idempotency::None, Operation::RecordUpload { upload, inspection }).await
}

pub(crate) fn item(url: Option<StorageUri>) -> ReceivedEvidence {
    ReceivedEvidence { evidence_type: EvidenceType::Receipt, name: "Receipt".parse().unwrap(), url }
}

pub(crate) fn contest(merchant_id: MerchantId, no: &DisputeNo, items: Vec<ReceivedEvidence>) -> Operation {
    let items = items.into_iter().map(|evidence| {
        let file = evidence.url.map(|url| found(url.file_id[15])).ok_or(EvidenceFault::NotFound);
        ContestItem { evidence, file }
    });
    Operation::Command {
        dispute_no: no.clone(),
        merchant_id: Some(merchant_id),
        actor: Actor::App(APP),
        command: Command::contest(items.collect()),
    }
}

pub(crate) fn operation(no: &DisputeNo, command: Command) -> Operation {
    Operation::Command { dispute_no: no.clone(), merchant_id: None, actor: operator(), command }
}

pub(crate) fn key(key: &str, request: u8) -> Idempotency {
    Idempotency::Key(IdempotencyKey {
        token: "t".to_owned(),
        key: key.to_owned(),
        request: RequestHash([request; 32]),
    })
}

pub(crate) async fn detail(store: &Store, no: &DisputeNo) -> DisputeDetail {
    let detail = store.detail(no).await.unwrap().unwrap();
    assert_eq!(detail.check_integrity(), Ok(()), "{no} is not what its history proves");
    detail
}

pub(crate) fn code(answer: WriteResult) -> String {
    match answer {
        Ok(_) => "OK".to_owned(),
        Err(refused) => refused.code().to_string(),
    }
}

pub(crate) fn is_replay(answer: &WriteResult) -> bool {
    matches!(answer, Err(Rejection::Replayed))
}
