//! The master key: that it can be read, and that it opens what the database holds.

use std::collections::BTreeSet;

use anyhow::anyhow;
use rebuttal_store::Examined;

use super::{Finding, files, named_of, skipped};
use crate::auth::keys::Keys;
use crate::http::error::causes;
use crate::setup::config::Config;

const ABOUT: &str = "master key";
/// Apps that are named; the others are counted.
const NAMED_MAX: usize = 20;

/// The finding, and the keys if the master key is the database's.
pub(super) fn examine(
    config: &Config,
    examined: &Examined,
    keys: anyhow::Result<Keys>,
) -> (Finding, anyhow::Result<Keys>) {
    let file = config.master_key();
    let shown = file.display();
    let is_right = |keys: &Keys| examined.key_check.as_ref().is_none_or(|check| check == keys.check_value());
    let finding = match &keys {
        Err(_) if !file.exists() && examined.key_check.is_none() && config.master_key_file.is_none() => {
            Finding::warning(ABOUT, "there is none yet; the first start makes it")
        }
        Err(error) => unreadable(config, error),
        Ok(keys) if !is_right(keys) => Finding::fault(
            ABOUT,
            format!(
                "{shown} is not the key that this database's secrets are sealed with; put that one in its place"
            ),
        ),
        Ok(_) if files::others_may_read(&file) => open_to_others(config),
        Ok(keys) => opens(examined, keys),
    };
    let right = keys.and_then(|keys| match is_right(&keys) {
        true => Ok(keys),
        false => Err(anyhow!("another database's")),
    });
    (finding, right)
}

/// What can be told without the database.
pub(super) fn unmatched(config: &Config, keys: &anyhow::Result<Keys>, why: &str) -> Finding {
    let file = config.master_key();
    match keys {
        Err(error) if file.exists() || config.master_key_file.is_some() => unreadable(config, error),
        Err(_) => skipped(ABOUT, &format!("there is no {}, and {why}", file.display())),
        Ok(_) if files::others_may_read(&file) => open_to_others(config),
        Ok(_) => {
            skipped(ABOUT, &format!("it can be read; whether it is the right one is not known, for {why}"))
        }
    }
}

fn unreadable(config: &Config, error: &anyhow::Error) -> Finding {
    let why = causes(error);
    let told = match config.master_key().exists() {
        true => why,
        false => format!("{why}. The database's secrets cannot be opened without it: restore it"),
    };
    Finding::fault(ABOUT, told)
}

fn open_to_others(config: &Config) -> Finding {
    let file = config.master_key();
    let shown = file.display();
    let told =
        format!("others than its owner may read {shown}, and with it every secret; run: chmod 600 {shown}");
    Finding::fault(ABOUT, told)
}

/// Opens the apps' secrets: a check value tells the key, and nothing of what lies there.
fn opens(examined: &Examined, keys: &Keys) -> Finding {
    let secrets = &examined.sealed;
    let shut: Vec<_> = secrets
        .iter()
        .filter(|secret| keys.decrypt(secret.app_id, secret.secret_id, &secret.sealed).is_err())
        .map(|secret| secret.app_id.to_string())
        .collect();
    if !shut.is_empty() {
        let apps: BTreeSet<_> = shut.iter().cloned().collect();
        let named: Vec<_> = apps.iter().take(NAMED_MAX).cloned().collect();
        let told = format!(
            "it does not open {} of the {} secrets that were tried, of the apps {}: they were altered, or come from \
             another database. Calls with them are refused. Restore the database from a backup, or rotate the secrets of \
             these apps",
            shut.len(),
            secrets.len(),
            named_of(&named, apps.len() as u64)
        );
        return Finding::fault(ABOUT, told);
    }
    let told = match (&examined.key_check, secrets.len()) {
        (None, _) => "it can be read; the database does not tell whether it is its own".to_owned(),
        (Some(_), 0) => "it is the database's; there is no app's secret yet that it could open".to_owned(),
        (Some(_), tried) => {
            format!("it is the database's, and opens the {tried} secrets of apps that were tried")
        }
    };
    Finding::well(ABOUT, told)
}
