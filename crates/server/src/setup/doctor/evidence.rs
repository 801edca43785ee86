//! The evidence store: that it is there, is this gateway's, and takes what it must.

use std::path::Path;

use rebuttal_evidence::{Error, Fence, FolderStore, S3Store};
use rebuttal_store::Examined;

use super::Finding;
use crate::auth::keys::Keys;
use crate::jobs::{foreign_fence_message, parse_fence};
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::hints;
use crate::setup::start::{is_lost, lost_folder, wrong_location};

const ABOUT: &str = "evidence";

/// The finding, and the bucket if it must bear this gateway's mark.
pub(super) async fn examine(
    config: &Config,
    keys: Option<&Keys>,
    examined: &Examined,
) -> (Finding, Option<S3Store>) {
    let (bucket, public, variables) = match &config.evidence {
        EvidenceLocation::Folder(folder) => return (of_folder(folder, keys, examined), None),
        EvidenceLocation::Bucket { bucket, public, variables } => (bucket, public, variables),
    };
    let mark = keys.map(Keys::evidence_marker).unwrap_or_default();
    let opened = S3Store::open(bucket, public.as_ref(), variables, &mark, examined.has_uploads);
    // A bucket that nothing was uploaded to would be made this gateway's by asking; that is the first start's to do.
    let is_marked = keys.is_some() && examined.has_uploads;
    let marked = opened.as_ref().ok().filter(|_| is_marked).cloned();
    let finding = match strange(examined, &bucket.identity()) {
        Some(finding) => finding,
        None => try_out(opened, is_marked, examined.sweep_fence.as_deref()).await,
    };
    (finding, marked)
}

fn of_folder(folder: &Path, keys: Option<&Keys>, examined: &Examined) -> Finding {
    let shown = folder.display();
    if matches!(FolderStore::has_empty_marker(folder), Ok(true)) {
        return Finding::warning(ABOUT, by_word(folder, examined.has_uploads));
    }
    if !examined.has_uploads {
        let kept = examined.evidence_place.as_deref();
        if is_lost(folder, kept) {
            return Finding::fault(ABOUT, lost_folder(folder));
        }
        match (kept, FolderStore::is_unclaimed(folder)) {
            (Some(kept), Ok(true)) => return Finding::fault(ABOUT, wrong_location(kept, &shown.to_string())),
            (None, Ok(true)) => {
                let what = if folder.exists() { "is nobody's" } else { "is not there" };
                return Finding::warning(ABOUT, format!("{shown} {what} yet; the first start takes it"));
            }
            _ => {}
        }
    }
    let Some(keys) = keys else {
        return Finding::warning(ABOUT, "whose folder it is can only be told with the master key");
    };
    match FolderStore::identity_at(folder, &keys.evidence_marker()) {
        Ok(place) => strange(examined, &place).unwrap_or_else(|| taking(folder)),
        Err(error) => {
            let (bare, told) = (error.to_string(), hints::of_evidence(folder, &error));
            // What only says that the right folder is not there.
            let see = if told == bare {
                ". Mount or restore the folder that holds this gateway's files"
            } else {
                ""
            };
            Finding::fault(ABOUT, format!("{told}{see}"))
        }
    }
}

/// What an empty mark says.
fn by_word(folder: &Path, has_uploads: bool) -> String {
    let missed = match has_uploads {
        true => {
            ". Files that were uploaded and do not lie in it will be missing, contested evidence included"
        }
        false => "",
    };
    format!(
        "the gateway.mark in {} is empty, which says that this gateway is to go on with that folder: the next start takes \
         it{missed}",
        folder.display()
    )
}

fn taking(folder: &Path) -> Finding {
    let shown = folder.display();
    match FolderStore::takes_files(folder) {
        Ok(()) => Finding::well(ABOUT, format!("{shown} is this gateway's and takes files")),
        Err(error) => {
            Finding::fault(ABOUT, format!("no upload can be taken: {}", hints::of_evidence(folder, &error)))
        }
    }
}

/// Another place than the database's files lie in.
fn strange(examined: &Examined, place: &str) -> Option<Finding> {
    let kept = examined.evidence_place.as_deref().filter(|kept| *kept != place)?;
    Some(Finding::fault(ABOUT, wrong_location(kept, place)))
}

/// `fence` is what the database keeps of it.
async fn try_out(opened: Result<S3Store, Error>, is_marked: bool, fence: Option<&str>) -> Finding {
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
        Ok(None) => Finding::well(ABOUT, "the bucket takes a file, gives it back and deletes it"),
        Ok(Some(strange)) => Finding::warning(ABOUT, strange),
        Err(error) => Finding::fault(
            ABOUT,
            format!("{error}; see evidence_url, the AWS_… variables, and what the bucket's policy allows"),
        ),
    }
}
