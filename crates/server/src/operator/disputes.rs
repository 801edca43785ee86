//! Disputes as operators open, see and move them (contract §8).

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
use rebuttal_store::{DisputeDetail, Outcome};
use tokio::time::{sleep, timeout};

use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::operator::request::unexpected;

/// How long a dispute that was just changed is tried to be read: as long as one read may take that has to wait.
const READ_BACK_LIMIT: Duration = Duration::from_secs(5);
/// The pauses between the tries: a database that lost its connections has new ones in a moment.
const READ_BACK_PAUSES: [Duration; 4] = [
    Duration::from_millis(0),
    Duration::from_millis(50),
    Duration::from_millis(200),
    Duration::from_millis(800),
];

/// A dispute with all that happened to it.
async fn detail(gateway: &Gateway, dispute_no: &DisputeNo) -> Result<DisputeDetail, Refusal> {
    let detail = gateway.store.detail(dispute_no).await?;
    detail.ok_or_else(|| rebuttal_disputes::DisputeRefusal::NotFound.into())
}

/// What a committed work left of its dispute, and whether the work opened it.
///
/// The change stands, whatever becomes of this read: a read that fails is tried again, and at the end never told in the
/// words of a change that failed.
async fn after(gateway: &Gateway, done: Outcome) -> Result<(answers::Dispute, bool), Refusal> {
    let Outcome::Dispute { dispute_no, sequence, opened } = done else {
        return Err(unexpected(&done));
    };
    let reading = timeout(READ_BACK_LIMIT, read_back(gateway, &dispute_no)).await;
    match reading.context("it took too long").flatten() {
        Ok(detail) => Ok((view::as_of(detail, sequence), opened)),
        Err(cause) => Err(done_and_unread(&dispute_no, cause)),
    }
}

async fn read_back(gateway: &Gateway, dispute_no: &DisputeNo) -> anyhow::Result<DisputeDetail> {
    let mut last = None;
    for pause in READ_BACK_PAUSES {
        sleep(pause).await;
        match gateway.store.detail(dispute_no).await {
            Ok(detail) => return detail.context("it is not there"),
            Err(error) => last = Some(error),
        }
    }
    Err(last.map_or_else(|| anyhow::anyhow!("it was not tried"), Into::into))
}

fn done_and_unread(dispute_no: &DisputeNo, cause: anyhow::Error) -> Refusal {
    let message = format!(
        "the change of dispute {dispute_no} was made, but the dispute could not be read for this answer; GET it, or send \
         the same request again with the same Idempotency-Key"
    );
    Refusal::new(Code::OutcomeUnknown, message).caused_by(cause.context("read after the commit"))
}
