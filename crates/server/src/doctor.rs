//! What is wrong with an installation, and what to do about it: everything that a gateway stands on, looked at without
//! serving, beside a gateway that may be serving.

mod evidence;
mod files;
mod histories;
mod listeners;

use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Ailment, Examined, Location, StoreError};
use serde::Serialize;

use crate::auth::keys::{Keys, MasterKey};
use crate::clock;
use crate::config::{Config, EvidencePlace};
use crate::data_dir::Places;
use crate::error::causes;
use crate::sweeper::bound_ahead;

/// How far two clocks may differ: as much as the sweeper leaves between a deadline and its lapse.
const CLOCKS_APART_MAX_MS: i64 = rebuttal_disputes::COMMIT_LIMIT.as_millis() as i64;

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

/// Looks at everything that a gateway with these settings stands on. The histories are all verified if `histories` asks for
/// it, or if they are few; `tell` learns how many are done, and of how many.
pub async fn examine(
    config: &Config,
    histories: bool,
    tell: &mut (dyn FnMut(u64, u64) + Send),
) -> Vec<Finding> {
    let location = config.database_location();
    let mut findings = vec![Finding::well("installation", installation(config, &location))];
    findings.extend(files::data_dir(&config.data_dir));
    findings.extend(listeners::examine(config));
    if let Location::Sqlite(file) = &location {
        findings.extend(files::database(file));
    }
    if let (None, Err(lost)) = (&config.database, Places::of(&config.data_dir).refuse_lost_database()) {
        findings.push(Finding::fault("database", lost.to_string()));
        return findings;
    }
    let examined = match rebuttal_store::examine(&location).await {
        Ok(examined) => examined,
        Err(error @ StoreError::Shared) => {
            findings.push(Finding::fault("database", error.to_string()));
            return findings;
        }
        Err(error) => {
            findings.push(Finding::fault("database", format!("{error}; see that it is there and running")));
            return findings;
        }
    };
    findings.extend(database(&examined));
    let keys = master_key(config, &examined);
    let (keys, finding) = match keys {
        Ok((keys, finding)) => (Some(keys), finding),
        Err(finding) => (None, finding),
    };
    findings.push(finding);
    findings.extend(clocks(&examined, clock::now()));
    if examined.ailments.iter().all(|ailment| matches!(ailment, Ailment::Hazard(_))) {
        findings.push(histories::examine(&location, histories, tell).await);
    }
    findings.push(evidence::examine(config, keys.as_ref(), &examined).await);
    findings.extend(files::room(config));
    findings
}

/// Which one is looked at: a doctor with other settings than the gateway's looks at another.
fn installation(config: &Config, location: &Location) -> String {
    let evidence = match &config.evidence {
        EvidencePlace::Folder(folder) => folder.display().to_string(),
        EvidencePlace::Bucket { bucket, .. } => bucket.place(),
    };
    format!("the database is {}, the evidence lies in {evidence}", location.told())
}

fn database(examined: &Examined) -> Vec<Finding> {
    let finding = |ailment: &Ailment| match ailment.is_fault() {
        true => Finding::fault("database", ailment.to_string()),
        false => Finding::warning("database", ailment.to_string()),
    };
    match examined.ailments.as_slice() {
        [] => vec![Finding::well("database", "it answers, and its schema is known to this binary")],
        ailments => ailments.iter().map(finding).collect(),
    }
}

/// The keys, if the master key is the database's.
fn master_key(config: &Config, examined: &Examined) -> Result<(Keys, Finding), Finding> {
    const ABOUT: &str = "master key";
    let file = config.master_key();
    if !file.exists() && examined.key_check.is_none() && config.master_key_file.is_none() {
        return Err(Finding::warning(ABOUT, "there is none yet; the first start makes it"));
    }
    let key = MasterKey::read(&file).map_err(|error| {
        Finding::fault(
            ABOUT,
            format!("{}. The database's secrets cannot be opened without it: restore it", causes(&error)),
        )
    })?;
    let keys = Keys::derive(&key);
    let shown = file.display();
    if examined.key_check.as_ref().is_some_and(|check| check != keys.check_value()) {
        return Err(Finding::fault(
            ABOUT,
            format!(
                "{shown} is not the key that this database's secrets are sealed with; put that one in its place"
            ),
        ));
    }
    Ok(match files::others_may_read(&file) {
        true => {
            let told = format!(
                "others than its owner may read {shown}, and with it every secret; run: chmod 600 {shown}"
            );
            (keys, Finding::fault(ABOUT, told))
        }
        false => (keys, Finding::well(ABOUT, "it is the one that the database's secrets are sealed with")),
    })
}

/// The clock, by whatever else tells the time: what the database holds of the past, and its server's own clock.
fn clocks(examined: &Examined, now: UnixMillis) -> Vec<Finding> {
    const ABOUT: &str = "clock";
    let mut findings = Vec::new();
    if let Some(told) = examined.nonce_bound.and_then(|bound| bound_ahead(bound, now)) {
        findings.push(Finding::fault(ABOUT, told));
    }
    let utc = |at: UnixMillis| at.to_rfc3339(&jiff::tz::TimeZone::UTC);
    if let Some(newest) = examined.newest_entry_at.filter(|newest| newest.0 > now.0 + CLOCKS_APART_MAX_MS) {
        findings.push(Finding::fault(
            ABOUT,
            format!(
                "it is {} by this machine's clock, and yet a dispute's history has an entry of {}: a clock is wrong, or \
                 was. Deadlines are judged by it; let NTP keep every gateway's clock",
                utc(now),
                utc(newest)
            ),
        ));
    }
    if let Some(theirs) = examined.server_time {
        let apart_ms = now.0 - theirs.0;
        if apart_ms.abs() > CLOCKS_APART_MAX_MS {
            findings.push(Finding::fault(
                ABOUT,
                format!(
                    "it is {} by this machine's clock and {} by the database server's: one of them is wrong. Deadlines \
                     are judged by this machine's; let NTP keep it",
                    utc(now),
                    utc(theirs)
                ),
            ));
        }
    }
    if findings.is_empty() {
        let told = match examined.server_time {
            Some(_) => "it agrees with the database server's, and with what lies in the database",
            None => "nothing in the database is newer; whether NTP keeps it right cannot be seen from here",
        };
        findings.push(Finding::well(ABOUT, told));
    }
    findings
}
