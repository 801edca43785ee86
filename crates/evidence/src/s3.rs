//! The S3 store: merchants post to the bucket itself, and an upload counts only after it was fetched, validated and
//! copied under its hash.
//!
//! `m/<merchant>/open/dispute-evidence/` holds uploads, `by-hash/` content-addressed copies that no form can write to:
//! a submission refers to its copy, whatever happens to the upload.

mod connect;
mod fence;
mod link;
mod machine_credentials;
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

use crate::folder::CONCURRENT_VALIDATIONS_MAX;
use crate::location::{Bucket, Endpoint};
use crate::policy::{UPLOAD_URL_LIFETIME, UploadTarget, sign_form};
use crate::{Credentials, EvidenceError, FairSlots, UploadForm};

/// Most uploads that are fetched concurrently, each whole in memory; further ones wait.
pub const CONCURRENT_FETCHES_MAX: usize = 16;
/// How long a form is valid that is signed with temporary credentials. They are renewed five minutes before their end
/// at the latest, so they outlive the form; the library does not return their expiry.
pub const TEMPORARY_FORM_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long a request may take from its beginning to the end of its answer.
const REQUEST_LIMIT: Duration = Duration::from_secs(5);
/// How often a failed request is retried.
const REPEATS: usize = 2;
/// How long after its first attempt a request is retried at the latest, so that all attempts end within its limit.
const REPEAT_LIMIT: Duration = Duration::from_secs(4);
/// The longest backoff between two attempts; the library's default is longer than the request's limit.
const REPEAT_PAUSE_MAX: Duration = Duration::from_secs(1);
/// The region that AWS assumes where none is set.
const DEFAULT_REGION: &str = "us-east-1";
/// The key of the object that is written to test the permissions; no form of a merchant can write there.
const TRY_OUT: &str = "by-hash/try-out";
/// How long the result of a readiness check is reused: anybody can request readiness, and each request to the store
/// costs.
const ANSWERED_FOR: Duration = Duration::from_secs(1);

/// The S3 store. Clones share its connections and limits.
#[derive(Clone)]
pub struct S3Store {
    shared: Arc<S3Inner>,
}

struct S3Inner {
    store: AmazonS3,
    /// The same store at its public endpoint; it signs links and sends no requests.
    links: AmazonS3,
    bucket: Bucket,
    region: String,
    /// The bucket's address for upload forms.
    forms_url: String,
    /// Identifies this gateway.
    marker: String,
    /// Whether files were uploaded before the start; then a bucket without a marker is refused.
    holds_files: bool,
    fetches: Semaphore,
    validations: FairSlots<MerchantId>,
    /// When the store last answered.
    answered: Mutex<Option<Instant>>,
}

impl S3Store {
    /// Opens a bucket, without a request to the store. `public` is its endpoint for merchants and operators, if
    /// another. `marker` identifies this gateway; `holds_files` says whether files were uploaded to the bucket before.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the credentials are incomplete or TLS cannot be set up.
    pub fn open(
        bucket: &Bucket,
        public: Option<&Endpoint>,
        variables: &AwsVariables,
        marker: &str,
        holds_files: bool,
    ) -> Result<Self, EvidenceError> {
        let region =
            bucket.region.clone().or_else(|| variables.region()).unwrap_or(DEFAULT_REGION.to_owned());
        let aws = Endpoint::of_aws(&region);
        let endpoint = bucket.endpoint.as_ref().unwrap_or(&aws);
        let connector = connect::Connector::new(endpoint.is_https())?;
        let at = |endpoint: &Endpoint| {
            // The library expects the bucket in a virtual-hosted address, and appends it to a path-style one.
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
        let build =
            |builder: AmazonS3Builder| builder.build().map_err(EvidenceError::s3("configure the client"));
        let mut store = build(at(endpoint))?;
        if !variables.give_credentials() {
            let machine = Arc::new(machine_credentials::MachineCredentials(Arc::clone(store.credentials())));
            store = build(at(endpoint).with_credentials(machine))?;
        }
        let links = match public {
            Some(public) => build(at(public).with_credentials(Arc::clone(store.credentials())))?,
            None => store.clone(),
        };
        let forms_url = bucket.url_at(public.unwrap_or(endpoint));
        Ok(Self {
            shared: Arc::new(S3Inner {
                store,
                links,
                bucket: bucket.clone(),
                region,
                // A virtual-hosted address needs a path, at least `/`.
                forms_url: if bucket.path_style { forms_url } else { forms_url + "/" },
                marker: marker.to_owned(),
                holds_files,
                fetches: Semaphore::new(CONCURRENT_FETCHES_MAX),
                validations: FairSlots::new(CONCURRENT_VALIDATIONS_MAX, 1),
                answered: Mutex::default(),
            }),
        })
    }

    /// The bucket's name.
    pub fn bucket(&self) -> &str {
        &self.shared.bucket.name
    }

    /// The address that upload forms are posted to.
    pub fn forms_url(&self) -> &str {
        &self.shared.forms_url
    }

    /// Issues the form for uploading one file to the bucket itself.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where there are no credentials.
    pub async fn form(&self, uri: &StorageUri, now: UnixMillis) -> Result<UploadForm, EvidenceError> {
        let shared = &self.shared;
        let fetched = shared.store.credentials().get_credential().await;
        let fetched = fetched.map_err(EvidenceError::s3("get credentials"))?;
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

    /// Whether the store answers, and the bucket exists, may be listed and is this gateway's; a bucket without an owner
    /// is claimed. A result is reused for a second, and there is one request at a time.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] says why not; [`EvidenceError::NotOurs`] where the bucket belongs to another gateway.
    pub async fn answers(&self) -> Result<(), EvidenceError> {
        let mut answered = self.shared.answered.lock().await;
        if answered.is_some_and(|at| at.elapsed() < ANSWERED_FOR) {
            return Ok(());
        }
        // No object has this prefix, so the list is empty.
        let nowhere = self.shared.key("ready");
        let listed = self.shared.store.list(Some(&nowhere)).try_next().await;
        *answered = None;
        listed.map_err(EvidenceError::s3("list the bucket"))?;
        self.claim().await?;
        *answered = Some(Instant::now());
        Ok(())
    }
}

impl S3Store {
    /// Writes a small object below `by-hash/`, reads it and deletes it: the permissions that the credentials need.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] says which of the three failed.
    pub async fn try_out(&self) -> Result<(), EvidenceError> {
        const CONTENT: &[u8] = b"stored by rebuttal to test its permissions";
        let (store, key) = (&self.shared.store, self.shared.key(TRY_OUT));
        let tried = async {
            store.put(&key, CONTENT.into()).await.map_err(EvidenceError::s3("store a file"))?;
            let read = store.get(&key).await.map_err(EvidenceError::s3("read a file"))?;
            read.bytes().await.map_err(EvidenceError::s3("read a file"))
        };
        // Deleted in any case: an unanswered PUT may have succeeded.
        let (read, deleted) = (tried.await, store.delete(&key).await);
        let read = read?;
        deleted.map_err(EvidenceError::s3("delete a file"))?;
        if read == CONTENT {
            return Ok(());
        }
        Err(altered())
    }
}

/// The content that was read differs from the content that was stored.
fn altered() -> EvidenceError {
    let source = "the content read differs from the content stored".into();
    EvidenceError::s3("return a file unchanged")(object_store::Error::Generic { store: "S3", source })
}

impl S3Inner {
    fn key(&self, rest: &str) -> Path {
        // Prefixes and keys have letters, digits and `-._/` only: nothing is escaped.
        Path::from(format!("{}{rest}", self.bucket.prefix))
    }

    /// The key that a form stores a file under.
    fn uploaded(&self, uri: &StorageUri) -> Path {
        self.key(&uri.key())
    }

    /// The prefix of an address's content-addressed copies.
    fn hash_prefix(&self, uri: &StorageUri) -> Path {
        self.key(&format!("by-hash/m/{}/{}", uri.merchant_id, hex::encode(uri.file_id)))
    }

    /// The key of a content-addressed copy: the address and the content's SHA-256.
    fn hash_key(&self, uri: &StorageUri, sha256: &[u8; 32]) -> Path {
        let name = format!("{}.{}", hex::encode(sha256), uri.format.extension());
        self.hash_prefix(uri).join(name)
    }
}
