//! Files and folders of this machine: that they can be read and written to, and by nobody else.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rebuttal_store::{Examined, TokenHash};

use super::Finding;
use crate::clock;
use crate::http::error::causes;
use crate::http::tls::{self, TlsFiles};
use crate::setup::config::Config;
use crate::setup::data_dir::DataPaths;
use crate::setup::first_token::{hash_in, read as token_of};
use crate::setup::hints;

/// Whether anybody but the owner may read a file.
pub(super) fn others_may_read(file: &Path) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & 0o077 != 0)
}

pub(super) fn data_dir(config: &Config) -> Vec<Finding> {
    const ABOUT: &str = "data directory";
    let path = config.data_dir.as_path();
    let shown = path.display();
    if let Some(flaw) = hints::flaw(path).or_else(|| hints::unwritable(path).filter(|_| path.exists())) {
        return vec![Finding::fault(ABOUT, flaw)];
    }
    if !path.exists() {
        return vec![Finding::warning(ABOUT, format!("{shown} is not there yet; the first start makes it"))];
    }
    let mut findings = Vec::new();
    // Root may write anywhere, so only a try tells.
    if let Err(error) = tempfile_in(path) {
        let advice = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "make room",
            _ => "it must belong to the user that the gateway runs as",
        };
        findings.push(Finding::fault(ABOUT, format!("{shown} cannot be written to ({error}); {advice}")));
    }
    let token = DataPaths::of(path).operator_token();
    let unread = token_of(&token).err().filter(|_| config.operator_token.is_none() && token.exists());
    findings.extend(unread.map(|error| Finding::fault(ABOUT, causes(&error))));
    if others_may_read(&token) {
        findings.push(Finding::fault(ABOUT, open_to_others(&token)));
    }
    if others_may_read(path) {
        findings.push(Finding::warning(
            ABOUT,
            format!("others than its owner may look into {shown}; run: chmod 700 {shown}"),
        ));
    }
    if findings.is_empty() {
        findings.push(Finding::well(ABOUT, format!("{shown} is its owner's alone and can be written to")));
    }
    findings
}

/// The hash of the token that a start would see to.
pub(super) fn token(config: &Config) -> Option<TokenHash> {
    let file = DataPaths::of(&config.data_dir).operator_token();
    if config.operator_token.is_some() || !file.exists() { None } else { hash_in(&file) }
}

/// A token in the file that takes the place of another one at the next start.
pub(super) fn foreign_token(config: &Config, examined: &Examined) -> Option<Finding> {
    // A database that nobody has founded yet takes whatever lies there.
    let is_strange = examined.knows_token == Some(false) && examined.key_check.is_some();
    let file = DataPaths::of(&config.data_dir).operator_token();
    is_strange.then(|| {
        Finding::warning(
            "operator token",
            format!(
                "the token in {} is not known to the database: the next start makes it the first operator's, and the one \
                 that is opens nothing any more. Where that is not meant, put that one into the file, or remove the file",
                file.display()
            ),
        )
    })
}

/// What keeps a gateway from opening a SQLite file, or shows it to others. The file is opened as a gateway opens it,
/// and not written to.
pub(super) fn database(file: &Path, config: &Config) -> Vec<Finding> {
    const ABOUT: &str = "database";
    let folder = file.parent().unwrap_or(file);
    if let Some(why) = hints::unwritable(folder) {
        // Of the data directory it is told already.
        let elsewhere = (folder != config.data_dir).then(|| Finding::fault(ABOUT, why));
        return elsewhere.into_iter().collect();
    }
    let beside = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut findings = Vec::new();
    for file in ["", "-wal", "-shm"].map(beside) {
        let shown = file.display();
        match fs::OpenOptions::new().append(true).open(&file) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => findings.push(Finding::fault(
                ABOUT,
                format!(
                    "{shown} cannot be written to ({error}); it must be a file of the user that the gateway runs as"
                ),
            )),
            Ok(_) if others_may_read(&file) => findings.push(Finding::fault(ABOUT, open_to_others(&file))),
            Ok(_) => {}
        }
    }
    findings
}

/// Whether connections can be had with certificate and key. A group may read the key: that is how certificates are
/// handed out to services.
pub(super) fn tls(files: &TlsFiles) -> Finding {
    const ABOUT: &str = "TLS";
    let age = match tls::acceptor(files).and_then(|_| tls::certificate_problem(files, clock::now())) {
        Ok(problem) => problem,
        Err(error) => return Finding::fault(ABOUT, causes(&error)),
    };
    let shown = files.key.display();
    if fs::metadata(&files.key).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
        return Finding::fault(
            ABOUT,
            format!("every user of this machine may read {shown}; run: chmod o-rwx {shown}"),
        );
    }
    match age {
        Some(problem) if problem.is_invalid_now => Finding::fault(ABOUT, problem.message),
        Some(problem) => Finding::warning(ABOUT, problem.message),
        None => Finding::well(ABOUT, "certificate and key can be read and belong together"),
    }
}

fn open_to_others(file: &Path) -> String {
    let file = file.display();
    format!("others than its owner may read {file}; run: chmod 600 {file}")
}

fn tempfile_in(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".doctor-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(file)
}
