//! The S3 store: merchants post to the bucket itself, and nothing that lies there is believed until it was fetched,
//! validated, hashed and sealed.
//!
//! `m/<merchant>/open/dispute-evidence/` takes what the forms bring, `sealed/` holds copies that no form reaches: a
//! submission is what its sealed copy is, whatever becomes of the upload.

mod connect;
mod fence;
mod link;
mod machine;
mod ownership;
mod store_by_hash;
mod sweep;
mod variables;

use std::sync::Arc;
use std::time::{Duration, Instant};

use futures_util::TryStreamExt as _;
use object_store::aws::{AmazonS3, AmazonS3Builder, AmazonS3ConfigKey};
use object_store::path::Path;
use object_store::{BackoffConfig, ObjectStore as _, ObjectStoreExt as _, RetryConfig};
use rebuttal_protocol::{MerchantId, StorageUri, UnixMillis};
use tokio::sync::{Mutex, Semaphore};
use zeroize::Zeroizing;

pub use link::{DownloadLink, LINK_LIFETIME};
pub use sweep::{OldUploads, PAGE_MAX};
pub use variables::AwsVariables;

use crate::folder::VALIDATIONS_AT_ONCE;
use crate::location::{Bucket, Endpoint};
use crate::policy::{UPLOAD_URL_LIFETIME, UploadTarget, sign_form};
use crate::{Credentials, Error, FairSlots, UploadForm};

/// Most uploads that are fetched at once. Each is in memory whole, 2 MiB and a byte; the next ones wait for their turn.
pub const FETCHES_AT_ONCE: usize = 16;
/// How long a form is good for that is signed with temporary credentials. They are renewed five minutes before their
/// end at the latest, so those at hand outlive it; how long exactly they have left is not told to us.
pub const TEMPORARY_FORM_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long a request may take from its beginning to the end of its answer.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How often a request is repeated that the store failed to answer.
const REPEATS: usize = 2;
/// How long after its beginning a request is repeated at the latest, so that the whole of it stays below its own limit.
const REPEAT_LIMIT: Duration = Duration::from_secs(4);
/// The longest pause between two tries; the library's own would outlast the request.
const REPEAT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// Where AWS itself keeps what is nowhere.
const DEFAULT_REGION: &str = "us-east-1";
/// What is stored to see whether it can be, where the gateway may store and no form of a merchant reaches.
const TRY_OUT: &str = "sealed/try-out";
/// How long an answer of the store is good for as a sign of its life: readiness is asked by anybody, and each request
/// to the store costs.
const ANSWERED_FOR: Duration = Duration::from_secs(1);

/// The S3 store. Clones share its connections and limits.
#[derive(Clone)]
pub struct S3Store {
    shared: Arc<Shared>,
}

struct Shared {
    store: AmazonS3,
    /// The same store at the address that links lead to; it signs, and is never asked anything.
    links: AmazonS3,
    bucket: Bucket,
    region: String,
    /// The bucket's address for those who post forms.
    forms_url: String,
    /// What tells this gateway's bucket from others.
    marker: String,
    /// Whether files were uploaded before the start: a bucket without a marker is not ours then.
    holds_files: bool,
    fetches: Semaphore,
    validations: FairSlots<MerchantId>,
    /// When the store last answered.
    answered: Mutex<Option<Instant>>,
}

impl S3Store {
    /// Opens a bucket; nothing is asked of the store yet. `public` is its endpoint as merchants and operators reach it,
    /// if another. `marker` tells this gateway's bucket from others; `holds_files` says whether files were uploaded to it
    /// before.
    ///
    /// # Errors
    /// [`Error::S3`] where the credentials are incomplete or TLS cannot be set up.
    pub fn open(
        bucket: &Bucket,
        public: Option<&Endpoint>,
        variables: &AwsVariables,
        marker: &str,
        holds_files: bool,
    ) -> Result<Self, Error> {
        let region =
            bucket.region.clone().or_else(|| variables.region()).unwrap_or(DEFAULT_REGION.to_owned());
        let aws = Endpoint::of_aws(&region);
        let endpoint = bucket.endpoint.as_ref().unwrap_or(&aws);
        let connector = connect::Connector::new(endpoint.is_https())?;
        let at = |endpoint: &Endpoint| {
            // The library wants the bucket in a virtual host's address, and adds it to a path by itself.
            let address =
                if bucket.path_style { endpoint.as_str().to_owned() } else { bucket.url_at(endpoint) };
            let backoff = BackoffConfig { max_backoff: REPEAT_PAUSE_MAX, ..BackoffConfig::default() };
            let retry = RetryConfig { backoff, max_retries: REPEATS, retry_timeout: REPEAT_LIMIT };
            variables
                .all()
                .fold(AmazonS3Builder::new(), |builder, (key, value)| builder.with_config(key, value))
                .with_config(AmazonS3ConfigKey::Endpoint, address)
                .with_bucket_name(&bucket.name)
                .with_region(&region)
                .with_virtual_hosted_style_request(!bucket.path_style)
                .with_allow_http(!endpoint.is_https())
                .with_retry(retry)
                .with_http_connector(connector.clone())
        };
        let build = |builder: AmazonS3Builder| builder.build().map_err(Error::s3("be set up"));
        let mut store = build(at(endpoint))?;
        if !variables.give_credentials() {
            let machine = Arc::new(machine::Machine(Arc::clone(store.credentials())));
            store = build(at(endpoint).with_credentials(machine))?;
        }
        let links = match public {
            Some(public) => build(at(public).with_credentials(Arc::clone(store.credentials())))?,
            None => store.clone(),
        };
        let forms_url = bucket.url_at(public.unwrap_or(endpoint));
        Ok(Self {
            shared: Arc::new(Shared {
                store,
                links,
                bucket: bucket.clone(),
                region,
                // What an address has after a host is at least a slash.
                forms_url: if bucket.path_style { forms_url } else { forms_url + "/" },
                marker: marker.to_owned(),
                holds_files,
                fetches: Semaphore::new(FETCHES_AT_ONCE),
                validations: FairSlots::new(VALIDATIONS_AT_ONCE, 1),
                answered: Mutex::default(),
            }),
        })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.shared.bucket.name
    }

    /// Issues the form for uploading one file to the bucket itself.
    ///
    /// # Errors
    /// [`Error::S3`] where there are no credentials to be had.
    pub async fn form(&self, uri: &StorageUri, now: UnixMillis) -> Result<UploadForm, Error> {
        let shared = &self.shared;
        let fetched = shared.store.credentials().get_credential().await;
        let fetched = fetched.map_err(Error::s3("give its credentials"))?;
        let credentials = Credentials {
            access_key_id: fetched.key_id.clone(),
            secret_access_key: Zeroizing::new(fetched.secret_key.clone()),
            session_token: fetched.token.clone(),
            region: shared.region.clone(),
        };
        let lifetime = match credentials.session_token {
            Some(_) => TEMPORARY_FORM_LIFETIME,
            None => UPLOAD_URL_LIFETIME,
        };
        let target = UploadTarget {
            url: shared.forms_url.clone(),
            bucket: &shared.bucket.name,
            key: shared.uploaded(uri).to_string(),
            content_type: uri.format.media_type(),
            max_bytes: uri.scene.max_bytes(),
        };
        Ok(sign_form(&credentials, target, now, now + lifetime))
    }

    /// Whether the store answers, and the bucket is there, may be listed and is this gateway's; one that is nobody's
    /// becomes so. An answer counts for a second, and only one is waited for at a time, however many ask.
    ///
    /// # Errors
    /// [`Error::S3`] says why not; [`Error::NotOurs`] where the bucket is not the one to be used.
    pub async fn answers(&self) -> Result<(), Error> {
        let mut answered = self.shared.answered.lock().await;
        if answered.is_some_and(|at| at.elapsed() < ANSWERED_FOR) {
            return Ok(());
        }
        // Nothing lies there, so the list is short.
        let nowhere = self.shared.key("ready");
        let listed = self.shared.store.list(Some(&nowhere)).try_next().await;
        *answered = None;
        listed.map_err(Error::s3("list the bucket"))?;
        self.claim().await?;
        *answered = Some(Instant::now());
        Ok(())
    }
}

impl S3Store {
    /// Stores a small object of its own below `sealed/`, reads it back and deletes it: what the credentials must allow.
    ///
    /// # Errors
    /// [`Error::S3`] says which of the three failed.
    pub async fn try_out(&self) -> Result<(), Error> {
        const CONTENT: &[u8] = b"stored by rebuttal to see whether it can";
        let (store, key) = (&self.shared.store, self.shared.key(TRY_OUT));
        let tried = async {
            store.put(&key, CONTENT.into()).await.map_err(Error::s3("store a file"))?;
            let read = store.get(&key).await.map_err(Error::s3("read a file"))?;
            read.bytes().await.map_err(Error::s3("read a file"))
        };
        // Deleted in any case: a file whose storing was not answered may be stored there all the same.
        let (read, deleted) = (tried.await, store.delete(&key).await);
        let read = read?;
        deleted.map_err(Error::s3("delete a file"))?;
        if read == CONTENT {
            return Ok(());
        }
        Err(altered())
    }
}

/// What is read back is not what was stored.
fn altered() -> Error {
    let source = "it hands out something else than it was given".into();
    Error::s3("keep a file")(object_store::Error::Generic { store: "S3", source })
}

impl Shared {
    fn key(&self, rest: &str) -> Path {
        // Prefixes and our own keys are of letters, digits and `-._/` alone: nothing in them is escaped.
        Path::from(format!("{}{rest}", self.bucket.prefix))
    }

    /// Where a form stores the file of an address.
    fn uploaded(&self, uri: &StorageUri) -> Path {
        self.key(&uri.key())
    }

    /// What the sealed copies of an address are stored under.
    fn hash_prefix(&self, uri: &StorageUri) -> Path {
        self.key(&format!("sealed/m/{}/{}", uri.merchant_id, hex::encode(uri.file_id)))
    }

    /// Where the sealed copy of an address lies, made of nothing but the address and the content's SHA-256.
    fn hash_key(&self, uri: &StorageUri, sha256: &[u8; 32]) -> Path {
        let name = format!("{}.{}", hex::encode(sha256), uri.format.extension());
        self.hash_prefix(uri).join(name)
    }
}
