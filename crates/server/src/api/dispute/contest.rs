//! `POST /pg/v2/dispute/contest` (contract §4).

use std::sync::Arc;

use axum::extract::State;
use rebuttal_disputes::{Actor, Command, EvidenceFault, Finding, Fingerprint, FoundFile};
use rebuttal_evidence::Look;
use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::{ContestRequest, EvidenceItem};
use rebuttal_protocol::{MerchantId, StorageUri};
use rebuttal_store::{Act, Work};

use crate::api::{Reply, Success};
use crate::auth::signature::Signed;
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

    let findings = findings(&gateway, app.merchant_id, &call.evidence_list).await;

    let act = Act::Command {
        dispute_no: call.dispute_no,
        merchant_id: Some(app.merchant_id),
        actor: Actor::App(app.app_id),
        command: Command::contest(call.evidence_list, findings),
    };
    gateway.commit(Work { arrived_at, once, act }).await?;

    Ok(Success(Done::TRUE))
}

/// What lies at each item's url, as far as it is this merchant's.
async fn findings(gateway: &Gateway, merchant_id: MerchantId, items: &[EvidenceItem]) -> Vec<Finding> {
    let mut findings = Vec::with_capacity(items.len());
    let mut unreadable = None;
    for item in items {
        findings.push(match item.url.filter(|url| url.merchant_id == merchant_id) {
            Some(url) => find(gateway, &url).await.unwrap_or_else(|error| {
                unreadable.get_or_insert((url, error));
                Err(EvidenceFault::Unreadable)
            }),
            None => Err(EvidenceFault::NotFound),
        });
    }
    // Once, however many files a store that is out of order holds.
    if let Some((url, error)) = unreadable {
        tracing::error!(%error, %url, "a file of evidence could not be read");
    }
    findings
}

async fn find(gateway: &Gateway, url: &StorageUri) -> Result<Finding, rebuttal_evidence::Error> {
    Ok(match gateway.evidence.look(url, None).await? {
        Look::True { sha256, size } => {
            let media_type = url.format.media_type().to_owned();
            Ok(FoundFile { sha256: Fingerprint(sha256), size, media_type })
        }
        Look::Absent => Err(EvidenceFault::NotUploaded),
        Look::Lie(lie) => Err(EvidenceFault::Mismatch(lie.to_string())),
    })
}
