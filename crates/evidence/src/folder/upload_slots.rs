//! Limits concurrent uploads. There are [`CONCURRENT_RECEIVES_MAX`] slots; a merchant gets at most half of those that
//! the others leave free, so that slow senders of one merchant always leave a slot for the next; and a form receives
//! one file at a time. Only requests with a form that this gateway signed take a slot.

use std::collections::{HashMap, HashSet};
use std::pin::pin;
use std::sync::Arc;
use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_protocol::{MerchantId, StorageUri};
use tokio::sync::Notify;
use tokio::time::timeout;

use super::{CONCURRENT_RECEIVES_MAX, RECEIVES_WAITING_MAX, SLOT_WAIT_LIMIT};
use crate::{EvidenceError, UploadTraffic};

/// How often the log reports waiting uploads.
const LOG_EVERY: Duration = Duration::from_secs(60);

const CROWD: &str = "too many uploads of this merchant are waiting for a slot";
const LATE: &str = "other uploads of this merchant, or with this form, did not finish in time";

/// The slots. Clones share them.
#[derive(Default, Clone)]
pub(super) struct UploadSlots(Arc<SlotsInner>);

#[derive(Default)]
struct SlotsInner {
    slots: Mutex<SlotState>,
    freed: Notify,
    last_logged: Mutex<Option<Instant>>,
}

#[derive(Default)]
struct SlotState {
    /// The addresses whose file is being received.
    arriving: HashSet<StorageUri>,
    merchants: HashMap<MerchantId, UploadCounts>,
}

#[derive(Default, Clone, Copy)]
struct UploadCounts {
    receiving: usize,
    waiting: usize,
}

/// A slot, released when dropped.
pub(super) struct UploadSlot {
    shared: Arc<SlotsInner>,
    uri: StorageUri,
}

impl UploadSlots {
    /// Waits for a slot, for [`SLOT_WAIT_LIMIT`] at most.
    pub(super) async fn take(&self, uri: StorageUri) -> Result<UploadSlot, EvidenceError> {
        let slot = || UploadSlot { shared: Arc::clone(&self.0), uri };
        if self.0.slots.lock().enter(uri) {
            return Ok(slot());
        }
        let Some(_waiting) = Waiting::begin(&self.0, uri.merchant_id) else {
            self.log_refused(uri, CROWD);
            return Err(EvidenceError::NoSlot(CROWD));
        };
        let entered = async {
            loop {
                // Created before the check, so that a slot that is freed in between is not missed.
                let mut freed = pin!(self.0.freed.notified());
                freed.as_mut().enable();
                if self.0.slots.lock().enter(uri) {
                    return slot();
                }
                freed.await;
            }
        };
        timeout(SLOT_WAIT_LIMIT, entered).await.map_err(|_| {
            self.log_refused(uri, LATE);
            EvidenceError::NoSlot(LATE)
        })
    }

    pub(super) fn traffic(&self) -> UploadTraffic {
        let slots = self.0.slots.lock();
        let waiting = slots.merchants.values().map(|counts| counts.waiting).sum();
        UploadTraffic { receiving: slots.arriving.len(), waiting }
    }

    fn log_refused(&self, uri: StorageUri, why: &str) {
        let mut last_logged = self.0.last_logged.lock();
        if last_logged.is_none_or(|at| at.elapsed() >= LOG_EVERY) {
            *last_logged = Some(Instant::now());
            let UploadCounts { receiving, waiting } = self.0.slots.lock().of(uri.merchant_id);
            tracing::warn!(merchant_id = %uri.merchant_id, receiving, waiting, "upload refused: {why}");
        }
    }
}

impl SlotState {
    fn of(&self, merchant: MerchantId) -> UploadCounts {
        self.merchants.get(&merchant).copied().unwrap_or_default()
    }

    /// Takes a slot, if one is free for this merchant and this form.
    fn enter(&mut self, uri: StorageUri) -> bool {
        let free = CONCURRENT_RECEIVES_MAX.saturating_sub(self.arriving.len());
        let entered = self.of(uri.merchant_id).receiving < free && self.arriving.insert(uri);
        if entered {
            self.merchants.entry(uri.merchant_id).or_default().receiving += 1;
        }
        entered
    }

    fn count(&mut self, merchant: MerchantId, change: impl FnOnce(&mut UploadCounts)) {
        let counts = self.merchants.entry(merchant).or_default();
        change(counts);
        if (counts.receiving, counts.waiting) == (0, 0) {
            self.merchants.remove(&merchant);
        }
    }
}

impl Drop for UploadSlot {
    fn drop(&mut self) {
        let mut slots = self.shared.slots.lock();
        slots.arriving.remove(&self.uri);
        slots.count(self.uri.merchant_id, |counts| counts.receiving -= 1);
        drop(slots);
        self.shared.freed.notify_waiters();
    }
}

/// A waiting upload, counted until dropped.
struct Waiting<'t>(&'t SlotsInner, MerchantId);

impl<'t> Waiting<'t> {
    /// `None` if the maximum of this merchant's uploads is already waiting.
    fn begin(shared: &'t SlotsInner, merchant: MerchantId) -> Option<Self> {
        let mut slots = shared.slots.lock();
        let has_room = slots.of(merchant).waiting < RECEIVES_WAITING_MAX;
        if has_room {
            slots.count(merchant, |counts| counts.waiting += 1);
        }
        has_room.then(|| Self(shared, merchant))
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        self.0.slots.lock().count(self.1, |counts| counts.waiting -= 1);
    }
}

#[cfg(test)]
mod tests {
    use futures_util::FutureExt;

    use super::*;

    fn uri(merchant: u32, number: usize) -> StorageUri {
        format!("s3://uploaded/m/{merchant}/open/dispute-evidence/{number:032x}.png").parse().unwrap()
    }

    #[tokio::test]
    async fn merchant_gets_half_of_the_free_slots() {
        let slots = UploadSlots::default();
        let mut held = Vec::new();
        for (merchant, share) in [(1, 32), (2, 16), (3, 8), (4, 4), (5, 2), (6, 1), (7, 1)] {
            for number in 0..share {
                held.push(slots.take(uri(merchant, number)).await.unwrap());
            }
            assert!(
                slots.take(uri(merchant, share)).now_or_never().is_none(),
                "{merchant} has more than {share}"
            );
        }
        assert_eq!(slots.traffic(), UploadTraffic { receiving: CONCURRENT_RECEIVES_MAX, waiting: 0 });
        drop(held);
        assert!(slots.0.slots.lock().merchants.is_empty() && slots.0.slots.lock().arriving.is_empty());
    }

    #[tokio::test]
    async fn second_file_of_a_form_waits_for_the_first() {
        let slots = UploadSlots::default();
        let first = slots.take(uri(1, 1)).await.unwrap();
        let mut next = pin!(slots.take(uri(1, 1)));
        assert!(futures_util::poll!(next.as_mut()).is_pending());
        assert!(slots.take(uri(1, 2)).await.is_ok(), "another form's need not");
        drop(first);
        drop(next.await.unwrap());
    }

    #[tokio::test]
    async fn waiting_uploads_are_bounded_for_each_merchant() {
        let slots = UploadSlots::default();
        let _first = slots.take(uri(1, 1)).await.unwrap();
        let mut waiting: Vec<_> =
            (0..RECEIVES_WAITING_MAX).map(|_| Box::pin(slots.take(uri(1, 1)))).collect();
        for next in &mut waiting {
            assert!(futures_util::poll!(next.as_mut()).is_pending());
        }
        assert!(matches!(slots.take(uri(1, 1)).await, Err(EvidenceError::NoSlot(CROWD))));
        assert_eq!(slots.traffic().waiting, RECEIVES_WAITING_MAX);
        assert!(slots.take(uri(2, 1)).await.is_ok());
    }
}
