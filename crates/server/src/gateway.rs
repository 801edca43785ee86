//! The running gateway: the state that every handler shares.

pub(crate) mod dispute_data;
pub(crate) mod evidence_reads;
pub(crate) mod gauges;
pub(crate) mod new_id;
pub(crate) mod upload_records;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rebuttal_evidence::{EvidenceStore, Judge};
use rebuttal_store::Store;

use crate::auth::{Auth, HasAuth};
use crate::gateway::evidence_reads::EvidenceReads;
use crate::http::health::Health;
use crate::http::origin::Origin;

pub(crate) struct Gateway {
    pub(crate) auth: Auth,
    pub(crate) store: Store,
    pub(crate) evidence: EvidenceStore,
    /// Judges evidence files.
    pub(crate) judge: Arc<dyn Judge>,
    /// Slots for evidence downloads by operators.
    pub(crate) evidence_reads: EvidenceReads,
    /// The data directory, for the metrics of its file system.
    pub(crate) data_dir: PathBuf,
    /// The file with the fence of a bucket as this gateway last advanced it.
    pub(crate) advanced_fence: PathBuf,
    /// How long an unreferenced upload is kept.
    pub(crate) unreferenced_upload_retention: Duration,
    /// The origins of pages that may upload to the built-in store from a browser; any origin if there are none.
    pub(crate) upload_allowed_origins: Vec<Origin>,
    /// Whether the OpenAPI document and its viewer are served.
    pub(crate) api_docs: bool,
    /// The state behind `/readyz`.
    pub(crate) health: Arc<Health>,
}

impl HasAuth for Arc<Gateway> {
    fn auth(&self) -> &Auth {
        &self.auth
    }
}
