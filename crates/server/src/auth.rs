//! Authentication: stored keys, the signatures of merchant calls, operator tokens, and limits on failed attempts.

pub(crate) mod answer_signing;
pub(crate) mod apps;
pub(crate) mod keys;
mod negative_cache;
pub(crate) mod operator;
pub(crate) mod permission;
pub(crate) mod rate_limit;
pub(crate) mod replay_cache;
pub(crate) mod request_context;
pub(crate) mod signature;
pub(crate) mod tokens;
mod verified;

use std::sync::Arc;
use std::time::Duration;

use rebuttal_store::{
    CommitError, Idempotency, NonceUse, Outcome, QueuedRequest, Rejection, Store, WriteRequest, WriteResult,
};

use self::apps::AppLookup;
use self::keys::Keys;
use self::rate_limit::RateLimits;
use self::replay_cache::{ReplayCache, Reservation};
use self::tokens::TokenLookup;
use crate::http::base_url::BaseUrl;
use crate::http::error::Refusal;

/// State for authenticating callers and detecting replayed requests.
pub(crate) struct Auth {
    pub(crate) store: Store,
    pub(crate) keys: Arc<Keys>,
    pub(crate) apps: AppLookup,
    pub(crate) tokens: TokenLookup,
    pub(crate) replay_cache: ReplayCache,
    pub(crate) rate_limits: RateLimits,
    /// At least one.
    pub(crate) public_urls: Vec<BaseUrl>,
    /// How far the timestamp of a request may differ from the clock.
    pub(crate) freshness_window: Duration,
}

/// The state of a router whose calls are authenticated.
pub(crate) trait HasAuth: Send + Sync {
    fn auth(&self) -> &Auth;
}

impl Auth {
    /// Commits a request; a rejection by the rules becomes a [`Refusal`].
    pub(crate) async fn commit<O>(&self, request: WriteRequest<O>) -> Result<Outcome, Refusal>
    where
        QueuedRequest: From<WriteRequest<O>>,
    {
        Ok(self.decide(request).await??)
    }

    /// Like [`commit`](Self::commit), but returns a rejection by the rules separately from the failures that prevented
    /// a decision.
    ///
    /// A nonce is reserved in memory before the commit, so that of a read and a change with one identity only one
    /// passes. It is released if the change did not use it, which only `Unavailable` means.
    pub(crate) async fn decide<O>(&self, request: WriteRequest<O>) -> Result<WriteResult, Refusal>
    where
        QueuedRequest: From<WriteRequest<O>>,
    {
        let reservation = match &request.idempotency {
            Idempotency::Nonce(NonceUse { timestamp, app_id, nonce }) => {
                self.replay_cache.reserve(*app_id, *timestamp, nonce)
            }
            Idempotency::Key(_) | Idempotency::None => Reservation::NotReserved,
        };
        if reservation == Reservation::Replayed {
            return Err(Refusal::replayed());
        }
        let outcome = self.store.commit(request).await;
        if let (Err(CommitError::Unavailable(_)), Reservation::Yes(identity)) = (&outcome, reservation) {
            self.replay_cache.release(identity);
        }
        match outcome? {
            Err(Rejection::Stale) => Err(signature::timestamp_purged()),
            answer => Ok(answer),
        }
    }

    /// The base URL at an index, or the first one.
    pub(crate) fn public_url(&self, index: usize) -> &str {
        self.public_urls.get(index).or(self.public_urls.first()).map_or("", BaseUrl::as_str)
    }
}
