//! The evidence store: that it is there, is this gateway's, and takes what it must.

use rebuttal_evidence::{Error, FolderStore, S3Store};
use rebuttal_store::Examined;

use super::Finding;
use crate::auth::keys::Keys;
use crate::config::{Config, EvidencePlace};
use crate::data_dir::Places;

const ABOUT: &str = "evidence";

pub(super) async fn examine(config: &Config, keys: Option<&Keys>, examined: &Examined) -> Finding {
    let folder = match &config.evidence {
        EvidencePlace::DataDir => Places::of(&config.data_dir).evidence(),
        EvidencePlace::Folder(folder) => folder.clone(),
        EvidencePlace::Bucket { bucket, public, variables } => {
            let mark = keys.map(Keys::evidence_mark);
            let has_uploads = examined.has_uploads;
            let opened = S3Store::open(
                bucket,
                public.as_ref(),
                variables,
                mark.as_deref().unwrap_or_default(),
                has_uploads,
            );
            // A bucket that nothing was uploaded to would be made this gateway's by asking; that is the first start's to do.
            return try_out(opened, mark.is_some() && has_uploads).await;
        }
    };
    let shown = folder.display();
    if !folder.exists() && !examined.has_uploads {
        return Finding::warning(ABOUT, format!("{shown} is not there yet; the first start makes it"));
    }
    let Some(keys) = keys else {
        return Finding::warning(ABOUT, "whose folder it is can only be told with the master key");
    };
    match FolderStore::is_marked(&folder, &keys.evidence_mark()) {
        Ok(()) => Finding::well(ABOUT, format!("{shown} is this gateway's")),
        Err(error) => Finding::fault(
            ABOUT,
            format!("{error}. Mount or restore the folder that holds this gateway's files"),
        ),
    }
}

async fn try_out(opened: Result<S3Store, Error>, is_marked: bool) -> Finding {
    let tried = async {
        let store = opened?;
        if is_marked {
            store.answers().await?;
        }
        store.try_out().await
    };
    match tried.await {
        Ok(()) => Finding::well(ABOUT, "the bucket takes a file, gives it back and deletes it"),
        Err(error) => Finding::fault(
            ABOUT,
            format!("{error}; see evidence_url, the AWS_… variables, and what the bucket's policy allows"),
        ),
    }
}
