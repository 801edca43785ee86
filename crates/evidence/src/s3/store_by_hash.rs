//! Content-addressed copies: an upload is fetched once, validated and hashed, and exactly these bytes are stored under
//! their hash, where no upload form can write. From then on the copy is the evidence.

use bytes::{Bytes, BytesMut};
use futures_util::StreamExt as _;
use object_store::path::Path;
use object_store::{Attribute, Attributes, ObjectStore as _, ObjectStoreExt as _, PutOptions, PutPayload};
use rebuttal_protocol::{InvalidFile, StorageUri};
use sha2::{Digest as _, Sha256};
use tokio::sync::{AcquireError, Semaphore, SemaphorePermit};

use super::{S3Store, altered};
use crate::{EvidenceError, Inspection, Judge};

/// The content of a key, up to a limit.
pub(super) enum Fetched<T> {
    Nothing,
    TooMuch,
    Whole(T),
}

impl S3Store {
    /// Fetches an upload and has it judged. If it is [`Inspection::Valid`], a copy is stored under that SHA-256. Only
    /// for an address without a record.
    ///
    /// Storing the same content twice is a repetition. A copy whose record is never committed is found by
    /// [`S3Store::stored_copy`] when the upload is deleted.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store fails, hangs or cuts the content short.
    pub async fn store_by_hash(
        &self,
        uri: &StorageUri,
        judge: &dyn Judge,
    ) -> Result<Inspection, EvidenceError> {
        let shared = &self.shared;
        let _permit = permit(&shared.fetches).await?;
        let content = match self.fetch(&shared.uploaded(uri), uri.scene.max_bytes()).await? {
            Fetched::Nothing => return Ok(Inspection::Absent),
            Fetched::TooMuch => return Ok(too_large(uri)),
            Fetched::Whole(content) => content,
        };
        let permit = shared.validations.acquire(uri.merchant_id).await.map_err(EvidenceError::validation)?;
        let judged = match judge.judge(uri, &content).await? {
            Ok(judged) => Some(judged),
            Err(invalid_file) => return Ok(Inspection::Invalid(invalid_file)),
        };
        let copy = content.clone();
        let hashed = tokio::task::spawn_blocking(move || <[u8; 32]>::from(Sha256::digest(&copy)));
        let sha256 = hashed.await.map_err(EvidenceError::validation)?;
        drop(permit);
        let size = content.len() as u64;
        self.put_by_hash(uri, &sha256, content).await?;
        Ok(Inspection::Valid { sha256, size, judged })
    }

    /// Stores a file of another store under its hash, and reads it back. An existing copy with other content, from an
    /// interrupted attempt, is replaced: it has no record yet.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store fails, or returns other content than was stored.
    pub async fn copy_in(
        &self,
        uri: &StorageUri,
        sha256: &[u8; 32],
        content: Bytes,
    ) -> Result<(), EvidenceError> {
        let _permit = permit(&self.shared.fetches).await?;
        if self.read(uri, sha256).await?.as_ref() == Some(&content) {
            return Ok(());
        }
        self.put_by_hash(uri, sha256, content.clone()).await?;
        match self.read(uri, sha256).await?.as_ref() == Some(&content) {
            true => Ok(()),
            false => Err(altered()),
        }
    }

    /// Hashes the copy of a record, which a holder of the bucket's credentials may have altered. It was validated
    /// before it was stored, so it is hashed as it is read.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn inspect_stored(
        &self,
        uri: &StorageUri,
        sha256: &[u8; 32],
    ) -> Result<Inspection, EvidenceError> {
        let _permit = permit(&self.shared.fetches).await?;
        let hash = |(hasher, size): &mut (Sha256, u64), chunk: &[u8]| {
            hasher.update(chunk);
            *size += chunk.len() as u64;
        };
        let key = self.shared.hash_key(uri, sha256);
        Ok(match self.take_in(&key, uri.scene.max_bytes(), |_| (Sha256::new(), 0), hash).await? {
            Fetched::Nothing => Inspection::Absent,
            Fetched::TooMuch => too_large(uri),
            Fetched::Whole((hasher, size)) => {
                Inspection::Valid { sha256: hasher.finalize().into(), size, judged: None }
            }
        })
    }

    /// The size in bytes of a record's copy; `None` if it is missing. Its content is not read.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn stored_size(
        &self,
        uri: &StorageUri,
        sha256: &[u8; 32],
    ) -> Result<Option<u64>, EvidenceError> {
        match self.shared.store.head(&self.shared.hash_key(uri, sha256)).await {
            Ok(found) => Ok(Some(found.size)),
            Err(object_store::Error::NotFound { .. }) => Ok(None),
            Err(error) => Err(EvidenceError::s3("read a file's size")(error)),
        }
    }

    /// Reads a record's copy; `None` if it is missing. It may have been altered: compare its SHA-256.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where the store does not answer.
    pub async fn read(&self, uri: &StorageUri, sha256: &[u8; 32]) -> Result<Option<Bytes>, EvidenceError> {
        match self.fetch(&self.shared.hash_key(uri, sha256), uri.scene.max_bytes()).await? {
            Fetched::Whole(content) => Ok(Some(content)),
            Fetched::Nothing | Fetched::TooMuch => Ok(None),
        }
    }

    /// Reads an object whole if it has at most `max_bytes`.
    pub(super) async fn fetch(&self, key: &Path, max_bytes: u64) -> Result<Fetched<Bytes>, EvidenceError> {
        let gather = |content: &mut BytesMut, chunk: &[u8]| content.extend_from_slice(chunk);
        Ok(match self.take_in(key, max_bytes, BytesMut::with_capacity, gather).await? {
            Fetched::Nothing => Fetched::Nothing,
            Fetched::TooMuch => Fetched::TooMuch,
            Fetched::Whole(content) => Fetched::Whole(content.freeze()),
        })
    }

    /// Reads an object chunk by chunk, and stops after `max_bytes`, whatever size the store declares.
    async fn take_in<T>(
        &self,
        key: &Path,
        max_bytes: u64,
        begin: impl FnOnce(usize) -> T,
        take: impl Fn(&mut T, &[u8]),
    ) -> Result<Fetched<T>, EvidenceError> {
        let failed = || EvidenceError::s3("read a file");
        let found = match self.shared.store.get(key).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(Fetched::Nothing),
            Err(error) => return Err(failed()(error)),
        };
        let declared = found.meta.size;
        if declared > max_bytes {
            return Ok(Fetched::TooMuch);
        }
        let mut taken = begin(usize::try_from(declared).unwrap_or_default());
        let (mut bytes, mut chunks) = (0, found.into_stream());
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk.map_err(failed())?;
            bytes += chunk.len() as u64;
            if bytes > max_bytes {
                return Ok(Fetched::TooMuch);
            }
            take(&mut taken, &chunk);
        }
        if bytes == declared {
            return Ok(Fetched::Whole(taken));
        }
        let source = format!("{bytes} of {declared} bytes arrived").into();
        Err(failed()(object_store::Error::Generic { store: "S3", source }))
    }

    /// Stores the bytes that were hashed. The request is signed over their SHA-256, so the store accepts these or none.
    ///
    /// A plain PUT, not one with `If-None-Match`: the key contains the same SHA-256, so an existing object has the same
    /// content, and a plain PUT may be repeated when its answer is lost. Of concurrent conditional ones AWS refuses
    /// some with 409 before the first is complete, and SeaweedFS delayed some by 4 s.
    async fn put_by_hash(
        &self,
        uri: &StorageUri,
        sha256: &[u8; 32],
        content: Bytes,
    ) -> Result<(), EvidenceError> {
        let attributes = Attributes::from_iter([
            (Attribute::ContentType, uri.format.media_type()),
            // A browser that opens it downloads a file.
            (Attribute::ContentDisposition, "attachment"),
        ]);
        let options = PutOptions { attributes, ..PutOptions::default() };
        let key = self.shared.hash_key(uri, sha256);
        let put = self.shared.store.put_opts(&key, PutPayload::from_bytes(content), options).await;
        put.map(drop).map_err(EvidenceError::s3("store a file under its hash"))
    }
}

fn too_large(uri: &StorageUri) -> Inspection {
    Inspection::Invalid(InvalidFile::TooLarge { format: uri.format, max_bytes: uri.scene.max_bytes() })
}

async fn permit(semaphore: &Semaphore) -> Result<SemaphorePermit<'_>, EvidenceError> {
    let never_closed = |error: AcquireError| EvidenceError::validation(error);
    semaphore.acquire().await.map_err(never_closed)
}
