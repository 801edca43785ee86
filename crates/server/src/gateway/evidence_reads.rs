//! Slots for evidence downloads by operators. A slot holds a whole file in memory, so there are few; each token gets
//! only a share of them, so that its slow readers do not block other tokens.

use std::time::Duration;

use rebuttal_evidence::{FairSlots, Slot};
use rebuttal_protocol::Code;
use rebuttal_store::TokenHash;

use crate::http::error::Refusal;

/// Concurrent downloads, each with a whole file in memory; further ones wait.
const EVIDENCE_READS_MAX: usize = 8;
/// Concurrent downloads of one token: a quarter of all.
const EVIDENCE_READS_PER_TOKEN_MAX: usize = 2;
/// How long a download waits for a slot.
pub(crate) const EVIDENCE_READ_WAIT_LIMIT: Duration = Duration::from_secs(5);

/// The slots of a gateway, by the hash of the token.
pub(crate) struct EvidenceReads {
    slots: FairSlots<TokenHash>,
    wait_limit: Duration,
}

impl EvidenceReads {
    pub(crate) fn new(wait_limit: Duration) -> Self {
        Self { slots: FairSlots::new(EVIDENCE_READS_MAX, EVIDENCE_READS_PER_TOKEN_MAX), wait_limit }
    }

    /// A slot for the token with this hash, released on drop.
    ///
    /// # Errors
    /// `Unavailable` if no slot became free in time.
    pub(crate) async fn slot(&self, token: TokenHash) -> Result<Slot, Refusal> {
        let slot = tokio::time::timeout(self.wait_limit, self.slots.acquire(token)).await;
        slot.map_err(|_| none_free())?.map_err(Refusal::internal)
    }
}

fn none_free() -> Refusal {
    let message = format!(
        "no slot for an evidence download became free within {} seconds: the limit is \
         {EVIDENCE_READS_PER_TOKEN_MAX} at a time for a token and {EVIDENCE_READS_MAX} for all tokens. Finish other \
         downloads, then send the request again",
        EVIDENCE_READ_WAIT_LIMIT.as_secs()
    );
    Refusal::new(Code::Unavailable, message)
        .caused_by(anyhow::anyhow!(
            "all slots for evidence downloads, or the token's share of them, are in use"
        ))
        .retry_after(EVIDENCE_READ_WAIT_LIMIT.as_secs())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn token_is_limited_to_its_share_and_slots_are_released() {
        let reads = EvidenceReads::new(Duration::from_millis(10));
        let is_refused = async |token: u8| match reads.slot(TokenHash([token; 32])).await {
            Ok(_) => false,
            Err(refusal) => (refusal.code, refusal.retry_after_seconds) == (Code::Unavailable, Some(5)),
        };
        let mut slots = Vec::new();
        for token in 0..4 {
            for _ in 0..EVIDENCE_READS_PER_TOKEN_MAX {
                slots.push(reads.slot(TokenHash([token; 32])).await.unwrap());
            }
            assert!(is_refused(token).await, "more than its share");
        }
        assert!(is_refused(4).await, "all are in use");
        drop(slots.pop());
        assert!(is_refused(0).await && !is_refused(4).await && !is_refused(3).await);
        drop(slots);
        assert!(!is_refused(0).await);
        assert_eq!(reads.slots.keys(), 1, "tokens without downloads are removed");
    }
}
