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
/// 1. The signature has been verified, and every field read.
/// 2. What the merchant refers to is looked for where it should lie. Out of reach, and needed, it ends the request
///    before its nonce is used up.
/// 3. The committer uses the nonce up and decides, in one transaction: the dispute, a repetition, state and lateness by
///    the request's arrival, the evidence. All items are taken or none. Where no file was looked at because the state
///    had decided without, and an operator changed that state in between, what it decided stands.
/// 4. The merchant is answered after the commit, so that nothing can take the answer back.
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
