//! A fixture with a store of each kind, and how a merchant posts to it.

use crate::{
    ArrivedFile, AwsVariables, Bucket, Credentials, EvidenceError, EvidenceStore, FolderStore, InvalidUpload,
    Judge, Judging, S3Store, StorageLocation, UploadForm, upload,
};
use bytes::Bytes;
use futures_util::future::ready;
use futures_util::{FutureExt as _, stream};
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_protocol::{StorageUri, UnixMillis};
use rebuttal_testbed::upload::{Form, Part};
use rebuttal_testbed::{clock, s3};
use zeroize::Zeroizing;

pub(crate) const OWN_URL: &str = "http://gateway.example/uploaded";

/// The readers of documents, in this process.
pub(crate) struct Readers;

impl Judge for Readers {
    fn judge<'a>(&'a self, uri: &'a StorageUri, content: &'a [u8]) -> Judging<'a> {
        ready(Ok(rebuttal_documents::inspect(content, uri.format))).boxed()
    }
}

/// An empty store.
pub(crate) struct Fixture {
    pub(crate) store: EvidenceStore,
    pub(crate) bucket: Option<s3::Bucket>,
    _folder: Option<tempfile::TempDir>,
}

impl Fixture {
    pub(crate) fn folder() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let credentials = Credentials {
            access_key_id: "REBUTTAL".into(),
            secret_access_key: Zeroizing::new("a secret of this gateway".into()),
            session_token: None,
            region: "rebuttal".into(),
        };
        let files = FolderStore::open(folder.path(), "the mark", false).unwrap();
        let store = EvidenceStore::Folder { files, credentials };
        Self { store, bucket: None, _folder: Some(folder) }
    }

    pub(crate) fn s3() -> Self {
        let bucket = s3::Store::shared().bucket();
        let store = EvidenceStore::S3(open(&bucket, &bucket.evidence_url()));
        Self { store, bucket: Some(bucket), _folder: None }
    }

    pub(crate) async fn form(&self, uri: &StorageUri) -> Form {
        let form = self.store.form(uri, OWN_URL, now()).await.unwrap();
        filled(&form, b"")
    }

    /// Posts a file with a form as issued. A file that the folder would reject, an S3 stores; a later read detects it.
    pub(crate) async fn upload(&self, uri: &StorageUri, content: &[u8]) {
        let code = self.post(self.form(uri).await, content).await;
        assert!(code.is_none(), "{code:?}");
    }

    /// Posts a form with a file for its last part: the code of the refusal, in S3's words.
    pub(crate) async fn post(&self, mut form: Form, content: &[u8]) -> Option<String> {
        form.parts.pop();
        form.parts.push(Part::file(content));
        if let Some(bucket) = &self.bucket {
            let address = bucket.store.address;
            let response = tokio::task::spawn_blocking(move || form.send(address)).await.unwrap();
            return (response.status != 204).then(|| response.store_error());
        }
        self.receive(&form).await.err().map(|refusal| refusal.code().to_string())
    }

    /// Posts to the folder.
    pub(crate) async fn receive(&self, form: &Form) -> Result<(), InvalidUpload> {
        let (files, credentials) = self.store.folder().unwrap();
        let request = form.request();
        let content_type = &request.headers[0].1;
        let body = stream::iter([Ok(Bytes::from(request.body.clone()))]);
        let arrived = upload::receive(files, credentials, BUCKET, content_type, None, body, now()).await;
        let store = |file: ArrivedFile| tokio::task::spawn_blocking(move || file.store(&Readers));
        let stored = match arrived {
            Ok(file) => store(file).await.unwrap(),
            Err(error) => Err(error),
        };
        match stored {
            Ok(received) => files.confirm(&received).map_err(|error| panic!("{error}")),
            Err(EvidenceError::Refused(refusal)) => Err(refusal),
            Err(error) => panic!("{error}"),
        }
    }
}

/// The store of a bucket, as a setting names it.
pub(crate) fn open(bucket: &s3::Bucket, url: &str) -> S3Store {
    let credentials = bucket.store.credentials();
    let variable = |name: &str| Some(credentials.iter().find(|(known, _)| *known == name)?.1.clone());
    S3Store::open(&location(url), None, &AwsVariables::read(variable), "mark", false).unwrap()
}

pub(crate) fn location(url: &str) -> Bucket {
    match url.parse().unwrap() {
        StorageLocation::Bucket(bucket) => bucket,
        other => panic!("{other:?}"),
    }
}

/// A form as merchants fill it in.
pub(crate) fn filled(form: &UploadForm, content: &[u8]) -> Form {
    let mut parts: Vec<_> = form.fields.iter().map(|(name, value)| Part::field(name, value)).collect();
    parts.push(Part::file(content));
    Form { url: form.url.clone(), method: "POST".into(), parts }
}

pub(crate) fn now() -> UnixMillis {
    UnixMillis(clock::now_ms())
}

/// The largest file that any scene accepts.
pub(crate) const LARGEST: usize = rebuttal_protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES as usize;

/// A merchant's address that no other test uses.
pub(crate) fn uri(letter: char, extension: &str) -> StorageUri {
    let id = letter.to_string().repeat(32);
    format!("s3://uploaded/m/80/open/dispute-evidence/{id}.{extension}").parse().unwrap()
}
