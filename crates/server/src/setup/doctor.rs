//! `doctor`: checks everything that a gateway depends on, without serving; another gateway may be serving at the same
//! time.

mod clock;
mod contested;
pub(crate) mod disk;
mod evidence;
pub(crate) mod files;
mod histories;
mod listeners;
mod master_key;
mod scanner;
mod workers;

use rebuttal_evidence::S3Store;
use rebuttal_protocol::{AppId, AppSecret, Scheme};
use rebuttal_store::{Defect, Examined, Location};
use serde::Serialize;

use self::contested::{ContestedFiles, EvidenceFiles};
use crate::auth::apps::DOCTORS_SCHEME;
use crate::auth::keys::{Keys, MasterKey};
use crate::clock::now;
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::data_dir::{DataPaths, is_locked};
use crate::setup::hints;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Severity {
    /// Nothing is wrong.
    Ok,
    /// It works, but will soon fail, or fails for some callers.
    Warning,
    /// It does not work, or data can be lost or read by others.
    Fault,
}

/// The result of one check.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was checked.
    pub check: &'static str,
    /// The severity.
    pub severity: Severity,
    /// The result; for warnings and faults also why it matters and what to do.
    pub message: String,
}

impl Finding {
    /// A check that found nothing wrong.
    pub fn ok(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, severity: Severity::Ok, message: message.into() }
    }

    /// See [`Severity::Warning`].
    pub fn warning(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, severity: Severity::Warning, message: message.into() }
    }

    /// See [`Severity::Fault`].
    pub fn fault(check: &'static str, message: impl Into<String>) -> Self {
        Self { check, severity: Severity::Fault, message: message.into() }
    }
}

/// The findings, and what is needed to check where a public URL leads.
pub struct Examination {
    /// The result of every check.
    pub findings: Vec<Finding>,
    /// The app by which gateways of this installation recognize `doctor`; `None` without the right master key. As long
    /// as the installation has no identity, it is `master_key_app`.
    pub app: Option<DoctorApp>,
    /// The app by which every gateway with this master key recognizes `doctor`, whichever installation it serves.
    pub master_key_app: Option<DoctorApp>,
    /// The evidence bucket, if it must have this gateway's ownership marker.
    pub bucket: Option<S3Store>,
    /// Whether a gateway serves from this data directory, or may serve this database from another one.
    pub is_served: bool,
}

/// The app that `doctor` signs its calls as. A gateway that knows it answers, signed, that it is disabled; to any other
/// gateway it is an unknown app.
#[derive(Debug)]
pub struct DoctorApp {
    /// The app's id.
    pub app_id: AppId,
    /// The app's secret.
    pub secret: AppSecret,
    /// The signature scheme.
    pub scheme: Scheme,
}

impl From<(AppId, AppSecret)> for DoctorApp {
    fn from((app_id, secret): (AppId, AppSecret)) -> Self {
        Self { app_id, secret, scheme: DOCTORS_SCHEME }
    }
}

/// Checks that take long and run only on request.
#[derive(Debug, Clone, Copy, Default)]
pub struct ExamineOptions {
    /// Verify every dispute's history, however many there are, and that its files exist.
    pub histories: bool,
    /// Read every file that a dispute was contested with; includes `histories`.
    pub evidence: bool,
}

/// Checks everything that a gateway with these settings depends on. Histories are verified on request, or if there are
/// few; `on_progress` is called with the number of verified disputes and their total.
pub async fn examine(
    config: &Config,
    options: ExamineOptions,
    on_progress: &mut (dyn FnMut(u64, u64) + Send),
) -> Examination {
    let location = config.database_location();
    let mut findings = vec![Finding::ok("installation", installation(config, &location))];
    findings.extend(files::data_dir(config));
    findings.extend(files::writable_by_all(config));
    findings.extend(listeners::examine(config));
    findings.extend(config.tls.as_ref().map(files::tls));
    findings.push(workers::examine().await);
    let (mut bucket, mut identity) = (None, None);
    let mut keys = MasterKey::read(&config.master_key()).map(|key| Keys::derive(&key));
    match examine_database(config, &location).await {
        Ok((file_findings, examined)) => {
            findings.extend(file_findings);
            findings.extend(database(&examined));
            let unreadable = unreadable(&examined.defects);
            let (finding, matching) = master_key::examine(config, &examined, keys, unreadable);
            keys = matching;
            findings.push(finding);
            findings.extend(files::unknown_token(config, &examined));
            findings.extend(clock::examine(&examined, unreadable, now(), config.freshness_window.duration()));
            let (finding, marked) = evidence::examine(config, keys.as_ref().ok(), &examined).await;
            let files =
                evidence_files(config, marked.as_ref().filter(|_| finding.severity != Severity::Fault));
            let contested = files.map(|files| ContestedFiles::new(files, options.evidence));
            let all = options.histories || options.evidence;
            findings.extend(match unreadable {
                None => histories::examine(&location, all, contested, on_progress).await,
                Some(reason) => vec![skipped("histories", reason)],
            });
            findings.push(finding);
            (bucket, identity) = (marked, examined.identity);
        }
        // The data directory is reported already.
        Err(faults) if faults.is_empty() => {
            let reason = "the data directory cannot be used; master key, clock, histories and evidence were not checked \
                          either";
            findings.push(skipped("database", reason));
        }
        Err(faults) => {
            findings.extend(faults);
            let reason = "the database could not be checked";
            findings.push(master_key::examine_without_database(config, &keys, reason));
            findings.extend(["clock", "histories", "evidence"].map(|check| skipped(check, reason)));
        }
    }
    if let Some(address) = &config.evidence_scanner {
        findings.push(scanner::examine(address).await);
    }
    // Also after a failure of the database: a full disk may be its cause.
    findings.extend(disk::examine(config));
    let apps = keys.ok().map(|keys| {
        let master_key_app = keys.master_key_app().clone();
        let app =
            identity.map_or_else(|| master_key_app.clone(), |identity| keys.installation_app(&identity));
        (app.into(), master_key_app.into())
    });
    let (app, master_key_app) = apps.unzip();
    let is_served = matches!(location, Location::Postgres(_)) || is_locked(&config.data_dir);
    Examination { findings, app, master_key_app, bucket, is_served }
}

/// Where contested files are checked. A bucket that is another one, or does not answer, is not used: every file would
/// be reported as missing.
fn evidence_files(config: &Config, bucket: Option<&S3Store>) -> Option<EvidenceFiles> {
    match &config.evidence {
        EvidenceLocation::Folder(folder) => Some(EvidenceFiles::Folder(folder.clone())),
        EvidenceLocation::Bucket { .. } => bucket.cloned().map(EvidenceFiles::Bucket),
    }
}

/// A number with its noun: `1 secret`, `2 secrets`.
fn counted(number: u64, one: &str, many: &str) -> String {
    format!("{number} {}", if number == 1 { one } else { many })
}

/// The named items, and the number of others.
fn list_of(named: &[String], all: u64) -> String {
    let others = match all - named.len() as u64 {
        0 => String::new(),
        left => format!("; and {left} others"),
    };
    format!("{}{others}", named.join("; "))
}

/// Why checks that read the database's content must be skipped.
fn unreadable(defects: &[Defect]) -> Option<&'static str> {
    let defect = defects.iter().find(|defect| !defect.lets_read())?;
    Some(match defect {
        Defect::Empty => "no gateway has started on this database yet",
        Defect::Behind(_) => "the next start must apply the migrations of this version first",
        _ => "the database's faults must be repaired first",
    })
}

/// The finding for a check that could not run: without it, the check would count as passed.
fn skipped(check: &'static str, reason: &str) -> Finding {
    Finding::warning(check, format!("not checked: {reason}"))
}

/// The database's content, or the faults that prevent reading it.
async fn examine_database(
    config: &Config,
    location: &Location,
) -> Result<(Vec<Finding>, Examined), Vec<Finding>> {
    let mut findings = match location {
        // Already reported by the check of the data directory.
        Location::Sqlite(file) if file.parent().and_then(hints::data_dir_problem).is_some() => {
            return Err(Vec::new());
        }
        Location::Sqlite(file) => files::database(file, config),
        Location::Postgres(_) => Vec::new(),
    };
    if let (None, Err(lost)) = (&config.database, DataPaths::of(&config.data_dir).refuse_lost_database()) {
        findings.push(Finding::fault("database", lost.to_string()));
        return Err(findings);
    }
    match rebuttal_store::examine(location, files::token(config)).await {
        Ok(examined) => return Ok((findings, examined)),
        Err(error) => findings.push(Finding::fault("database", hints::database_error(location, &error))),
    }
    Err(findings)
}

/// Shows which installation is checked, which depends on `doctor`'s settings.
fn installation(config: &Config, location: &Location) -> String {
    let evidence = match &config.evidence {
        EvidenceLocation::Folder(folder) => folder.display().to_string(),
        EvidenceLocation::Bucket { bucket, .. } => bucket.identity(),
    };
    format!("the database is {}, the evidence is in {evidence}", location.redacted())
}

fn database(examined: &Examined) -> Vec<Finding> {
    let finding = |defect: &Defect| match defect.is_fault() {
        true => Finding::fault("database", defect.to_string()),
        false => Finding::warning("database", defect.to_string()),
    };
    match examined.defects.as_slice() {
        [] => vec![Finding::ok("database", "the database answers, and this binary knows its schema")],
        defects => defects.iter().map(finding).collect(),
    }
}
