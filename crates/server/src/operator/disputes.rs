//! Disputes as operators open, see and move them (contract §8).

pub(crate) mod act;
pub(crate) mod evidence;
pub(crate) mod list;
pub(crate) mod open;
pub(crate) mod show;
pub(crate) mod view;

use rebuttal_disputes::Refusal as Refused;
use rebuttal_protocol::DisputeNo;
use rebuttal_store::Story;

use crate::error::Refusal;
use crate::gateway::Gateway;

/// A dispute with all that happened to it.
async fn story(gateway: &Gateway, dispute_no: &DisputeNo) -> Result<Story, Refusal> {
    let story = gateway.store.story(dispute_no).await?;
    story.ok_or_else(|| rebuttal_store::Refused::from(Refused::NotFound).into())
}
