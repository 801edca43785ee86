//! Looking operators' tokens up. None is remembered between requests, so that a revocation takes effect at once; all
//! that is remembered is which ones were good and which were not when they were last looked up, which says how long
//! they wait.

use std::collections::HashMap;

use parking_lot::Mutex;
use rebuttal_store::{Store, TokenHash, TokenRecord};

use crate::auth::negative_cache::{LookupLimiter, NegativeCache, make_room};
use crate::http::error::Refusal;

/// Tokens that are looked up without waiting for strangers; more than there are operators.
const PROVEN_MAX: usize = 1_000;

pub(crate) struct TokenLookup {
    store: Store,
    lookups: LookupLimiter,
    cache: Mutex<TokenCache>,
}

/// What the last look-ups told.
struct TokenCache {
    proven: HashMap<TokenHash, ()>,
    unknown: NegativeCache<TokenHash>,
}

impl TokenLookup {
    pub(crate) fn new(store: Store) -> Self {
        let cache = TokenCache { proven: HashMap::new(), unknown: NegativeCache::new() };
        Self { store, lookups: LookupLimiter::new(), cache: Mutex::new(cache) }
    }

    /// The token, if it lets somebody in. One that did not a moment ago is not asked for again.
    pub(crate) async fn find(&self, hash: TokenHash) -> Result<Option<TokenRecord>, Refusal> {
        if self.cache.lock().proven.contains_key(&hash) {
            return self.read_from_store(hash).await;
        }
        if self.cache.lock().unknown.contains(&hash) {
            return Ok(None);
        }
        let _turn = self.lookups.wait().await?;
        // The same one may have had its turn meanwhile.
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
