//! `rebuttal profile`: keeps the addresses, apps and secrets that a person works with, each under a name.

mod file;

use std::io::IsTerminal as _;
use std::path::PathBuf;
use std::str::FromStr;

use anyhow::{Context as _, Result, bail};
use rebuttal_client::{AppId, Client, Scheme};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use crate::access::Given;
use crate::ask;
use crate::exit::{self, Exit};
use crate::look::{self, Table};
use crate::outcome;
use crate::settings::{Secret, nearest};
use crate::usage;
use file::Profiles;

/// Longest name of a profile.
const NAME_MAX: usize = 64;
/// The profile that counts where nothing is given.
const DEFAULT: &str = "default";

/// Keep gateways and apps under names, for --profile
///
/// They lie in one file that nobody else may read: profiles.toml in ~/.config/rebuttal, or where REBUTTAL_PROFILES
/// says. Secrets are never shown.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::SAYING)]
pub(crate) struct ProfileCommand {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, clap::Subcommand)]
enum Verb {
    /// Keep a gateway and an app under a name
    ///
    /// What is not given by a flag is taken from the variables. A secret that is not given is asked for, or read from
    /// standard input where that is no terminal. The profile named default counts where nothing else is given.
    Add(Box<Add>),
    /// List the profiles, without their secrets
    List(List),
    /// Forget a profile
    Remove {
        /// Which one
        #[arg(value_name = "NAME")]
        name: ProfileName,
    },
}

#[derive(Debug, clap::Args)]
struct Add {
    /// What to call it: letters, digits, - and _
    #[arg(value_name = "NAME")]
    name: ProfileName,

    /// Replace the profile of this name, if there is one
    #[arg(long)]
    replace: bool,

    #[command(flatten)]
    given: Given,
}

#[derive(Debug, clap::Args)]
struct List {
    /// Print a JSON array on standard output
    #[arg(long)]
    json: bool,
}

/// The name of a profile.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub(crate) struct ProfileName(String);

impl FromStr for ProfileName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-_".contains(&byte);
        match (1..=NAME_MAX).contains(&text.len()) && text.bytes().all(plain) {
            true => Ok(Self(text.to_owned())),
            false => Err(format!("a profile's name must have 1 to {NAME_MAX} letters, digits, - or _")),
        }
    }
}

/// What a profile holds. Each may be missing, and is then given otherwise.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Profile {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) url: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_id: Option<AppId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) app_secret: Option<Secret>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) scheme: Option<Scheme>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) trust: Option<PathBuf>,
}

/// The profile of a name.
pub(crate) fn read(ProfileName(name): &ProfileName) -> Result<Profile> {
    let mut profiles = Profiles::read()?;
    if let Some(profile) = profiles.by_name.remove(name) {
        return Ok(profile);
    }
    let told = unknown(name, &profiles);
    match told.ends_with('?') {
        true => bail!(told),
        false => bail!("{told}; `rebuttal profile add {name}` makes it"),
    }
}

/// That there is no profile of a name, and which one may have been meant.
fn unknown(name: &str, profiles: &Profiles) -> String {
    let meant = nearest(name, profiles.by_name.keys().map(String::as_str));
    let meant = meant.map(|nearest| format!("; did you mean {nearest:?}?")).unwrap_or_default();
    format!("there is no profile {name:?} in {}{meant}", profiles.path.display())
}

/// The profile that counts where nothing is given; empty where there is none.
pub(crate) fn read_default() -> Result<Profile> {
    Ok(Profiles::read()?.by_name.remove(DEFAULT).unwrap_or_default())
}

/// Every profile, for whoever looks for the secret that made a sign.
pub(crate) fn read_all() -> Result<impl Iterator<Item = (String, Profile)>> {
    Ok(Profiles::read()?.by_name.into_iter())
}

impl ProfileCommand {
    pub(crate) async fn run(self) -> Result<Exit> {
        match self.verb {
            Verb::Add(add) => add.run().await?,
            Verb::List(list) => list.run()?,
            Verb::Remove { name: ProfileName(name) } => {
                let mut profiles = Profiles::read()?;
                if profiles.by_name.remove(&name).is_none() {
                    bail!(unknown(&name, &profiles));
                }
                profiles.write()?;
                look::say(format!("{} {name} is forgotten.", look::tick()));
            }
        }
        outcome::said(Exit::Done)
    }
}

impl Add {
    async fn run(self) -> Result<()> {
        let Self { name: ProfileName(name), replace, given } = self;
        let mut profiles = Profiles::read()?;
        if profiles.by_name.contains_key(&name) && !replace {
            bail!("there is a profile {name:?} already; pass --replace to replace it");
        }
        let missing = |what| usage::wrong(format!("a profile needs {what}"));
        let url = given.url().map_err(|_| missing("the gateway's address: pass --url"))?;
        let app_id = given.app_id().ok_or_else(|| missing("the app's id: pass --app-id"))?;
        let secret = match given.given_secret()? {
            Some(secret) => secret,
            None => ask_secret().await?,
        };
        let parsed = secret.expose().parse().context("the app's secret")?;
        // Refuses an address that no client could use.
        Client::new(&url, app_id, parsed)?;
        profiles.by_name.insert(name.clone(), given.to_profile(secret));
        profiles.write()?;
        look::say(format!("{} {name} is kept in {}.", look::tick(), profiles.path.display()));
        Ok(())
    }
}

/// Asked without echo on a terminal; otherwise a line of standard input.
async fn ask_secret() -> Result<Secret> {
    let text = if std::io::stdin().is_terminal() {
        ask::secret("The app's secret, which is not shown", "kept").await?
    } else {
        let mut line = Zeroizing::new(String::new());
        std::io::stdin().read_line(&mut line)?;
        line
    };
    // Parsing cannot fail.
    Ok(text.trim().parse().unwrap_or_else(|never: std::convert::Infallible| match never {}))
}

/// A profile as `--json` lists it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Listed<'a> {
    name: &'a str,
    url: Option<&'a str>,
    app_id: Option<AppId>,
    scheme: Scheme,
}

impl List {
    fn run(self) -> Result<()> {
        let profiles = Profiles::read()?;
        let listed = profiles.by_name.iter().map(|(name, profile)| Listed {
            name,
            url: profile.url.as_deref(),
            app_id: profile.app_id,
            scheme: profile.scheme.unwrap_or(Scheme::V2Sha256),
        });
        let listed: Vec<_> = listed.collect();
        if self.json {
            look::say(serde_json::to_string_pretty(&listed)?);
            return Ok(());
        }
        let mut table = Table::new(["profile", "gateway", "app", "scheme"]);
        for Listed { name, url, app_id, scheme } in listed {
            let app_id = app_id.map(|app_id| app_id.to_string()).unwrap_or_default();
            table.row([name.to_owned(), url.unwrap_or_default().to_owned(), app_id, scheme.to_string()]);
        }
        look::say_table(&table, &format!("There are no profiles in {}.", profiles.path.display()));
        Ok(())
    }
}
