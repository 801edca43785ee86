//! `rebuttal operator dispute evidence`: downloads submitted files whose hash is the recorded one, or prints links to
//! them.

use std::fs::{DirBuilder, OpenOptions};
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result, bail, ensure};
use rebuttal_client::DisputeNo;
use rebuttal_client::protocol::operator::answers::{self, EvidenceLink};
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::files;
use crate::operator::client::OperatorClient;
use crate::operator::output;
use crate::terminal;

#[derive(Debug, clap::Args)]
pub(crate) struct FetchEvidence {
    /// Number of the dispute
    #[arg(value_name = "DISPUTE_NO")]
    dispute_no: DisputeNo,

    /// Ids of the evidence, as in `show`, such as 1-2 [default: all]
    #[arg(value_name = "EVIDENCE_ID", value_parser = evidence_id)]
    evidence_ids: Vec<String>,

    /// Folder that the files are written to, created if missing; only you can read them, and existing files are not
    /// overwritten
    #[arg(long, value_name = "DIR", default_value = ".")]
    directory: PathBuf,

    /// Print links instead of downloading, if the evidence is stored in S3; anyone with a link can download the file
    /// for five minutes
    #[arg(long, conflicts_with = "directory")]
    link: bool,
}

/// A file that was written; also its object in `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct WrittenFile<'a> {
    evidence_id: &'a str,
    #[serde(rename = "type")]
    evidence_type: &'a str,
    name: &'a str,
    sha256: &'a str,
    size: u64,
    file: PathBuf,
}

/// A link in `--json`.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct EvidenceLinkJson<'a> {
    evidence_id: &'a str,
    #[serde(rename = "type")]
    evidence_type: &'a str,
    name: &'a str,
    #[serde(flatten)]
    link: EvidenceLink,
}

fn evidence_id(text: &str) -> Result<String, String> {
    let is_number =
        |list_args: &str| !list_args.is_empty() && list_args.bytes().all(|byte| byte.is_ascii_digit());
    match text.split_once('-').is_some_and(|(submission, piece)| is_number(submission) && is_number(piece)) {
        true => Ok(text.to_owned()),
        false => Err("must be the numbers of a submission and of an item, such as 1-2".to_owned()),
    }
}

impl FetchEvidence {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute_no, evidence_ids, .. } = &self;
        let answer = client.fetch(&format!("/disputes/{dispute_no}")).await?;
        let dispute: answers::OperatorDispute =
            if json { output::parse(&answer) } else { output::parse_sanitized(&answer) }?;
        let mut items: Vec<_> =
            dispute.submissions.iter().flat_map(|submission| &submission.evidence).collect();
        for id in evidence_ids {
            if !items.iter().any(|item| item.evidence_id == *id) {
                let known: Vec<_> = items.iter().map(|item| item.evidence_id.as_str()).collect();
                let known = if known.is_empty() { "none".to_owned() } else { known.join(", ") };
                bail!("{dispute_no} has no evidence {id:?}; it has: {known}");
            }
        }
        items.retain(|item| evidence_ids.is_empty() || evidence_ids.contains(&item.evidence_id));
        if items.is_empty() && !json {
            terminal::println(format!("Nothing was submitted for {dispute_no}."));
        }
        match self.link {
            true => self.print(&items, client, json).await,
            false => self.write(&items, client, json).await,
        }
    }

    async fn write(&self, items: &[&answers::Evidence], client: &OperatorClient, json: bool) -> Result<()> {
        let Self { dispute_no, directory, .. } = self;
        let mut written = Vec::new();
        for item in items {
            let content = client.fetch(&self.path(item)).await?;
            let file = write(directory, dispute_no.as_str(), item, &content)?;
            if !json {
                terminal::println(format!("{}  {}", file.display(), terminal::dim(describe(item))));
            }
            let answers::Evidence { evidence_id, evidence_type, name, sha256, size, .. } = item;
            written.push(WrittenFile { evidence_id, evidence_type, name, sha256, size: *size, file });
        }
        if json {
            terminal::print_json_line(&written)?;
        }
        Ok(())
    }

    async fn print(&self, items: &[&answers::Evidence], client: &OperatorClient, json: bool) -> Result<()> {
        let mut linked = Vec::new();
        for item in items {
            let answer = client.fetch(&format!("{}/link", self.path(item))).await?;
            let link: EvidenceLink =
                if json { output::parse(&answer) } else { output::parse_sanitized(&answer) }?;
            if !json {
                terminal::println(format!("{}  {}", item.evidence_id, terminal::dim(describe(item))));
                // Not wrapped, so that it can be copied.
                terminal::println(format!("  {}", link.url));
                terminal::print_field("until", &terminal::short_time(&link.expires_time));
                terminal::print_field("SHA-256", &link.sha256);
            }
            let answers::Evidence { evidence_id, evidence_type, name, .. } = item;
            linked.push(EvidenceLinkJson { evidence_id, evidence_type, name, link });
        }
        if json {
            terminal::print_json_line(&linked)?;
        }
        Ok(())
    }

    fn path(&self, item: &answers::Evidence) -> String {
        format!("/disputes/{}/evidence/{}", self.dispute_no, item.evidence_id)
    }
}

fn describe(item: &answers::Evidence) -> String {
    format!("{} {}", item.evidence_type, item.name)
}

/// Writes a file under a generated name: a merchant's file name is not used as a path. Evidence contains data of
/// cardholders, so no other user can read it, whatever the umask.
fn write(directory: &Path, dispute_no: &str, item: &answers::Evidence, content: &[u8]) -> Result<PathBuf> {
    let answers::Evidence { evidence_id, sha256, url, .. } = item;
    let digest: String = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect();
    ensure!(
        digest == *sha256,
        "the content of {evidence_id} differs from what was submitted, so it was not written: it was altered in transit or \
         in the evidence store. Download it again; if the result is the same, run `rebuttal doctor` on the gateway's machine"
    );
    let plain = |text: &&str| text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
    let id = Some(evidence_id.as_str()).filter(plain).context(
        "the gateway's answer has an invalid evidenceId; the gateway may be of another version than this program",
    )?;
    let extension = url.rsplit_once('.').map(|(_, extension)| extension).filter(plain).unwrap_or("bin");
    let path = directory.join(format!("{dispute_no}-{id}.{extension}"));
    let made = DirBuilder::new().recursive(true).mode(0o700).create(directory);
    made.map_err(|error| files::create_error(directory, "--directory", &error))?;
    let file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
    let mut file = file.map_err(|error| files::create_error(&path, "--directory", &error))?;
    file.write_all(content).with_context(|| {
        // A partial file must not pass for the whole one.
        let _ = std::fs::remove_file(&path);
        format!("cannot write {}", path.display())
    })?;
    Ok(path)
}
