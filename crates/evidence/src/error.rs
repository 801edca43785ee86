//! Why an upload or work on a stored file failed.

use std::io;

use rebuttal_protocol::InvalidFile;

use crate::InvalidUpload;

/// Most characters of a store's message that an error repeats.
const REASON_MAX: usize = 200;

/// The error of a request body's stream.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Why an upload or work on a stored file failed.
#[derive(Debug, thiserror::Error)]
pub enum EvidenceError {
    /// The merchant has to change something; the message and the code are for the merchant.
    #[error(transparent)]
    Refused(#[from] InvalidUpload),
    /// The request's body could not be read to its end: the client left, or the server's time limit cut it off.
    #[error("the body of the upload could not be read: {0}")]
    Body(BodyError),
    /// Too many uploads of the merchant, or one with the same form, are in progress. Nothing was stored.
    #[error("no upload slot was free: {0}")]
    NoSlot(&'static str),
    /// The file could not be judged: no process to open it in, or no answer of a scanner. Nothing was stored.
    #[error("evidence file could not be judged: {0}")]
    Unjudged(String),
    /// The evidence folder failed. Nothing was stored, or what was stored is found again by
    /// [`FolderStore::unrecorded`](crate::FolderStore::unrecorded).
    #[error("evidence folder: failed to {task}: {source}")]
    Folder {
        /// What failed: a verb with its object.
        task: &'static str,
        /// The system's reason.
        source: io::Error,
    },
    /// The bucket is another gateway's, or not the one that the files are stored in; the sentence says what to do.
    #[error("{0}")]
    NotOurs(String),
    /// The object store failed, or did not answer in time. Nothing was stored, or an object that does no harm. The
    /// message has the whole chain of reasons in short, so the store's error is not a `source` of this one.
    #[error("object store: failed to {task}: {}", short_reason(reason))]
    S3 {
        /// What failed: a verb with its object.
        task: &'static str,
        /// The store's reason.
        reason: Box<object_store::Error>,
    },
}

impl EvidenceError {
    /// Whether the object store was unreachable or failed, rather than refused the request.
    pub fn is_outage(&self) -> bool {
        matches!(self, Self::S3 { reason, .. } if matches!(**reason, object_store::Error::Generic { .. }))
    }

    /// The error of a task in the object store.
    pub(crate) fn s3(task: &'static str) -> impl FnOnce(object_store::Error) -> Self {
        move |reason| Self::S3 { task, reason: Box::new(reason) }
    }

    /// The error of a validation that was interrupted, as at shutdown.
    pub(crate) fn validation(source: impl Into<BodyError>) -> Self {
        Self::s3("validate a file")(object_store::Error::Generic { store: "S3", source: source.into() })
    }

    /// The error of a task in the folder.
    pub(crate) const fn folder(task: &'static str) -> impl FnOnce(io::Error) -> Self {
        move |source| Self::Folder { task, source }
    }
}

/// An error of the object store with its causes, in a line: of an XML error document only its code and message.
fn short_reason(error: &object_store::Error) -> String {
    let mut message = error.to_string();
    let causes = std::iter::successors(std::error::Error::source(error), |cause| cause.source());
    for cause in causes.map(ToString::to_string) {
        if !message.contains(&cause) {
            message = format!("{message}: {cause}");
        }
    }
    let Some((before, document)) = message.split_once('<') else { return message };
    let element = |name: &str| {
        let (_, rest) = document.split_once(&format!("<{name}>"))?;
        let (content, _) = rest.split_once('<')?;
        Some(content.chars().take(REASON_MAX).collect::<String>())
    };
    match (element("Code"), element("Message")) {
        (Some(code), Some(message)) => format!("{before}{code}: {message}"),
        (Some(code), None) => format!("{before}{code}"),
        (None, _) => message.chars().take(REASON_MAX).collect(),
    }
}

impl From<InvalidFile> for EvidenceError {
    fn from(invalid_file: InvalidFile) -> Self {
        Self::Refused(InvalidUpload::InvalidFile(invalid_file))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn store_error_shows_code_and_message() {
        let document = "<?xml version=\"1.0\"?>\n<Error><Code>AccessDenied</Code><Message>Access Denied.</Message>\
                        <Resource>/evidence</Resource></Error>";
        let source = format!("Server returned non-2xx status code: 403 Forbidden: {document}").into();
        let error =
            EvidenceError::s3("list the bucket")(object_store::Error::Generic { store: "S3", source });
        let message = error.to_string();
        assert!(message.ends_with("403 Forbidden: AccessDenied: Access Denied."), "{message}");
        assert!(std::error::Error::source(&error).is_none(), "a chain would repeat the XML document");
    }
}
