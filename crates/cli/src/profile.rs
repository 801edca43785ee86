//! `rebuttal profile`: stores gateways, apps and secrets as named profiles. Each subcommand is a module below.

mod add;
mod list;
mod remove;

use std::path::{Path, PathBuf};

use anyhow::Result;
use rebuttal_client::{AppId, Scheme};
use serde::Serialize;

use crate::exit::Exit;
use crate::gateway_url::GatewayUrl;
use crate::outcome::{self, OutcomeJson};
use crate::profiles::{Profile, ProfileName};
use crate::terminal;

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  failed; standard error has the reason
  2  usage error
  7  success, but the result could not be written to standard output";

/// Store gateways and apps under names, for --profile
///
/// They are stored in one file with mode 0600: profiles.toml in ~/.config/rebuttal, or where REBUTTAL_PROFILES
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
    url: Option<&'a GatewayUrl>,
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
