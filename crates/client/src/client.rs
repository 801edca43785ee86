//! The client: one method per call of the gateway, and their shared state.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use rebuttal_protocol::answer::Done;
use rebuttal_protocol::dispute::{AcceptRequest, ContestRequest, DisputeData, QueryRequest};
use rebuttal_protocol::file::{GenerateUploadUrlRequest, UploadUrlData};
use rebuttal_protocol::{AppId, AppSecret, DisputeNo, Scheme, UnixMillis};

use crate::attempts::OnRetry;
use crate::clock;
use crate::error::Error;
use crate::limits::Bounds;
use crate::proof::Proof;

/// A merchant's connection to one gateway, as one app.
///
/// Cloning is cheap, and clones share their connections. Every method may be called from many tasks concurrently.
#[derive(Debug, Clone)]
pub struct Client {
    pub(crate) inner: Arc<Inner>,
}

#[derive(Debug)]
pub(crate) struct Inner {
    pub(crate) http: reqwest::Client,
    /// Without a trailing slash.
    pub(crate) base_url: String,
    pub(crate) app_id: AppId,
    pub(crate) secret: AppSecret,
    pub(crate) scheme: Scheme,
    pub(crate) bounds: Bounds,
    /// Called for every attempt that will be retried.
    pub(crate) on_retry: Option<OnRetry>,
    /// How far the gateway's clock is ahead of this machine's. It is set only by verified `StaleTimestamp` answers; if
    /// this machine's clock is corrected later, the next such answer corrects it, too.
    pub(crate) clock_ahead_millis: AtomicI64,
}

/// A verified `OK`: what the gateway returned, and its proof.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Answer<T> {
    /// What the call returned.
    pub data: T,
    /// The request and the answer as they were sent.
    pub proof: Proof,
}

impl Client {
    /// The gateway's base URL in the form that is signed.
    #[must_use]
    pub fn base_url(&self) -> &str {
        &self.inner.base_url
    }

    /// Contests a dispute with files that are already uploaded.
    ///
    /// Safe to call again after any error: a contest that equals the one that took effect is answered `OK` and
    /// changes nothing, as long as types, names and addresses are the same, in any order (contract §4).
    ///
    /// # Errors
    /// After a [`CallOutcome::Unknown`](crate::CallOutcome::Unknown) the contest may have taken effect: call this
    /// again with the same request. [`Error::Refused`] is final, unless its
    /// [`open_until`](crate::VerifiedRefusal::open_until) says otherwise. With all others nothing was changed.
    pub async fn submit(&self, request: &ContestRequest) -> Result<Answer<Done>, Error> {
        self.exchange(request).await
    }

    /// Accepts a dispute: the merchant gives up the disputed amount. This cannot be undone.
    ///
    /// Safe to call again after any error while the dispute stays in its stage (contract §5).
    ///
    /// # Errors
    /// As [`Client::submit`].
    pub async fn accept(&self, dispute_no: DisputeNo) -> Result<Answer<Done>, Error> {
        self.exchange(&AcceptRequest { dispute_no }).await
    }

    /// Returns a dispute, by its number, the payment's or the trade's.
    ///
    /// # Errors
    /// [`Error::Refused`] with `Dispute.NotFound` if the merchant has no such dispute; [`Error::Unavailable`] if the
    /// gateway does not serve within the limits; [`Error::Unverified`] if the answer cannot be verified. An error of a
    /// query never means that something was changed.
    pub async fn query(&self, request: &QueryRequest) -> Result<Answer<DisputeData>, Error> {
        self.exchange(request).await
    }

    /// Gets a form to upload one file. [`Client::upload`] does this and the upload.
    ///
    /// # Errors
    /// [`Error::Refused`] with `File.UnsupportedType` if the scene does not accept such a file; otherwise as
    /// [`Client::query`].
    pub async fn generate_upload_url(
        &self,
        request: &GenerateUploadUrlRequest,
    ) -> Result<Answer<UploadUrlData>, Error> {
        self.exchange(request).await
    }

    /// The gateway's time: this machine's clock, corrected by the last verified `StaleTimestamp` answer.
    #[must_use]
    pub fn gateway_time(&self) -> UnixMillis {
        let ahead = self.inner.clock_ahead_millis.load(Ordering::Relaxed);
        UnixMillis(clock::now().0.saturating_add(ahead)).clamp(UnixMillis(0), UnixMillis::MAX)
    }

    pub(crate) fn correct_clock(&self, gateway_time: UnixMillis) {
        let ahead = gateway_time.0.saturating_sub(clock::now().0);
        self.inner.clock_ahead_millis.store(ahead, Ordering::Relaxed);
    }
}
