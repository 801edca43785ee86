//! `rebuttal profile`: keeps the addresses, apps and secrets that a person works with, each under a name. Every verb is
//! a file below; what merchant commands read of profiles is here.

mod add;
mod file;
mod list;
mod remove;

use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use anyhow::{Result, bail};
use rebuttal_client::{AppId, Scheme};
use serde::{Deserialize, Serialize};

use crate::address::Address;
use crate::exit::Exit;
use crate::outcome::{self, Judged};
use crate::settings::{Secret, nearest};
use crate::terminal;
use file::Profiles;

/// Longest name of a profile.
const NAME_MAX: usize = 64;
/// The profile that counts where nothing is given.
const DEFAULT: &str = "default";
/// The codes, as `--help` tells them.
const EXITS: &str = "\
Exit codes:
  0  done
  1  not done; why is told on standard error
  2  wrong usage
  7  done as with 0, but that could not be written to standard output";

/// Keep gateways and apps under names, for --profile
///
/// They lie in one file that nobody else may read: profiles.toml in ~/.config/rebuttal, or where REBUTTAL_PROFILES
/// says. Secrets are never shown.
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct ProfileCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    Add(Box<add::Add>),
    List(list::List),
    Remove(remove::Remove),
}

/// The name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::try_from(text.to_owned())
    }
}

impl TryFrom<String> for ProfileName {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        match (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text)),
            false => Err(format!("a profile's name must have 1 to {NAME_MAX} letters, digits, - or _")),
        }
    }
}

impl fmt::Display for ProfileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What a profile holds. Each may be missing, and is then given otherwise.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<Address>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scheme: Option<Scheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<PathBuf>,
}

/// A profile, its name, and the file that holds it.
pub(crate) struct Named {
    pub(crate) name: ProfileName,
    pub(crate) profile: Profile,
    pub(crate) file: PathBuf,
}

/// The profile of a name.
pub(crate) fn read(name: &ProfileName) -> Result<Named> {
    let profiles = Profiles::read()?;
    let told = unknown(name, &profiles);
    if let Some(named) = profiles.take(name.clone()) {
        return Ok(named);
    }
    match told.ends_with('?') {
        true => bail!(told),
        false => bail!("{told}; `rebuttal profile add {name}` makes it"),
    }
}

/// That there is no profile of a name, and which one may have been meant.
fn unknown(ProfileName(name): &ProfileName, profiles: &Profiles) -> String {
    let meant = nearest(name, profiles.by_name.keys().map(|ProfileName(name)| name.as_str()));
    let meant = meant.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default();
    format!("there is no profile {name:?} in {}{meant}", profiles.path.display())
}

/// The profile that counts where nothing is given, if there is one.
pub(crate) fn read_default() -> Result<Option<Named>> {
    Ok(Profiles::read()?.take(ProfileName(DEFAULT.to_owned())))
}

/// Every profile, for whoever looks for the secret that made a sign.
pub(crate) fn read_all() -> Result<impl Iterator<Item = (ProfileName, Profile)>> {
    Ok(Profiles::read()?.by_name.into_iter())
}

impl ProfileCommand {
    pub(crate) async fn run(self) -> Result<Exit> {
        match self.verb {
            Verb::Add(add) => add.run().await,
            Verb::List(list) => list.run(),
            Verb::Remove(remove) => remove.run(),
        }
    }
}

/// A profile as `--json` tells it: all of it but the secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Told<'a> {
    name: &'a ProfileName,
    url: Option<&'a Address>,
    app_id: Option<AppId>,
    scheme: Scheme,
    trust: Option<&'a Path>,
}

impl<'a> Told<'a> {
    fn of(name: &'a ProfileName, profile: &'a Profile) -> Self {
        Self {
            name,
            url: profile.url.as_ref(),
            app_id: profile.app_id,
            scheme: profile.scheme.unwrap_or(Scheme::V2Sha256),
            trust: profile.trust.as_deref(),
        }
    }
}

/// A profile that was kept or forgotten, and where the others lie.
struct Changed {
    name: ProfileName,
    profile: Profile,
    file: PathBuf,
}

/// The object that `--json` prints of a change.
#[derive(Serialize)]
struct Json<'a> {
    #[serde(flatten)]
    judged: Judged<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<Told<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
}

/// Ends a command that changes the file; `done` says of a profile what was done with it.
fn tell(result: &Result<Changed>, json: bool, done: impl Fn(&Changed) -> String) -> Result<Exit> {
    let changed = result.as_ref().ok();
    let json = json.then(|| Json {
        judged: Judged::by(result),
        profile: changed.map(|Changed { name, profile, .. }| Told::of(name, profile)),
        file: changed.map(|changed| changed.file.as_path()),
    });
    outcome::tell(
        result,
        json,
        |changed| {
            terminal::print_wrapped(&format!("{} ", terminal::ok_mark()), &format!("{}.", done(changed)), 2)
        },
        |error| terminal::eprint_error(&terminal::causes(error)),
        |lost| {
            let done = changed.map(&done).unwrap_or_default();
            terminal::eprint_error(&format!(
                "{done}, but that could not be written to standard output: {lost}"
            ));
        },
    )
}
