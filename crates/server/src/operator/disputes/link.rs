//! `GET /operator/v1/disputes/{disputeNo}/evidence/{evidenceId}/link`.
//!
//! A read, although it makes something: nothing is changed, and each answer is another one. Under the key of a repeated
//! POST the first link would be told again, which is over.

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
use crate::operator::disputes::evidence::{filename, submitted, unaltered};
use crate::operator::request::{NoQuery, StrictPath};

/// Links to a file in an S3, which hands it out as an attachment: only if its sealed copy, read just now, still has the
/// SHA-256 that was recorded. A folder hands nothing out itself.
pub(crate) async fn link(
    State(gateway): State<Arc<Gateway>>,
    operator: Operator<CanRead>,
    _: NoQuery,
    StrictPath((dispute_no, id)): StrictPath<(DisputeNo, String)>,
) -> Result<Json<EvidenceLink>, Problem> {
    let item = submitted(&gateway, &dispute_no, &id).await?;
    let store = gateway.evidence.s3().ok_or_else(|| in_a_folder(&dispute_no, &id))?;
    let (_, _slot) = unaltered(&gateway, operator.hash, &item).await?;
    let name = filename(&dispute_no, &id, &item);
    let link = store.link(&item.url, &item.file.sha256.0, &name, clock::now()).await;
    Ok(Json(link_view(item, link.map_err(Refusal::unavailable)?)))
}

/// Where the file can be fetched, and what it is then.
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
        "this gateway's evidence lies in a folder, which nothing links to; download it with GET \
         {PREFIX}/disputes/{dispute_no}/evidence/{id}"
    );
    Refusal::new(Code::OperatorConflict, message)
}
