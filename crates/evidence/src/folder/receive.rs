//! Receiving a file: cut off at the limit, and collected in memory, or written as it arrives where there is no memory
//! for it; then hashed, judged and published.

use std::io;
use std::pin::pin;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::{Stream, StreamExt};
use rebuttal_protocol::StorageUri;
use tokio::runtime::Handle;
use tokio::sync::OwnedSemaphorePermit;

use super::incoming::Incoming;
use super::upload_slots::UploadSlot;
use super::{FolderInner, FolderStore, ReceivedFile, WRITE_BLOCK_BYTES, blocking};
use crate::{EvidenceError, InvalidUpload, Judge};

/// A file whose last byte has arrived. Dropped before it is [stored](Self::store), it leaves nothing.
pub struct ArrivedFile {
    shared: Arc<FolderInner>,
    uri: StorageUri,
    /// What was not written yet: everything, or the last block.
    content: Vec<u8>,
    /// The memory for a whole file.
    memory: Option<OwnedSemaphorePermit>,
    /// The file that the first blocks were written to.
    incoming: Option<Incoming>,
    _slot: UploadSlot,
}

impl FolderStore {
    /// Receives a file for an address that is still free. `length` is that of its form, if it is known. On an error,
    /// and when the future is dropped, nothing is stored.
    ///
    /// # Errors
    /// [`InvalidUpload::TooLarge`] as soon as a byte too many arrives, [`InvalidUpload::Empty`]; any error of `chunks`;
    /// [`EvidenceError::NoSlot`]; if the file is written as it arrives, those of [`ArrivedFile::store`].
    pub async fn receive<S>(
        &self,
        uri: StorageUri,
        length: Option<u64>,
        chunks: S,
    ) -> Result<ArrivedFile, EvidenceError>
    where
        S: Stream<Item = Result<Bytes, EvidenceError>>,
    {
        let slot = self.shared.receives.take(uri).await?;
        let (room, memory) = self.shared.memory_for(uri, length);
        let shared = Arc::clone(&self.shared);
        let content = Vec::with_capacity(room);
        let mut file = ArrivedFile { shared, uri, content, memory, incoming: None, _slot: slot };
        let mut size = 0_u64;
        let mut chunks = pin!(chunks);
        while let Some(chunk) = chunks.next().await {
            let chunk = chunk?;
            size += chunk.len() as u64;
            if size > uri.scene.max_bytes() {
                return Err(InvalidUpload::TooLarge(uri.scene.max_bytes()).into());
            }
            if file.content.len() + chunk.len() > room && !file.content.is_empty() {
                file = blocking(move || file.write_block()).await?;
            }
            file.content.extend_from_slice(&chunk);
        }
        if size == 0 {
            return Err(InvalidUpload::Empty.into());
        }
        Ok(file)
    }
}

impl FolderInner {
    /// Room for a whole file, if there is memory for it, otherwise for a block.
    fn memory_for(&self, uri: StorageUri, length: Option<u64>) -> (usize, Option<OwnedSemaphorePermit>) {
        let longest = length.map(|length| length.min(uri.scene.max_bytes()));
        let Some(longest) = longest.and_then(|longest| u32::try_from(longest).ok()) else {
            return (WRITE_BLOCK_BYTES, None);
        };
        let room = longest as usize;
        if room <= WRITE_BLOCK_BYTES {
            return (room, None);
        }
        match Arc::clone(&self.memory).try_acquire_many_owned(longest) {
            Ok(memory) => (room, Some(memory)),
            Err(_) => (WRITE_BLOCK_BYTES, None),
        }
    }
}

impl ArrivedFile {
    /// Hashes the file, has it judged, and stores it durably under its final name. Blocking, within a tokio runtime.
    ///
    /// On `Ok`, record it, then [`confirm`](FolderStore::confirm). On an error nothing is stored, with one exception: a
    /// file that had its final name by then, which [`unrecorded`](FolderStore::unrecorded) finds.
    ///
    /// # Errors
    /// [`InvalidUpload::InvalidFile`], [`InvalidUpload::AlreadyUploaded`]; [`EvidenceError::Unjudged`];
    /// [`EvidenceError::Folder`], also where the folder is not this gateway's.
    pub fn store(mut self, judge: &dyn Judge) -> Result<ReceivedFile, EvidenceError> {
        let is_whole = self.incoming.is_none();
        let mut incoming = self.take_incoming()?;
        incoming.write(&self.content)?;
        let runtime = Handle::current();
        let slot = runtime.block_on(self.shared.validations.acquire(self.uri.merchant_id));
        let slot = slot.map_err(io::Error::other).map_err(EvidenceError::folder("wait for a validation"))?;
        if !is_whole {
            self.content = incoming.read_back()?;
        }
        let inspection = runtime.block_on(judge.judge(&self.uri, &self.content))??;
        drop((self.content, self.memory, slot));
        incoming.publish(inspection)
    }

    fn write_block(mut self) -> Result<Self, EvidenceError> {
        let mut incoming = self.take_incoming()?;
        incoming.write(&self.content)?;
        self.content.clear();
        self.incoming = Some(incoming);
        Ok(self)
    }

    fn take_incoming(&mut self) -> Result<Incoming, EvidenceError> {
        match self.incoming.take() {
            Some(incoming) => Ok(incoming),
            None => Incoming::create(Arc::clone(&self.shared), self.uri),
        }
    }
}
