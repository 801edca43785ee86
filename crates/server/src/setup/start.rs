//! Opens everything that a gateway stands on, in the order in which a first start must survive being interrupted.

mod wait;

use std::path::Path;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, bail, ensure};
use rebuttal_evidence::{Credentials, Error, EvidenceStore, FolderStore, S3Store};
use rebuttal_store::{
    AccountChange, CommitError, Location, Options, SingleOperation, Store, StoreError, WriteRequest,
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
use crate::http::health::{Health, READY_LIMIT};
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::data_dir::DataDir;
use crate::setup::first_token::{FirstToken, ensure_token, first_name};
use crate::setup::hints;
use crate::{clock, jobs};
use wait::Wait;

/// The public half of the credentials that sign the embedded store's forms; the secret half is derived.
const UPLOAD_ACCESS_KEY_ID: &str = "REBUTTAL";
/// The region in the credential scope of the embedded store's forms.
const UPLOAD_REGION: &str = "rebuttal";
/// What a start may wait for.
const DATABASE: &str = "the database";
const OBJECT_STORE: &str = "the object store";

/// Opens the gateway of a data directory, and adopts files that were stored but not recorded when it last died.
pub(crate) async fn open(
    config: &Config,
    data_dir: &DataDir,
    public_urls: Vec<BaseUrl>,
) -> anyhow::Result<Arc<Gateway>> {
    let Opened { store, keys, identity, evidence } = open_when_there(config, data_dir).await?;
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
    let gateway = Arc::new(Gateway {
        auth,
        health: Arc::new(Health::new(store.clone(), evidence.clone())),
        store,
        evidence,
        evidence_reads: EvidenceReads::new(EVIDENCE_READ_WAIT_LIMIT),
        data_dir: config.data_dir.clone(),
        moved_fence: data_dir.moved_fence(),
        unreferenced_uploads_kept: config.unreferenced_uploads_kept,
        api_docs: config.api_docs,
    });
    // Nothing is being received yet, so everything that is not recorded was left over.
    jobs::record_orphans(&gateway, clock::now()).await?;
    Ok(gateway)
}

/// What a start asks of the database and the evidence store.
struct Opened {
    store: Store,
    keys: Arc<Keys>,
    identity: Vec<u8>,
    evidence: EvidenceStore,
}

/// When the log says that a try to open takes long. Nothing ends it: a migration must not be cut short.
const SLOW_START: Duration = Duration::from_secs(5);

/// Opens database and evidence store, and tries again for as long as the start may wait where the database does not
/// answer. Each try begins anew: a start survives being interrupted anywhere.
async fn open_when_there(config: &Config, data_dir: &DataDir) -> anyhow::Result<Opened> {
    let mut wait = Wait::of(config.start_wait);
    loop {
        let opened = async {
            let store = open_store(config, data_dir).await?;
            let keys = Arc::new(open_keys(config, data_dir, &store, &mut wait).await?);
            let identity = identity(&store).await?;
            let evidence = open_evidence(config, &keys, &store).await?;
            anyhow::Ok(Opened { store, keys, identity, evidence })
        };
        match watched(opened).await {
            Ok(opened) => {
                wait.finished();
                return Ok(opened);
            }
            Err(error) if is_transient(&error) => {
                if !wait.again(DATABASE, &error).await {
                    return Err(wait.given_up(DATABASE, error));
                }
            }
            Err(error) => return Err(error),
        }
    }
}

/// Logs once that a try takes long.
async fn watched<T>(opening: impl Future<Output = T>) -> T {
    let mut opening = pin!(opening);
    if let Ok(opened) = timeout(SLOW_START, opening.as_mut()).await {
        return opened;
    }
    tracing::warn!(
        "still opening the database and the evidence store: a migration may be running here or in another gateway, or \
         another session holds a lock (pg_locks shows it)"
    );
    opening.await
}

/// Whether waiting may heal what the database failed with.
fn is_transient(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        let of_store = cause.downcast_ref::<StoreError>().is_some_and(StoreError::is_transient);
        of_store || matches!(cause.downcast_ref(), Some(CommitError::Unavailable(_)))
    })
}

/// The configured database, else the one of the data directory.
async fn open_store(config: &Config, data_dir: &DataDir) -> anyhow::Result<Store> {
    let options = Options {
        queue_max: config.commit_queue_max.get(),
        batch_max: config.commit_batch_max.get(),
        ..Options::default()
    };
    match &config.database {
        Some(Location::Sqlite(file)) => data_dir.hold_database(file)?,
        Some(Location::Postgres(_)) => {}
        None => data_dir.refuse_lost_database()?,
    }
    let location = config.database_location();
    if let Location::Sqlite(file) = &location
        && let Some(why) = file.parent().and_then(hints::unwritable)
    {
        bail!(why);
    }
    let opened = Store::open(&location, &options).await;
    let told = |error: StoreError| {
        let told = hints::of_database(&location, &error);
        anyhow::Error::new(error).context(told)
    };
    opened.map_err(told).with_context(|| match (&config.database, &location) {
        (None, Location::Sqlite(file)) => format!("the database {} cannot be opened", file.display()),
        _ => "the database that database_url names cannot be opened".to_owned(),
    })
}

/// The evidence store. One that does not answer yet keeps no gateway from starting: it is not ready, and accepts and
/// queries need no evidence.
async fn open_evidence(config: &Config, keys: &Keys, store: &Store) -> anyhow::Result<EvidenceStore> {
    let (mark, holds_files) = (keys.evidence_marker(), store.has_uploads().await?);
    let folder = match &config.evidence {
        EvidenceLocation::Folder(folder) => folder,
        EvidenceLocation::Bucket { bucket, public, variables } => {
            bind_to_location(store, bucket.identity(), false).await?;
            let bucket = S3Store::open(bucket, public.as_ref(), variables, &mark, holds_files)?;
            let reason = match timeout(READY_LIMIT, bucket.answers()).await {
                Ok(Ok(())) => return Ok(EvidenceStore::S3(bucket)),
                Ok(Err(error @ Error::NotOurs(_))) => return Err(error.into()),
                Ok(Err(error)) => error.to_string(),
                Err(late) => late.to_string(),
            };
            tracing::error!(reason, "no evidence can be taken until the object store answers");
            return Ok(EvidenceStore::S3(bucket));
        }
    };
    let credentials = Credentials {
        access_key_id: UPLOAD_ACCESS_KEY_ID.to_owned(),
        secret_access_key: keys.upload_secret(),
        session_token: None,
        region: UPLOAD_REGION.to_owned(),
    };
    let kept = store.evidence_place().await?;
    if !holds_files && is_lost(folder, kept.as_deref()) {
        bail!("{}", lost_folder(folder));
    }
    let told = |error: Error| anyhow!(hints::of_evidence(folder, &error));
    let files = FolderStore::open(folder, &mark, holds_files).map_err(told)?;
    bind_to_location(store, files.identity(), files.is_claimed_by_operator()).await?;
    Ok(EvidenceStore::Folder { files, credentials })
}

/// Refuses another evidence store than the one that this database's files lie in: what is missing there would be taken
/// for never uploaded. The first gateway decides which one that is.
async fn bind_to_location(store: &Store, place: String, by_word: bool) -> anyhow::Result<()> {
    let kept = store.evidence_place().await?;
    if kept.as_ref() == Some(&place) {
        return Ok(());
    }
    // Where nobody else serves and nothing was uploaded, nothing can be missed.
    let is_free = by_word || (!store.is_shared() && !store.has_uploads().await?);
    if let Some(kept) = kept.as_ref().filter(|_| is_free) {
        match store.has_uploads().await? {
            false => tracing::warn!(
                "the evidence lies in {place} from now on, and not in {kept} any more: nothing was recorded there"
            ),
            true => tracing::warn!(
                "the evidence lies in {place} from now on, as the empty gateway.mark in it said, and not in {kept} any \
                 more: what was uploaded there and is not here is lost to this gateway, contested evidence included"
            ),
        }
    }
    let change =
        AccountChange::SetEvidenceLocation { place: place.clone(), instead_of: kept.filter(|_| is_free) };
    let work = WriteRequest::internal(clock::now(), SingleOperation::Account(change));
    store.commit(work).await??;
    let kept = store.evidence_place().await?.unwrap_or_default();
    ensure!(kept == place, "{}", wrong_location(&kept, &place));
    Ok(())
}

/// Whether a folder is not the one that the evidence is kept in, though nothing may have been uploaded to that: there
/// is none, or it bears no mark, and the database knows one that does.
pub(crate) fn is_lost(folder: &Path, kept: Option<&str>) -> bool {
    kept.is_some_and(FolderStore::is_folder_identity)
        && FolderStore::is_unclaimed(folder).is_ok_and(|is_unclaimed| is_unclaimed)
}

/// What to do about it.
pub(crate) fn lost_folder(folder: &Path) -> String {
    let (shown, what) =
        (folder.display(), if folder.exists() { "does not bear its mark" } else { "is not there" });
    format!(
        "this database's evidence lies in a folder of this gateway, and {shown} {what}: it was removed, is not mounted, or \
         lies elsewhere. Mount or restore it, or set evidence_url to where it lies. No upload is recorded yet: where the \
         folder is lost for good, or another is to take its place, put an empty file gateway.mark into {shown}"
    )
}

/// What to do about a place that is not the one that is kept to.
pub(crate) fn wrong_location(kept: &str, place: &str) -> String {
    format!(
        "this database's evidence lies in {kept}, and evidence_url names another place, {place}: what is missing there \
         would be taken for never uploaded. Set evidence_url to the first, on every replica, or take the files along with \
         `rebuttal migrate --evidence-to`. Where they have been taken along by other means, delete the row evidence_place \
         from the database's table meta"
    )
}

/// The keys that belong to this database. A database without a check value is nobody's yet: a first start, or one that
/// was interrupted, makes it its own.
async fn open_keys(
    config: &Config,
    data_dir: &DataDir,
    store: &Store,
    wait: &mut Wait,
) -> anyhow::Result<Keys> {
    let check = store.key_check().await?;
    let made = data_dir.master_key();
    let master = match &config.master_key_file {
        Some(file) => MasterKey::read(file).context("master_key_file")?,
        None if check.is_none() && !made.exists() => MasterKey::create(&made)?,
        None => MasterKey::read(&made).context("the database's secrets are sealed with the master key")?,
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
    ensure!(
        check.is_some_and(|check| check == *keys.check_value()),
        "the master key is not the one that this database's secrets are sealed with; start with that one. Gateways that \
         share a database share it by master_key_file"
    );
    ensure_token(store, config.operator_token.as_ref(), &data_dir.operator_token()).await?;
    Ok(keys)
}

/// What tells this installation from others with the same master key. A database that was founded before there was such
/// a thing is given one; of several gateways that do so, the first one's counts.
async fn identity(store: &Store) -> anyhow::Result<Vec<u8>> {
    if let Some(identity) = store.identity().await? {
        return Ok(identity);
    }
    let mut identity = [0; 16];
    getrandom::fill(&mut identity).context("the system has no randomness")?;
    let operation = SingleOperation::Account(AccountChange::SetInstallationId { identity });
    store.commit(WriteRequest::internal(clock::now(), operation)).await??;
    store.identity().await?.context("the row identity of the table meta, just written, is gone")
}

/// Refuses a database that knows nothing beside a bucket that has served before: it is probably another one than then.
/// A bucket that does not answer is waited for, since nobody can be served yet; later starts need not wait.
async fn refuse_foreign_bucket(
    config: &Config,
    store: &Store,
    keys: &Keys,
    wait: &mut Wait,
) -> anyhow::Result<()> {
    let EvidenceLocation::Bucket { bucket, public, variables } = &config.evidence else { return Ok(()) };
    // Asked as if files had been uploaded: then a bucket without our mark is not made ours by asking.
    let marked = S3Store::open(bucket, public.as_ref(), variables, &keys.evidence_marker(), true)?;
    let is_marked = loop {
        let outage = match timeout(READY_LIMIT, marked.answers()).await {
            Ok(Ok(())) => break true,
            Ok(Err(error)) if !error.is_outage() => break false,
            Ok(Err(error)) => error.into(),
            Err(late) => late.into(),
        };
        if !wait.again(OBJECT_STORE, &outage).await {
            break false;
        }
    };
    // Another replica may have founded the database meanwhile, and marked the bucket after that.
    ensure!(
        !is_marked || store.key_check().await?.is_some(),
        "the database is empty, and yet the bucket {} bears this gateway's mark: it has served before, from another \
         database. Configure that one as database_url, or another bucket or prefix to begin anew",
        bucket.name
    );
    Ok(())
}

/// Makes a database that is nobody's this gateway's own. Another one may be doing the same: the first one's key and
/// token count.
async fn initialize(config: &Config, data_dir: &DataDir, store: &Store, keys: &Keys) -> anyhow::Result<()> {
    let file = data_dir.operator_token();
    let first = FirstToken::of(config.operator_token.as_ref(), &file)?;
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
