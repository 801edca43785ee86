//! `rebuttal profile add`: stores a profile, if it is complete.

use std::io::IsTerminal as _;

use anyhow::{Result, bail};
use zeroize::Zeroizing;

use super::ChangedProfile;
use crate::access::{AppSecretSource, ConnectionArgs, SourcedAppSecret};
use crate::exit::Exit;
use crate::profiles::{ProfileName, Profiles};
use crate::settings::Secret;
use crate::{prompt, usage};

/// Store a gateway and an app under a name
///
/// Values that are not given as flags are taken from the variables. A secret that is not given is prompted for, or read
/// from standard input without a terminal. The profile named default is used if no other value is given.
#[derive(Debug, clap::Args)]
pub(super) struct Add {
    /// The profile's name: letters, digits, - and _
    #[arg(value_name = "NAME")]
    name: ProfileName,

    /// Replace the profile of this name, if there is one
    #[arg(long)]
    replace: bool,

    /// Print one JSON object on standard output: the outcome, the profile without its secret, and the file
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    given: ConnectionArgs,
}

impl Add {
    pub(super) async fn run(self) -> Result<Exit> {
        let json = self.json;
        super::finish(&self.save().await, json, |saved| {
            format!("{} is stored in {}", saved.name, saved.file.display())
        })
    }

    async fn save(self) -> Result<ChangedProfile> {
        let Self { name, replace, given, .. } = self;
        let mut profiles = Profiles::read()?;
        if profiles.by_name.contains_key(&name) && !replace {
            bail!("there is a profile \"{name}\" already; pass --replace to replace it");
        }
        let missing = |what| usage::error(format!("a profile needs {what}"));
        let mut given = given.resolve()?;
        given.require_url().map_err(|_| missing("the gateway's address: pass --url"))?;
        given.require_app_id().map_err(|_| missing("the app's id: pass --app-id"))?;
        let secret = match given.secret.take() {
            Some(secret) => secret,
            None => SourcedAppSecret { text: prompt_secret().await?, source: AppSecretSource::Prompt },
        };
        secret.parse()?;
        let profile = given.to_profile(secret.text);
        profiles.by_name.insert(name.clone(), profile.clone());
        profiles.write()?;
        Ok(ChangedProfile { name, profile, file: profiles.path })
    }
}

/// Prompts without echo on a terminal; otherwise reads a line of standard input.
async fn prompt_secret() -> Result<Secret> {
    let text = if std::io::stdin().is_terminal() {
        prompt::secret("The app's secret, which is not shown", "stored").await?
    } else {
        let mut line = Zeroizing::new(String::new());
        if std::io::stdin().read_line(&mut line)? == 0 {
            return Err(usage::error(
                "no app secret: standard input is empty; write the secret to it, or set REBUTTAL_APP_SECRET or \
                 REBUTTAL_APP_SECRET_FILE",
            ));
        }
        line
    };
    // Parsing cannot fail.
    Ok(text.trim().parse().unwrap_or_else(|never: std::convert::Infallible| match never {}))
}
