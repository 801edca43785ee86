//! The heart: what a dispute is, what may happen to it, and what happened (contract §4–§6).
//!
//! [`decide`] is the whole life of a dispute as one pure function of (state, command, arrival). Nothing here knows a
//! clock, a database, a thread or the network: whoever calls brings the state, and keeps what comes back.

mod allowed;
mod command;
mod decide;
mod fingerprint;
mod history;
mod integrity;
mod opening;
mod refusal;
mod state;
mod submission;
#[cfg(test)]
mod tests;

pub use allowed::operator_actions;
pub use command::{Actor, Command};
pub use decide::{COMMIT_LIMIT, Change, Decision, decide};
pub use fingerprint::Fingerprint;
pub use history::{ChainedEntry, EntryDetail};
pub use integrity::{IntegrityError, check_integrity};
pub use opening::{Opening, open};
pub use refusal::{Audience, DisputeRefusal, EvidenceFault};
pub use state::{Dispute, LastSubmission};
pub use submission::{ContestItem, FileCheck, FoundFile, Submission, SubmittedEvidence, fingerprint_of};
