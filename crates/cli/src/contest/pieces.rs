//! Reads and checks every piece of evidence, and reports all errors together, before anything is sent.

use anyhow::{Result, bail};
use console::style;
use rebuttal_client::protocol::EvidenceName;
use rebuttal_client::{EvidenceFile, EvidenceType, StorageUri};

use super::evidence::{self, EvidenceArg, EvidenceArgs};
use crate::{files, terminal};

/// A valid evidence item.
#[derive(Debug)]
pub(super) struct EvidencePiece {
    pub(super) evidence_type: EvidenceType,
    pub(super) name: EvidenceName,
    pub(super) source: PieceSource,
}

#[derive(Debug)]
pub(super) enum PieceSource {
    File(EvidenceFile),
    Uploaded(StorageUri),
}

/// All items, or the errors of all.
pub(super) async fn read(evidence: &EvidenceArgs) -> Result<Vec<EvidencePiece>> {
    let mut pieces = Vec::with_capacity(evidence.0.len());
    let mut faults = Vec::new();
    for given in &evidence.0 {
        match read_piece(given).await {
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
pub(super) fn print(pieces: &[EvidencePiece]) {
    for EvidencePiece { evidence_type, name, source } in pieces {
        let details = match source {
            PieceSource::File(file) => {
                format!("{}, {}", terminal::sanitize(file.name()), terminal::file_size(file.content().len()))
            }
            PieceSource::Uploaded(address) => address.to_string(),
        };
        let name = terminal::sanitize(name.as_str());
        terminal::eprint_field(
            evidence_type.as_str(),
            &format!("{name} {}", style(format!("({details})")).dim()),
        );
    }
}

async fn read_piece(given: &EvidenceArg) -> Result<EvidencePiece, String> {
    let EvidenceArg { evidence_type, source, name } = given;
    let (path, source, own_name) = match source {
        evidence::EvidenceArgSource::Uploaded(address) => {
            let key = address.key();
            let own_name = key.rsplit_once('/').map_or("", |(_, name)| name).to_owned();
            (address.to_string(), PieceSource::Uploaded(*address), own_name)
        }
        evidence::EvidenceArgSource::Path(path) => {
            let file = files::read_evidence(path).await?;
            let own_name = file.name().to_owned();
            (path.to_string_lossy().into_owned(), PieceSource::File(file), own_name)
        }
    };
    let name = match name {
        Some(name) => name.clone(),
        None => own_name
            .parse()
            .map_err(|error| format!("{path}: its name {own_name:?} {error}; give it another with --name"))?,
    };
    Ok(EvidencePiece { evidence_type: *evidence_type, name, source })
}
