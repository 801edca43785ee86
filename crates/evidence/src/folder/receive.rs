//! Receiving a file: gathered into blocks, hashed and written as it arrives, cut off at the limit, validated,
//! published.

use std::pin::pin;
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::{Stream, StreamExt};
use rebuttal_protocol::StorageUri;
use tokio::sync::AcquireError;

use super::incoming::Incoming;
use super::{FolderInner, FolderStore, ReceivedFile, WRITE_BLOCK_BYTES, blocking};
use crate::{EvidenceError, InvalidUpload};

impl FolderStore {
    /// Receives a file for an address that is still free.
    ///
    /// On `Ok` it is stored durably; record it, then [`confirm`](Self::confirm). On an error, and when the future
    /// is dropped, nothing is stored, with one exception: a file that had its final name by then, which
    /// [`unrecorded`](Self::unrecorded) finds.
    ///
    /// # Errors
    /// [`InvalidUpload::TooLarge`] as soon as a byte too many arrives, [`InvalidUpload::Empty`],
    /// [`InvalidUpload::InvalidFile`], [`InvalidUpload::AlreadyUploaded`]; any error of `chunks`;
    /// [`EvidenceError::NoSlot`]; [`EvidenceError::Folder`].
    pub async fn receive<S>(&self, uri: StorageUri, chunks: S) -> Result<ReceivedFile, EvidenceError>
    where
        S: Stream<Item = Result<Bytes, EvidenceError>>,
    {
        let _slot = self.shared.receives.take(uri).await?;
        let shared = Arc::clone(&self.shared);
        blocking(move || shared.is_there().map_err(EvidenceError::folder("check the ownership marker")))
            .await?;
        let mut writer =
            FileWriter { shared: Arc::clone(&self.shared), uri, block: Vec::new(), incoming: None };
        let mut size = 0_u64;
        let mut chunks = pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            let mut chunk = chunk?;
            size += chunk.len() as u64;
            if size > uri.scene.max_bytes() {
                return Err(InvalidUpload::TooLarge(uri.scene.max_bytes()).into());
            }
            while chunk.has_remaining() {
                let taken = chunk.len().min(WRITE_BLOCK_BYTES.saturating_sub(writer.block.len()));
                writer.block.extend_from_slice(&chunk.split_to(taken));
                if writer.block.len() >= WRITE_BLOCK_BYTES {
                    writer = blocking(move || writer.flush()).await?;
                }
            }
        }
        if size == 0 {
            return Err(InvalidUpload::Empty.into());
        }
        let never_closed = |error: AcquireError| {
            EvidenceError::folder("wait for a validation")(std::io::Error::other(error))
        };
        let permit = self.shared.validations.acquire(uri.merchant_id).await.map_err(never_closed)?;
        let incoming = blocking(move || {
            let _permit = permit;
            writer.validated()
        })
        .await?;
        blocking(move || incoming.publish()).await
    }
}

/// Moves to the blocking threads and back. The file is created with the first full block, so that a small one is
/// written in one call.
struct FileWriter {
    shared: Arc<FolderInner>,
    uri: StorageUri,
    block: Vec<u8>,
    incoming: Option<Incoming>,
}

impl FileWriter {
    fn flush(mut self) -> Result<Self, EvidenceError> {
        let mut incoming = match self.incoming.take() {
            Some(incoming) => incoming,
            None => Incoming::create(Arc::clone(&self.shared), self.uri)?,
        };
        incoming.write(&self.block)?;
        self.block.clear();
        self.incoming = Some(incoming);
        Ok(self)
    }

    fn validated(self) -> Result<Incoming, EvidenceError> {
        let Self { shared, uri, block, incoming } = self;
        let mut incoming = match incoming {
            Some(incoming) => incoming,
            None => Incoming::create(shared, uri)?,
        };
        incoming.write(&block)?;
        drop(block);
        incoming.validate()?;
        Ok(incoming)
    }
}
