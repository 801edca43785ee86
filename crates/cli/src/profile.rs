//! `rebuttal profile`: stores gateways, apps and secrets as named profiles. Each subcommand is a module below; what
//! merchant commands read of profiles is here.

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
use crate::outcome::{self, OutcomeJson};
use crate::settings::{Secret, nearest};
use crate::terminal;
use file::Profiles;

/// Longest name of a profile.
const NAME_MAX: usize = 64;
/// The profile that is used where none is given.
const DEFAULT: &str = "default";
/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
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
#[command(after_help = EXIT_CODES)]
pub(crate) struct ProfileCommand {
    #[command(subcommand)]
    subcommand: ProfileSubcommand,
}

#[derive(Debug, clap::Subcommand)]
enum ProfileSubcommand {
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

/// The values of a profile. A missing one must be given otherwise.
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

/// A profile, its name, and the file that contains it.
pub(crate) struct NamedProfile {
    pub(crate) name: ProfileName,
    pub(crate) profile: Profile,
    pub(crate) file: PathBuf,
}

/// Reads the profile of a name.
pub(crate) fn read(name: &ProfileName) -> Result<NamedProfile> {
    let profiles = Profiles::read()?;
    let error = unknown_profile(name, &profiles);
    if let Some(named) = profiles.take(name.clone()) {
        return Ok(named);
    }
    match error.ends_with('?') {
        true => bail!(error),
        false => bail!("{error}; `rebuttal profile add {name}` makes it"),
    }
}

/// The error that there is no profile of a name, with the most similar name.
fn unknown_profile(ProfileName(name): &ProfileName, profiles: &Profiles) -> String {
    let meant = nearest(name, profiles.by_name.keys().map(|ProfileName(name)| name.as_str()));
    let meant = meant.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default();
    format!("there is no profile {name:?} in {}{meant}", profiles.path.display())
}

/// Reads the default profile, if there is one.
pub(crate) fn read_default() -> Result<Option<NamedProfile>> {
    Ok(Profiles::read()?.take(ProfileName(DEFAULT.to_owned())))
}

/// Reads all profiles, to search for the secret of a signature.
pub(crate) fn read_all() -> Result<impl Iterator<Item = (ProfileName, Profile)>> {
    Ok(Profiles::read()?.by_name.into_iter())
}

impl ProfileCommand {
    pub(crate) async fn run(self) -> Result<Exit> {
        match self.subcommand {
            ProfileSubcommand::Add(add) => add.run().await,
            ProfileSubcommand::List(list) => list.run(),
            ProfileSubcommand::Remove(remove) => remove.run(),
        }
    }
}

/// A profile in `--json`, without its secret.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct ProfileJson<'a> {
    name: &'a ProfileName,
    url: Option<&'a Address>,
    app_id: Option<AppId>,
    scheme: Scheme,
    trust: Option<&'a Path>,
}

impl<'a> ProfileJson<'a> {
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

/// A profile that was added or removed, and the file of the profiles.
struct ChangedProfile {
    name: ProfileName,
    profile: Profile,
    file: PathBuf,
}

/// The object that `--json` prints of a change.
#[derive(Serialize)]
struct ProfileChangeJson<'a> {
    #[serde(flatten)]
    outcome: OutcomeJson<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    profile: Option<ProfileJson<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    file: Option<&'a Path>,
}

/// Ends a command that changes the file; `done` describes the change.
fn finish(
    result: &Result<ChangedProfile>,
    json: bool,
    done: impl Fn(&ChangedProfile) -> String,
) -> Result<Exit> {
    let changed = result.as_ref().ok();
    let json = json.then(|| ProfileChangeJson {
        outcome: OutcomeJson::from_result(result),
        profile: changed.map(|ChangedProfile { name, profile, .. }| ProfileJson::of(name, profile)),
        file: changed.map(|changed| changed.file.as_path()),
    });
    outcome::finish(
        result,
        json,
        |changed| {
            terminal::print_wrapped(&format!("{} ", terminal::ok_mark()), &format!("{}.", done(changed)), 2)
        },
        |error| terminal::eprint_error(&terminal::causes(error)),
        |error| {
            let done = changed.map(&done).unwrap_or_default();
            terminal::eprint_error(&format!(
                "{done}, but that could not be written to standard output: {error}"
            ));
        },
    )
}
