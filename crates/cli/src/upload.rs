//! `rebuttal upload`: checks files and uploads them, for a later contest.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::pin::pin;

use anyhow::{Result, bail};
use clap::builder::{OsStringValueParser, TypedValueParser as _};
use rebuttal_client::{EvidenceFile, StorageUri};
use serde::Serialize;

use crate::access::MerchantAccess;
use crate::exit::{self, Exit};
use crate::outcome::{self, FailureHints, OutcomeJson};
use crate::wait_notice::with_wait_notice;
use crate::{files, signals, terminal, usage};

/// Most files in one call, as many as in one contest.
const FILES_MAX: usize = rebuttal_client::protocol::dispute::EVIDENCE_MAX;

/// Upload evidence files for a later contest
///
/// Every file is checked before the first byte is sent, as by `rebuttal contest`. The storageUri of each is printed,
/// which `contest` accepts instead of a FILE. A file that no contest refers to is deleted after some days.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP)]
pub(crate) struct UploadArgs {
    /// The files: jpg, jpeg, png, pdf, xls or xlsx, 1 to 2,097,152 bytes
    #[arg(value_name = "FILE", required = true, value_parser = OsStringValueParser::new().map(PathBuf::from))]
    files: Vec<PathBuf>,

    /// Print one JSON object on standard output: the outcome, and the files with their storageUris
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: MerchantAccess,
}

/// A file that is uploaded.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Uploaded<'a> {
    /// Invalid UTF-8 is replaced.
    file: Cow<'a, str>,
    storage_uri: StorageUri,
}

/// The object that `--json` prints. After a failure it lists the files that were uploaded before.
#[derive(Serialize)]
struct UploadJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    files: &'a [Uploaded<'a>],
}

impl UploadArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        if self.files.len() > FILES_MAX {
            return Err(usage::error(format!("one call takes at most {FILES_MAX} files")));
        }
        let mut uploaded = Vec::new();
        let result = self.upload_all(&mut uploaded).await;
        let names = self.access.names();
        let nothing = self.uploaded_so_far(uploaded.len());
        let hints = FailureHints { names: &names, no_effect: &nothing, again: None };
        let failed = |error| OutcomeJson::failed(error, hints.hint(error));
        let json = self.json.then(|| UploadJson {
            outcome: result.as_ref().err().map_or_else(|| OutcomeJson::done(None), failed),
            files: &uploaded,
        });
        outcome::finish(
            &result,
            json,
            // Each file was printed when it was uploaded.
            |()| {},
            |error| hints.print(error),
            |error| {
                terminal::eprint_error(&format!(
                    "the files are uploaded, but their addresses could not be written to standard output: {error}"
                ));
                terminal::eprint_hint("Upload them again; files that no contest names are deleted.");
            },
        )
    }

    /// How many files were uploaded before the error.
    fn uploaded_so_far(&self, uploaded: usize) -> String {
        match uploaded {
            0 => "Nothing was uploaded.".to_owned(),
            count => format!(
                "{count} of {} files {} uploaded before.",
                self.files.len(),
                if count == 1 { "was" } else { "were" }
            ),
        }
    }

    async fn upload_all<'a>(&'a self, uploaded: &mut Vec<Uploaded<'a>>) -> Result<()> {
        let client = self.access.client()?;
        let checked = self.check().await?;
        let mut stop = pin!(signals::stop()?);
        for (file, content) in &checked {
            let storage_uri = tokio::select! {
                storage_uri = with_wait_notice(client.base_url(), client.upload(content)) => storage_uri?,
                () = &mut stop => bail!(
                    "interrupted. {} of {} files {} uploaded before. It is unknown whether the next one was; a file that no \
                     contest names is deleted.",
                    uploaded.len(), self.files.len(), if uploaded.len() == 1 { "was" } else { "were" }
                ),
            };
            if !self.json {
                // Quoted, so that each file has one line, even with line ends in its name.
                terminal::println(format!("{storage_uri}  {}", terminal::dim(terminal::shell_quote(file))));
            }
            uploaded.push(Uploaded { file: file.to_string_lossy(), storage_uri });
        }
        Ok(())
    }

    /// All files, or the errors of all.
    async fn check(&self) -> Result<Vec<(&Path, EvidenceFile)>> {
        let (mut checked, mut faults) = (Vec::new(), Vec::new());
        for file in &self.files {
            match files::read_evidence(file).await {
                Ok(content) => checked.push((file.as_path(), content)),
                // Only the join may add lines.
                Err(fault) => faults.push(terminal::sanitize(&fault)),
            }
        }
        match faults.is_empty() {
            true => Ok(checked),
            false => bail!("nothing was uploaded:\n  {}", faults.join("\n  ")),
        }
    }
}
