//! Files that arguments name: evidence, checked before anything is sent; secrets; trusted certificates. Errors name
//! the argument and the path, and say what to do.

use std::io;
use std::path::Path;

use anyhow::{Context as _, Result, ensure};
use rebuttal_client::{Error, EvidenceFile};
use rebuttal_server::{Workers, read_error_reason};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::settings::Secret;

/// Reads an evidence file with the size, extension and content that the gateway will accept.
pub(crate) async fn read_evidence(file: &Path) -> Result<EvidenceFile, String> {
    let path = &*file.to_string_lossy();
    let display = |error: &dyn std::fmt::Display| {
        // The client's error names the file; the path that was given is the better name.
        let sentence = error.to_string();
        let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let rest = sentence.strip_prefix(path).or_else(|| sentence.strip_prefix(&name));
        match rest.and_then(|rest| rest.strip_prefix(": ")) {
            Some(rest) => format!("{path}: {rest}"),
            None => format!("{path}: {sentence}"),
        }
    };
    if let Some(fault) = invalid_path(path) {
        return Err(fault);
    }
    let file = EvidenceFile::read(file).await.map_err(|error| match &error {
        Error::File { source, .. } => format!("{path}: {}", read_error_reason(file, source)),
        error => display(error),
    })?;
    let inspected = match Workers::of_this_program() {
        Ok(workers) => workers.inspect(file.format(), file.content()).await,
        Err(error) => Err(error),
    };
    inspected
        .map_err(|error| format!("{path}: no process could be started to open it: {error}"))?
        .map_err(|invalid| display(&invalid))?;
    Ok(file)
}

/// What is wrong with a text that is not the path of a local file.
fn invalid_path(path: &str) -> Option<String> {
    match path.split_once("://") {
        _ if path.is_empty() => Some("the name of the file is empty".to_owned()),
        Some(("http" | "https" | "ftp" | "file", _)) => {
            Some(format!("{path}: must be a local file, not a URL; download it first"))
        }
        _ => None,
    }
}

/// Reads the secret in a file that an argument names.
pub(crate) fn read_secret(path: &Path, argument: &str) -> Result<Secret> {
    Secret::read(path).with_context(|| argument.to_owned())
}

/// Reads the certificates in a PEM file that an argument names.
pub(crate) fn read_certificates(path: &Path, argument: &str) -> Result<Vec<u8>> {
    let display = path.display();
    let pem = std::fs::read(path).map_err(|error| read_error_reason(path, &error));
    let pem =
        pem.map_err(|why| anyhow::anyhow!("{argument}: cannot read the certificates in {display}: {why}"))?;
    let certificates = CertificateDer::pem_slice_iter(&pem).filter(Result::is_ok).count();
    ensure!(certificates > 0, "{argument}: {display} contains no certificate");
    Ok(pem)
}

/// The error for a new file that cannot be created, with what to do.
pub(crate) fn create_error(path: &Path, argument: &str, error: &io::Error) -> anyhow::Error {
    use io::ErrorKind::{AlreadyExists, IsADirectory, NotADirectory, NotFound, PermissionDenied};
    let reason = match error.kind() {
        AlreadyExists | IsADirectory if path.is_dir() => "it is a folder; name a new file in it",
        AlreadyExists => "it exists, and existing files are not overwritten; choose another name",
        NotFound => "its folder does not exist; create it first",
        PermissionDenied => "permission denied; choose another folder",
        NotADirectory => "a part of the path is a file, not a folder; check the path",
        _ => return anyhow::anyhow!("{argument}: cannot create {}: {error}", path.display()),
    };
    anyhow::anyhow!("{argument}: cannot create {}: {reason}", path.display())
}
