//! `POST /uploaded`: receives the upload forms of the built-in store. It answers as S3 does, in XML (contract §3).

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use http::header::{CONNECTION, CONTENT_LENGTH, CONTENT_TYPE, ETAG, LOCATION, RETRY_AFTER};
use http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use rebuttal_evidence::{Credentials, EvidenceError, FolderStore, ReceivedFile, S3Code, upload};
use rebuttal_protocol::Code;
use rebuttal_protocol::storage_uri::BUCKET;
use rebuttal_store::CommitError;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;
use tower_http::cors::{AllowOrigin, Any, CorsLayer};

use crate::clock;
use crate::gateway::Gateway;
use crate::gateway::upload_records::record;
use crate::http::body;
use crate::http::error::{LogNote, UNAVAILABLE_RETRY_SECONDS};
use crate::http::origin::Origin;
use crate::http::pace::{Pace, paced};
use crate::http::paths::UPLOADED;
use crate::http::request_id::REQUEST_ID;
use crate::http::unread_body::DiscardPace;

/// Time limit for an upload from first to last byte: as long as a form is valid. The largest file needs 28 kbit/s.
pub(crate) const UPLOAD_LIMIT: Duration = Duration::from_secs(10 * 60);
/// Time limit for the next [`PACE_BYTES`] of an upload. Slow lines keep it; a sender that only holds its slot does not.
pub(crate) const PACE_LIMIT: Duration = Duration::from_secs(10);
/// Bytes of an upload that must arrive within [`PACE_LIMIT`], unless it ends before.
pub(crate) const PACE_BYTES: usize = 8 * 1024;
/// How long browsers remember the answer to a preflight; Chromium for two hours at most.
pub(crate) const PREFLIGHT_MAX_AGE: Duration = Duration::from_secs(3600);

const PACE: Pace = Pace { whole: UPLOAD_LIMIT, step: PACE_LIMIT, step_bytes: PACE_BYTES };

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
    let cors = cors(&gateway.upload_allowed_origins);
    Router::new()
        .route(UPLOADED, post(receive))
        .method_not_allowed_fallback(async || UploadRefusal::method_not_allowed())
        .layer(cors)
        .with_state(UploadState { gateway, files, credentials })
}

/// Answers preflights, and lets pages of these origins read every answer; of any origin if there are none. The form
/// authenticates an upload, so browsers send no credentials.
fn cors(origins: &[Origin]) -> CorsLayer {
    let origins = match origins {
        [] => AllowOrigin::any(),
        origins => AllowOrigin::list(origins.iter().map(|origin| origin.header().clone())),
    };
    CorsLayer::new()
        .allow_origin(origins)
        .allow_methods([Method::POST])
        .allow_headers(Any)
        .expose_headers([ETAG, LOCATION, REQUEST_ID, RETRY_AFTER])
        .max_age(PREFLIGHT_MAX_AGE)
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
) -> Result<(StatusCode, [(HeaderName, String); 2]), UploadRefusal> {
    let arrived_at = clock::now();
    let header = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let content_type = header(CONTENT_TYPE).unwrap_or_default();
    let length = header(CONTENT_LENGTH).and_then(|length| length.parse().ok());
    let chunks = paced(body::chunks(body), PACE);
    let UploadState { gateway, files, credentials } = state;
    let file =
        upload::receive(&files, &credentials, BUCKET, content_type, length, chunks, arrived_at).await?;
    let (runtime, address) = (Handle::current(), format!("{}{UPLOADED}/", gateway.auth.public_url(0)));
    let stored = spawn_blocking(move || {
        let received = file.store(&*gateway.judge)?;
        runtime.block_on(record_upload(&gateway, &received))?;
        files.confirm(&received).map(|()| received).map_err(UploadRefusal::from)
    });
    let ReceivedFile { uri, sha256, .. } = stored.await.map_err(UploadRefusal::unavailable)??;
    // Not S3's MD5, which clients may compare with theirs: they know it by its 32 digits.
    let entity_tag = format!("\"{}\"", hex::encode(sha256));
    Ok((StatusCode::NO_CONTENT, [(ETAG, entity_tag), (LOCATION, address + &uri.key())]))
}

/// Records a file that is durable under its final name.
async fn record_upload(gateway: &Gateway, received: &ReceivedFile) -> Result<(), UploadRefusal> {
    let ReceivedFile { uri, sha256, size, inspection, .. } = received;
    record(&gateway.store, *uri, *sha256, *size, Some(inspection.clone()))
        .await?
        .map_err(|_| rebuttal_evidence::InvalidUpload::AlreadyUploaded)?;
    Ok(())
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
        if cause.is_some() {
            // The body failed, or the gateway has no capacity, not even for the rest of it.
            headers.insert(CONNECTION, HeaderValue::from_static("close"));
        }
        if status == StatusCode::SERVICE_UNAVAILABLE {
            headers.insert(RETRY_AFTER, UNAVAILABLE_RETRY_SECONDS.into());
        }
        response.extensions_mut().insert(DiscardPace(PACE));
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
    use std::time::Duration;

    use axum::BoxError;
    use bytes::Bytes;
    use futures_util::{StreamExt as _, stream};
    use rebuttal_protocol::Scene;
    use tokio::time::Instant;

    use super::*;

    /// Whether a body of such chunks arrives, and when that is known.
    async fn arrives(chunks: usize, bytes: usize, every: Duration) -> (bool, u64) {
        let sent = stream::iter(0..chunks).then(move |_| async move {
            tokio::time::sleep(every).await;
            Ok::<_, BoxError>(Bytes::from(vec![0; bytes]))
        });
        let began = Instant::now();
        let arrived = paced(Box::pin(sent), PACE).all(async |chunk| chunk.is_ok()).await;
        (arrived, began.elapsed().as_secs())
    }

    #[tokio::test(start_paused = true)]
    async fn upload_may_be_slow_but_not_stalled() {
        let largest = usize::try_from(Scene::max_bytes_of_any()).unwrap();
        for (bytes, every_millis, chunks, expected) in [
            // 100 kbit/s, evenly and in bursts.
            (1_250, 100, largest / 1_250, (true, 167)),
            (112_500, 9_000, largest / 112_500, (true, 162)),
            // The least rate, for as long as a form is valid.
            (PACE_BYTES, 9_999, 60, (true, 599)),
            (PACE_BYTES, 9_999, 61, (false, 600)),
            (PACE_BYTES, 10_001, 60, (false, 10)),
            (PACE_BYTES - 1, 9_999, 60, (false, 10)),
            (1, 1_000, 1_000, (false, 10)),
            (1, 1_000, 8, (true, 8)),
        ] {
            let shown = format!("{chunks} chunks of {bytes} bytes every {every_millis} ms");
            let every = Duration::from_millis(every_millis);
            assert_eq!(arrives(chunks, bytes, every).await, expected, "{shown}");
        }
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
