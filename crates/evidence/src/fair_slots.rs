//! Slots that are shared fairly between keys, such as merchants or tokens: a key holds a few of them at most, and its
//! further requests wait before they queue for a slot, so that one key's many requests barely delay the others.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The slots. Clones share them.
#[derive(Clone)]
pub struct FairSlots<K> {
    slots: Arc<Semaphore>,
    per_key: usize,
    keys: Arc<Mutex<HashMap<K, Weak<Semaphore>>>>,
}

/// A slot, released when dropped.
pub struct Slot {
    _slot: OwnedSemaphorePermit,
    _of_key: Option<OwnedSemaphorePermit>,
}

impl<K: Eq + Hash> FairSlots<K> {
    /// A semaphore of this many `slots`; a key holds at most `per_key` of them.
    #[must_use]
    pub fn new(slots: usize, per_key: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(slots)), per_key, keys: Arc::default() }
    }

    /// Waits for a slot of the key.
    ///
    /// # Errors
    /// Never: the semaphores are not closed.
    pub async fn acquire(&self, key: K) -> Result<Slot, AcquireError> {
        let of_key = self.of_key(key).acquire_owned().await?;
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        Ok(Slot { _slot: slot, _of_key: Some(of_key) })
    }

    /// Waits for a slot for a background job, which has no key.
    ///
    /// # Errors
    /// Never, as [`Self::acquire`].
    pub async fn acquire_for_maintenance(&self) -> Result<Slot, AcquireError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        Ok(Slot { _slot: slot, _of_key: None })
    }

    /// How many keys are stored. Keys without a slot or a waiting request are removed when a new key arrives.
    #[must_use]
    pub fn keys(&self) -> usize {
        self.keys.lock().len()
    }

    fn of_key(&self, key: K) -> Arc<Semaphore> {
        let mut keys = self.keys.lock();
        if let Some(of_key) = keys.get(&key).and_then(Weak::upgrade) {
            return of_key;
        }
        keys.retain(|_, of_key| of_key.strong_count() > 0);
        let of_key = Arc::new(Semaphore::new(self.per_key));
        keys.insert(key, Arc::downgrade(&of_key));
        of_key
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn merchants_take_turns_however_many_files_one_sends() {
        let slots = FairSlots::new(2, 1);
        let acquire = |merchant: u32| {
            let slots = slots.clone();
            Box::pin(async move { slots.acquire(merchant).await.unwrap() })
        };
        let first = acquire(1).await;
        let mut flood: Vec<_> = (0..40).map(|_| acquire(1)).collect();
        for waiting in &mut flood {
            assert!(poll!(waiting.as_mut()).is_pending(), "one merchant has two slots");
        }
        let other = acquire(2).await;
        let mut third = acquire(3);
        assert!(poll!(third.as_mut()).is_pending(), "there are two slots");
        drop(first);
        let mut second_of_flood = flood.remove(0);
        assert!(poll!(second_of_flood.as_mut()).is_pending(), "the third merchant waited before it");
        let third = third.await;
        drop((other, third));
        drop(second_of_flood.await);
        drop(flood);
        drop(acquire(9).await);
        assert_eq!(slots.keys(), 1, "merchants without files are forgotten");
    }
}
