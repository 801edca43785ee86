//! Reads and checks every piece of evidence, and tells all that is wrong at once, before anything is sent.

use std::collections::HashSet;

use anyhow::{Result, bail};
use console::style;
use rebuttal_client::protocol::EvidenceName;
use rebuttal_client::protocol::dispute::EVIDENCE_MAX;
use rebuttal_client::{EvidenceFile, EvidenceType, StorageUri};

use super::evidence::{Evidence, Given};
use crate::{files, look};

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

/// Shows every piece on standard error as it will be submitted.
pub(super) fn print(pieces: &[Piece]) {
    for Piece { evidence_type, name, source } in pieces {
        let details = match source {
            Source::File(file) => format!("{}, {}", file.name(), look::size(file.content().len())),
            Source::Uploaded(address) => address.to_string(),
        };
        look::fact(evidence_type.as_str(), &format!("{name} {}", style(format!("({details})")).dim()));
    }
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
            let file = files::checked(source).await?;
            let own_name = file.name().to_owned();
            (Source::File(file), own_name)
        }
    };
    let name = name.as_ref().unwrap_or(&own_name);
    let name = name.parse().map_err(|error| format!("{}: its name {name:?} {error}", given.source))?;
    Ok(Piece { evidence_type: *evidence_type, name, source })
}
