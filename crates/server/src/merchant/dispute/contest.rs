//! `POST /pg/v2/dispute/contest` (contract §4).

use std::sync::Arc;

use axum::extract::State;
use rebuttal_disputes::{Actor, DisputeRefusal};
use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::ReceivedContest;
use rebuttal_store::{Operation, Rejection};

use crate::auth::signature::SignedWrite;
use crate::gateway::Gateway;
use crate::merchant::dispute::evidence_check::{EvidenceCheck, check_evidence};
use crate::merchant::{Reply, Success};

/// Contests a dispute with all its evidence.
///
/// 1. The signature has been verified and the fields parsed.
/// 2. The evidence files are looked up. If the evidence store does not answer and the evidence is needed, the request
///    fails before its nonce is used up.
/// 3. The committer uses up the nonce and decides, in one transaction: existence of the dispute, repetition, state,
///    deadline by the arrival time, evidence. All items are accepted or none. If no file was looked up because the
///    state already decided, and an operator changed the state in between, the first decision is returned.
/// 4. The merchant is answered after the commit, so that nothing can revoke the answer.
pub(crate) async fn contest(
    State(gateway): State<Arc<Gateway>>,
    SignedWrite { call, app, arrived_at, identity, .. }: SignedWrite<ReceivedContest>,
) -> Reply<Done> {
    let ReceivedContest { dispute_no, evidence_list } = call;
    let EvidenceCheck { command, decided_without_lookup } =
        check_evidence(&gateway, app.merchant_id, &dispute_no, evidence_list, arrived_at).await?;

    let merchant_id = Some(app.merchant_id);
    let operation = Operation::Command { dispute_no, merchant_id, actor: Actor::App(app.app_id), command };
    let (answer, used) = identity.decide(&gateway.auth, operation).await?;
    match (answer, decided_without_lookup) {
        (Err(Rejection::Dispute(DisputeRefusal::Evidence(_))), Some(decided)) => decided?,
        (answer, _) => drop(answer?),
    }

    Ok(Success(Done::TRUE, used))
}
