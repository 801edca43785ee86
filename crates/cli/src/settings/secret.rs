//! A secret from the command line or a file.

use std::convert::Infallible;
use std::fmt;
use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Context as _, Result, anyhow, bail};
use rebuttal_server::read_error_reason;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use super::faults::{SettingError, SettingErrors};

/// Longest secret: a database's URL with all of its parameters is shorter.
const FILE_MAX_BYTES: u64 = 16 * 1024;

/// Wiped from memory when dropped; never printed.
#[derive(Clone, PartialEq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(transparent)]
pub(crate) struct Secret(String);

impl Secret {
    /// Reads the one line of a file.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let mut text = Zeroizing::new(String::new());
        let read = File::open(path).and_then(|file| file.take(FILE_MAX_BYTES + 1).read_to_string(&mut text));
        let why = match read {
            Ok(bytes) if bytes as u64 > FILE_MAX_BYTES => "it is too long for a secret".to_owned(),
            Ok(_) => return Ok(Self(text.trim().to_owned())),
            Err(error) => read_error_reason(path, &error),
        };
        bail!("cannot read the secret in {}: {why}", path.display())
    }

    /// The text. The name makes every use visible in review.
    pub(crate) fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for Secret {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Self, Infallible> {
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(..)")
    }
}

/// Parses a secret that is given directly or in a file.
pub(super) fn parse<T>(
    faults: &mut SettingErrors,
    key: &str,
    direct: Option<Secret>,
    file: Option<PathBuf>,
) -> Option<T>
where
    T: FromStr<Err: std::error::Error + Send + Sync + 'static>,
{
    let in_file = format!("{key}_file");
    match (direct, file) {
        (None, None) => None,
        (Some(secret), None) => {
            let parsed = secret.expose().parse().with_context(|| key.to_owned());
            faults.take(&[key], parsed)
        }
        (None, Some(path)) => {
            let read = Secret::read(&path).map_err(|error| {
                anyhow!(
                    "{in_file}: {error}. Create it, readable only by this user, or set {in_file} to its path"
                )
            });
            let parsed = read.and_then(|secret| match secret.expose() {
                "" => bail!("{in_file}: {} is empty; put the secret into it", path.display()),
                text => text.parse().with_context(|| format!("{in_file}: {}", path.display())),
            });
            faults.take(&[&in_file], parsed)
        }
        (Some(_), Some(_)) => {
            let message = format!("{key} and {in_file} must not both be given; leave one of them out");
            faults.add(SettingError::of(&[key, &in_file], message));
            None
        }
    }
}

/// The parameters of a database's URL that may be shown.
const SHOWN: [&str; 8] =
    ["application_name", "connect_timeout", "dbname", "host", "port", "sslmode", "sslrootcert", "user"];

/// A database's URL without its password. An ambiguous URL is hidden as a whole, so that no part of a password is
/// shown.
pub(crate) fn without_password(url: &str) -> String {
    let Some((scheme, rest)) = url.split_once("://").filter(|(scheme, _)| *scheme != "sqlite") else {
        return url.to_owned();
    };
    let (user, address) = match rest.rsplit_once('@') {
        Some((credentials, address)) => match credentials.split_once(':') {
            Some((user, _)) if !user.contains(['/', '?']) => (format!("{user}:…@"), address),
            None if !credentials.contains(['/', '?']) => (format!("{credentials}@"), address),
            _ => return format!("{scheme}://…"),
        },
        None => (String::new(), rest),
    };
    let Some((address, query)) = address.split_once('?') else {
        return format!("{scheme}://{user}{address}");
    };
    let shown = query.split('&').map(|pair| match pair.split_once('=') {
        Some((key, _)) if SHOWN.contains(&key) => pair.to_owned(),
        Some((key, _)) => format!("{key}=…"),
        None => "…".to_owned(),
    });
    format!("{scheme}://{user}{address}?{}", shown.collect::<Vec<_>>().join("&"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn password_in_a_url_is_never_shown() {
        for (url, shown) in [
            ("postgres://h/d?sslmode=require", "postgres://h/d?sslmode=require"),
            ("postgres://u@h:5432/d", "postgres://u@h:5432/d"),
            ("postgres://u:Geheim7@h/d", "postgres://u:…@h/d"),
            ("postgres://u:Ge/h@eim?7@h/d", "postgres://u:…@h/d"),
            ("postgres://h/d?password=Geheim7&user=u", "postgres://h/d?password=…&user=u"),
            ("postgres://h/d?p%61ssword=Geheim7", "postgres://h/d?p%61ssword=…"),
            ("postgres://h/d?password=Ge@heim7", "postgres://…"),
            ("sqlite:/a/b@c:d.db", "sqlite:/a/b@c:d.db"),
            ("sqlite:///a/b.db", "sqlite:///a/b.db"),
        ] {
            assert_eq!(without_password(url), shown);
        }
    }
}
