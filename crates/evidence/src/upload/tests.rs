use std::path::Path;

use futures_util::stream;
use rebuttal_protocol::StorageUri;
use rebuttal_protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::*;
use crate::tests::common::Readers;
use crate::{EvidenceStore, InvalidUpload, ReceivedFile, S3Code, UploadForm};

const URL: &str = "https://gateway.example/uploaded";
const BUCKET: &str = "uploaded";
const CONTENT_TYPE: &str = "multipart/form-data; boundary=XX";
const PNG: &[u8] = include_bytes!("../../../../testdata/evidence/pillow.png");
const LARGEST: usize = DISPUTE_EVIDENCE_MAX_BYTES as usize;
const NOW: UnixMillis = UnixMillis(1_772_769_601_123);

struct UploadFixture {
    _folder: tempfile::TempDir,
    store: FolderStore,
    uri: StorageUri,
    form: UploadForm,
}

fn credentials() -> Credentials {
    Credentials {
        access_key_id: "builtin".into(),
        secret_access_key: Zeroizing::new("a secret of this gateway".into()),
        session_token: None,
        region: "us-east-1".into(),
    }
}

impl UploadFixture {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let files = FolderStore::open(folder.path(), "mark", false).unwrap();
        let text = "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png";
        let uri = text.parse().unwrap();
        let own = EvidenceStore::Folder { files: files.clone(), credentials: credentials() };
        let form = own.form(&uri, URL, NOW).await.unwrap();
        assert_eq!((form.url.as_str(), form.expires_at), (URL, NOW + policy::UPLOAD_URL_LIFETIME));
        Self { _folder: folder, store: files, uri, form }
    }

    fn fields(&self) -> Vec<(&str, &[u8])> {
        let fields = self.form.fields.iter();
        fields.map(|(name, value)| (*name, value.as_bytes())).collect()
    }

    async fn send(&self, body: Vec<u8>) -> Result<ReceivedFile, EvidenceError> {
        let chunks: Vec<_> = body.chunks(10_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let (length, body) = (Some(body.len() as u64), stream::iter(chunks));
        let file = receive(&self.store, &credentials(), BUCKET, CONTENT_TYPE, length, body, NOW).await?;
        spawn_blocking(move || file.store(&Readers)).await.unwrap()
    }

    async fn refused(&self, parts: &[(&str, &[u8])]) -> InvalidUpload {
        match self.send(body_of(parts)).await {
            Err(EvidenceError::Refused(refusal)) => refusal,
            other => panic!("{other:?} is no refusal"),
        }
    }

    fn is_empty(&self) -> bool {
        fn files(folder: &Path) -> usize {
            let entries = std::fs::read_dir(folder).unwrap();
            let paths = entries.map(|entry| entry.unwrap().path());
            let paths = paths.filter(|path| !path.ends_with(crate::ownership::MARKER_FILE));
            paths.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
        }
        files(self._folder.path()) == 0
    }
}

fn body_of(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, content) in parts {
        let head = format!("--XX\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n");
        body.extend([head.as_bytes(), content, b"\r\n"].concat());
    }
    body.extend_from_slice(b"--XX--\r\n");
    body
}

#[tokio::test]
async fn an_upload_as_issued_is_stored() {
    let fixture = UploadFixture::new().await;
    let mut parts = fixture.fields();
    parts.push(("file", PNG));
    let received = fixture.send(body_of(&parts)).await.unwrap();
    assert_eq!(received.uri, fixture.uri);
    fixture.store.confirm(&received).unwrap();
    assert!(
        matches!(fixture.store.inspect(&fixture.uri).await.unwrap(), crate::Inspection::Valid { size, .. } if size == PNG.len() as u64)
    );
    assert_eq!(fixture.refused(&parts).await.code(), S3Code::PreconditionFailed);
}

#[tokio::test]
async fn a_refused_upload_leaves_nothing() {
    let fixture = UploadFixture::new().await;
    let fields = fixture.fields();
    let with = |more: &[(&'static str, &'static [u8])]| [fields.clone(), more.to_vec()].concat();
    let large: &'static [u8] = vec![0; LARGEST + 1].leak();
    for (parts, code) in [
        (with(&[("file", b"")]), S3Code::EntityTooSmall),
        (with(&[("file", large)]), S3Code::EntityTooLarge),
        (with(&[("file", b"no picture")]), S3Code::InvalidRequest),
        (with(&[("file", PNG), ("note", b"x")]), S3Code::InvalidRequest),
        (with(&[("file", PNG), ("file", PNG)]), S3Code::InvalidRequest),
        (with(&[("note", b"x"), ("file", PNG)]), S3Code::AccessDenied),
        (with(&[]), S3Code::InvalidRequest),
        (fields[1..].iter().copied().chain([("file", PNG)]).collect(), S3Code::AccessDenied),
        ([vec![("file", PNG)], fields.clone()].concat(), S3Code::InvalidRequest),
    ] {
        assert_eq!(fixture.refused(&parts).await.code(), code);
        assert!(fixture.is_empty(), "{code}");
    }
}

#[tokio::test]
async fn file_of_exactly_the_limit_is_stored() {
    let fixture = UploadFixture::new().await;
    let mut content = PNG.to_vec();
    content.resize(LARGEST, 0);
    let mut parts = fixture.fields();
    parts.push(("file", &content));
    assert_eq!(fixture.send(body_of(&parts)).await.unwrap().size, LARGEST as u64);
}

#[tokio::test]
async fn an_upload_cut_short_leaves_nothing() {
    let fixture = UploadFixture::new().await;
    let mut content = PNG.to_vec();
    content.resize(200_000, 0);
    let mut parts = fixture.fields();
    parts.push(("file", &content));
    let body = body_of(&parts);
    for cut in [body.len() - 5, body.len() - 100, body.len() / 2, 500, 0] {
        assert!(fixture.send(body[..cut].to_vec()).await.is_err());
        assert!(fixture.is_empty(), "cut at {cut}");
    }
}

#[tokio::test]
async fn form_with_another_size_limit_is_refused() {
    let mut fixture = UploadFixture::new().await;
    let target = policy::UploadTarget {
        url: URL.into(),
        bucket: BUCKET,
        key: fixture.uri.key(),
        content_type: "image/png",
        max_bytes: DISPUTE_EVIDENCE_MAX_BYTES + 1,
    };
    fixture.form = policy::sign_form(&credentials(), target, NOW, NOW + policy::UPLOAD_URL_LIFETIME);
    let mut parts = fixture.fields();
    parts.push(("file", PNG));
    assert_eq!(fixture.refused(&parts).await, InvalidUpload::PolicyUnknown);
}

#[test]
fn every_refusal_has_an_s3_code_and_advice() {
    for code in S3Code::ALL {
        assert!(code.as_str().chars().all(char::is_alphabetic));
    }
    for refusal in [
        InvalidUpload::FieldMissing("key"),
        InvalidUpload::FieldAltered("key"),
        InvalidUpload::FieldUndeclared("a<b".into()),
        InvalidUpload::Expired,
        InvalidUpload::SignatureMismatch,
        InvalidUpload::PolicyUnknown,
        InvalidUpload::NotAForm,
        InvalidUpload::FileMissing,
        InvalidUpload::FileNotLast,
        InvalidUpload::TooLarge(DISPUTE_EVIDENCE_MAX_BYTES),
        InvalidUpload::Empty,
        InvalidUpload::AlreadyUploaded,
    ] {
        let sentence = refusal.to_string();
        assert!(sentence.ends_with('.') && sentence.contains(". "), "{sentence}");
    }
}
