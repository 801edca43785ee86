//! `POST /uploaded`: receives the upload forms of the built-in store. It answers as S3 does, in XML (contract §3).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use bytes::Bytes;
use futures_util::{Stream, StreamExt, stream};
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderMap, HeaderValue, StatusCode};
use rebuttal_evidence::{BodyError, Credentials, EvidenceError, FolderStore, ReceivedFile, S3Code, upload};
use rebuttal_protocol::Code;
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_store::CommitError;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, timeout_at};

use crate::clock;
use crate::gateway::Gateway;
use crate::gateway::upload_records::record;
use crate::http::body;
use crate::http::error::{LogNote, UNAVAILABLE_RETRY_SECONDS};
use crate::http::paths::UPLOADED;

/// Time limit for an upload from first to last byte: the largest file over a line of 280 kbit/s.
pub(crate) const UPLOAD_LIMIT: Duration = Duration::from_secs(60);
/// Time limit for the next [`PACE_BYTES`] of an upload. Slow lines keep it; a sender that only holds its slot does not.
pub(crate) const PACE_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an upload that must arrive within [`PACE_LIMIT`], unless it ends before.
pub(crate) const PACE_BYTES: usize = 8 * 1024;

/// State of the upload route: a gateway whose evidence is stored in a folder.
#[derive(Clone)]
struct UploadState {
    gateway: Arc<Gateway>,
    files: FolderStore,
    credentials: Credentials,
}

/// The upload route; none if merchants post to S3.
pub(crate) fn router(gateway: Arc<Gateway>) -> Router {
    let Some((files, credentials)) = gateway.evidence.folder() else { return Router::new() };
    let (files, credentials) = (files.clone(), credentials.clone());
    Router::new()
        .route(UPLOADED, post(receive))
        .method_not_allowed_fallback(async || UploadRefusal::method_not_allowed())
        .with_state(UploadState { gateway, files, credentials })
}

/// Receives one file.
///
/// 1. The form is parsed as it arrives and checked against its signed policy.
/// 2. The file is hashed, validated, and durable under its final name before anything is recorded.
/// 3. The upload is recorded durably through the committer; after a crash before that, the file is adopted later.
/// 4. Then it is answered 204, and a contest may refer to it.
///
/// Once the file has arrived, the rest is done by one blocking thread, which no disconnect stops: it leaves no file
/// without a record.
async fn receive(
    State(state): State<UploadState>,
    headers: HeaderMap,
    body: Body,
) -> Result<StatusCode, UploadRefusal> {
    let arrived_at = clock::now();
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let chunks = with_timeouts(body::chunks(body), UPLOAD_LIMIT, PACE_LIMIT);
    let UploadState { gateway, files, credentials } = state;
    let file =
        upload::receive(&files, &credentials, BUCKET, content_type, length, chunks, arrived_at).await?;
    let runtime = Handle::current();
    let stored = spawn_blocking(move || {
        let received = file.store(&*gateway.judge)?;
        runtime.block_on(record_upload(&gateway, &received))?;
        files.confirm(&received).map_err(UploadRefusal::from)
    });
    stored.await.map_err(UploadRefusal::unavailable)??;
    Ok(StatusCode::NO_CONTENT)
}

/// Records a file that is durable under its final name.
async fn record_upload(gateway: &Gateway, received: &ReceivedFile) -> Result<(), UploadRefusal> {
    let ReceivedFile { uri, sha256, size, inspection, .. } = received;
    record(&gateway.store, *uri, *sha256, *size, Some(inspection.clone()))
        .await?
        .map_err(|_| rebuttal_evidence::InvalidUpload::AlreadyUploaded)?;
    Ok(())
}

/// The body, ended by an error when it exceeds the time limit or falls below the minimum pace. Only time spent waiting
/// for the sender counts against the pace, not that for a slot or the disk.
fn with_timeouts(
    body: impl Stream<Item = Result<Bytes, BodyError>> + Send + Unpin + 'static,
    whole: Duration,
    pace: Duration,
) -> impl Stream<Item = Result<Bytes, BodyError>> + Send + 'static {
    let until = Instant::now() + whole;
    let start = (body, pace, 0_usize);
    stream::unfold(Some(start), move |state| async move {
        let (mut body, left, received) = state?;
        let polled_at = Instant::now();
        match timeout_at(until.min(polled_at + left), body.next()).await {
            Ok(Some(Ok(chunk))) => {
                let received = received + chunk.len();
                let next = match received >= PACE_BYTES {
                    true => (body, pace, 0),
                    false => (body, left.saturating_sub(polled_at.elapsed()), received),
                };
                Some((Ok(chunk), Some(next)))
            }
            Ok(ended) => Some((ended?, None)),
            Err(elapsed) => Some((Err(elapsed.into()), None)),
        }
    })
    // Readers may poll again after the end.
    .fuse()
}

/// Why an upload was refused.
struct UploadRefusal {
    status: StatusCode,
    code: &'static str,
    message: String,
    cause: Option<Arc<anyhow::Error>>,
}

/// Refusals without a code in [`S3Code`], with the codes of S3.
const METHOD_NOT_ALLOWED: (StatusCode, &str) = (StatusCode::METHOD_NOT_ALLOWED, "MethodNotAllowed");
const TIMED_OUT: (StatusCode, &str) = (StatusCode::BAD_REQUEST, "RequestTimeout");
const UNAVAILABLE: (StatusCode, &str) = (StatusCode::SERVICE_UNAVAILABLE, "ServiceUnavailable");

/// Every refusal code with its status.
pub(crate) fn refusals() -> impl Iterator<Item = (StatusCode, &'static str)> {
    let codes = S3Code::ALL.into_iter().map(|code| (status(code), code.as_str()));
    codes.chain([METHOD_NOT_ALLOWED, TIMED_OUT, UNAVAILABLE])
}

impl UploadRefusal {
    fn method_not_allowed() -> Self {
        let (status, code) = METHOD_NOT_ALLOWED;
        Self { status, code, message: "Send the form by POST.".to_owned(), cause: None }
    }

    fn failed(
        (status, code): (StatusCode, &'static str),
        message: &str,
        cause: impl Into<anyhow::Error>,
    ) -> Self {
        Self { status, code, message: message.to_owned(), cause: Some(Arc::new(cause.into())) }
    }

    fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        let message = "The gateway cannot accept files now. Call generateUploadUrl again later.";
        Self::failed(UNAVAILABLE, message, cause)
    }
}

impl From<EvidenceError> for UploadRefusal {
    fn from(error: EvidenceError) -> Self {
        match error {
            EvidenceError::Refused(refusal) => refusal.into(),
            EvidenceError::Body(ref cause) if body::is_bad_chunk(&**cause) => {
                let invalid = (StatusCode::BAD_REQUEST, S3Code::InvalidRequest.as_str());
                Self::failed(invalid, body::BAD_CHUNK, error)
            }
            EvidenceError::Body(_) => {
                let message = "The upload was incomplete or too slow. Send it again.";
                Self::failed(TIMED_OUT, message, error)
            }
            EvidenceError::NoSlot(_) => {
                let message = "Too many uploads of this merchant, or with this form, are in progress. Send it again later.";
                Self::failed(UNAVAILABLE, message, error)
            }
            EvidenceError::Unjudged(_)
            | EvidenceError::Folder { .. }
            | EvidenceError::S3 { .. }
            | EvidenceError::NotOurs(_) => Self::unavailable(error),
        }
    }
}

impl From<rebuttal_evidence::InvalidUpload> for UploadRefusal {
    fn from(refusal: rebuttal_evidence::InvalidUpload) -> Self {
        let code = refusal.code();
        Self { status: status(code), code: code.as_str(), message: refusal.to_string(), cause: None }
    }
}

/// Whether or not the record was committed, the file is stored and will be recorded later.
impl From<CommitError> for UploadRefusal {
    fn from(error: CommitError) -> Self {
        Self::unavailable(error)
    }
}

/// The HTTP status of S3's codes (contract §3).
const fn status(code: S3Code) -> StatusCode {
    match code {
        S3Code::AccessDenied | S3Code::SignatureDoesNotMatch => StatusCode::FORBIDDEN,
        S3Code::EntityTooLarge
        | S3Code::EntityTooSmall
        | S3Code::InvalidRequest
        | S3Code::MalformedPostRequest => StatusCode::BAD_REQUEST,
        S3Code::PreconditionFailed => StatusCode::CONFLICT,
    }
}

impl IntoResponse for UploadRefusal {
    fn into_response(self) -> Response {
        let Self { status, code, message, cause } = self;
        let message = escape(&message);
        let xml = format!(
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<Error><Code>{code}</Code><Message>{message}</Message></Error>"
        );
        let mut response = (status, xml).into_response();
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/xml"));
        // The rest of the body is not read, so the connection cannot carry another request.
        headers.insert(CONNECTION, HeaderValue::from_static("close"));
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, UNAVAILABLE_RETRY_SECONDS.into());
        }
        response.extensions_mut().insert(LogNote { code: Code::Unknown(code.to_owned()), cause });
        response
    }
}

/// Escapes text for XML content.
fn escape(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Whether the given number of chunks arrive, sent one at a time.
    async fn arrive(chunks: usize, bytes: usize, every: Duration, pace: Duration) -> bool {
        let sent = stream::iter(0..chunks).then(move |_| async move {
            tokio::time::sleep(every).await;
            Ok(Bytes::from(vec![0; bytes]))
        });
        with_timeouts(Box::pin(sent), UPLOAD_LIMIT, pace).all(async |chunk| chunk.is_ok()).await
    }

    #[tokio::test]
    async fn upload_below_the_minimum_pace_is_aborted() {
        let (millis, pace) = (Duration::from_millis, Duration::from_millis(400));
        assert!(!arrive(1_000, 1, millis(1), pace).await, "too few bytes within the pace limit");
        assert!(arrive(6, PACE_BYTES, millis(100), pace).await, "the pace is kept");
        assert!(arrive(3, 1, millis(1), pace).await, "it ends before the pace limit");
    }

    #[test]
    fn every_code_has_the_status_of_the_contract() {
        let table: String =
            S3Code::ALL.iter().map(|code| format!("{} {code}\n", status(*code).as_u16())).collect();
        insta::assert_snapshot!(table, @"
        403 AccessDenied
        400 EntityTooLarge
        400 EntityTooSmall
        400 InvalidRequest
        400 MalformedPOSTRequest
        409 PreconditionFailed
        403 SignatureDoesNotMatch
        ");
    }

    #[test]
    fn xml_of_a_refusal_escapes_form_values() {
        let response = UploadRefusal::from(rebuttal_evidence::InvalidUpload::FieldUndeclared(
            "</Message><x>&".to_owned(),
        ))
        .into_response();
        assert_eq!(response.status(), StatusCode::FORBIDDEN);
        assert_eq!(escape("</Message><x>&"), "&lt;/Message&gt;&lt;x&gt;&amp;");
    }
}
