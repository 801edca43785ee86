//! Opens everything that a gateway depends on, in an order that lets an interrupted first start be repeated.

mod wait;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use rebuttal_evidence::{Credentials, EvidenceError, EvidenceStore, FolderStore, Judge, S3Store};
use rebuttal_store::{
    AccountChange, CommitError, KeyCheck, Location, Options, PendingMigration, SingleOperation, Store,
    StoreError, WriteRequest,
};
use tokio::time::timeout;

use crate::auth::Auth;
use crate::auth::apps::AppLookup;
use crate::auth::keys::{Keys, MasterKey};
use crate::auth::rate_limit::RateLimits;
use crate::auth::replay_cache::ReplayCache;
use crate::auth::tokens::TokenLookup;
use crate::gateway::Gateway;
use crate::gateway::evidence_reads::{EVIDENCE_READ_WAIT_LIMIT, EvidenceReads};
use crate::http::base_url::BaseUrl;
use crate::http::health::{Health, READY_LIMIT, no_answer};
use crate::scanner::{Scanner, ScanningJudge};
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::data_dir::DataDir;
use crate::setup::first_token::{FirstToken, ensure_token, first_name};
use crate::setup::hints;
use crate::workers::Workers;
use crate::{clock, jobs};
use wait::StartWait;

/// The access key id of the credentials that sign the built-in store's forms; the secret is derived.
const UPLOAD_ACCESS_KEY_ID: &str = "REBUTTAL";
/// The region in the credential scope of the built-in store's forms.
const UPLOAD_REGION: &str = "rebuttal";
/// What a start may wait for, as named in the log.
const DATABASE: &str = "the database";
const OBJECT_STORE: &str = "the object store";

/// Opens the gateway of a data directory, and records files that were stored but not recorded before a crash.
pub(crate) async fn open(
    config: &Config,
    data_dir: &DataDir,
    public_urls: Vec<BaseUrl>,
) -> anyhow::Result<Arc<Gateway>> {
    let Opened { store, keys, identity, evidence } = open_with_retries(config, data_dir).await?;
    let window = config.freshness_window.duration();
    let auth = Auth {
        store: store.clone(),
        apps: AppLookup::new(store.clone(), Arc::clone(&keys), &identity),
        tokens: TokenLookup::new(store.clone()),
        keys,
        replay_cache: ReplayCache::new(window, config.read_nonce_capacity),
        rate_limits: RateLimits::new(
            config.auth_failures_per_second,
            config.app_requests_per_second,
            config.trusted_proxies.clone(),
        ),
        public_urls,
        freshness_window: window,
    };
    let workers = Arc::new(Workers::of_this_program().context("cannot tell which program is running")?);
    let inspector: Arc<dyn Judge> = workers.clone();
    let judge = match config.evidence_scanner.clone().map(Scanner::new) {
        Some(scanner) => Arc::new(ScanningJudge { inspector, scanner }),
        None => inspector,
    };
    let gateway = Arc::new(Gateway {
        judge,
        auth,
        health: Arc::new(Health::new(store.clone(), evidence.clone())),
        store,
        evidence,
        evidence_reads: EvidenceReads::new(EVIDENCE_READ_WAIT_LIMIT),
        data_dir: config.data_dir.clone(),
        advanced_fence: data_dir.advanced_fence(),
        unreferenced_upload_retention: config.unreferenced_upload_retention,
        upload_allowed_origins: config.upload_allowed_origins.clone(),
        api_docs: config.api_docs,
    });
    // The start does not wait for it: uploads do, and only contests with new evidence fail without.
    tokio::spawn(async move {
        if let Err(error) = workers.start_one().await {
            tracing::error!(%error, "no process can be started to open evidence files; uploads are refused until one can");
        }
    });
    // No upload is running yet, so every unrecorded file is an orphan.
    jobs::record_orphans(&gateway, clock::now()).await?;
    Ok(gateway)
}

/// The opened database and evidence store.
struct Opened {
    store: Store,
    keys: Arc<Keys>,
    identity: Vec<u8>,
    evidence: EvidenceStore,
}

/// After this time the log says that the database is still being opened. That is not ended: a schema migration must
/// complete.
const SLOW_START: Duration = Duration::from_secs(5);

/// Opens database and evidence store. While the database does not answer, each attempt starts over, until the time
/// that a start may wait is over.
async fn open_with_retries(config: &Config, data_dir: &DataDir) -> anyhow::Result<Opened> {
    let mut wait = StartWait::new(config.start_wait);
    loop {
        let opened = async {
            let store = warn_if_slow(open_store(config, data_dir), config).await?;
            let keys = Arc::new(open_keys(config, data_dir, &store, &mut wait).await?);
            let identity = identity(&store).await?;
            let evidence = open_evidence(config, &keys, &store).await?;
            anyhow::Ok(Opened { store, keys, identity, evidence })
        };
        match opened.await {
            Ok(opened) => {
                wait.finish();
                return Ok(opened);
            }
            Err(error) if is_transient(&error) => {
                if !wait.before_retry(DATABASE, &error).await {
                    return Err(wait.timed_out(DATABASE, error));
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Logs once if opening the database takes longer than [`SLOW_START`]. Later steps have time limits.
async fn warn_if_slow<T>(opening: impl Future<Output = T>, config: &Config) -> T {
    let mut opening = pin!(opening);
    if let Ok(opened) = timeout(SLOW_START, opening.as_mut()).await {
        return opened;
    }
    let holder = match config.database_location() {
        Location::Postgres(_) => "another session holds a lock (pg_locks shows it)",
        Location::Sqlite(_) => "another process holds a lock on its file",
    };
    tracing::warn!("still opening the database: a schema migration may be running, or {holder}");
    opening.await
}

/// Whether a later attempt may succeed.
fn is_transient(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient)
            || matches!(cause.downcast_ref(), Some(CommitError::Unavailable(_)))
    })
}

/// The configured database, or the one in the data directory.
async fn open_store(config: &Config, data_dir: &DataDir) -> anyhow::Result<Store> {
    let options = Options {
        queue_max: config.commit_queue_max.get(),
        batch_max: config.commit_batch_max.get(),
        ..Options::default()
    };
    match &config.database {
        Some(Location::Sqlite(file)) => data_dir.lock_database(file)?,
        Some(Location::Postgres(_)) => {}
        None => data_dir.refuse_lost_database()?,
    }
    let location = config.database_location();
    if let Location::Sqlite(file) = &location
        && let Some(why) =
            file.parent().and_then(|folder| hints::unwritable_database_folder(folder, &config.data_dir))
    {
        bail!(why);
    }
    let with_advice = |error: StoreError| {
        let advice = hints::database_error(&location, &error);
        anyhow::Error::new(error).context(advice)
    };
    let which = || match (&config.database, &location) {
        (None, Location::Sqlite(file)) => format!("cannot open the database {}", file.display()),
        _ => "cannot open the database that database_url names".to_owned(),
    };
    if let Some(pending) = PendingMigration::of(&location).await.map_err(with_advice).with_context(which)? {
        refuse_another_installation(config, data_dir, pending)?;
    }
    Store::open(&location, &options).await.map_err(with_advice).with_context(which)
}

/// Refuses a database of an older version that this gateway could not serve with its configuration, before it is
/// migrated: the older gateways could not serve it afterwards.
fn refuse_another_installation(
    config: &Config,
    data_dir: &DataDir,
    PendingMigration { key_check, evidence_location }: PendingMigration,
) -> anyhow::Result<()> {
    if let Some(check) = key_check {
        ensure_key(&check, &Keys::derive(&read_master_key(config, data_dir)?))?;
    }
    // Only of a server there may be other gateways.
    match (&config.evidence, config.database_location(), evidence_location) {
        (EvidenceLocation::Bucket { bucket, .. }, Location::Postgres(_), Some(recorded))
            if recorded != bucket.identity() =>
        {
            bail!("{}", wrong_location(&recorded, &bucket.identity()))
        }
        _ => Ok(()),
    }
}

fn read_master_key(config: &Config, data_dir: &DataDir) -> anyhow::Result<MasterKey> {
    match &config.master_key_file {
        Some(file) => MasterKey::read(file).context("master_key_file"),
        None => {
            let context = "the database's secrets are encrypted with the master key";
            MasterKey::read(&data_dir.master_key()).context(context)
        }
    }
}

fn ensure_key(check: &KeyCheck, keys: &Keys) -> anyhow::Result<()> {
    ensure!(
        check == keys.check_value(),
        "this database's secrets are encrypted with another master key; start with that key. Gateways that share a \
         database share the key by master_key_file"
    );
    Ok(())
}

/// The evidence store. A bucket whose check fails does not prevent the start: the gateway is not ready, but serves
/// accepts and queries, which need no evidence.
async fn open_evidence(config: &Config, keys: &Keys, store: &Store) -> anyhow::Result<EvidenceStore> {
    let (marker, has_uploads) = (keys.evidence_marker(), store.has_uploads().await?);
    let folder = match &config.evidence {
        EvidenceLocation::Folder(folder) => folder,
        EvidenceLocation::Bucket { bucket, public, variables } => {
            bind_to_location(store, bucket.identity(), false).await?;
            let bucket = S3Store::open(bucket, public.as_ref(), variables, &marker, has_uploads)?;
            let reason = match timeout(READY_LIMIT, bucket.answers()).await {
                Ok(Ok(())) => return Ok(EvidenceStore::S3(bucket)),
                Ok(Err(error @ EvidenceError::NotOurs(_))) => return Err(error.into()),
                Ok(Err(error)) => error.to_string(),
                Err(_) => no_answer(READY_LIMIT),
            };
            tracing::error!(
                reason,
                "object store check failed; contests with new evidence are answered Unavailable until it succeeds"
            );
            return Ok(EvidenceStore::S3(bucket));
        }
    };
    let credentials = Credentials {
        access_key_id: UPLOAD_ACCESS_KEY_ID.to_owned(),
        secret_access_key: keys.upload_secret(),
        session_token: None,
        region: UPLOAD_REGION.to_owned(),
    };
    let recorded = store.evidence_location().await?;
    if !has_uploads && is_folder_lost(folder, recorded.as_deref()) {
        bail!("{}", lost_folder(folder));
    }
    let with_advice = |error: EvidenceError| anyhow!(hints::evidence_error(folder, &error));
    let files = FolderStore::open(folder, &marker, has_uploads).map_err(with_advice)?;
    bind_to_location(store, files.identity(), files.is_claimed_by_operator()).await?;
    Ok(EvidenceStore::Folder { files, credentials })
}

/// Records the location of the evidence in the database, and refuses another one than is recorded: its missing files
/// would count as never uploaded. An operator confirms another folder by an empty `gateway.mark` in it.
async fn bind_to_location(
    store: &Store,
    location: String,
    confirmed_by_operator: bool,
) -> anyhow::Result<()> {
    let recorded = store.evidence_location().await?;
    if recorded.as_ref() == Some(&location) {
        return Ok(());
    }
    // Without replicas and uploads there are no files that could be missing.
    let may_change = confirmed_by_operator || (!store.is_shared() && !store.has_uploads().await?);
    if let Some(recorded) = recorded.as_ref().filter(|_| may_change) {
        match store.has_uploads().await? {
            false => tracing::warn!(
                "evidence location changed from {recorded} to {location}; no upload was recorded before"
            ),
            true => tracing::warn!(
                "evidence location changed from {recorded} to {location}, because its gateway.mark is empty; uploads that \
                 are not there are missing for this gateway, contested evidence included"
            ),
        }
    }
    let change = AccountChange::SetEvidenceLocation {
        location: location.clone(),
        expected: recorded.filter(|_| may_change),
    };
    store.commit(WriteRequest::internal(clock::now(), SingleOperation::Account(change))).await??;
    let recorded = store.evidence_location().await?.unwrap_or_default();
    ensure!(recorded == location, "{}", wrong_location(&recorded, &location));
    Ok(())
}

/// Whether the recorded evidence folder is lost: it is missing or has no ownership marker, though the database records
/// one.
pub(crate) fn is_folder_lost(folder: &Path, recorded: Option<&str>) -> bool {
    recorded.is_some_and(FolderStore::is_folder_identity)
        && FolderStore::is_unclaimed(folder).is_ok_and(|is_unclaimed| is_unclaimed)
}

/// The error for a lost folder.
pub(crate) fn lost_folder(folder: &Path) -> String {
    let (shown, what) =
        (folder.display(), if folder.exists() { "has no ownership marker" } else { "does not exist" });
    format!(
        "this database's evidence is in a folder of this gateway, but {shown} {what}: it was removed, moved, or is not \
         mounted. Mount or restore it, or set evidence_url to its path. No upload is recorded yet: if the folder is lost, \
         or another one replaces it, create an empty file gateway.mark in {shown}"
    )
}

/// The error for another location than the recorded one.
pub(crate) fn wrong_location(recorded: &str, location: &str) -> String {
    format!(
        "this database's evidence is in {recorded}, but evidence_url names {location}: files that are missing there would \
         count as never uploaded. Set evidence_url to the recorded location, on every replica, or copy the files with \
         `rebuttal migrate --evidence-to`. If they were copied by other means, delete the row evidence_place from the \
         database's table meta"
    )
}

/// The keys of this database. A database without a check value is new, or its first start was interrupted; it is
/// initialized.
async fn open_keys(
    config: &Config,
    data_dir: &DataDir,
    store: &Store,
    wait: &mut StartWait,
) -> anyhow::Result<Keys> {
    let check = store.key_check().await?;
    let default_file = data_dir.master_key();
    let master = match &config.master_key_file {
        None if check.is_none() && !default_file.exists() => MasterKey::create(&default_file)?,
        _ => read_master_key(config, data_dir)?,
    };
    let keys = Keys::derive(&master);
    let check = match check {
        Some(check) => Some(check),
        None => {
            data_dir.refuse_foreign_database()?;
            refuse_foreign_bucket(config, store, &keys, wait).await?;
            initialize(config, data_dir, store, &keys).await?;
            store.key_check().await?
        }
    };
    ensure_key(&check.context("the row key_check of the table meta was written, but is missing")?, &keys)?;
    ensure_token(store, config.operator_token.as_ref(), &data_dir.operator_token()).await?;
    Ok(keys)
}

/// The random id that distinguishes this installation from others with the same master key. A database without one is
/// given one; if several gateways do so, the first commit wins.
async fn identity(store: &Store) -> anyhow::Result<Vec<u8>> {
    if let Some(identity) = store.identity().await? {
        return Ok(identity);
    }
    let mut identity = [0; 16];
    getrandom::fill(&mut identity).context("the system's random number generator failed")?;
    let operation = SingleOperation::Account(AccountChange::SetInstallationId { identity });
    store.commit(WriteRequest::internal(clock::now(), operation)).await??;
    store.identity().await?.context("the row identity of the table meta was written, but is missing")
}

/// Refuses an empty database if this gateway's bucket was used before: the database is probably another one. Waits for
/// a bucket that does not answer, at the first start only.
async fn refuse_foreign_bucket(
    config: &Config,
    store: &Store,
    keys: &Keys,
    wait: &mut StartWait,
) -> anyhow::Result<()> {
    let EvidenceLocation::Bucket { bucket, public, variables } = &config.evidence else { return Ok(()) };
    // Opened as if there were uploads: otherwise `answers` would claim a bucket without a marker.
    let marked = S3Store::open(bucket, public.as_ref(), variables, &keys.evidence_marker(), true)?;
    let is_marked = loop {
        let outage = match timeout(READY_LIMIT, marked.answers()).await {
            Ok(Ok(())) => break true,
            Ok(Err(error)) if !error.is_outage() => break false,
            Ok(Err(error)) => error.into(),
            Err(_) => anyhow!(no_answer(READY_LIMIT)),
        };
        if !wait.before_retry(OBJECT_STORE, &outage).await {
            break false;
        }
    };
    // Another replica may have initialized the database and marked the bucket during the wait.
    ensure!(
        !is_marked || store.key_check().await?.is_some(),
        "the database is empty, but the bucket {} has this gateway's ownership marker: this gateway was used before, with \
         another database. Set database_url to that database, or choose another bucket or prefix to start with an empty \
         gateway",
        bucket.name
    );
    Ok(())
}

/// Writes key check value and first token into a new database. If several gateways do so, the first commit wins.
async fn initialize(config: &Config, data_dir: &DataDir, store: &Store, keys: &Keys) -> anyhow::Result<()> {
    let file = data_dir.operator_token();
    let first = FirstToken::new(config.operator_token.as_ref(), &file)?;
    let key_check = keys.check_value().clone();
    let operation = SingleOperation::Account(AccountChange::Initialize {
        key_check,
        token: first_name()?,
        hash: first.hash,
    });
    store.commit(WriteRequest::internal(clock::now(), operation)).await??;
    if store.token(first.hash).await?.is_none() {
        first.discard()?;
    }
    Ok(())
}
