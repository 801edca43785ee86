//! `POST /pg/v2/dispute/accept` (contract §5).

use std::sync::Arc;

use axum::extract::State;
use rebuttal_disputes::{Actor, Command};
use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::AcceptRequest;
use rebuttal_store::Operation;

use crate::auth::signature::SignedWrite;
use crate::gateway::Gateway;
use crate::merchant::{Reply, Success};

/// Accepts a dispute: the merchant gives up the disputed amount.
///
/// 1. The signature has been verified and the fields parsed.
/// 2. The committer uses up the nonce and decides, in one transaction, by the arrival time of the request.
/// 3. The merchant is answered after the commit.
pub(crate) async fn accept(
    State(gateway): State<Arc<Gateway>>,
    SignedWrite { call, app, identity, .. }: SignedWrite<AcceptRequest>,
) -> Reply<Done> {
    let operation = Operation::Command {
        dispute_no: call.dispute_no,
        merchant_id: Some(app.merchant_id),
        actor: Actor::App(app.app_id),
        command: Command::Accept,
    };
    let (_, used) = identity.commit(&gateway.auth, operation).await?;

    Ok(Success(Done::TRUE, used))
}
