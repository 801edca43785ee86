//! Reads and checks every piece of evidence, and tells all that is wrong at once, before anything is sent.

use std::collections::HashSet;
use std::path::Path;

use anyhow::{Result, bail};
use rebuttal_client::protocol::EvidenceName;
use rebuttal_client::protocol::dispute::EVIDENCE_MAX;
use rebuttal_client::{EvidenceFile, EvidenceType, StorageUri};

use super::evidence::{Evidence, Given};

/// A piece that may be submitted.
#[derive(Debug)]
pub(super) struct Piece {
    pub(super) evidence_type: EvidenceType,
    pub(super) name: EvidenceName,
    pub(super) source: Source,
}

#[derive(Debug)]
pub(super) enum Source {
    File(EvidenceFile),
    Uploaded(StorageUri),
}

/// All pieces, or every reason why not.
pub(super) async fn read(evidence: &Evidence) -> Result<Vec<Piece>> {
    let mut pieces = Vec::with_capacity(evidence.0.len());
    let mut faults = Vec::new();
    let mut addresses = HashSet::new();
    for given in &evidence.0 {
        match piece(given).await {
            Ok(Piece { source: Source::Uploaded(address), .. }) if !addresses.insert(address) => {
                faults.push(format!("{}: the same uploaded file is given twice", given.source));
            }
            Ok(piece) => pieces.push(piece),
            Err(fault) => faults.push(fault),
        }
    }
    if evidence.0.len() > EVIDENCE_MAX {
        faults.push(format!("a contest takes at most {EVIDENCE_MAX} pieces of evidence"));
    }
    if faults.is_empty() {
        return Ok(pieces);
    }
    bail!("nothing was submitted:\n  {}", faults.join("\n  "))
}

async fn piece(given: &Given) -> Result<Piece, String> {
    let Given { evidence_type, source, name } = given;
    let (source, own_name) = match source.starts_with("s3://") {
        true => {
            let address: StorageUri = source.parse().map_err(|error| format!("{source}: {error}"))?;
            let key = address.key();
            let own_name = key.rsplit_once('/').map_or("", |(_, name)| name).to_owned();
            (Source::Uploaded(address), own_name)
        }
        false => {
            let file = checked(source).await?;
            let own_name = file.name().to_owned();
            (Source::File(file), own_name)
        }
    };
    let name = name.as_ref().unwrap_or(&own_name);
    let name = name.parse().map_err(|error| format!("{}: its name {name:?} {error}", given.source))?;
    Ok(Piece { evidence_type: *evidence_type, name, source })
}

/// A file whose size, extension and content are what the gateway will demand.
async fn checked(path: &str) -> Result<EvidenceFile, String> {
    let shown = |error: &dyn std::fmt::Display| {
        // The client names the file where it knows it; here the path was given, so it is the better name.
        let sentence = error.to_string();
        let name = Path::new(path).file_name().unwrap_or_default().to_string_lossy().into_owned();
        let bare = sentence.strip_prefix(path).or_else(|| sentence.strip_prefix(&name));
        match bare.and_then(|rest| rest.strip_prefix(": ")) {
            Some(bare) => format!("{path}: {bare}"),
            None => format!("{path}: {sentence}"),
        }
    };
    let file = EvidenceFile::read(path).await.map_err(|error| shown(&error))?;
    rebuttal_evidence::truth::judge(file.format(), file.content()).map_err(|lie| shown(&lie))?;
    Ok(file)
}
