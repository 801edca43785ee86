//! `GET /operator/v1/disputes/{disputeNo}/evidence/{evidenceId}`.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use bytes::Bytes;
use futures_util::{Stream, stream};
use http::HeaderValue;
use http::header::{
    CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS,
};
use rebuttal_disputes::SubmittedEvidence;
use rebuttal_evidence::Slot;
use rebuttal_protocol::{Code, DisputeNo};
use rebuttal_store::TokenHash;
use sha2::{Digest, Sha256};

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::disputes::detail;
use crate::operator::disputes::view::evidence_id;
use crate::operator::request::{NoQuery, StrictPath};

/// Bytes in one frame of the answer's body.
const PIECE_BYTES: usize = 64 * 1024;

/// Serves a submitted file if its content still has the recorded SHA-256, and only as an attachment, so that no browser
/// shows a merchant's file as a page of this site (contract §3).
pub(crate) async fn evidence(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator<CanRead>,
    _: NoQuery,
    StrictPath((dispute_no, id)): StrictPath<(DisputeNo, String)>,
) -> Result<Response, Problem> {
    let item = submitted(&gateway, &dispute_no, &id).await?;
    let (content, slot) = verified_content(&gateway, operator.hash, &item).await?;

    let mut response = Response::new(Body::from_stream(pieces(content, slot)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, item.file.size.into());
    let attachment = format!("attachment; filename=\"{}\"", filename(&dispute_no, &id, &item));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(attachment).map_err(Refusal::internal)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(item.url.format.media_type()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// The content, frame by frame. The slot is released after the last frame.
fn pieces(content: Bytes, slot: Slot) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold((content, slot), async |(mut rest, slot)| {
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some((Ok(piece), (rest, slot)))
    })
}

/// A submitted file of a dispute, by its id.
pub(super) async fn submitted(
    gateway: &Gateway,
    dispute_no: &DisputeNo,
    id: &str,
) -> Result<SubmittedEvidence, Refusal> {
    let detail = detail(gateway, dispute_no).await?;
    let found = detail.submissions.into_iter().find_map(|submission| {
        let mut items = submission.evidence.into_iter().enumerate();
        items.find_map(|(index, item)| (evidence_id(submission.number, index) == id).then_some(item))
    });
    found.ok_or_else(|| Refusal::new(Code::OperatorNotFound, "the dispute has no such evidence"))
}

/// The content, if it is still the submitted one, and the download slot, which limits the files in memory for the token
/// with this hash.
pub(super) async fn verified_content(
    gateway: &Gateway,
    token: TokenHash,
    item: &SubmittedEvidence,
) -> Result<(Bytes, Slot), Refusal> {
    let slot = gateway.evidence_reads.slot(token).await?;
    // An error of the store is temporary; a missing file in a working store is not.
    let read = gateway.evidence.read(&item.url, &item.file.sha256.0).await.map_err(Refusal::unavailable)?;
    Ok((verify_hash(read, item).map_err(Refusal::internal)?, slot))
}

fn verify_hash(content: Option<Bytes>, item: &SubmittedEvidence) -> anyhow::Result<Bytes> {
    let content = content.with_context(|| format!("{} was submitted, but is missing", item.url))?;
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    ensure!(sha256 == item.file.sha256.0, "{} was altered after it was submitted", item.url);
    Ok(content)
}

/// The file name of a download. The merchant's name for the file is not used.
pub(super) fn filename(dispute_no: &DisputeNo, id: &str, item: &SubmittedEvidence) -> String {
    format!("{dispute_no}-{id}.{}", item.url.format.extension())
}
