//! Checks that the master key can be read and decrypts the secrets in the database.

use std::collections::BTreeSet;
use std::path::Path;

use anyhow::anyhow;
use rebuttal_store::{Defect, Examined};

use super::{Finding, files, list_of, skipped};
use crate::auth::keys::Keys;
use crate::http::error::causes;
use crate::setup::config::Config;

const CHECK: &str = "master key";
/// Apps that are named; the others are counted.
const NAMED_MAX: usize = 20;

/// The finding, and the keys if the master key is the database's.
pub(super) fn examine(
    config: &Config,
    examined: &Examined,
    keys: anyhow::Result<Keys>,
    unreadable: Option<&str>,
) -> (Finding, anyhow::Result<Keys>) {
    let is_unknown = examined.key_check.is_none() && !examined.defects.contains(&Defect::Empty);
    if let Some(reason) = unreadable.filter(|_| is_unknown) {
        return (examine_without_database(config, &keys, reason), keys);
    }
    let file = config.master_key();
    let shown = file.display();
    let matches = |keys: &Keys| examined.key_check.as_ref().is_none_or(|check| check == keys.check_value());
    let finding = match &keys {
        Err(_) if is_missing(&file) && examined.key_check.is_none() && config.master_key_file.is_none() => {
            Finding::warning(CHECK, "there is no master key yet; the first start creates it")
        }
        Err(error) => unreadable_file(config, error),
        Ok(keys) if !matches(keys) => Finding::fault(
            CHECK,
            format!("{shown} is not the key that encrypts this database's secrets; replace it with that key"),
        ),
        Ok(_) if files::others_may_read(&file) => readable_by_others(config),
        Ok(keys) => examine_secrets(examined, keys),
    };
    let matching = keys.and_then(|keys| match matches(&keys) {
        true => Ok(keys),
        false => Err(anyhow!("the master key is another database's")),
    });
    (finding, matching)
}

/// The finding where the database could not be read.
pub(super) fn examine_without_database(
    config: &Config,
    keys: &anyhow::Result<Keys>,
    reason: &str,
) -> Finding {
    let file = config.master_key();
    match keys {
        Err(error) if !is_missing(&file) || config.master_key_file.is_some() => {
            unreadable_file(config, error)
        }
        Err(_) => skipped(CHECK, &format!("there is no {}, and {reason}", file.display())),
        Ok(_) if files::others_may_read(&file) => readable_by_others(config),
        Ok(_) => {
            skipped(CHECK, &format!("the file is readable, but may be another database's key: {reason}"))
        }
    }
}

/// Whether a file does not exist, rather than cannot be seen by this user.
fn is_missing(file: &Path) -> bool {
    file.try_exists().is_ok_and(|exists| !exists)
}

fn unreadable_file(config: &Config, error: &anyhow::Error) -> Finding {
    let cause = causes(error);
    let message = match is_missing(&config.master_key()) {
        false => cause,
        true => format!("{cause}. The database's secrets cannot be decrypted without it: restore it"),
    };
    Finding::fault(CHECK, message)
}

fn readable_by_others(config: &Config) -> Finding {
    let file = config.master_key();
    let shown = file.display();
    let message =
        format!("other users may read {shown}, which decrypts every secret; run: chmod 600 {shown}");
    Finding::fault(CHECK, message)
}

/// Decrypts the apps' secrets: the check value proves the key, but not that the secrets are unaltered.
fn examine_secrets(examined: &Examined, keys: &Keys) -> Finding {
    let secrets = &examined.encrypted_secrets;
    let failed: Vec<_> = secrets
        .iter()
        .filter(|secret| keys.decrypt(secret.app_id, secret.secret_id, &secret.ciphertext).is_err())
        .map(|secret| secret.app_id.to_string())
        .collect();
    if !failed.is_empty() {
        let apps: BTreeSet<_> = failed.iter().cloned().collect();
        let named: Vec<_> = apps.iter().take(NAMED_MAX).cloned().collect();
        let message = format!(
            "secrets that the master key does not decrypt: {} of {}, of the apps {}. These were altered, or copied from another \
             database. Calls signed with them are refused. Restore the database from a backup, or rotate the secrets of \
             these apps",
            failed.len(),
            secrets.len(),
            list_of(&named, apps.len() as u64)
        );
        return Finding::fault(CHECK, message);
    }
    let message = match (&examined.key_check, secrets.len()) {
        (None, _) => "the file is readable; the database has no master key yet to compare with".to_owned(),
        (Some(_), 0) => "the master key is this database's; there are no secrets of apps yet".to_owned(),
        (Some(_), checked) => {
            format!("the master key is this database's, and decrypts its app secrets; checked: {checked}")
        }
    };
    Finding::ok(CHECK, message)
}
