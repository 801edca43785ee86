//! Checks that the evidence store exists, belongs to this gateway, and stores files.

use std::path::Path;

use rebuttal_evidence::{EvidenceError, Fence, FolderStore, S3Store};
use rebuttal_store::Examined;

use super::Finding;
use crate::auth::keys::Keys;
use crate::jobs::{foreign_fence_message, parse_fence};
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::hints;
use crate::setup::start::{is_folder_lost, lost_folder, wrong_location};

const CHECK: &str = "evidence";

/// The finding, and the bucket if it must have this gateway's ownership marker.
pub(super) async fn examine(
    config: &Config,
    keys: Option<&Keys>,
    examined: &Examined,
) -> (Finding, Option<S3Store>) {
    let (bucket, public, variables) = match &config.evidence {
        EvidenceLocation::Folder(folder) => return (examine_folder(folder, keys, examined), None),
        EvidenceLocation::Bucket { bucket, public, variables } => (bucket, public, variables),
    };
    let marker = keys.map(Keys::evidence_marker).unwrap_or_default();
    let opened = S3Store::open(bucket, public.as_ref(), variables, &marker, examined.has_uploads);
    // `answers` would claim an empty bucket for this gateway, which only the first start may do.
    let is_marked = keys.is_some() && examined.has_uploads;
    let marked = opened.as_ref().ok().filter(|_| is_marked).cloned();
    let finding = match other_location(examined, &bucket.identity()) {
        Some(finding) => finding,
        None => examine_bucket(opened, is_marked, examined.sweep_fence.as_deref()).await,
    };
    (finding, marked)
}

fn examine_folder(folder: &Path, keys: Option<&Keys>, examined: &Examined) -> Finding {
    let shown = folder.display();
    if matches!(FolderStore::has_empty_marker(folder), Ok(true)) {
        return Finding::warning(CHECK, empty_marker(folder, examined.has_uploads));
    }
    if !examined.has_uploads {
        let recorded = examined.evidence_location.as_deref();
        if is_folder_lost(folder, recorded) {
            return Finding::fault(CHECK, lost_folder(folder));
        }
        match (recorded, FolderStore::is_unclaimed(folder)) {
            (Some(recorded), Ok(true)) => {
                return Finding::fault(CHECK, wrong_location(recorded, &shown.to_string()));
            }
            (None, Ok(true)) => {
                let what = match folder.exists() {
                    true => "belongs to no gateway yet; the first start stores an ownership marker in it",
                    false => "does not exist yet; the first start creates it",
                };
                return Finding::warning(CHECK, format!("{shown} {what}"));
            }
            _ => {}
        }
    }
    let Some(keys) = keys else {
        return Finding::warning(CHECK, "the folder's owner can be checked only with the master key");
    };
    match FolderStore::identity_at(folder, &keys.evidence_marker()) {
        Ok(location) => other_location(examined, &location).unwrap_or_else(|| examine_writes(folder)),
        Err(error) => {
            let (cause, message) = (error.to_string(), hints::evidence_error(folder, &error));
            let advice = if message == cause {
                ". Mount or restore the folder that holds this gateway's files"
            } else {
                ""
            };
            Finding::fault(CHECK, format!("{message}{advice}"))
        }
    }
}

/// An empty marker is the operator's instruction to use this folder.
fn empty_marker(folder: &Path, has_uploads: bool) -> String {
    let loss = match has_uploads {
        true => ". Uploaded files that are not in it will be missing, contested evidence included",
        false => "",
    };
    format!(
        "the file gateway.mark in {} is empty, which makes this gateway continue with that folder: the next start \
         claims it{loss}",
        folder.display()
    )
}

fn examine_writes(folder: &Path) -> Finding {
    let shown = folder.display();
    match FolderStore::takes_files(folder) {
        Ok(()) => Finding::ok(CHECK, format!("{shown} belongs to this gateway and stores files")),
        Err(error) => Finding::fault(
            CHECK,
            format!("uploads cannot be stored: {}", hints::evidence_error(folder, &error)),
        ),
    }
}

/// A fault if the database records another location for its files.
fn other_location(examined: &Examined, location: &str) -> Option<Finding> {
    let recorded = examined.evidence_location.as_deref().filter(|recorded| *recorded != location)?;
    Some(Finding::fault(CHECK, wrong_location(recorded, location)))
}

/// Stores, reads and deletes a file. `fence` is the fence that the database has recorded.
async fn examine_bucket(
    opened: Result<S3Store, EvidenceError>,
    is_marked: bool,
    fence: Option<&str>,
) -> Finding {
    let tried = async {
        let store = opened?;
        if is_marked {
            store.answers().await?;
        }
        store.try_out().await?;
        let is_ours = Fence::is_ours(parse_fence(fence)?, store.fence().await?);
        anyhow::Ok((!is_ours).then(|| foreign_fence_message(&store.fence_name())))
    };
    match tried.await {
        Ok(None) => Finding::ok(CHECK, "a file was stored in the bucket, read back and deleted"),
        Ok(Some(foreign_fence)) => Finding::warning(CHECK, foreign_fence),
        Err(error) => Finding::fault(
            CHECK,
            format!("{error}; check evidence_url, the AWS_… variables, and the bucket's policy"),
        ),
    }
}
