//! Checks that every file of a contested dispute exists with its recorded size, and on request that its content is what
//! was recorded, which takes as long as a copy of all files.

use std::path::PathBuf;

use rebuttal_evidence::{EvidenceError, FolderStore, Inspection, S3Store};
use rebuttal_protocol::StorageUri;
use rebuttal_store::DisputeDetail;
use tokio::task::JoinSet;

use super::{Finding, counted, list_of};

const CHECK: &str = "evidence files";
/// Files that are named; the others are counted.
const NAMED_MAX: usize = 20;
/// Files that are checked concurrently: S3 answers slowly, but many requests in parallel. The store itself limits
/// how many are read.
const CHECKS_MAX: usize = 32;

/// Where the files are stored.
#[derive(Clone)]
pub(super) enum EvidenceFiles {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// In a bucket, under their hash.
    Bucket(S3Store),
}

/// What the database has recorded of a file.
struct ExpectedFile {
    /// The dispute's number and the file's name.
    label: String,
    url: StorageUri,
    sha256: [u8; 32],
    size: u64,
}

/// The checks of contested files, running and completed.
pub(super) struct ContestedFiles {
    files: EvidenceFiles,
    reads_content: bool,
    checks: JoinSet<(String, Result<Option<String>, EvidenceError>)>,
    checked: u64,
    defective: u64,
    /// The first defective files, each with its defect.
    named: Vec<String>,
    /// Why the check was stopped.
    failed: Option<String>,
}

impl ContestedFiles {
    pub(super) fn new(files: EvidenceFiles, reads_content: bool) -> Self {
        let checks = JoinSet::new();
        Self { files, reads_content, checks, checked: 0, defective: 0, named: Vec::new(), failed: None }
    }

    /// Starts to check each file of a dispute.
    pub(super) async fn check(&mut self, detail: &DisputeDetail) {
        for evidence in detail.submissions.iter().flat_map(|submission| &submission.evidence) {
            while self.checks.len() >= CHECKS_MAX {
                self.collect_one().await;
            }
            if self.failed.is_some() {
                return;
            }
            let recorded = ExpectedFile {
                label: format!("{}: {}", detail.record.state.dispute_no, evidence.url.key()),
                url: evidence.url,
                sha256: evidence.file.sha256.0,
                size: evidence.file.size,
            };
            let (files, reads_content) = (self.files.clone(), self.reads_content);
            self.checks.spawn(async move {
                let defect = files.defect(&recorded, reads_content).await;
                (recorded.label, defect)
            });
        }
    }

    /// Waits for one check; `false` if none is running.
    async fn collect_one(&mut self) -> bool {
        let Some(ended) = self.checks.join_next().await else { return false };
        match ended {
            Ok((_, Ok(None))) => self.checked += 1,
            Ok((label, Ok(Some(defect)))) => {
                self.checked += 1;
                self.defective += 1;
                if self.named.len() < NAMED_MAX {
                    self.named.push(format!("{label} {defect}"));
                }
            }
            Ok((label, Err(error))) => self.failed = Some(format!("{label}: {error}")),
            Err(error) => self.failed = Some(error.to_string()),
        }
        true
    }

    /// The finding after the last check; `None` if there are no files.
    pub(super) async fn finding(mut self) -> Option<Finding> {
        while self.collect_one().await {}
        let (checked, location) = (self.checked, self.files.location());
        if let Some(failed) = self.failed {
            let files = counted(checked, "file", "files");
            let message = format!("{location} failed after {files} of contested disputes: {failed}");
            return Some(Finding::fault(CHECK, message));
        }
        if checked == 0 {
            return None;
        }
        if self.defective == 0 {
            let how = match self.reads_content {
                true => "with the recorded content",
                false => "with the recorded size; their content was not read, --evidence reads it",
            };
            let files = counted(checked, "file", "files");
            let message = format!("{files} of contested disputes checked, all in {location}, {how}");
            return Some(Finding::ok(CHECK, message));
        }
        self.named.sort();
        let message = format!(
            "files of contested disputes that are missing from {location} or differ from the record: {} of {checked}. {}. \
             They were deleted or changed by something other than a gateway: restore them from {}",
            self.defective,
            list_of(&self.named, self.defective),
            self.files.backup()
        );
        Some(Finding::fault(CHECK, message))
    }
}

impl EvidenceFiles {
    /// How a file differs from what was recorded, if it does.
    async fn defect(
        &self,
        recorded: &ExpectedFile,
        reads_content: bool,
    ) -> Result<Option<String>, EvidenceError> {
        let ExpectedFile { url, sha256, size, .. } = recorded;
        let actual = match (self, reads_content) {
            (Self::Folder(root), true) => FolderStore::sha256_at(root, url)?,
            (Self::Folder(root), false) => FolderStore::size_at(root, url)?.map(|size| (*sha256, size)),
            (Self::Bucket(store), true) => match store.inspect_stored(url, sha256).await? {
                Inspection::Absent => None,
                Inspection::Invalid(invalid) => {
                    return Ok(Some(format!("differs from the recorded content: {invalid}")));
                }
                Inspection::Valid { sha256, size, .. } => Some((sha256, size)),
            },
            (Self::Bucket(store), false) => store.stored_size(url, sha256).await?.map(|size| (*sha256, size)),
        };
        Ok(match actual {
            None => Some("is missing".to_owned()),
            Some((_, bytes)) if bytes != *size => Some(format!("has {bytes} bytes instead of {size}")),
            Some((actual, _)) if actual != *sha256 => Some("differs from the recorded content".to_owned()),
            Some(_) => None,
        })
    }

    fn location(&self) -> String {
        match self {
            Self::Folder(root) => root.display().to_string(),
            Self::Bucket(store) => format!("the bucket {}", store.bucket()),
        }
    }

    const fn backup(&self) -> &'static str {
        match self {
            Self::Folder(_) => "a backup of the folder",
            Self::Bucket(_) => {
                "a backup of the bucket, or an older version of by-hash/<the name, without its extension>/ if the bucket has \
                 versioning"
            }
        }
    }
}
