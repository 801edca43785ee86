//! The store as the rest of the gateway sees it: one place to change things, and the reads.

use std::path::Path;
use std::sync::Arc;

use rebuttal_disputes::Fingerprint;
use rebuttal_protocol::dispute::QueryRequest;
use rebuttal_protocol::{AppId, DisputeNo, MerchantId, StorageUri, UnixMillis};

use crate::accounts::{App, Merchant, Token};
use crate::committer::Committer;
use crate::sqlite::{Reads, Writer};
use crate::views::{DisputeRecord, Filter, Page, Story};
use crate::work::{Act, Answer, Once, Upkeep, Upload, Work};
use crate::{CommitError, StoreError};

/// How the store works.
#[derive(Debug, Clone)]
pub struct Options {
    /// Most works that wait for the committer; more are refused at once.
    pub queue_max: usize,
    /// Most works of one transaction; 1 gives each its own.
    pub batch_max: usize,
}

impl Default for Options {
    /// Batches are large enough to share an fsync widely, and small enough that the first one's wait stays short.
    fn default() -> Self {
        Self { queue_max: 4096, batch_max: 512 }
    }
}

/// A handle on the database; clones share it.
#[derive(Clone)]
pub struct Store {
    committer: Arc<Committer>,
    reads: Arc<Reads>,
}

impl Store {
    /// Opens the SQLite database at `path`, making it or bringing its schema up to date first.
    ///
    /// Must be called within a tokio runtime: waiters are woken in it.
    ///
    /// The caller must hold the lock of the data directory: two processes on one file would each keep a writer.
    ///
    /// # Errors
    /// [`StoreError::TooNew`] where a newer version made the schema; otherwise what the database says.
    pub fn open(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let writer = Writer::open(path)?;
        let reads = Reads::open(path)?;
        let committer = Committer::start(writer, options)?;
        Ok(Self { committer: Arc::new(committer), reads: Arc::new(reads) })
    }

    /// Does a work, together with whatever else waits, and answers once it is durable.
    ///
    /// Dropping the future does not take the work back.
    ///
    /// # Errors
    /// [`CommitError`] where there is no outcome to tell.
    pub async fn commit(&self, work: Work) -> Result<Answer, CommitError> {
        self.committer.commit(work).await
    }

    /// Takes no more works, finishes those that wait, and returns after the last commit.
    pub async fn close(&self) {
        self.committer.close().await;
    }

    /// An app with its secrets.
    pub async fn app(&self, app_id: AppId) -> Result<Option<App>, StoreError> {
        self.reads.in_place(|read| read.app(app_id))
    }

    /// The merchant's dispute that a query asks for: of several, the one that needs a response soonest, else the
    /// newest, ties by number (contract §5).
    pub async fn find(
        &self,
        merchant_id: MerchantId,
        query: &QueryRequest,
    ) -> Result<Option<DisputeRecord>, StoreError> {
        self.reads.in_place(|read| read.find(merchant_id, query))
    }

    /// A dispute, whosever it is.
    pub async fn dispute(&self, dispute_no: &DisputeNo) -> Result<Option<DisputeRecord>, StoreError> {
        self.reads.in_place(|read| read.dispute(dispute_no))
    }

    /// A dispute with its history and submissions, all of one moment.
    pub async fn story(&self, dispute_no: &DisputeNo) -> Result<Option<Story>, StoreError> {
        let dispute_no = dispute_no.clone();
        self.reads.apart(move |read| read.story(&dispute_no)).await
    }

    /// A page of disputes.
    pub async fn list(&self, filter: Filter) -> Result<Page, StoreError> {
        self.reads.apart(move |read| read.list(&filter)).await
    }

    /// At most `limit` disputes whose deadline lies at or before a moment and that still need a response, the longest
    /// overdue first.
    pub async fn due(&self, deadline_until: UnixMillis, limit: u32) -> Result<Vec<DisputeNo>, StoreError> {
        self.reads.apart(move |read| read.due(deadline_until, limit)).await
    }

    /// A merchant.
    pub async fn merchant(&self, merchant_id: MerchantId) -> Result<Option<Merchant>, StoreError> {
        self.reads.in_place(|read| read.merchant(merchant_id))
    }

    /// Merchants by number, at most `limit`, after a number.
    pub async fn merchants(
        &self,
        after: Option<MerchantId>,
        limit: u32,
    ) -> Result<Vec<Merchant>, StoreError> {
        self.reads.apart(move |read| read.merchants(after, limit)).await
    }

    /// A merchant's apps, the oldest first.
    pub async fn apps_of(&self, merchant_id: MerchantId) -> Result<Vec<App>, StoreError> {
        self.reads.apart(move |read| read.apps_of(merchant_id)).await
    }

    /// The token whose SHA-256 this is.
    pub async fn token(&self, hash: [u8; 32]) -> Result<Option<Token>, StoreError> {
        self.reads.in_place(|read| read.token(hash))
    }

    /// The value that tells the right master key, once it is stored.
    pub async fn key_check(&self) -> Result<Option<Vec<u8>>, StoreError> {
        self.reads.in_place(|read| read.meta("key_check"))
    }

    /// The newest timestamp whose nonces may have been forgotten; requests with it or an older one are stale.
    pub async fn nonce_bound(&self) -> Result<UnixMillis, StoreError> {
        let stored = self.reads.in_place(|read| read.meta("nonce_bound"))?.unwrap_or_default();
        let bound = String::from_utf8_lossy(&stored).parse().ok();
        bound
            .map(UnixMillis)
            .ok_or_else(|| StoreError::Unreadable("a nonce_bound that is no number".to_owned()))
    }

    /// The upload at a url, marked or not.
    pub async fn upload(&self, url: StorageUri) -> Result<Option<Upload>, StoreError> {
        self.reads.in_place(|read| read.upload(url))
    }

    /// At most `limit` uploads that were marked before a moment and that no submission refers to: their files may go.
    pub async fn swept(&self, marked_before: UnixMillis, limit: u32) -> Result<Vec<StorageUri>, StoreError> {
        self.reads.apart(move |read| read.swept(marked_before, limit)).await
    }

    /// Whether the database answers, is still the file that was opened, and takes changes: where the last one failed for
    /// the database's own reasons, a change that touches nothing is tried.
    pub async fn ping(&self) -> Result<(), StoreError> {
        self.reads.answer()?;
        if self.committer.is_in_trouble() {
            let act = Act::Upkeep(Upkeep::Probe);
            let probe = Work { arrived_at: UnixMillis(0), once: Once::Always, act };
            drop(self.committer.commit(probe).await?);
        }
        Ok(())
    }

    /// Whether a story is whole: every entry's hash follows from the one before, up to the head, and every submission is
    /// the one that its entry proves.
    pub fn is_whole(story: &Story) -> bool {
        let dispute_no = story.record.state.dispute_no.as_str();
        let mut before = Fingerprint::ZERO;
        let mut submissions = story.submissions.iter();
        for (index, entry) in story.history.iter().enumerate() {
            let in_order = entry.sequence == index as u64 + 1;
            if !in_order || entry.hash_after(dispute_no, before) != entry.hash {
                return false;
            }
            before = entry.hash;
            let Some(detail) = entry.parse_detail() else { return false };
            if detail.submission.is_some() && detail.submission != submissions.next().map(Into::into) {
                return false;
            }
        }
        before == story.record.state.head && submissions.next().is_none()
    }
}
