use std::os::unix::fs::PermissionsExt;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use rebuttal_protocol::UnixMillis;
use rebuttal_protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES;
use sha2::{Digest, Sha256};

use super::*;
use rebuttal_protocol::InvalidFile;

use crate::InvalidUpload;
use crate::tests::common::Readers;

const LARGEST: usize = DISPUTE_EVIDENCE_MAX_BYTES as usize;

const MARK: &str = "the mark of this gateway";
const PNG: &[u8] = include_bytes!("../../../../testdata/evidence/pillow.png");

struct FolderFixture {
    _folder: tempfile::TempDir,
    root: PathBuf,
    store: FolderStore,
}

impl FolderFixture {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let root = folder.path().join("data/evidence");
        let store = FolderStore::open(&root, MARK, false).unwrap();
        Self { _folder: folder, root, store }
    }

    fn incoming(&self) -> Vec<PathBuf> {
        let entries = fs::read_dir(self.root.join(INCOMING)).unwrap();
        entries.map(|entry| entry.unwrap().path()).collect()
    }

    async fn put(&self, uri: StorageUri, content: &[u8]) -> Result<ReceivedFile, EvidenceError> {
        self.put_with(uri, content, Some(content.len() as u64)).await
    }

    async fn put_with(
        &self,
        uri: StorageUri,
        content: &[u8],
        length: Option<u64>,
    ) -> Result<ReceivedFile, EvidenceError> {
        let chunks: Vec<_> = content.chunks(1_000).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
        let file = self.store.receive(uri, length, stream::iter(chunks)).await?;
        blocking(move || file.store(&Readers)).await
    }

    /// What a restarted process finds after a crash.
    async fn restarted(&self) -> Vec<ReceivedFile> {
        // A process that died holds no lock.
        self.store.shared._lock.unlock().unwrap();
        let store = FolderStore::open(&self.root, MARK, true).unwrap();
        store.unrecorded(UnixMillis::MAX, Arc::new(Readers)).await.unwrap()
    }
}

fn uri(digit: char, extension: &str) -> StorageUri {
    let digits = String::from(digit).repeat(32);
    format!("s3://uploaded/m/80/open/dispute-evidence/{digits}.{extension}").parse().unwrap()
}

fn expected_inspection(received: &ReceivedFile) -> Inspection {
    Inspection::Valid { sha256: received.sha256, size: received.size, judged: None }
}

fn refusal(outcome: Result<ReceivedFile, EvidenceError>) -> InvalidUpload {
    match outcome {
        Err(EvidenceError::Refused(refusal)) => refusal,
        other => panic!("{other:?} is no refusal"),
    }
}

#[tokio::test]
async fn received_file_has_its_final_name_and_digest() {
    let fixture = FolderFixture::new();
    let uri = uri('a', "png");
    let received = fixture.put(uri, PNG).await.unwrap();
    assert_eq!(received.uri, uri);
    assert_eq!(received.size, PNG.len() as u64);
    assert_eq!(received.sha256, <[u8; 32]>::from(Sha256::digest(PNG)));
    assert_eq!(received.inspection.media_type, "image/png");
    fixture.store.confirm(&received).unwrap();

    let path = fixture.root.join(format!("m/80/open/dispute-evidence/{}.png", "a".repeat(32)));
    assert_eq!(fs::read(&path).unwrap(), PNG);
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), expected_inspection(&received));
    assert_eq!(fixture.store.read(&uri).await.unwrap().unwrap(), PNG);
    assert_eq!(fixture.incoming(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn files_and_folders_are_for_their_owner_only() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    let mut path = fixture.store.shared.path(&uri('a', "png"));
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o600);
    while path.pop() && path != fixture.root {
        assert_eq!(mode(&path), 0o700, "{path:?}");
    }
    assert_eq!(mode(&fixture.root), 0o700);
    assert_eq!(mode(&fixture.root.join(INCOMING)), 0o700);
}

#[tokio::test]
async fn a_folder_is_used_by_one_store_at_a_time() {
    let fixture = FolderFixture::new();
    let second = FolderStore::open(&fixture.root, MARK, true).err().unwrap();
    assert!(second.to_string().contains("another gateway stores its evidence"), "{second}");
    let FolderFixture { store, root, _folder } = fixture;
    let clone = store.clone();
    drop(store);
    assert!(FolderStore::open(&root, MARK, true).is_err(), "a clone still uses it");
    drop(clone);
    assert!(FolderStore::open(&root, MARK, true).is_ok());
}

#[tokio::test]
async fn the_first_file_stays() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    let again = fixture.put(uri('a', "png"), PNG).await;
    assert_eq!(refusal(again), InvalidUpload::AlreadyUploaded);
    assert_eq!(fixture.incoming().len(), 1);
}

#[tokio::test]
async fn of_many_uploads_to_one_address_exactly_one_wins() {
    let fixture = FolderFixture::new();
    let uploads = (0..16).map(|_| fixture.put(uri('a', "png"), PNG));
    let outcomes = futures_util::future::join_all(uploads).await;
    assert_eq!(outcomes.iter().filter(|outcome| outcome.is_ok()).count(), 1);
    for outcome in outcomes.into_iter().filter(Result::is_err) {
        assert_eq!(refusal(outcome), InvalidUpload::AlreadyUploaded);
    }
    assert_eq!(fixture.incoming().len(), 1);
}

#[tokio::test]
async fn an_invalid_file_leaves_nothing() {
    let fixture = FolderFixture::new();
    let outcome = fixture.put(uri('a', "pdf"), PNG).await;
    assert!(matches!(refusal(outcome), InvalidUpload::InvalidFile(InvalidFile::OtherKind { .. })));
    assert_eq!(fixture.incoming(), Vec::<PathBuf>::new());
    assert!(fixture.store.read(&uri('a', "pdf")).await.unwrap().is_none());
}

#[tokio::test]
async fn an_empty_file_is_refused() {
    let fixture = FolderFixture::new();
    assert_eq!(refusal(fixture.put(uri('a', "png"), b"").await), InvalidUpload::Empty);
    assert_eq!(fixture.incoming(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_file_is_cut_off_in_flight_at_two_megabytes() {
    let fixture = FolderFixture::new();
    let mut full = PNG.to_vec();
    full.resize(LARGEST, 0);
    assert_eq!(fixture.put(uri('a', "png"), &full).await.unwrap().size, LARGEST as u64);
    full.push(0);
    assert_eq!(
        refusal(fixture.put(uri('b', "png"), &full).await),
        InvalidUpload::TooLarge(DISPUTE_EVIDENCE_MAX_BYTES)
    );

    // An endless body is refused, too.
    let endless = stream::repeat_with(|| Ok(Bytes::from_static(&[0; 50_000])));
    let outcome = fixture.store.receive(uri('c', "png"), None, endless).await;
    let too_large = EvidenceError::Refused(InvalidUpload::TooLarge(DISPUTE_EVIDENCE_MAX_BYTES));
    assert_eq!(outcome.err().unwrap().to_string(), too_large.to_string());
    assert_eq!(fixture.incoming().len(), 1);
}

#[tokio::test]
async fn file_is_stored_whether_or_not_there_is_memory_for_it() {
    let fixture = FolderFixture::new();
    let mut content = PNG.to_vec();
    content.resize(3 * WRITE_BLOCK_BYTES, 0);
    let size = content.len() as u64;
    let memory = &fixture.store.shared.memory;
    let all = || memory.clone().try_acquire_many_owned(WHOLE_FILES_MAX_BYTES as u32).unwrap();
    for (digit, length, is_memory_taken) in [
        ('a', Some(size), false),
        ('b', Some(u64::MAX), false),
        ('c', None, false),
        ('d', Some(size), true),
        ('e', Some(1), false),
    ] {
        let taken = is_memory_taken.then(all);
        let received = fixture.put_with(uri(digit, "png"), &content, length).await.unwrap();
        drop(taken);
        assert_eq!(received.sha256, <[u8; 32]>::from(Sha256::digest(&content)), "{digit}");
        assert_eq!(fixture.store.read(&received.uri).await.unwrap().unwrap(), content, "{digit}");
        drop(all());
    }
}

#[tokio::test]
async fn a_body_that_fails_leaves_nothing() {
    let fixture = FolderFixture::new();
    let block = Bytes::from(vec![1; WRITE_BLOCK_BYTES]);
    let error = EvidenceError::Body("the client left".into());
    let chunks = stream::iter([Ok(block.clone()), Ok(block), Err(error)]);
    let outcome = fixture.store.receive(uri('a', "png"), None, chunks).await;
    assert!(matches!(outcome, Err(EvidenceError::Body(_))));
    assert_eq!(fixture.incoming(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn a_receive_that_is_dropped_leaves_nothing() {
    let fixture = FolderFixture::new();
    let block = Bytes::from(vec![1; WRITE_BLOCK_BYTES]);
    let chunks = stream::iter([Ok(block.clone()), Ok(block)]).chain(stream::pending());
    let receive = tokio::spawn({
        let store = fixture.store.clone();
        async move { store.receive(uri('a', "png"), None, chunks).await }
    });
    while fixture.incoming().is_empty() {
        tokio::task::yield_now().await;
    }
    assert_eq!(fixture.store.unrecorded(UnixMillis::MAX, Arc::new(Readers)).await.unwrap(), []);
    assert_eq!(fixture.incoming().len(), 1, "a scan took a file away that was being received");
    receive.abort();
    assert!(receive.await.err().unwrap().is_cancelled());
    while !fixture.incoming().is_empty() {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn a_file_that_was_linked_but_not_recorded_is_found_until_confirmed() {
    let fixture = FolderFixture::new();
    let received = fixture.put(uri('a', "png"), PNG).await.unwrap();
    assert_eq!(fixture.restarted().await, std::slice::from_ref(&received));
    assert_eq!(fixture.restarted().await, std::slice::from_ref(&received));
    fixture.store.confirm(&received).unwrap();
    fixture.store.confirm(&received).unwrap();
    assert_eq!(fixture.restarted().await, []);
    assert_eq!(fixture.store.inspect(&uri('a', "png")).await.unwrap(), expected_inspection(&received));
}

#[tokio::test]
async fn a_file_written_lately_is_not_looked_at() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    let found = fixture.store.unrecorded(UnixMillis(0), Arc::new(Readers)).await.unwrap();
    assert_eq!(found, []);
    assert_eq!(fixture.incoming().len(), 1);
}

#[tokio::test]
async fn unlinked_files_are_deleted_and_foreign_files_kept() {
    let fixture = FolderFixture::new();
    let received = fixture.put(uri('a', "png"), PNG).await.unwrap();
    let incoming = fixture.root.join(INCOMING);
    let leftover = incoming.join(received.incoming.replace(&"a".repeat(32), &"b".repeat(32)));
    fs::write(&leftover, b"half a file").unwrap();
    // The same address as the stored file, but another file.
    let rival = incoming.join(&received.incoming).with_extension("png+0011223344556677");
    fs::write(&rival, PNG).unwrap();
    let foreign = incoming.join("lost+found");
    fs::write(&foreign, b"").unwrap();
    assert_eq!(fixture.restarted().await, [received]);
    assert!(!leftover.exists() && !rival.exists() && foreign.exists());
}

#[tokio::test]
async fn stored_file_that_became_invalid_is_kept_and_not_adopted() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    let path = fixture.store.shared.path(&uri('a', "png"));
    fs::write(&path, b"something else").unwrap();
    assert_eq!(fixture.restarted().await, []);
    assert!(path.exists());
    assert_eq!(fixture.incoming().len(), 1);
}

#[tokio::test]
async fn a_file_that_cannot_be_read_does_not_hide_the_others() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    let kept = fixture.put(uri('b', "png"), PNG).await.unwrap();
    let grown = vec![0; LARGEST + 1];
    fs::write(fixture.store.shared.path(&uri('a', "png")), grown).unwrap();
    assert_eq!(fixture.restarted().await, [kept]);
}

#[tokio::test]
async fn folder_without_its_marker_is_an_error_not_absence() {
    let fixture = FolderFixture::new();
    let uri = uri('a', "png");
    let received = fixture.put(uri, PNG).await.unwrap();
    let away = fixture.root.with_extension("away");
    fs::rename(&fixture.root, &away).unwrap();
    for empty_mount_point in [false, true] {
        if empty_mount_point {
            fs::create_dir(&fixture.root).unwrap();
        }
        let look = fixture.store.inspect(&uri).await.unwrap_err();
        assert!(look.to_string().contains("is not this gateway's evidence folder"), "{look}");
        assert!(fixture.store.read(&uri).await.is_err());
        assert!(fixture.store.answers().await.is_err());
    }
    fs::remove_dir(&fixture.root).unwrap();
    fs::rename(&away, &fixture.root).unwrap();
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), expected_inspection(&received));
    fs::remove_file(fixture.store.shared.path(&uri)).unwrap();
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), Inspection::Absent);
}

#[tokio::test]
async fn deleted_file_is_absent_despite_its_incoming_name() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    assert!(fixture.store.delete(&uri('a', "png")).await.unwrap());
    assert!(!fixture.store.delete(&uri('a', "png")).await.unwrap());
    assert_eq!(fixture.restarted().await, []);
    assert_eq!(fixture.incoming(), Vec::<PathBuf>::new());
}

#[tokio::test]
async fn more_uploads_than_slots_all_succeed() {
    let fixture = FolderFixture::new();
    let uploads = (0..CONCURRENT_RECEIVES_MAX * 2).map(|number| {
        let text = format!("s3://uploaded/m/{}/open/dispute-evidence/{number:032x}.png", 1 + number % 3);
        fixture.put(text.parse().unwrap(), PNG)
    });
    for outcome in futures_util::future::join_all(uploads).await {
        fixture.store.confirm(&outcome.unwrap()).unwrap();
    }
    assert_eq!(fixture.restarted().await, []);
    fixture.store.answers().await.unwrap();
}

#[tokio::test]
async fn folder_that_cannot_store_files_is_not_ready() {
    let fixture = FolderFixture::new();
    fixture.put(uri('a', "png"), PNG).await.unwrap();
    fixture.store.answers().await.unwrap();
    assert_eq!(fixture.incoming().len(), 1, "a try leaves nothing behind");
    let (merchants, incoming) = (fixture.root.join("m"), fixture.root.join("incoming"));
    for (folder, refused) in [(&merchants, "link a file to its name"), (&incoming, "create a file")] {
        let away = folder.with_extension("away");
        fs::rename(folder, &away).unwrap();
        // A file instead of a folder: permissions would not stop root.
        fs::write(folder, "").unwrap();
        for error in
            [fixture.store.answers().await.unwrap_err(), FolderStore::takes_files(&fixture.root).unwrap_err()]
        {
            assert!(error.to_string().contains(refused), "{error}");
        }
        fs::remove_file(folder).unwrap();
        fs::rename(&away, folder).unwrap();
    }
    fixture.store.answers().await.unwrap();
}

#[tokio::test]
async fn folder_keeps_its_identity() {
    let (one, other) = (FolderFixture::new(), FolderFixture::new());
    assert_ne!(one.store.identity(), other.store.identity());
    assert_eq!(FolderStore::identity_at(&one.root, MARK).unwrap(), one.store.identity());
    assert!(!one.store.is_claimed_by_operator());
    let (place, root) = (one.store.identity(), one.root.clone());
    fs::write(root.join("gateway.mark"), format!("{MARK}\n")).unwrap();
    assert_eq!(FolderStore::identity_at(&root, MARK).unwrap(), "folder", "as first versions marked it");
    assert_ne!(place, "folder");
}

#[tokio::test]
async fn inspection_returns_the_current_content() {
    let fixture = FolderFixture::new();
    let uri = uri('a', "png");
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), Inspection::Absent);
    let received = fixture.put(uri, PNG).await.unwrap();
    fixture.store.confirm(&received).unwrap();
    let path = fixture.store.shared.path(&uri);
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), expected_inspection(&received));

    // Overwritten in place, as no interface can. Its record differs.
    let rewrite = |content: &[u8]| {
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        fs::write(&path, content).unwrap();
    };
    rewrite(&vec![b'x'; PNG.len()]);
    assert_ne!(fixture.store.inspect(&uri).await.unwrap(), expected_inspection(&received));
    rewrite(PNG);
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), expected_inspection(&received));
    fs::remove_file(&path).unwrap();
    assert_eq!(fixture.store.inspect(&uri).await.unwrap(), Inspection::Absent);
    // Opening a pipe to read it would wait for a writer.
    assert!(std::process::Command::new("mkfifo").arg(&path).status().unwrap().success());
    assert!(fixture.store.inspect(&uri).await.is_err() && fixture.store.read(&uri).await.is_err());
}
