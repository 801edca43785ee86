//! What every handler works with: the running gateway's parts.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use rebuttal_evidence::EvidenceStore;
use rebuttal_store::{Answer, CommitError, Idempotency, NonceUse, Outcome, Rejection, Store, WriteRequest};

use crate::auth::apps::Apps;
use crate::auth::keys::Keys;
use crate::auth::rate::Rates;
use crate::auth::replay_cache::{ReplayCache, Reservation};
use crate::auth::signature::forgotten;
use crate::auth::tokens::Tokens;
use crate::base_url::BaseUrl;
use crate::error::Refusal;
use crate::health::Readiness;
use crate::operator::disputes::evidence_reads::EvidenceReads;

pub(crate) struct Gateway {
    pub(crate) store: Store,
    pub(crate) evidence: EvidenceStore,
    pub(crate) keys: Arc<Keys>,
    pub(crate) apps: Apps,
    pub(crate) tokens: Tokens,
    pub(crate) replay_cache: ReplayCache,
    pub(crate) rates: Rates,
    /// Slots for handing evidence out.
    pub(crate) evidence_reads: EvidenceReads,
    /// Where the data directory lies, for what is measured of it.
    pub(crate) data_dir: PathBuf,
    /// At least one.
    pub(crate) public_urls: Vec<BaseUrl>,
    /// How far a timestamp may lie from the clock.
    pub(crate) freshness_window: Duration,
    /// How long an upload that nothing refers to is kept.
    pub(crate) unreferenced_uploads_kept: Duration,
    /// Whether the OpenAPI document is served, and the page to read it.
    pub(crate) tells_of_itself: bool,
    /// Whether a stop was asked for: it is not ready any more, and serves whoever comes all the same.
    pub(crate) draining: AtomicBool,
    /// What `/readyz` answers.
    pub(crate) readiness: Readiness,
}

impl Gateway {
    /// Has a work committed; what the rules refuse is a refusal like any other.
    ///
    /// A nonce is held in memory from before the commit on, so that of a read and a change with one identity only one
    /// passes. It is released where the change did not use it, which `Unavailable` alone means.
    pub(crate) async fn commit(&self, work: WriteRequest) -> Result<Outcome, Refusal> {
        Ok(self.decide(work).await??)
    }

    /// As [`commit`](Self::commit); tells what the rules refuse from what kept them from being asked.
    pub(crate) async fn decide(&self, work: WriteRequest) -> Result<Answer, Refusal> {
        let held = match &work.idempotency {
            Idempotency::Nonce(NonceUse { timestamp, app_id, nonce }) => {
                self.replay_cache.reserve(*app_id, *timestamp, nonce)
            }
            Idempotency::Key(_) | Idempotency::Always => Reservation::Unnoted,
        };
        if held == Reservation::Replayed {
            return Err(Refusal::replayed());
        }
        let outcome = self.store.commit(work).await;
        if let (Err(CommitError::Unavailable(_)), Reservation::Yes(identity)) = (&outcome, held) {
            self.replay_cache.release(identity);
        }
        match outcome? {
            Err(Rejection::Stale) => Err(forgotten()),
            answer => Ok(answer),
        }
    }

    /// The base URL at an index, else the first.
    pub(crate) fn public_url(&self, index: usize) -> &str {
        self.public_urls.get(index).or(self.public_urls.first()).map_or("", BaseUrl::as_str)
    }
}
