//! Checks the permissions of files and folders: the gateway's user may read and write them, and no other user.

use std::fs;
use std::io::ErrorKind;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use rebuttal_store::{Examined, Location, TokenHash};

use super::Finding;
use crate::clock;
use crate::http::error::causes;
use crate::http::tls::{self, TlsFiles};
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::data_dir::DataPaths;
use crate::setup::first_token::{hash_in, read as token_of};
use crate::setup::hints;

/// Permissions of all users but the owner and its group to write.
const WRITABLE_BY_ALL: u32 = 0o002;

/// Whether users other than the owner may access a file.
pub(super) fn others_may_read(file: &Path) -> bool {
    has_mode(file, 0o077)
}

fn has_mode(file: &Path, bits: u32) -> bool {
    fs::metadata(file).is_ok_and(|metadata| metadata.permissions().mode() & bits != 0)
}

/// Folders and the database file that every user of this machine may write to.
pub(crate) fn writable_by_all(config: &Config) -> Vec<Finding> {
    let location = config.database_location();
    let database = match &location {
        Location::Sqlite(file) => Some(file.as_path()),
        Location::Postgres(_) => None,
    };
    let evidence = match &config.evidence {
        EvidenceLocation::Folder(folder) => Some(folder.as_path()),
        EvidenceLocation::Bucket { .. } => None,
    };
    let replaced = "replace the database, master.key and every other file in it";
    let checks = [
        ("data directory", Some(config.data_dir.as_path()), replaced, "700"),
        ("database", database.and_then(Path::parent), "replace the database", "700"),
        ("database", database, "change every dispute in it", "600"),
        ("evidence", evidence, "replace or delete the evidence", "700"),
    ];
    let is_reported = |check: &str, path: &Path| check == "data directory" || path != config.data_dir;
    let finding = |(check, path, can, mode): (&'static str, Option<&Path>, &str, &str)| {
        let path = path.filter(|path| is_reported(check, path) && has_mode(path, WRITABLE_BY_ALL))?;
        let shown = path.display();
        Some(Finding::fault(
            check,
            format!(
                "other users can write to {shown}, and so {can}; run: chmod {mode} {shown}, and verify what is stored: \
                 rebuttal doctor --histories"
            ),
        ))
    };
    checks.into_iter().filter_map(finding).collect()
}

pub(super) fn data_dir(config: &Config) -> Vec<Finding> {
    const CHECK: &str = "data directory";
    let path = config.data_dir.as_path();
    let shown = path.display();
    let problem = hints::data_dir_problem(path);
    if let Some(problem) = problem.or_else(|| hints::unwritable_data_dir(path).filter(|_| path.exists())) {
        return vec![Finding::fault(CHECK, problem)];
    }
    if !path.exists() {
        return vec![Finding::warning(
            CHECK,
            format!("{shown} does not exist yet; the first start creates it"),
        )];
    }
    let mut findings = Vec::new();
    // Root passes every permission check, so only a write shows a read-only or full disk.
    if let Err(error) = create_temporary_file(path) {
        let advice = match error.kind() {
            ErrorKind::StorageFull | ErrorKind::QuotaExceeded => "free space",
            _ => "make it writable for the user that the gateway runs as",
        };
        findings.push(Finding::fault(CHECK, format!("cannot write to {shown} ({error}); {advice}")));
    }
    let token = DataPaths::of(path).operator_token();
    let unread = token_of(&token).err().filter(|_| config.operator_token.is_none() && token.exists());
    findings.extend(unread.map(|error| Finding::fault(CHECK, causes(&error))));
    if others_may_read(&token) {
        findings.push(Finding::fault(CHECK, readable_by_others(&token)));
    }
    if others_may_read(path) && !has_mode(path, WRITABLE_BY_ALL) {
        findings
            .push(Finding::warning(CHECK, format!("other users may read {shown}; run: chmod 700 {shown}")));
    }
    if findings.is_empty() && !others_may_read(path) {
        findings.push(Finding::ok(CHECK, format!("{shown} is private and writable")));
    }
    findings
}

/// The hash of the token that the next start would use, if it is in the file.
pub(super) fn token(config: &Config) -> Option<TokenHash> {
    let file = DataPaths::of(&config.data_dir).operator_token();
    if config.operator_token.is_some() || !file.exists() { None } else { hash_in(&file) }
}

/// A token in the file that would replace the first operator's token at the next start.
pub(super) fn unknown_token(config: &Config, examined: &Examined) -> Option<Finding> {
    // A new database accepts any token.
    let is_unknown = examined.knows_token == Some(false) && examined.key_check.is_some();
    let file = DataPaths::of(&config.data_dir).operator_token();
    is_unknown.then(|| {
        Finding::warning(
            "operator token",
            format!(
                "the database does not know the token in {}: the next start makes it the first operator's token, and \
                 the current one becomes invalid. If that is not intended, write the current one into the file, or remove \
                 the file",
                file.display()
            ),
        )
    })
}

/// What prevents a gateway from opening a SQLite file, or lets other users read it. The file is opened for writing and
/// not written to.
pub(super) fn database(file: &Path, config: &Config) -> Vec<Finding> {
    const CHECK: &str = "database";
    let folder = file.parent().unwrap_or(file);
    if let Some(why) = hints::unwritable_database_folder(folder, &config.data_dir) {
        // For the data directory this is already reported.
        let elsewhere = (folder != config.data_dir).then(|| Finding::fault(CHECK, why));
        return elsewhere.into_iter().collect();
    }
    let with_suffix = |suffix: &str| {
        let mut name = file.as_os_str().to_owned();
        name.push(suffix);
        PathBuf::from(name)
    };
    let mut findings = Vec::new();
    for path in ["", "-wal", "-shm"].map(with_suffix) {
        let shown = path.display();
        match fs::OpenOptions::new().append(true).open(&path) {
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => findings.push(Finding::fault(
                CHECK,
                format!(
                    "cannot write to {shown} ({error}); make it writable for the user that the gateway runs as"
                ),
            )),
            // Reported by `writable_by_all`.
            Ok(_) if path == file && has_mode(file, WRITABLE_BY_ALL) => {}
            Ok(_) if others_may_read(&path) => findings.push(Finding::fault(CHECK, readable_by_others(&path))),
            Ok(_) => {}
        }
    }
    findings
}

/// Checks certificate and key. A group may read the key, because services usually get certificates that way.
pub(super) fn tls(files: &TlsFiles) -> Finding {
    const CHECK: &str = "TLS";
    let problem = match tls::acceptor(files).and_then(|_| tls::certificate_problem(files, clock::now())) {
        Ok(problem) => problem,
        Err(error) => return Finding::fault(CHECK, causes(&error)),
    };
    let shown = files.key.display();
    if fs::metadata(&files.key).is_ok_and(|metadata| metadata.permissions().mode() & 0o004 != 0) {
        return Finding::fault(
            CHECK,
            format!("every user of this machine may read {shown}; run: chmod o-rwx {shown}"),
        );
    }
    match problem {
        Some(problem) if problem.is_invalid_now => Finding::fault(CHECK, problem.message),
        Some(problem) => Finding::warning(CHECK, problem.message),
        None => Finding::ok(CHECK, "certificate and key are readable and match"),
    }
}

fn readable_by_others(file: &Path) -> String {
    let file = file.display();
    format!("other users may read {file}; run: chmod 600 {file}")
}

fn create_temporary_file(folder: &Path) -> std::io::Result<()> {
    let file = folder.join(format!(".doctor-{}", std::process::id()));
    fs::OpenOptions::new().write(true).create_new(true).open(&file)?;
    fs::remove_file(file)
}
