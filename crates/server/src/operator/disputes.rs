//! The operator API's dispute calls (contract §8).

pub(crate) mod action;
pub(crate) mod evidence;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod show;
pub(crate) mod view;

use std::time::Duration;

use anyhow::Context as _;
use rebuttal_protocol::operator::answers;
use rebuttal_protocol::{Code, DisputeNo};
use rebuttal_store::{DisputeDetail, Inspections, Outcome, StoreError};
use tokio::time::{sleep, timeout};

use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::operator::request::unexpected;

/// How long to retry reading a dispute after its change: as long as one read may wait for a connection.
const READ_BACK_LIMIT: Duration = Duration::from_secs(5);
/// The pauses before each attempt: lost database connections are replaced within a second.
const READ_BACK_PAUSES: [Duration; 4] = [
    Duration::from_millis(0),
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
];

/// A dispute with its submissions and history.
async fn detail(gateway: &Gateway, dispute_no: &DisputeNo) -> Result<DisputeDetail, Refusal> {
    let detail = gateway.store.detail(dispute_no).await?;
    detail.ok_or_else(|| rebuttal_disputes::DisputeRefusal::NotFound.into())
}

/// The dispute after a committed request, and whether the request opened it.
///
/// The change is committed even if this read fails: the read is retried, and its failure is never answered as a failure
/// of the change.
async fn after(gateway: &Gateway, done: Outcome) -> Result<(answers::OperatorDispute, bool), Refusal> {
    let (dispute_no, sequence, opened) = match done {
        Outcome::Opened(detail) => return Ok((view::as_of(*detail, &Inspections::new(), 1), true)),
        Outcome::Dispute { dispute_no, sequence, opened } => (dispute_no, sequence, opened),
        other => return Err(unexpected(&other)),
    };
    let reading = timeout(READ_BACK_LIMIT, read_back(gateway, &dispute_no)).await;
    match reading.context("timed out").flatten() {
        Ok((detail, inspections)) => Ok((view::as_of(detail, &inspections, sequence), opened)),
        Err(cause) => Err(unreadable_after_commit(&dispute_no, cause)),
    }
}

async fn read_back(
    gateway: &Gateway,
    dispute_no: &DisputeNo,
) -> anyhow::Result<(DisputeDetail, Inspections)> {
    let mut last = None;
    for pause in READ_BACK_PAUSES {
        sleep(pause).await;
        match with_inspections(gateway, dispute_no).await {
            Ok(found) => return found.context("dispute not found"),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("no attempt was made"), Into::into))
}

/// A dispute, and what the inspections of its files found.
async fn with_inspections(
    gateway: &Gateway,
    dispute_no: &DisputeNo,
) -> Result<Option<(DisputeDetail, Inspections)>, StoreError> {
    let Some(detail) = gateway.store.detail(dispute_no).await? else { return Ok(None) };
    let inspections = gateway.store.inspections(detail.urls()).await?;
    Ok(Some((detail, inspections)))
}

fn unreadable_after_commit(dispute_no: &DisputeNo, cause: anyhow::Error) -> Refusal {
    let message = format!(
        "the change of dispute {dispute_no} was made, but the dispute could not be read for this answer; GET it, or send \
         the same request again with the same Idempotency-Key"
    );
    Refusal::new(Code::OutcomeUnknown, message).caused_by(cause.context("read after the commit"))
}
