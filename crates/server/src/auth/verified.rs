//! The secret and the base URL that verified a request, and whether its answer is settled (contract §2).

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use rebuttal_protocol::Finality;

use crate::auth::apps::{KnownApp, KnownSecret};

/// What a request was signed with; its answer is signed with the same.
pub(crate) struct VerifiedRequest {
    /// The app that verified the signature; may be newer than the cached one.
    pub(crate) app: Arc<KnownApp>,
    secret_index: usize,
    /// Index of the base URL that the request was signed for, among the public ones.
    pub(crate) url_index: usize,
    settled: AtomicBool,
}

impl VerifiedRequest {
    pub(super) fn new(app: &Arc<KnownApp>, secret_index: usize, url_index: usize) -> Self {
        Self { app: Arc::clone(app), secret_index, url_index, settled: AtomicBool::new(false) }
    }

    pub(crate) fn secret(&self) -> Option<&KnownSecret> {
        self.app.secrets.get(self.secret_index)
    }

    /// The finality of the answer at this point of the request.
    pub(crate) fn finality(&self) -> Finality {
        if self.settled.load(Ordering::Acquire) { Finality::Settled } else { Finality::Notice }
    }

    /// Settles the answer: no copy of the request can have another outcome.
    ///
    /// Invariant: only the checks of `auth` settle an answer; a handler cannot.
    pub(super) fn settle(&self) {
        self.settled.store(true, Ordering::Release);
    }
}
