//! Reads and checks every piece of evidence, and tells all that is wrong at once, before anything is sent.

use anyhow::{Result, bail};
use console::style;
use rebuttal_client::protocol::EvidenceName;
use rebuttal_client::{EvidenceFile, EvidenceType, StorageUri};

use super::evidence::{self, Evidence, Given};
use crate::{files, terminal};

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
    for given in &evidence.0 {
        match piece(given).await {
            Ok(piece) => pieces.push(piece),
            Err(fault) => {
                faults.push(terminal::sanitize(&format!("{} {fault}", evidence::flag(given.evidence_type))));
            }
        }
    }
    match faults.is_empty() {
        true => Ok(pieces),
        false => bail!("nothing was submitted:\n  {}", faults.join("\n  ")),
    }
}

/// Shows every piece on standard error as it will be submitted.
pub(super) fn print(pieces: &[Piece]) {
    for Piece { evidence_type, name, source } in pieces {
        let details = match source {
            Source::File(file) => {
                format!("{}, {}", terminal::sanitize(file.name()), terminal::file_size(file.content().len()))
            }
            Source::Uploaded(address) => address.to_string(),
        };
        let name = terminal::sanitize(name.as_str());
        terminal::eprint_field(
            evidence_type.as_str(),
            &format!("{name} {}", style(format!("({details})")).dim()),
        );
    }
}

async fn piece(given: &Given) -> Result<Piece, String> {
    let Given { evidence_type, source, name } = given;
    let (path, source, own_name) = match source {
        evidence::Source::Uploaded(address) => {
            let key = address.key();
            let own_name = key.rsplit_once('/').map_or("", |(_, name)| name).to_owned();
            (address.to_string(), Source::Uploaded(*address), own_name)
        }
        evidence::Source::Path(path) => {
            let file = files::checked(path).await?;
            let own_name = file.name().to_owned();
            (path.to_string_lossy().into_owned(), Source::File(file), own_name)
        }
    };
    let name = match name {
        Some(name) => name.clone(),
        None => own_name
            .parse()
            .map_err(|error| format!("{path}: its name {own_name:?} {error}; give it another with --name"))?,
    };
    Ok(Piece { evidence_type: *evidence_type, name, source })
}
