//! Looks up operator tokens. No token is cached between requests, so that a revocation takes effect immediately. Only
//! whether a token was valid or unknown at its last lookup is cached: it decides whether it queues for the next one.

use std::collections::HashMap;

use parking_lot::Mutex;
use rebuttal_store::{Store, TokenHash, TokenRecord};

use crate::auth::negative_cache::{LookupLimiter, NegativeCache, make_room};
use crate::http::error::Refusal;

/// Tokens that skip the queue for unknown tokens; more than an installation has operators.
const PROVEN_MAX: usize = 1_000;

pub(crate) struct TokenLookup {
    store: Store,
    lookups: LookupLimiter,
    cache: Mutex<TokenCache>,
}

/// Results of recent lookups.
struct TokenCache {
    proven: HashMap<TokenHash, ()>,
    unknown: NegativeCache<TokenHash>,
}

impl TokenLookup {
    pub(crate) fn new(store: Store) -> Self {
        let cache = TokenCache { proven: HashMap::new(), unknown: NegativeCache::new() };
        Self { store, lookups: LookupLimiter::new(), cache: Mutex::new(cache) }
    }

    /// The token, if it is valid. One that was unknown within the last second is not looked up again.
    pub(crate) async fn find(&self, hash: TokenHash) -> Result<Option<TokenRecord>, Refusal> {
        if self.cache.lock().proven.contains_key(&hash) {
            return self.read_from_store(hash).await;
        }
        if self.cache.lock().unknown.contains(&hash) {
            return Ok(None);
        }
        let _permit = self.lookups.wait().await?;
        // Another request may have looked up the same token while this one waited.
        if self.cache.lock().unknown.contains(&hash) {
            return Ok(None);
        }
        self.read_from_store(hash).await
    }

    async fn read_from_store(&self, hash: TokenHash) -> Result<Option<TokenRecord>, Refusal> {
        let token = self.store.token(hash).await?;
        let mut cache = self.cache.lock();
        let TokenCache { proven, unknown } = &mut *cache;
        match token {
            Some(_) => {
                make_room(proven, PROVEN_MAX, &hash);
                proven.insert(hash, ());
            }
            None => {
                proven.remove(&hash);
                unknown.insert(hash);
            }
        }
        Ok(token)
    }
}
