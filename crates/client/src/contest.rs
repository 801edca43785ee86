//! A contest from files: name the evidence, upload it, submit it.

use std::path::PathBuf;
use std::sync::Arc;

use bytes::Bytes;
use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::{ContestRequest, EVIDENCE_MAX, EvidenceItem, EvidenceType};
use rebuttal_protocol::{DisputeNo, EvidenceName, StorageUri};

use crate::client::{Answer, Client};
use crate::error::Error;
use crate::file::EvidenceFile;
use crate::upload::{Progress, Watch};

/// Collects the evidence of one contest. Created by [`Client::contest`].
///
/// Nothing is read or sent before [`upload`](Self::upload) or [`send`](Self::send), which report all faulty files
/// before the first byte is sent.
#[must_use = "a contest is not sent until `send` is awaited"]
pub struct Contest {
    client: Client,
    dispute_no: DisputeNo,
    pieces: Vec<Piece>,
    /// A name that was given before any evidence.
    bare_name: Option<String>,
    watch: Option<Watch>,
}

struct Piece {
    evidence_type: EvidenceType,
    name: Option<String>,
    source: EvidenceSource,
}

enum EvidenceSource {
    Path(PathBuf),
    Content { filename: String, content: Bytes },
    File(EvidenceFile),
    Uploaded(StorageUri),
}

impl Client {
    /// Starts a contest of a dispute: add the evidence, then [send](Contest::send) it.
    pub fn contest(&self, dispute_no: DisputeNo) -> Contest {
        Contest::new(self.clone(), dispute_no)
    }
}

impl Contest {
    const fn new(client: Client, dispute_no: DisputeNo) -> Self {
        Self { client, dispute_no, pieces: Vec::new(), bare_name: None, watch: None }
    }

    /// Adds a file from disk. It is named after the file unless [`named`](Self::named) follows.
    pub fn file(self, evidence_type: EvidenceType, path: impl Into<PathBuf>) -> Self {
        self.with(evidence_type, EvidenceSource::Path(path.into()))
    }

    /// Adds a file from memory. The extension of `filename` determines its format. It is named `filename` unless
    /// [`named`](Self::named) follows.
    pub fn bytes(self, evidence_type: EvidenceType, filename: &str, content: impl Into<Bytes>) -> Self {
        self.with(
            evidence_type,
            EvidenceSource::Content { filename: filename.to_owned(), content: content.into() },
        )
    }

    /// Adds a file that was read before.
    pub fn evidence(self, evidence_type: EvidenceType, file: EvidenceFile) -> Self {
        self.with(evidence_type, EvidenceSource::File(file))
    }

    /// Adds a file that was uploaded before, for this contest or another. It is named after the last part of its
    /// address unless [`named`](Self::named) follows.
    pub fn uploaded(self, evidence_type: EvidenceType, storage_uri: StorageUri) -> Self {
        self.with(evidence_type, EvidenceSource::Uploaded(storage_uri))
    }

    /// Names the evidence that was added last: 1 to 128 characters on one line. If none was added,
    /// [`upload`](Self::upload) refuses the contest.
    pub fn named(mut self, name: &str) -> Self {
        let named = self.pieces.last_mut().map_or(&mut self.bare_name, |piece| &mut piece.name);
        *named = Some(name.to_owned());
        self
    }

    /// Calls a function with the progress of the uploads. It is called often and must not block.
    pub fn on_progress(mut self, watch: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.watch = Some(Arc::new(watch));
        self
    }

    /// Reads and checks all files, uploads them one after the other, and returns the submission.
    ///
    /// The dispute is not changed. Keep the [`PreparedContest`]: sending it again after an unknown outcome is safe,
    /// while uploading again would make it another contest.
    ///
    /// # Errors
    /// [`Error::Invalid`] and [`Error::File`] before anything is sent; otherwise as [`Client::upload`].
    pub async fn upload(self) -> Result<PreparedContest, Error> {
        let Self { client, dispute_no, pieces, bare_name, watch } = self;
        if let Some(name) = bare_name {
            return Err(Error::Invalid(format!(
                "the name {name:?} was given before any evidence; name a piece after adding it"
            )));
        }
        if !(1..=EVIDENCE_MAX).contains(&pieces.len()) {
            return Err(Error::Invalid(format!(
                "a contest must have 1 to {EVIDENCE_MAX} pieces of evidence"
            )));
        }
        let mut ready = Vec::with_capacity(pieces.len());
        for piece in pieces {
            ready.push(piece.read().await?);
        }
        let mut evidence_list = Vec::with_capacity(ready.len());
        for (index, (evidence_type, name, file)) in ready.into_iter().enumerate() {
            let storage_uri = match file {
                PreparedEvidence::Uploaded(storage_uri) => storage_uri,
                PreparedEvidence::File(file) => client.upload_watched(&file, index, watch.clone()).await?,
            };
            evidence_list.push(EvidenceItem { evidence_type, name, url: storage_uri });
        }
        Ok(PreparedContest { client, request: ContestRequest { dispute_no, evidence_list } })
    }

    /// Uploads and submits.
    ///
    /// A program that needs a definite outcome calls [`upload`](Self::upload) and [`PreparedContest::send`] instead, so
    /// that it can send the same contest again after [`Error::Unknown`].
    ///
    /// # Errors
    /// As [`upload`](Self::upload) and [`PreparedContest::send`].
    pub async fn send(self) -> Result<Answer<Done>, Error> {
        self.upload().await?.send().await
    }

    fn with(mut self, evidence_type: EvidenceType, source: EvidenceSource) -> Self {
        self.pieces.push(Piece { evidence_type, name: None, source });
        self
    }
}

impl std::fmt::Debug for Contest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Contest")
            .field("dispute_no", &self.dispute_no)
            .field("pieces", &self.pieces.len())
            .finish_non_exhaustive()
    }
}

enum PreparedEvidence {
    File(EvidenceFile),
    Uploaded(StorageUri),
}

impl Piece {
    async fn read(self) -> Result<(EvidenceType, EvidenceName, PreparedEvidence), Error> {
        let (own_name, ready) = match self.source {
            EvidenceSource::Uploaded(storage_uri) => {
                let key = storage_uri.key();
                let own_name = key.rsplit_once('/').map_or(key.as_str(), |(_, name)| name).to_owned();
                (own_name, PreparedEvidence::Uploaded(storage_uri))
            }
            EvidenceSource::Path(path) => named_after(EvidenceFile::read(path).await?),
            EvidenceSource::Content { filename, content } => {
                named_after(EvidenceFile::new(&filename, content)?)
            }
            EvidenceSource::File(file) => named_after(file),
        };
        let name = self.name.unwrap_or(own_name);
        let parsed = name.parse().map_err(|error| Error::Invalid(format!("the name {name:?} {error}")))?;
        Ok((self.evidence_type, parsed, ready))
    }
}

fn named_after(file: EvidenceFile) -> (String, PreparedEvidence) {
    (file.name().to_owned(), PreparedEvidence::File(file))
}

/// A contest with uploaded files. It can be submitted again until its outcome is known.
#[derive(Debug, Clone)]
pub struct PreparedContest {
    client: Client,
    request: ContestRequest,
}

impl PreparedContest {
    /// The request. It can be stored as JSON and passed to [`Client::submit`] by another process.
    #[must_use]
    pub const fn request(&self) -> &ContestRequest {
        &self.request
    }

    /// Submits the contest; the same as [`Client::submit`] with [`request`](Self::request).
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn send(&self) -> Result<Answer<Done>, Error> {
        self.client.submit(&self.request).await
    }
}
