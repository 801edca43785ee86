//! `POST /pg/v2/dispute/contest` (contract §4).

use std::sync::Arc;

use axum::extract::State;
use rebuttal_disputes::{Actor, Command};
use rebuttal_protocol::MerchantId;
use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::{ContestRequest, EvidenceItem};
use rebuttal_store::{Act, Work};

use crate::api::{Reply, Success};
use crate::auth::signature::Signed;
use crate::error::Refusal;
use crate::gateway::Gateway;

/// Contests a dispute with all its evidence.
///
/// 1. The signature has been verified, and every field read.
/// 2. What the merchant refers to is looked for where it should lie.
/// 3. The committer uses the nonce up and decides, in one transaction: the dispute, a repetition, state and lateness by
///    the request's arrival, the evidence. All items are taken or none.
/// 4. The merchant is answered after the commit, so that nothing can take the answer back.
pub(crate) async fn contest(
    State(gateway): State<Arc<Gateway>>,
    signed: Signed<ContestRequest>,
) -> Reply<Done> {
    let once = signed.once();
    let Signed { call, app, arrived_at, .. } = signed;

    let missing = missing(&gateway, app.merchant_id, &call.evidence_list).await?;

    let act = Act::Command {
        dispute_no: call.dispute_no,
        merchant_id: Some(app.merchant_id),
        actor: Actor::App(app.app_id),
        command: Command::Contest { items: call.evidence_list, findings: Vec::new() },
        missing,
    };
    gateway.commit(Work { arrived_at, once, act }).await?;

    Ok(Success(Done::TRUE))
}

/// The items, by index, that were uploaded but whose file is gone. What was never uploaded, or is another merchant's,
/// is the committer's to see.
async fn missing(
    gateway: &Gateway,
    merchant_id: MerchantId,
    items: &[EvidenceItem],
) -> Result<Vec<usize>, Refusal> {
    let mut missing = Vec::new();
    for (index, item) in items.iter().enumerate() {
        let Some(url) = item.url.filter(|url| url.merchant_id == merchant_id) else { continue };
        let Some(upload) = gateway.store.upload(url).await? else { continue };
        if !gateway.files.contains(&url, upload.file.size).await.map_err(Refusal::unavailable)? {
            missing.push(index);
        }
    }
    Ok(missing)
}
