//! Slots for reading evidence that operators ask for. A slot stands for a whole file in memory, so there are few; and a
//! token holds a part of them at most, so that its slow readers leave the others theirs.

use std::time::Duration;

use rebuttal_evidence::{FairSlots, Slot};
use rebuttal_protocol::Code;
use rebuttal_store::TokenHash;

use crate::http::error::Refusal;

/// Files that are handed out at once, each in memory whole; more wait for their turn.
const EVIDENCE_READS_AT_ONCE: usize = 8;
/// Of these, how many one token may hold: a quarter.
const EVIDENCE_READS_PER_TOKEN: usize = 2;
/// How long a reader waits for a slot.
pub(crate) const EVIDENCE_READ_WAIT_LIMIT: Duration = Duration::from_secs(5);

/// The slots of a gateway, by the hash of the token.
pub(crate) struct EvidenceReads {
    slots: FairSlots<TokenHash>,
    wait_limit: Duration,
}

impl EvidenceReads {
    pub(crate) fn new(wait_limit: Duration) -> Self {
        Self { slots: FairSlots::new(EVIDENCE_READS_AT_ONCE, EVIDENCE_READS_PER_TOKEN), wait_limit }
    }

    /// A slot for the token with this hash: the right to hold one file, until it is dropped.
    ///
    /// # Errors
    /// `Unavailable` where no slot became free in time.
    pub(crate) async fn slot(&self, token: TokenHash) -> Result<Slot, Refusal> {
        let slot = tokio::time::timeout(self.wait_limit, self.slots.acquire(token)).await;
        slot.map_err(|_| none_free())?.map_err(Refusal::internal)
    }
}

fn none_free() -> Refusal {
    let message = format!(
        "no slot to read evidence became free within {} seconds: a token may read {EVIDENCE_READS_PER_TOKEN} files at a \
         time, all tokens together {EVIDENCE_READS_AT_ONCE}. Finish the other downloads, and send it again",
        EVIDENCE_READ_WAIT_LIMIT.as_secs()
    );
    Refusal::new(Code::Unavailable, message)
        .caused_by(anyhow::anyhow!("all slots to read evidence are held, or the token's share of them"))
        .retry_after(EVIDENCE_READ_WAIT_LIMIT.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_token_holds_its_share_and_every_slot_comes_back() {
        let reads = EvidenceReads::new(Duration::from_millis(10));
        let is_refused = async |token: u8| match reads.slot(TokenHash([token; 32])).await {
            Ok(_) => false,
            Err(refusal) => (refusal.code, refusal.retry_after_seconds) == (Code::Unavailable, Some(5)),
        };
        let mut slots = Vec::new();
        for token in 0..4 {
            for _ in 0..EVIDENCE_READS_PER_TOKEN {
                slots.push(reads.slot(TokenHash([token; 32])).await.unwrap());
            }
            assert!(is_refused(token).await, "more than its share");
        }
        assert!(is_refused(4).await, "all are held");
        drop(slots.pop());
        assert!(is_refused(0).await && !is_refused(4).await && !is_refused(3).await);
        drop(slots);
        assert!(!is_refused(0).await);
        assert_eq!(reads.slots.keys(), 1, "tokens without readers are forgotten");
    }
}
