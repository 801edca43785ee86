//! `GET /operator/v1/disputes/{disputeNo}/evidence/{evidenceId}`.

use std::sync::Arc;

use anyhow::{Context as _, ensure};
use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderValue;
use http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE, X_CONTENT_TYPE_OPTIONS};
use rebuttal_disputes::SubmittedEvidence;
use rebuttal_protocol::storage_uri::FILE_MAX_BYTES;
use rebuttal_protocol::{Code, DisputeNo};
use rebuttal_store::Story;
use sha2::{Digest, Sha256};
use tokio::io::AsyncReadExt;

use crate::auth::operator::Operator;
use crate::error::Refusal;
use crate::gateway::Gateway;
use crate::operator::disputes::story;
use crate::operator::disputes::view::evidence_id;
use crate::operator::problem::Problem;
use crate::operator::request::Named;

/// Hands a file out as it was submitted: only if its bytes still have the SHA-256 that was recorded, and only as an
/// attachment, so that no browser ever shows a merchant's file as a page of ours (contract §3).
pub(crate) async fn evidence(
    State(gateway): State<Arc<Gateway>>,
    _: Operator,
    Named((dispute_no, id)): Named<(DisputeNo, String)>,
) -> Result<Response, Problem> {
    let story = story(&gateway, &dispute_no).await?;
    let item = find(&story, &id)
        .ok_or_else(|| Refusal::new(Code::OperatorNotFound, "the dispute has no such evidence"))?;
    let content = read(&gateway, item).await.map_err(Refusal::internal)?;

    let mut response = Response::new(Body::from(content));
    let headers = response.headers_mut();
    let filename = format!("attachment; filename=\"{dispute_no}-{id}.{}\"", item.url.format.extension());
    headers.insert(CONTENT_DISPOSITION, HeaderValue::try_from(filename).map_err(Refusal::internal)?);
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(item.url.format.media_type()));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(CONTENT_SECURITY_POLICY, HeaderValue::from_static("default-src 'none'; sandbox"));
    Ok(response)
}

fn find<'s>(story: &'s Story, id: &str) -> Option<&'s SubmittedEvidence> {
    story.submissions.iter().find_map(|submission| {
        let mut items = submission.evidence.iter().enumerate();
        items.find_map(|(index, item)| (evidence_id(submission.number, index) == id).then_some(item))
    })
}

async fn read(gateway: &Gateway, item: &SubmittedEvidence) -> anyhow::Result<Vec<u8>> {
    let opened = gateway.files.open_file(&item.url).await?;
    let opened = opened.with_context(|| format!("{} is gone although it was submitted", item.url))?;
    let mut content = Vec::with_capacity(usize::try_from(item.file.size.min(FILE_MAX_BYTES))?);
    opened.file.take(FILE_MAX_BYTES).read_to_end(&mut content).await?;
    let sha256: [u8; 32] = Sha256::digest(&content).into();
    ensure!(sha256 == item.file.sha256.0, "{} was altered after it was submitted", item.url);
    Ok(content)
}
