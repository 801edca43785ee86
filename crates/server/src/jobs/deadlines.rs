//! Expiry of disputes whose deadline passed without an answer (contract §6).

use rebuttal_disputes::{Actor, COMMIT_LIMIT, Command};
use rebuttal_protocol::{DisputeNo, UnixMillis};
use rebuttal_store::{Operation, Rejection, WriteRequest};

use crate::clock;
use crate::gateway::Gateway;
use crate::jobs::trusted_time::TrustedTime;

/// Disputes that expire in one step; they share a commit.
const STEP: u32 = 200;

/// Expires every dispute whose deadline is at least [`COMMIT_LIMIT`] past: a response that arrived in time has had that
/// long to be committed. The clock is checked only if something is due, and again for each step.
pub(super) async fn expire(gateway: &Gateway, trusted_time: &TrustedTime) -> anyhow::Result<()> {
    trusted_time.observe();
    while !gateway.store.due(clock::now() - COMMIT_LIMIT, 1).await?.is_empty() {
        let Some(now) = trusted_time.unbroken().await? else { return Ok(()) };
        let due = gateway.store.due(now - COMMIT_LIMIT, STEP).await?;
        let is_last = (due.len() as u32) < STEP;
        let expiries = due.into_iter().map(|dispute_no| expire_one(gateway, now, dispute_no));
        for outcome in futures_util::future::join_all(expiries).await {
            outcome?;
        }
        if is_last {
            return Ok(());
        }
    }
    Ok(())
}

async fn expire_one(gateway: &Gateway, now: UnixMillis, dispute_no: DisputeNo) -> anyhow::Result<()> {
    let command = Command::Expire;
    let operation = Operation::Command { dispute_no, merchant_id: None, actor: Actor::Gateway, command };
    let request = WriteRequest::internal(now, operation);
    match gateway.store.commit(request).await? {
        Ok(_) => {
            metrics::counter!("rebuttal_expired_disputes_total").increment(1);
            Ok(())
        }
        // It was answered, advanced or extended since it was read.
        Err(Rejection::Dispute(rebuttal_disputes::DisputeRefusal::NotDue)) => Ok(()),
        Err(rejection) => Err(rejection.into()),
    }
}
