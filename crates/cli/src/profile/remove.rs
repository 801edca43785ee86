//! `rebuttal profile remove`: removes a profile with its secret.

use anyhow::{Context as _, Result};

use super::ChangedProfile;
use crate::exit::Exit;
use crate::profiles::{ProfileName, Profiles, unknown_profile};

/// Remove a profile
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// The profile's name
    #[arg(value_name = "NAME")]
    profile: ProfileName,

    /// Print one JSON object on standard output: the outcome, the removed profile without its secret, and the file
    #[arg(long)]
    json: bool,
}

impl Remove {
    pub(super) fn run(self) -> Result<Exit> {
        let json = self.json;
        super::finish(&self.remove(), json, |removed| format!("{} is removed", removed.name))
    }

    fn remove(self) -> Result<ChangedProfile> {
        let mut profiles = Profiles::read()?;
        let name = self.profile;
        let profile = profiles.by_name.remove(&name).with_context(|| unknown_profile(&name, &profiles))?;
        profiles.write()?;
        Ok(ChangedProfile { name, profile, file: profiles.path })
    }
}
