//! The domain: states and commands of a dispute, and its history (contract §4–§6).
//!
//! [`decide`] is the state machine as one pure function of state, command and arrival time. Nothing here reads a clock,
//! a database or the network: the caller loads the state and saves the result.

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

pub use allowed::{Audience, operator_actions};
pub use command::{Actor, Command};
pub use decide::{COMMIT_LIMIT, Change, Decision, decide};
pub use fingerprint::Fingerprint;
pub use history::{ChainedEntry, EntryDetail};
pub use integrity::{IntegrityError, check_integrity};
pub use opening::{Opening, open};
pub use refusal::{DisputeRefusal, EvidenceFault};
pub use state::{Dispute, LastSubmission};
pub use submission::{ContestItem, FileCheck, FoundFile, Submission, SubmittedEvidence, fingerprint_of};
