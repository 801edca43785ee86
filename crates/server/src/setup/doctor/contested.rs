//! The files that disputes were contested with: that each is there and as long as was recorded. What they hold is read
//! where that is asked for; it takes as long as a copy of them all.

use std::path::PathBuf;

use rebuttal_evidence::{Error, FolderStore, Inspection, S3Store};
use rebuttal_protocol::StorageUri;
use rebuttal_store::DisputeDetail;
use tokio::task::JoinSet;

use super::{Finding, named_of};

const ABOUT: &str = "evidence files";
/// Files that are named; the others are counted.
const NAMED_MAX: usize = 20;
/// Files that are looked at at once: an S3 answers late and many. Those that are read in whole take turns in the store.
const LOOKS_AT_ONCE: usize = 32;

/// Where they lie.
#[derive(Clone)]
pub(super) enum Files {
    /// In a folder of this machine.
    Folder(PathBuf),
    /// Sealed, in a bucket.
    Bucket(S3Store),
}

/// What was recorded of one.
struct Recorded {
    /// The dispute's number and the file's name, as they are told.
    named: String,
    url: StorageUri,
    sha256: [u8; 32],
    size: u64,
}

/// What was found of them so far.
pub(super) struct Contested {
    files: Files,
    /// Whether they are read.
    reads: bool,
    looks: JoinSet<(String, Result<Option<String>, Error>)>,
    looked: u64,
    flawed: u64,
    named: Vec<String>,
    /// Why no more of them are looked at.
    failed: Option<String>,
}

impl Contested {
    pub(super) fn of(files: Files, reads: bool) -> Self {
        let looks = JoinSet::new();
        Self { files, reads, looks, looked: 0, flawed: 0, named: Vec::new(), failed: None }
    }

    /// Looks for each file of a dispute, beside those of the disputes before.
    pub(super) async fn look(&mut self, detail: &DisputeDetail) {
        for evidence in detail.submissions.iter().flat_map(|submission| &submission.evidence) {
            while self.looks.len() >= LOOKS_AT_ONCE {
                self.take_in().await;
            }
            if self.failed.is_some() {
                return;
            }
            let recorded = Recorded {
                named: format!("{}: {}", detail.record.state.dispute_no, evidence.url.key()),
                url: evidence.url,
                sha256: evidence.file.sha256.0,
                size: evidence.file.size,
            };
            let (files, reads) = (self.files.clone(), self.reads);
            self.looks.spawn(async move {
                let flaw = files.flaw(&recorded, reads).await;
                (recorded.named, flaw)
            });
        }
    }

    /// Takes in what one look has found; whether one was under way.
    async fn take_in(&mut self) -> bool {
        let Some(ended) = self.looks.join_next().await else { return false };
        match ended {
            Ok((_, Ok(None))) => self.looked += 1,
            Ok((named, Ok(Some(flaw)))) => {
                self.looked += 1;
                self.flawed += 1;
                if self.named.len() < NAMED_MAX {
                    self.named.push(format!("{named} {flaw}"));
                }
            }
            Ok((named, Err(error))) => self.failed = Some(format!("{named}: {error}")),
            Err(error) => self.failed = Some(error.to_string()),
        }
        true
    }

    /// What to tell of them, if there are any.
    pub(super) async fn told(mut self) -> Option<Finding> {
        while self.take_in().await {}
        let (looked, place) = (self.looked, self.files.told());
        if let Some(failed) = self.failed {
            let told = format!("after {looked} that disputes were contested with, {place} failed: {failed}");
            return Some(Finding::fault(ABOUT, told));
        }
        if looked == 0 {
            return None;
        }
        if self.flawed == 0 {
            let how = match self.reads {
                true => "and hold what was recorded",
                false => "as long as was recorded; what they hold was not read: --evidence reads them all",
            };
            let told = format!("the {looked} that disputes were contested with lie in {place}, {how}");
            return Some(Finding::well(ABOUT, told));
        }
        self.named.sort();
        let told = format!(
            "of the {looked} that disputes were contested with, {} do not lie in {place} as they were recorded. {}. \
             Something else than a gateway has deleted or changed them: restore them from {}",
            self.flawed,
            named_of(&self.named, self.flawed),
            self.files.rescue()
        );
        Some(Finding::fault(ABOUT, told))
    }
}

impl Files {
    /// What is wrong with one, if anything is.
    async fn flaw(&self, recorded: &Recorded, reads: bool) -> Result<Option<String>, Error> {
        let Recorded { url, sha256, size, .. } = recorded;
        let initialize = match (self, reads) {
            (Self::Folder(root), true) => FolderStore::sha256_at(root, url)?,
            (Self::Folder(root), false) => FolderStore::size_at(root, url)?.map(|size| (*sha256, size)),
            (Self::Bucket(store), true) => match store.inspect_stored(url, sha256).await? {
                Inspection::Absent => None,
                Inspection::Invalid(lie) => {
                    return Ok(Some(format!("is another file than was contested with: {lie}")));
                }
                Inspection::Valid { sha256, size } => Some((sha256, size)),
            },
            (Self::Bucket(store), false) => store.stored_size(url, sha256).await?.map(|size| (*sha256, size)),
        };
        Ok(match initialize {
            None => Some("is missing".to_owned()),
            Some((_, bytes)) if bytes != *size => Some(format!("has {bytes} bytes, and had {size}")),
            Some((initialize, _)) if initialize != *sha256 => {
                Some("holds something else than it did".to_owned())
            }
            Some(_) => None,
        })
    }

    fn told(&self) -> String {
        match self {
            Self::Folder(root) => root.display().to_string(),
            Self::Bucket(store) => format!("the bucket {}, sealed", store.bucket()),
        }
    }

    const fn rescue(&self) -> &'static str {
        match self {
            Self::Folder(_) => "a backup of the folder",
            Self::Bucket(_) => {
                "a backup of the bucket, or an older version of sealed/<the name, without its ending>/ where the bucket keeps \
                 versions"
            }
        }
    }
}
