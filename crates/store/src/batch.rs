//! A batch: many requests served by one transaction, decided in order over one load (the same for every database).
//!
//! A request sees what the requests before it in its batch have done, so the second command on a dispute is decided on
//! the first one's result, and a nonce used twice in one batch is seen.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use rebuttal_disputes::{
    Actor, ChainedEntry, Change, Command, ContestItem, Decision, Dispute, DisputeRefusal, EvidenceFault,
    FoundFile, Opening, Submission, decide, open,
};
use rebuttal_protocol::dispute::Status;
use rebuttal_protocol::operator::OpenDispute;
use rebuttal_protocol::{Code, DisputeNo, FileInspection, MerchantId, StorageUri, UnixMillis};
use serde::{Deserialize, Serialize};

use crate::accounts::TokenHash;
use crate::views::{DisputeDetail, DisputeRecord, EntryId};
use crate::write_request::{
    Idempotency, IdempotencyKey, NonceUse, Operation, Outcome, Rejection, RequestHash, Upload, WriteRequest,
    WriteResult,
};

/// The keys of all rows that a batch needs, sorted, so that locks are taken in one order everywhere.
#[derive(Debug, Default)]
pub(crate) struct KeySet {
    pub(crate) disputes: BTreeSet<DisputeNo>,
    pub(crate) nonces: BTreeSet<NonceUse>,
    pub(crate) tokens: BTreeSet<TokenHash>,
    pub(crate) keys: BTreeSet<KeyName>,
    pub(crate) uploads: BTreeSet<StorageUri>,
}

/// An idempotency key. Each token has its own.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct KeyName {
    pub(crate) token: String,
    pub(crate) key: String,
}

impl IdempotencyKey {
    fn name(&self) -> KeyName {
        KeyName { token: self.token.clone(), key: self.key.clone() }
    }
}

impl KeySet {
    pub(crate) fn of<'a>(requests: impl Iterator<Item = &'a WriteRequest>) -> Self {
        let mut names = Self::default();
        for request in requests {
            names.tokens.extend(request.token);
            match &request.idempotency {
                Idempotency::Nonce(nonce) => drop(names.nonces.insert(nonce.clone())),
                Idempotency::Key(key) => drop(names.keys.insert(key.name())),
                Idempotency::None => {}
            }
            match &request.operation {
                Operation::Command { dispute_no, command, .. } => {
                    names.disputes.insert(dispute_no.clone());
                    if let Command::Contest { items, .. } = command {
                        names.uploads.extend(items.iter().filter_map(|item| item.evidence.url));
                    }
                }
                Operation::Open { opening, .. } => drop(names.disputes.insert(opening.dispute_no.clone())),
                Operation::RecordUpload { upload, .. } => drop(names.uploads.insert(upload.url)),
                Operation::UseNonce => {}
            }
        }
        names
    }
}

/// What was loaded for the keys of a batch.
#[derive(Debug, Default)]
pub(crate) struct Loaded {
    /// Timestamps at or below it are stale: their nonces may have been deleted.
    pub(crate) nonce_bound: i64,
    /// The first of [`ENTRIES_MAX`] ids for new history entries.
    pub(crate) next_entry: EntryId,
    pub(crate) disputes: HashMap<DisputeNo, StoredDispute>,
    pub(crate) used_nonces: HashSet<NonceUse>,
    /// The named tokens that are not revoked.
    pub(crate) tokens: HashSet<TokenHash>,
    pub(crate) keys: HashMap<KeyName, StoredAnswer>,
    pub(crate) uploads: HashMap<StorageUri, StoredUpload>,
}

/// Most history entries of a batch, and so most requests.
pub(crate) const ENTRIES_MAX: usize = 4096;

/// A dispute's state, and its place in the tables.
#[derive(Debug, Clone)]
pub(crate) struct StoredDispute {
    pub(crate) id: EntryId,
    pub(crate) last_entry: EntryId,
    pub(crate) state: Dispute,
}

impl StoredDispute {
    /// Where the dispute is among those of its status: until it is answered at its deadline, then at its last entry.
    pub(crate) fn queue_position(&self) -> QueuePosition {
        let position = match self.state.status {
            Status::NeedsResponse => self.state.deadline.0,
            _ => self.last_entry,
        };
        QueuePosition { status: self.state.status, position, dispute_id: self.id }
    }
}

/// A row of the table `dispute_queue`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct QueuePosition {
    pub(crate) status: Status,
    pub(crate) position: i64,
    pub(crate) dispute_id: EntryId,
}

/// An upload's rows.
#[derive(Debug, Clone)]
pub(crate) struct StoredUpload {
    pub(crate) file: FoundFile,
    pub(crate) uploaded_at: UnixMillis,
    /// Whether it is marked for deletion.
    pub(crate) marked: bool,
}

/// The first answer under an idempotency key, and the hash of its request.
#[derive(Debug, Clone)]
pub(crate) struct StoredAnswer {
    pub(crate) request: RequestHash,
    pub(crate) answer: RecordedAnswer,
    pub(crate) created_at: UnixMillis,
}

/// How long a retry under the same idempotency key shows the created secret or token. After this time, by the clock
/// of the request, it is hidden even if maintenance has not deleted it yet.
pub const SECRETS_SHOWN_FOR: Duration = Duration::from_secs(24 * 3600);

impl StoredAnswer {
    /// The answer to a request under its key.
    pub(crate) fn answer_to(&self, key: &IdempotencyKey, now: UnixMillis) -> WriteResult {
        if self.request != key.request {
            return Err(Rejection::KeyReused);
        }
        let is_over = now >= self.created_at + SECRETS_SHOWN_FOR;
        match &self.answer {
            RecordedAnswer::Done(outcome) if is_over && outcome.holds_secret() => {
                RecordedAnswer::secret_expired().into_answer()
            }
            answer => answer.clone().into_answer(),
        }
    }
}

/// An answer in its stored form.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum RecordedAnswer {
    Done(Outcome),
    Refused { code: String, message: String },
}

/// The answer to a retry after the secret has been deleted.
const SECRET_EXPIRED: &str = "this request was carried out; the secret or token that it made was shown for 24 hours and is not \
                             kept any more. If it is lost, rotate the app's secret, or revoke the token and create another";

impl RecordedAnswer {
    /// Replaces an answer that contained a secret.
    pub(crate) fn secret_expired() -> Self {
        Self::Refused { code: Code::OperatorConflict.to_string(), message: SECRET_EXPIRED.to_owned() }
    }

    pub(crate) fn of(answer: &WriteResult) -> Self {
        match answer {
            Ok(Outcome::Opened(detail)) => {
                let Dispute { dispute_no, sequence, .. } = &detail.record.state;
                let (dispute_no, sequence) = (dispute_no.clone(), *sequence);
                Self::Done(Outcome::Dispute { dispute_no, sequence, opened: true })
            }
            Ok(outcome) => Self::Done(outcome.clone()),
            Err(refused) => Self::Refused { code: refused.code().to_string(), message: refused.to_string() },
        }
    }

    pub(crate) fn into_answer(self) -> WriteResult {
        match self {
            Self::Done(outcome) => Ok(outcome),
            Self::Refused { code, message } => {
                Err(Rejection::Repeated { code: code.as_str().into(), message })
            }
        }
    }
}

/// What a batch saves.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) nonces: Vec<NonceUse>,
    pub(crate) keys: Vec<(IdempotencyKey, RecordedAnswer, UnixMillis)>,
    /// The final state of each changed dispute: one row each, for any number of commands.
    pub(crate) disputes: BTreeMap<DisputeNo, ChangedDispute>,
    pub(crate) entries: Vec<NewEntry>,
    pub(crate) uploads: Vec<NewUpload>,
    /// Uploads that a submission refers to, and when they were uploaded.
    pub(crate) referenced: BTreeMap<StorageUri, UnixMillis>,
}

/// A dispute's row after a batch.
#[derive(Debug)]
pub(crate) struct ChangedDispute {
    pub(crate) before: Before,
    pub(crate) after: StoredDispute,
}

/// What is stored of a changed dispute.
#[derive(Debug)]
pub(crate) enum Before {
    /// Nothing: it is opened, at this time.
    Opening(Box<Opening>, UnixMillis),
    /// A row of the table, and one of the queue.
    Stored(Box<StoredDispute>),
}

/// A new upload.
#[derive(Debug)]
pub(crate) struct NewUpload {
    pub(crate) upload: Upload,
    pub(crate) inspection: Option<FileInspection>,
    pub(crate) uploaded_at: UnixMillis,
}

/// A new history entry.
#[derive(Debug)]
pub(crate) struct NewEntry {
    pub(crate) id: EntryId,
    pub(crate) dispute_id: EntryId,
    /// The dispute's entry before this one.
    pub(crate) previous: Option<EntryId>,
    pub(crate) entry: ChainedEntry,
    pub(crate) submission: Option<Submission>,
}

impl Changes {
    pub(crate) fn is_empty(&self) -> bool {
        self.nonces.is_empty() && self.keys.is_empty() && self.entries.is_empty() && self.uploads.is_empty()
    }
}

/// Decides requests one after another on the loaded rows.
pub(crate) struct BatchState {
    loaded: Loaded,
    changes: Changes,
}

impl BatchState {
    pub(crate) fn new(loaded: Loaded) -> Self {
        Self { loaded, changes: Changes::default() }
    }

    /// What to save when all requests have been decided.
    pub(crate) fn into_changes(self) -> Changes {
        self.changes
    }

    /// Decides one request. A refused request writes its nonce or key and nothing else.
    pub(crate) fn decide(&mut self, request: &WriteRequest) -> WriteResult {
        if request.token.is_some_and(|token| !self.loaded.tokens.contains(&token)) {
            return Err(Rejection::TokenRevoked);
        }
        match &request.idempotency {
            Idempotency::Nonce(nonce) => {
                if nonce.timestamp.0 <= self.loaded.nonce_bound {
                    return Err(Rejection::Stale);
                }
                if !self.loaded.used_nonces.insert(nonce.clone()) {
                    return Err(Rejection::Replayed);
                }
                self.changes.nonces.push(nonce.clone());
                self.apply(request)
            }
            Idempotency::Key(key) => {
                let name = key.name();
                if let Some(stored) = self.loaded.keys.get(&name) {
                    return stored.answer_to(key, request.arrived_at);
                }
                let (key, arrived_at) = (key.clone(), request.arrived_at);
                let answer = self.apply(request);
                if answer.as_ref().is_err_and(|refused| refused.code() == Code::InvalidParameter) {
                    // Like a request that is refused with 400 before it is queued: it can be corrected under the
                    // same key.
                    return answer;
                }
                let kept = RecordedAnswer::of(&answer);
                let stored =
                    StoredAnswer { request: key.request, answer: kept.clone(), created_at: arrived_at };
                self.loaded.keys.insert(name, stored);
                self.changes.keys.push((key, kept, arrived_at));
                answer
            }
            Idempotency::None => self.apply(request),
        }
    }

    fn apply(&mut self, request: &WriteRequest) -> WriteResult {
        match &request.operation {
            Operation::Command { dispute_no, merchant_id, actor, command } => {
                self.command(dispute_no, *merchant_id, actor, command, request.arrived_at)
            }
            Operation::Open { opening, actor } => self.open(opening, actor, request.arrived_at),
            Operation::RecordUpload { upload, inspection } => {
                self.record_upload(upload, inspection.as_ref(), request.arrived_at)
            }
            Operation::UseNonce => Ok(Outcome::Nothing),
        }
    }

    fn command(
        &mut self,
        dispute_no: &DisputeNo,
        merchant_id: Option<MerchantId>,
        actor: &Actor,
        command: &Command,
        arrived_at: UnixMillis,
    ) -> WriteResult {
        let stored = self.loaded.disputes.get(dispute_no).ok_or(DisputeRefusal::NotFound)?;
        let dispute = &stored.state;
        if merchant_id.is_some_and(|merchant_id| dispute.merchant_id != merchant_id) {
            return Err(DisputeRefusal::NotFound.into());
        }
        let checked = command.with_faults(|item| self.contradiction(dispute, item));
        match decide(dispute, &checked, actor, arrived_at)? {
            Decision::Repetition => Ok(without_opening(dispute_no, dispute.sequence)),
            Decision::Change(change) => {
                let before = Before::Stored(Box::new(stored.clone()));
                let outcome = without_opening(dispute_no, change.dispute.sequence);
                self.change(*change, before);
                Ok(outcome)
            }
        }
    }

    /// The fault of an item whose file check contradicts its record. Evidence must have been uploaded by this merchant,
    /// be unchanged since, and not be marked for deletion.
    fn contradiction(&self, dispute: &Dispute, item: &ContestItem) -> Option<EvidenceFault> {
        let Some(url) = item.evidence.url.filter(|url| url.merchant_id == dispute.merchant_id) else {
            return Some(EvidenceFault::NotFound);
        };
        match (self.loaded.uploads.get(&url), &item.file) {
            (Some(upload), _) if upload.marked => Some(EvidenceFault::NotUploaded),
            (None, Ok(_)) => Some(EvidenceFault::NotUploaded),
            // On S3 an upload is recorded only once its file has been accepted as evidence.
            (None, Err(_)) => None,
            (Some(upload), Ok(found)) if upload.file != *found => {
                let sentence = "it is not what was uploaded; upload it again under a new generateUploadUrl";
                Some(EvidenceFault::Mismatch(sentence.to_owned()))
            }
            (Some(_), Err(EvidenceFault::NotUploaded)) => {
                tracing::error!(%url, "a recorded file is missing from the evidence store; restore it from a backup");
                None
            }
            (Some(_), _) => None,
        }
    }

    fn open(&mut self, opening: &Opening, actor: &Actor, arrived_at: UnixMillis) -> WriteResult {
        let dispute_no = &opening.dispute_no;
        let existing = self.loaded.disputes.get(dispute_no).map(|stored| &stored.state);
        let sequence = existing.map_or(0, |dispute| dispute.sequence);
        match open(existing, opening, actor, arrived_at)? {
            Decision::Repetition => Ok(without_opening(dispute_no, sequence)),
            Decision::Change(change) => {
                let before = Before::Opening(Box::new(opening.clone()), arrived_at);
                let facts = OpenDispute { dispute_no: Some(dispute_no.clone()), ..opening.facts.clone() };
                let record = DisputeRecord { state: change.dispute.clone(), facts, created_at: arrived_at };
                let history = vec![change.entry.clone()];
                self.change(*change, before);
                Ok(Outcome::Opened(Box::new(DisputeDetail { record, history, submissions: Vec::new() })))
            }
        }
    }

    fn change(&mut self, change: Change, before: Before) {
        let Change { dispute: state, entry, submission } = change;
        for item in submission.iter().flat_map(|submission| &submission.evidence) {
            if let Some(upload) = self.loaded.uploads.get(&item.url) {
                self.changes.referenced.insert(item.url, upload.uploaded_at);
            }
        }
        let dispute_no = state.dispute_no.clone();
        let id = self.loaded.next_entry;
        self.loaded.next_entry += 1;
        let stored = self.loaded.disputes.get(&dispute_no);
        let (dispute_id, previous) = stored.map_or((id, None), |stored| (stored.id, Some(stored.last_entry)));
        self.changes.entries.push(NewEntry { id, dispute_id, previous, entry, submission });
        let after = StoredDispute { id: dispute_id, last_entry: id, state };
        self.loaded.disputes.insert(dispute_no.clone(), after.clone());
        match self.changes.disputes.entry(dispute_no) {
            Entry::Occupied(mut changed) => changed.get_mut().after = after,
            Entry::Vacant(unchanged) => drop(unchanged.insert(ChangedDispute { before, after })),
        }
    }

    /// Recording the same file twice is a repetition: after a crash an upload is recorded again if its row exists.
    fn record_upload(
        &mut self,
        upload: &Upload,
        inspection: Option<&FileInspection>,
        uploaded_at: UnixMillis,
    ) -> WriteResult {
        match self.loaded.uploads.get(&upload.url) {
            Some(stored) if stored.file == upload.file && !stored.marked => Ok(Outcome::Nothing),
            Some(_) => Err(Rejection::UploadExists),
            None => {
                let stored = StoredUpload { file: upload.file.clone(), uploaded_at, marked: false };
                self.loaded.uploads.insert(upload.url, stored);
                let (upload, inspection) = (upload.clone(), inspection.cloned());
                self.changes.uploads.push(NewUpload { upload, inspection, uploaded_at });
                Ok(Outcome::Nothing)
            }
        }
    }
}

fn without_opening(dispute_no: &DisputeNo, sequence: u64) -> Outcome {
    Outcome::Dispute { dispute_no: dispute_no.clone(), sequence, opened: false }
}
