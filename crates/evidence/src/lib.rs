//! Evidence files: the upload form that a merchant fills in, the folder that keeps the files, and the truth about
//! what is in them (contract §3).
//!
//! [`policy`] signs and checks the S3 POST policy, [`form`] streams the multipart body, [`folder`] stores, [`truth`]
//! judges the content; [`upload`] is the four in a row, [`EvidenceStore`] what they serve. No databases, HTTP statuses
//! or XML here: the server answers a [`Refusal`], and records what was [received](folder::Received).

#![warn(missing_docs)]

pub mod folder;
pub mod form;
pub mod place;
pub mod policy;
pub mod s3;
pub mod truth;
pub mod upload;

mod error;
mod fair_slots;
mod fence;
mod mark;
mod refusal;
mod store;
#[cfg(test)]
mod tests;

pub use error::{BodyError, Error};
pub use fair_slots::{FairSlots, Slot};
pub use fence::{Fence, InvalidFence};
pub use folder::{FolderStore, Look, Received, Traffic};
pub use place::{Bucket, Endpoint, InvalidPlace, Place};
pub use policy::{Credentials, UploadForm};
pub use refusal::{Refusal, S3Code};
pub use s3::{AwsVariables, S3Store};
pub use store::{EvidenceStore, Recorded};
pub use truth::{Lie, judge};
