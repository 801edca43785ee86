//! Evidence files: upload forms, and the stores (a folder or S3) (contract §3).
//!
//! [`policy`] signs and checks the S3 POST policy, [`form`] streams the multipart body, a [`Judge`] says whether the
//! content is what its name says, [`folder`] stores; [`upload`] does them in order for an [`EvidenceStore`]. No
//! databases, HTTP statuses or XML here: the server answers an [`InvalidUpload`], and records what was
//! [received](folder::ReceivedFile).

#![warn(missing_docs)]

pub mod folder;
pub mod form;
pub mod location;
pub mod policy;
pub mod s3;
pub mod upload;

mod error;
mod fair_slots;
mod fence;
mod judge;
mod ownership;
mod refusal;
mod store;
#[cfg(test)]
mod tests;

pub use error::{BodyError, EvidenceError};
pub use fair_slots::{FairSlots, Slot};
pub use fence::{Fence, InvalidFence};
pub use folder::{ArrivedFile, FolderStore, Inspection, ReceivedFile, UploadTraffic};
pub use judge::{Judge, Judging};
pub use location::{Bucket, Endpoint, InvalidStorageLocation, StorageLocation};
pub use policy::{Credentials, UploadForm};
pub use refusal::{InvalidUpload, S3Code};
pub use s3::{AwsVariables, S3Store};
pub use store::{EvidenceStore, RecordedFile};
