//! The files that disputes were contested with, in the evidence folder: that each is there and as long as was recorded. What
//! they hold is not read; that takes as long as a copy of them all.

use std::path::Path;

use rebuttal_evidence::FolderStore;
use rebuttal_store::Story;

use super::{Finding, named_of};

const ABOUT: &str = "evidence files";
/// Files that are named; the others are counted.
const NAMED_MAX: usize = 20;

/// What was found of them so far.
pub(super) struct Contested<'f> {
    folder: &'f Path,
    looked: u64,
    flawed: u64,
    named: Vec<String>,
}

impl<'f> Contested<'f> {
    pub(super) const fn of(folder: &'f Path) -> Self {
        Self { folder, looked: 0, flawed: 0, named: Vec::new() }
    }

    /// Looks for each file of a dispute.
    pub(super) fn look(&mut self, story: &Story) {
        for evidence in story.submissions.iter().flat_map(|submission| &submission.evidence) {
            self.looked += 1;
            let flaw = match FolderStore::size_at(self.folder, &evidence.url) {
                Ok(Some(bytes)) if bytes == evidence.file.size => continue,
                Ok(Some(bytes)) => format!("has {bytes} bytes, and had {}", evidence.file.size),
                Ok(None) => "is missing".to_owned(),
                Err(error) => error.to_string(),
            };
            self.flawed += 1;
            if self.named.len() < NAMED_MAX {
                let dispute_no = &story.record.state.dispute_no;
                self.named.push(format!("{dispute_no}: {} {flaw}", evidence.url.key()));
            }
        }
    }

    /// What to tell of them, if there are any.
    pub(super) fn told(self) -> Option<Finding> {
        let (looked, shown) = (self.looked, self.folder.display());
        if looked == 0 {
            return None;
        }
        if self.flawed == 0 {
            let told = format!(
                "the {looked} that disputes were contested with lie in {shown}, as long as was recorded; what they hold was \
                 not read: docs/operate/backup-and-restore.md has a command that compares it"
            );
            return Some(Finding::well(ABOUT, told));
        }
        let told = format!(
            "of the {looked} that disputes were contested with, {} do not lie in {shown} as they were recorded. {}. \
             Something else than a gateway has deleted or changed them: restore them from a backup of the folder",
            self.flawed,
            named_of(&self.named, self.flawed)
        );
        Some(Finding::fault(ABOUT, told))
    }
}
