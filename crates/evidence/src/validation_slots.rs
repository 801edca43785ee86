//! Whose file is validated when. A merchant's files are validated one after another, and merchants take turns: however
//! many files one sends, each other merchant waits for one of them at most.

use std::collections::HashMap;
use std::sync::{Arc, Weak};

use parking_lot::Mutex;
use rebuttal_protocol::MerchantId;
use tokio::sync::{AcquireError, OwnedSemaphorePermit, Semaphore};

/// The slots of a store. Clones share them.
#[derive(Clone)]
pub(crate) struct ValidationSlots {
    slots: Arc<Semaphore>,
    /// One place for each merchant that validates or waits; who has it queues for a slot.
    merchants: Arc<Mutex<HashMap<MerchantId, Weak<Semaphore>>>>,
}

/// A slot, given back when dropped.
pub(crate) struct ValidationSlot {
    // In this order: the merchant's next file queues behind those that wait for the slot already.
    _slot: OwnedSemaphorePermit,
    _merchant: Option<OwnedSemaphorePermit>,
}

impl ValidationSlots {
    pub(crate) fn new(at_once: usize) -> Self {
        Self { slots: Arc::new(Semaphore::new(at_once)), merchants: Arc::default() }
    }

    /// Waits for the merchant's turn. Fails never: the semaphores are not closed.
    pub(crate) async fn acquire(&self, merchant: MerchantId) -> Result<ValidationSlot, AcquireError> {
        let merchant = self.place_of(merchant).acquire_owned().await?;
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        Ok(ValidationSlot { _slot: slot, _merchant: Some(merchant) })
    }

    /// Waits for a slot for what is no merchant's upload, as the gateway's own upkeep.
    pub(crate) async fn acquire_for_upkeep(&self) -> Result<ValidationSlot, AcquireError> {
        let slot = Arc::clone(&self.slots).acquire_owned().await?;
        Ok(ValidationSlot { _slot: slot, _merchant: None })
    }

    fn place_of(&self, merchant: MerchantId) -> Arc<Semaphore> {
        let mut merchants = self.merchants.lock();
        if let Some(place) = merchants.get(&merchant).and_then(Weak::upgrade) {
            return place;
        }
        merchants.retain(|_, place| place.strong_count() > 0);
        let place = Arc::new(Semaphore::new(1));
        merchants.insert(merchant, Arc::downgrade(&place));
        place
    }
}

#[cfg(test)]
mod tests {
    use futures_util::poll;

    use super::*;

    #[tokio::test]
    async fn merchants_take_turns_however_many_files_one_sends() {
        let slots = ValidationSlots::new(2);
        let acquire = |merchant: u32| {
            let (slots, merchant) = (slots.clone(), MerchantId::try_from(merchant).unwrap());
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
        assert_eq!(slots.merchants.lock().len(), 1, "merchants without files are forgotten");
    }
}
