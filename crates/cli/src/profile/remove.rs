//! `rebuttal profile remove`: forgets a profile, its secret with it.

use anyhow::{Context as _, Result};

use super::file::Profiles;
use super::{Changed, ProfileName, unknown};
use crate::exit::Exit;

/// Forget a profile
#[derive(Debug, clap::Args)]
pub(super) struct Remove {
    /// Which one
    #[arg(value_name = "NAME")]
    profile: ProfileName,

    /// Print one JSON object on standard output: the outcome, the profile as it was without its secret, and the file
    #[arg(long)]
    json: bool,
}

impl Remove {
    pub(super) fn run(self) -> Result<Exit> {
        let json = self.json;
        super::tell(&self.forget(), json, |forgotten| format!("{} is forgotten", forgotten.name))
    }

    fn forget(self) -> Result<Changed> {
        let mut profiles = Profiles::read()?;
        let name = self.profile;
        let profile = profiles.by_name.remove(&name).with_context(|| unknown(&name, &profiles))?;
        profiles.write()?;
        Ok(Changed { name, profile, file: profiles.path })
    }
}
