//! What is wrong with an installation, and what to do about it: everything that a gateway stands on, looked at without
//! serving, beside a gateway that may be serving.

mod clock;
mod contested;
pub(crate) mod disk;
mod evidence;
mod files;
mod histories;
mod listeners;
mod master_key;

use rebuttal_evidence::S3Store;
use rebuttal_protocol::{AppId, AppSecret, Scheme};
use rebuttal_store::{Defect, Examined, Location};
use serde::Serialize;

use self::contested::{Contested, Files};
use crate::auth::apps::DOCTORS_SCHEME;
use crate::auth::keys::{Keys, MasterKey};
use crate::clock::now;
use crate::setup::config::{Config, EvidenceLocation};
use crate::setup::data_dir::{DataPaths, is_held};
use crate::setup::hints;

/// How something was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// As it should be.
    Well,
    /// It works, and will not for long, or not for everyone.
    Warning,
    /// It does not work, or loses something.
    Fault,
}

/// What was found of one thing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked at.
    pub about: &'static str,
    /// How it was found.
    pub state: State,
    /// What was seen; where something is wrong, also why it matters and what to do.
    pub told: String,
}

impl Finding {
    /// As it should be.
    pub fn well(about: &'static str, told: impl Into<String>) -> Self {
        Self { about, state: State::Well, told: told.into() }
    }

    /// Working, and yet to be looked after.
    pub fn warning(about: &'static str, told: impl Into<String>) -> Self {
        Self { about, state: State::Warning, told: told.into() }
    }

    /// Not working.
    pub fn fault(about: &'static str, told: impl Into<String>) -> Self {
        Self { about, state: State::Fault, told: told.into() }
    }
}

/// What was found, and what a public URL is asked with to find out where it leads.
pub struct Examination {
    /// Everything that was looked at.
    pub findings: Vec<Finding>,
    /// What the gateways of this installation know a doctor by; `None` without the right master key. Before any gateway
    /// has given it an identity, that of its key.
    pub app: Option<DoctorsApp>,
    /// What every gateway with this master key knows a doctor by, whichever installation it serves.
    pub keys_app: Option<DoctorsApp>,
    /// The bucket that the evidence lies in, once it bears this gateway's mark.
    pub bucket: Option<S3Store>,
    /// Whether a gateway may serve this database from another data directory than this one, or does so from this one.
    pub is_served: bool,
}

/// What a doctor calls a gateway as. A gateway that knows it answers that it is disabled, and signs that; to any other
/// it is unknown.
#[derive(Debug)]
pub struct DoctorsApp {
    /// Its id.
    pub app_id: AppId,
    /// Its secret.
    pub secret: AppSecret,
    /// How it signs.
    pub scheme: Scheme,
}

impl From<(AppId, AppSecret)> for DoctorsApp {
    fn from((app_id, secret): (AppId, AppSecret)) -> Self {
        Self { app_id, secret, scheme: DOCTORS_SCHEME }
    }
}

/// What takes long, and is looked at because somebody asks for it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Asked {
    /// Every dispute's history, however many there are, and whether its files are there.
    pub histories: bool,
    /// What every file holds that a dispute was contested with; the histories, too.
    pub evidence: bool,
}

/// Looks at everything that a gateway with these settings stands on. The histories are all verified if that is asked
/// for, or if they are few; `tell` learns how many are done, and of how many.
pub async fn examine(config: &Config, asked: Asked, tell: &mut (dyn FnMut(u64, u64) + Send)) -> Examination {
    let location = config.database_location();
    let mut findings = vec![Finding::well("installation", installation(config, &location))];
    findings.extend(files::data_dir(config));
    findings.extend(listeners::examine(config));
    findings.extend(config.tls.as_ref().map(files::tls));
    let (mut bucket, mut identity) = (None, None);
    let mut keys = MasterKey::read(&config.master_key()).map(|key| Keys::derive(&key));
    match look(config, &location).await {
        Ok((of_files, examined)) => {
            findings.extend(of_files);
            findings.extend(database(&examined));
            let (finding, right) = master_key::examine(config, &examined, keys);
            keys = right;
            findings.push(finding);
            findings.extend(files::foreign_token(config, &examined));
            findings.extend(clock::examine(&examined, now(), config.freshness_window.duration()));
            let (finding, marked) = evidence::examine(config, keys.as_ref().ok(), &examined).await;
            let files = files_of(config, marked.as_ref().filter(|_| finding.state != State::Fault));
            let contested = files.map(|files| Contested::of(files, asked.evidence));
            let all = asked.histories || asked.evidence;
            findings.extend(match examined.defects.iter().all(Defect::lets_read) {
                true => histories::examine(&location, all, contested, tell).await,
                false => vec![skipped("histories", "what is wrong with the database comes first")],
            });
            findings.push(finding);
            (bucket, identity) = (marked, examined.identity);
        }
        Err(faults) => {
            findings.extend(faults);
            let unseen = "the database could not be looked at";
            findings.push(master_key::unmatched(config, &keys, unseen));
            findings.extend(["clock", "histories", "evidence"].map(|about| skipped(about, unseen)));
        }
    }
    // Whatever the database says: a full disk is what it may fail for.
    findings.extend(disk::examine(config));
    let apps = keys.ok().map(|keys| {
        let of_key = keys.keys_doctor().clone();
        let own = identity.map_or_else(|| of_key.clone(), |identity| keys.doctor(&identity));
        (own.into(), of_key.into())
    });
    let (app, keys_app) = apps.unzip();
    let is_served = matches!(location, Location::Postgres(_)) || is_held(&config.data_dir);
    Examination { findings, app, keys_app, bucket, is_served }
}

/// Where contested files are looked for: in a bucket only if it is the right one and answers, or each would be told as
/// missing.
fn files_of(config: &Config, bucket: Option<&S3Store>) -> Option<Files> {
    match &config.evidence {
        EvidenceLocation::Folder(folder) => Some(Files::Folder(folder.clone())),
        EvidenceLocation::Bucket { .. } => bucket.cloned().map(Files::Bucket),
    }
}

/// Those that are named, of so many.
fn named_of(named: &[String], all: u64) -> String {
    let others = match all - named.len() as u64 {
        0 => String::new(),
        left => format!("; and {left} others"),
    };
    format!("{}{others}", named.join("; "))
}

/// What was not looked at, and why: left out in silence it would count as well.
fn skipped(about: &'static str, why: &str) -> Finding {
    Finding::warning(about, format!("not looked at: {why}"))
}

/// What the database holds, or what keeps it from being looked at.
async fn look(config: &Config, location: &Location) -> Result<(Vec<Finding>, Examined), Vec<Finding>> {
    let mut findings = match location {
        // What is told of the folder already.
        Location::Sqlite(file) if file.parent().and_then(hints::flaw).is_some() => return Err(Vec::new()),
        Location::Sqlite(file) => files::database(file, config),
        Location::Postgres(_) => Vec::new(),
    };
    if let (None, Err(lost)) = (&config.database, DataPaths::of(&config.data_dir).refuse_lost_database()) {
        findings.push(Finding::fault("database", lost.to_string()));
        return Err(findings);
    }
    match rebuttal_store::examine(location, files::token(config)).await {
        Ok(examined) => return Ok((findings, examined)),
        Err(error) => findings.push(Finding::fault("database", hints::of_database(location, &error))),
    }
    Err(findings)
}

/// Which one is looked at: a doctor with other settings than the gateway's looks at another.
fn installation(config: &Config, location: &Location) -> String {
    let evidence = match &config.evidence {
        EvidenceLocation::Folder(folder) => folder.display().to_string(),
        EvidenceLocation::Bucket { bucket, .. } => bucket.identity(),
    };
    format!("the database is {}, the evidence lies in {evidence}", location.redacted())
}

fn database(examined: &Examined) -> Vec<Finding> {
    let finding = |defect: &Defect| match defect.is_fault() {
        true => Finding::fault("database", defect.to_string()),
        false => Finding::warning("database", defect.to_string()),
    };
    match examined.defects.as_slice() {
        [] => vec![Finding::well("database", "it answers, and its schema is known to this binary")],
        defects => defects.iter().map(finding).collect(),
    }
}
