//! Checks the files that a contest names. It happens before the committer decides, so that a transaction never waits
//! for a file; the committer then compares each check with the file's record.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use futures_util::future::join_all;
use rebuttal_disputes::{
    Actor, Command, ContestItem, EvidenceFault, FileCheck, Fingerprint, FoundFile, decide,
};
use rebuttal_evidence::{Inspection, RecordedFile};
use rebuttal_protocol::dispute::ReceivedEvidence;
use rebuttal_protocol::{Code, DisputeNo, MerchantId, StorageUri, UnixMillis};
use rebuttal_store::StoreError;
use tokio::time::{Instant as Deadline, timeout_at};

use crate::gateway::Gateway;
use crate::gateway::upload_records::record;
use crate::http::error::{Refusal, causes};

/// How long the checks of all files of a contest may take if evidence is in S3.
pub(crate) const CHECKS_LIMIT: Duration = Duration::from_secs(8);
/// The longest time to an answer to a contest if evidence store and database are as slow as their limits allow.
/// Clients wait longer; a test compares our client's timeout with it.
pub const ANSWER_LIMIT: Duration = CHECKS_LIMIT.saturating_add(rebuttal_store::ANSWER_LIMIT);

/// A contest with its files checked.
pub(super) struct EvidenceCheck {
    /// What the committer decides.
    pub(super) command: Command,
    /// The decision by the dispute's state alone, if no file was read, or an unreadable one was not needed. It holds
    /// even if the state has changed by the time of the commit.
    pub(super) decided_without_lookup: Option<Result<(), Refusal>>,
}

/// Checks the file at each item's address that belongs to this merchant.
///
/// # Errors
/// `Unavailable` if the decision depends on evidence that cannot be read. The committer is not asked, so nothing is
/// changed and the nonce is not used up: the same request can be sent again.
pub(super) async fn check_evidence(
    gateway: &Gateway,
    merchant_id: MerchantId,
    dispute_no: &DisputeNo,
    evidence: Vec<ReceivedEvidence>,
    arrived_at: UnixMillis,
) -> Result<EvidenceCheck, Refusal> {
    let urls = evidence.iter().map(|item| item.url.filter(|url| url.merchant_id == merchant_id));
    let mut files = Vec::with_capacity(evidence.len());
    if gateway.evidence.records_at_contest() {
        let unread = |evidence| ContestItem { evidence, file: Err(EvidenceFault::Unreadable) };
        let command = Command::contest(evidence.iter().cloned().map(unread).collect());
        if let Some(decided) =
            without_evidence(decided(&command, gateway, merchant_id, dispute_no, arrived_at).await?)
        {
            return Ok(EvidenceCheck { command, decided_without_lookup: Some(decided) });
        }
        let until = Deadline::now() + CHECKS_LIMIT;
        files = join_all(urls.map(|url| in_s3(gateway, url, until))).await;
    } else {
        for url in urls {
            files.push(in_folder(gateway, url).await);
        }
    }
    let mut unreadable = None;
    let items = evidence.into_iter().zip(files).map(|(evidence, file)| {
        let file = file.unwrap_or_else(|error| {
            unreadable.get_or_insert((evidence.url, error));
            Err(EvidenceFault::Unreadable)
        });
        ContestItem { evidence, file }
    });
    let command = Command::contest(items.collect());
    let Some((url, error)) = unreadable else {
        return Ok(EvidenceCheck { command, decided_without_lookup: None });
    };
    // One line, however many files a failing store holds.
    let url = url.map(|url| url.to_string());
    tracing::error!(error = causes(&error), url, "evidence file could not be read");
    match decided(&command, gateway, merchant_id, dispute_no, arrived_at).await? {
        Err(refused @ rebuttal_disputes::DisputeRefusal::Evidence(_))
            if refused.code() == Code::Unavailable =>
        {
            Err(refused.into())
        }
        decided => Ok(EvidenceCheck { command, decided_without_lookup: without_evidence(decided) }),
    }
}

/// The decision, unless it depends on the evidence: a repetition, or a dispute that is missing, in the wrong state or
/// late. So S3 is not read where its content cannot matter (contract §7, order of checks).
fn without_evidence(decided: Result<(), rebuttal_disputes::DisputeRefusal>) -> Option<Result<(), Refusal>> {
    match decided {
        Err(rebuttal_disputes::DisputeRefusal::Evidence(_)) => None,
        decided => Some(decided.map_err(Refusal::from)),
    }
}

/// How the contest is decided in the dispute's current state.
async fn decided(
    command: &Command,
    gateway: &Gateway,
    merchant_id: MerchantId,
    dispute_no: &DisputeNo,
    arrived_at: UnixMillis,
) -> Result<Result<(), rebuttal_disputes::DisputeRefusal>, StoreError> {
    // Rare and large: without the box, each contest's future would have room for it.
    let dispute = Box::pin(gateway.store.dispute(dispute_no)).await?.map(|dispute| dispute.state);
    let Some(dispute) = dispute.filter(|dispute| dispute.merchant_id == merchant_id) else {
        return Ok(Err(rebuttal_disputes::DisputeRefusal::NotFound));
    };
    Ok(decide(&dispute, command, &Actor::Gateway, arrived_at).map(drop))
}

async fn in_folder(gateway: &Gateway, url: Option<StorageUri>) -> anyhow::Result<FileCheck> {
    let Some(url) = url else { return Ok(Err(EvidenceFault::NotFound)) };
    Ok(file_check(&url, gateway.evidence.inspect(&url, None, &*gateway.judge).await?))
}

async fn in_s3(gateway: &Gateway, url: Option<StorageUri>, until: Deadline) -> anyhow::Result<FileCheck> {
    let Some(url) = url else { return Ok(Err(EvidenceFault::NotFound)) };
    let started = Instant::now();
    let inspected = timeout_at(until, inspect_and_record(gateway, &url)).await;
    let inspected =
        inspected.unwrap_or_else(|_| Err(anyhow!("the object store took longer than {CHECKS_LIMIT:?}")));
    count_check(inspected.as_ref().ok(), started.elapsed());
    Ok(file_check(&url, inspected?))
}

fn file_check(url: &StorageUri, inspection: Inspection) -> FileCheck {
    match inspection {
        Inspection::Valid { sha256, size, .. } => {
            let media_type = url.format.media_type().to_owned();
            Ok(FoundFile { sha256: Fingerprint(sha256), size, media_type })
        }
        Inspection::Absent => Err(EvidenceFault::NotUploaded),
        Inspection::Invalid(invalid_file) => Err(EvidenceFault::Mismatch(invalid_file.to_string())),
    }
}

/// The first contest that names a url determines permanently which file it refers to: the file found is copied by
/// hash and recorded before the contest is decided. If two replicas find different files, the first record wins, and
/// the other replica uses it.
async fn inspect_and_record(gateway: &Gateway, url: &StorageUri) -> anyhow::Result<Inspection> {
    if let Some(recorded) = recorded(gateway, url).await? {
        return Ok(gateway.evidence.inspect(url, Some(recorded), &*gateway.judge).await?);
    }
    let inspection = gateway.evidence.inspect(url, None, &*gateway.judge).await?;
    let Inspection::Valid { sha256, size, judged } = inspection else { return Ok(inspection) };
    if record(&gateway.store, *url, sha256, size, judged).await?.is_ok() {
        return Ok(Inspection::Valid { sha256, size, judged: None });
    }
    let recorded = recorded(gateway, url).await?;
    Ok(gateway.evidence.inspect(url, recorded, &*gateway.judge).await?)
}

async fn recorded(gateway: &Gateway, url: &StorageUri) -> Result<Option<RecordedFile>, StoreError> {
    let upload = gateway.store.upload(*url).await?;
    Ok(upload.map(|upload| RecordedFile { sha256: upload.file.sha256.0, size: upload.file.size }))
}

/// Counts the check of one file in S3, by its result; `None` is a failure.
fn count_check(inspection: Option<&Inspection>, took: Duration) {
    let outcome = match inspection {
        Some(Inspection::Valid { .. }) => "valid",
        Some(Inspection::Absent) => "absent",
        Some(Inspection::Invalid(_)) => "invalid",
        None => "failed",
    };
    metrics::histogram!("rebuttal_evidence_check_seconds", "outcome" => outcome).record(took);
}
