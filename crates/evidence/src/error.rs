//! What can go wrong with an upload: the merchant's fault, the connection's, or the disk's.

use std::io;

use crate::{Lie, Refusal};

/// What a request body's stream fails with.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Why an upload, or work on a stored file, came to nothing.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The merchant has to change something; the sentence and the code are meant for the merchant.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// The request's body could not be read to its end: the client left, or the server's time limit cut it off.
    #[error("the body of the upload could not be read: {0}")]
    Body(BodyError),
    /// The evidence folder failed. Nothing was stored, or what was stored is found again by
    /// [`FolderStore::unrecorded`](crate::FolderStore::unrecorded).
    #[error("the evidence folder could not {task}: {source}")]
    Folder {
        /// What was being done, as a verb with its object.
        task: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The bucket is another gateway's, or not the one that the files lie in; the sentence says what to do.
    #[error("{0}")]
    NotOurs(String),
    /// The object store failed, or did not answer in time. Nothing was stored, or it does no harm there.
    #[error("the object store could not {task}: {source}")]
    S3 {
        /// What was being done, as a verb with its object.
        task: &'static str,
        /// The store's reason.
        source: Box<object_store::Error>,
    },
}

impl Error {
    /// Makes the error of a task that the object store failed at.
    pub(crate) fn s3(task: &'static str) -> impl FnOnce(object_store::Error) -> Self {
        move |source| Self::S3 { task, source: Box::new(source) }
    }

    /// Makes the error of a judgement that did not come to its end, as at the stop of the process.
    pub(crate) fn judging(source: impl Into<BodyError>) -> Self {
        Self::s3("have a file judged")(object_store::Error::Generic { store: "S3", source: source.into() })
    }

    /// Makes the error of a failed `task` from the system's reason.
    pub(crate) const fn folder(task: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Folder { task, source }
    }
}

impl From<Lie> for Error {
    fn from(lie: Lie) -> Self {
        Self::Refused(Refusal::Untrue(lie))
    }
}
