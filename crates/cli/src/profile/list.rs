//! `rebuttal profile list`: for people and for scripts.

use anyhow::Result;

use super::{EXIT_CODES, ProfileJson};
use crate::exit::Exit;
use crate::outcome;
use crate::profiles::Profiles;
use crate::terminal::{self, Table};

/// List the profiles, without their secrets
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(super) struct List {
    /// Print a JSON array on standard output
    #[arg(long)]
    json: bool,
}

impl List {
    pub(super) fn run(self) -> Result<Exit> {
        let profiles = Profiles::read()?;
        let profile_list: Vec<_> =
            profiles.by_name.iter().map(|(name, profile)| ProfileJson::of(name, profile)).collect();
        if self.json {
            terminal::print_json(&profile_list)?;
        } else {
            let mut table = Table::new(["profile", "gateway", "app", "scheme"]);
            for ProfileJson { name, url, app_id, scheme, .. } in profile_list {
                let url = url.map(ToString::to_string).unwrap_or_default();
                let app_id = app_id.map(|app_id| app_id.to_string()).unwrap_or_default();
                table.row([name.to_string(), url, app_id, scheme.to_string()]);
            }
            terminal::print_table(&table, &format!("There are no profiles in {}.", profiles.path.display()));
        }
        Ok(match outcome::finish_output(Exit::Done)? {
            Exit::Done => Exit::Done,
            _ => Exit::OutputFailed,
        })
    }
}
