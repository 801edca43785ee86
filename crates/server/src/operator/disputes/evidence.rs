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
use rebuttal_protocol::{Code, DisputeNo};
use sha2::{Digest, Sha256};
use tokio::sync::OwnedSemaphorePermit;

use crate::auth::operator::Operator;
use crate::auth::right::Reading;
use crate::error::Refusal;
use crate::gateway::Gateway;
use crate::operator::disputes::story;
use crate::operator::disputes::view::evidence_id;
use crate::operator::problem::Problem;
use crate::operator::request::{Named, NoQuery};

/// Files that are handed out at once, each in memory whole; more wait for their turn.
pub(crate) const EVIDENCE_READS_AT_ONCE: usize = 8;
/// Bytes that are given to the connection at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Hands a file out as it was submitted: only if its bytes still have the SHA-256 that was recorded, and only as an
/// attachment, so that no browser ever shows a merchant's file as a page of ours (contract §3).
pub(crate) async fn evidence(
    State(gateway): State<Arc<Gateway>>,
    _: Operator<Reading>,
    _: NoQuery,
    Named((dispute_no, id)): Named<(DisputeNo, String)>,
) -> Result<Response, Problem> {
    let item = submitted(&gateway, &dispute_no, &id).await?;
    let (content, turn) = unaltered(&gateway, &item).await?;

    let mut response = Response::new(Body::from_stream(pieces(content, turn)));
    let headers = response.headers_mut();
    headers.insert(CONTENT_LENGTH, item.file.size.into());
    let attachment = format!("attachment; filename=\"{}\"", filename(&dispute_no, &id, &item));
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(attachment).map_err(Refusal::internal)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(item.url.format.media_type()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

/// The content piece by piece. The next file's turn comes when this one has nearly left.
fn pieces(
    content: Bytes,
    turn: OwnedSemaphorePermit,
) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
    stream::unfold((content, turn), async |(mut rest, turn)| {
        let piece = rest.split_to(rest.len().min(PIECE_BYTES));
        (!piece.is_empty()).then_some((Ok(piece), (rest, turn)))
    })
}

/// A piece of a dispute's evidence, by its id.
pub(super) async fn submitted(
    gateway: &Gateway,
    dispute_no: &DisputeNo,
    id: &str,
) -> Result<SubmittedEvidence, Refusal> {
    let story = story(gateway, dispute_no).await?;
    let found = story.submissions.into_iter().find_map(|submission| {
        let mut items = submission.evidence.into_iter().enumerate();
        items.find_map(|(index, item)| (evidence_id(submission.number, index) == id).then_some(item))
    });
    found.ok_or_else(|| Refusal::new(Code::OperatorNotFound, "the dispute has no such evidence"))
}

/// The content, if it is there and still what was submitted, and the turn in which it may be held.
pub(super) async fn unaltered(
    gateway: &Gateway,
    item: &SubmittedEvidence,
) -> Result<(Bytes, OwnedSemaphorePermit), Refusal> {
    // Never closed.
    let turn = Arc::clone(&gateway.evidence_reads).acquire_owned().await.map_err(Refusal::internal)?;
    // Where the store is not in its place, every file comes back with it.
    let read = gateway.evidence.read(&item.url, &item.file.sha256.0).await.map_err(Refusal::unavailable)?;
    Ok((as_submitted(read, item).map_err(Refusal::internal)?, turn))
}

fn as_submitted(content: Option<Bytes>, item: &SubmittedEvidence) -> anyhow::Result<Bytes> {
    let content = content.with_context(|| format!("{} is gone although it was submitted", item.url))?;
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    ensure!(sha256 == item.file.sha256.0, "{} was altered after it was submitted", item.url);
    Ok(content)
}

/// What a file is called where it is handed out; what the merchant called it decides nothing.
pub(super) fn filename(dispute_no: &DisputeNo, id: &str, item: &SubmittedEvidence) -> String {
    format!("{dispute_no}-{id}.{}", item.url.format.extension())
}
