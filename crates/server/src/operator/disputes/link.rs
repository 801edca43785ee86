//! `GET /operator/v1/disputes/{disputeNo}/evidence/{evidenceId}/link`.
//!
//! A read, because nothing is changed and each answer differs: a POST repeated under its idempotency key would return
//! the first link, which may have expired.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_disputes::{FoundFile, SubmittedEvidence};
use rebuttal_evidence::s3::DownloadLink;
use rebuttal_protocol::operator::answers::EvidenceLink;
use rebuttal_protocol::{Code, DisputeNo};

use crate::auth::operator::Operator;
use crate::auth::permission::CanRead;
use crate::clock;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::PREFIX;
use crate::operator::disputes::evidence::{filename, submitted, verified_content};
use crate::operator::request::{NoQuery, StrictPath};

/// Links to a file in S3, which serves it as an attachment, if the copy stored by hash still has the recorded
/// SHA-256. Evidence in a folder has no links.
pub(crate) async fn link(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator<CanRead>,
    _: NoQuery,
    StrictPath((dispute_no, id)): StrictPath<(DisputeNo, String)>,
) -> Result<Json<EvidenceLink>, Problem> {
    let item = submitted(&gateway, &dispute_no, &id).await?;
    let store = gateway.evidence.s3().ok_or_else(|| in_a_folder(&dispute_no, &id))?;
    let (_, _slot) = verified_content(&gateway, operator.hash, &item).await?;
    let name = filename(&dispute_no, &id, &item);
    let link = store.link(&item.url, &item.file.sha256.0, &name, clock::now()).await;
    Ok(Json(link_view(item, link.map_err(Refusal::unavailable)?)))
}

/// The link in an answer, with the file's hash, size and type.
pub(crate) fn link_view(item: SubmittedEvidence, link: DownloadLink) -> EvidenceLink {
    let FoundFile { sha256, size, media_type } = item.file;
    EvidenceLink {
        url: (*link.url).clone(),
        expires_time: link.expires_at.to_rfc3339_utc(),
        sha256: sha256.to_string(),
        size,
        media_type,
    }
}

fn in_a_folder(dispute_no: &DisputeNo, id: &str) -> Refusal {
    let message = format!(
        "this gateway's evidence is in a folder, which has no links. Download it instead: `rebuttal operator dispute \
         evidence` without --link, or GET {PREFIX}/disputes/{dispute_no}/evidence/{id}"
    );
    Refusal::new(Code::OperatorConflict, message)
}
