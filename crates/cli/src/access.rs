//! How merchant commands reach a gateway: its address, and the app that signs. What a flag says wins over the profile
//! that a flag names; that one wins over the variables, and they over the profile that a variable names.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rebuttal_client::protocol::Invalid;
use rebuttal_client::{AppId, AppSecret, Client, Scheme, plumbing};

use crate::files;
use crate::patience;
use crate::profile::{self, Profile, ProfileName};
use crate::settings::{Secret, Sources};
use crate::words;

/// The gateway and the app, from flags, variables or a profile.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway and app")]
pub(crate) struct Access {
    /// Profile that holds what is not given here; `rebuttal profile` keeps them [default: the one named default, where
    /// nothing else is given]
    #[arg(long, env = "REBUTTAL_PROFILE", value_name = "NAME")]
    profile: Option<ProfileName>,

    #[command(flatten)]
    given: Given,
}

/// The same without a profile.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Gateway and app")]
pub(crate) struct Given {
    #[command(flatten)]
    sources: Sources,

    /// Public base URL of the gateway, exactly as the gateway knows it: it is part of every signature
    #[arg(long, env = "REBUTTAL_URL", value_name = "URL")]
    url: Option<String>,

    /// The app's id, 32 hex digits
    #[arg(long, env = "REBUTTAL_APP_ID", value_name = "ID")]
    app_id: Option<AppId>,

    /// The app's secret, 32 hex digits; a flag is seen by every user of the machine, so prefer the variable
    #[arg(long, env = "REBUTTAL_APP_SECRET", value_name = "SECRET")]
    app_secret: Option<Secret>,

    /// File with the app's secret
    #[arg(long, env = "REBUTTAL_APP_SECRET_FILE", value_name = "FILE")]
    app_secret_file: Option<PathBuf>,

    /// How requests are signed [default: V2_SHA256]
    #[arg(long, env = "REBUTTAL_SCHEME", value_name = "SCHEME", value_parser = words::of(&Scheme::ALL, Scheme::as_str))]
    scheme: Option<Scheme>,

    /// PEM file of certificates to trust beside those of the system: an authority's, or a self-signed one
    #[arg(long, env = "REBUTTAL_TRUST", value_name = "FILE")]
    trust: Option<PathBuf>,
}

/// Settings that a profile holds, too. Invariant: the names of [`Given`]'s fields.
pub(crate) const IN_PROFILES: [&str; 6] =
    ["url", "app_id", "app_secret", "app_secret_file", "scheme", "trust"];

impl Access {
    /// A client, ready to call.
    pub(crate) fn client(&self) -> Result<Client> {
        self.resolve()?.client()
    }

    /// What is given, and below it what the profile holds.
    pub(crate) fn resolve(&self) -> Result<Given> {
        let given = self.given.clone();
        let has_secret = given.app_secret.is_some() || given.app_secret_file.is_some();
        let profile = match &self.profile {
            Some(name) => profile::read(name)?,
            // Half a default with half of something else would sign for a gateway that nobody meant.
            None if given.url.is_none() && given.app_id.is_none() && !has_secret => profile::read_default()?,
            None => Profile::default(),
        };
        Ok(Given {
            sources: given.sources,
            url: given.url.or(profile.url),
            app_id: given.app_id.or(profile.app_id),
            app_secret: given.app_secret.or(profile.app_secret.filter(|_| !has_secret)),
            app_secret_file: given.app_secret_file,
            scheme: given.scheme.or(profile.scheme),
            trust: given.trust.or(profile.trust),
        })
    }
}

impl Given {
    /// A client, ready to call.
    pub(crate) fn client(&self) -> Result<Client> {
        let url = self.url()?;
        plumbing::check_address(&url).map_err(|error| self.sources.fault("url", error))?;
        let mut builder = Client::builder(&url, self.signer()?, self.app_secret()?).scheme(self.scheme());
        builder = builder.on_retry(|retry| patience::again(retry.why, retry.attempts, retry.attempts_max));
        if let Some(path) = &self.trust {
            builder = builder.trust_pem(files::trusted(path, &self.sources.name("trust"))?);
        }
        Ok(builder.build()?)
    }

    /// As a profile keeps it. A secret that lies in a file is copied; the file may go.
    pub(crate) fn to_profile(&self, secret: Secret) -> Profile {
        Profile {
            url: self.url.clone(),
            app_id: self.app_id,
            app_secret: Some(secret),
            scheme: self.scheme,
            // The profile is used in other folders, too.
            trust: self.trust.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        }
    }

    pub(crate) fn url(&self) -> Result<String> {
        self.url.clone().context(
            "no gateway's address: set REBUTTAL_URL, pass --url, or keep a profile with `rebuttal profile add`",
        )
    }

    /// The app that signs.
    pub(crate) fn signer(&self) -> Result<AppId> {
        self.app_id.context(
            "no app id: set REBUTTAL_APP_ID, pass --app-id, or keep a profile with `rebuttal profile add`",
        )
    }

    pub(crate) const fn app_id(&self) -> Option<AppId> {
        self.app_id
    }

    /// The scheme, if one was given.
    pub(crate) const fn given_scheme(&self) -> Option<Scheme> {
        self.scheme
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme.unwrap_or(Scheme::V2Sha256)
    }

    /// The secret as it was given, without the white space around it where a file holds it; `None` if none was.
    pub(crate) fn given_secret(&self) -> Result<Option<Secret>> {
        match (&self.app_secret, &self.app_secret_file) {
            (Some(secret), None) => Ok(Some(secret.clone())),
            (None, Some(path)) => files::secret(path, &self.sources.name("app_secret_file")).map(Some),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(self.sources.fault(
                "app_secret",
                "the app's secret must be given directly or in a file, not both; leave one of them out",
            )),
        }
    }

    /// The same where there must be one.
    pub(crate) fn needed_secret(&self) -> Result<Secret> {
        self.given_secret()?.context(
            "no app secret: set REBUTTAL_APP_SECRET or REBUTTAL_APP_SECRET_FILE, or keep a profile with \
             `rebuttal profile add`",
        )
    }

    /// The secret, checked.
    pub(crate) fn app_secret(&self) -> Result<AppSecret> {
        let parsed = self.needed_secret()?.expose().parse();
        parsed.map_err(|error: Invalid| match &self.app_secret_file {
            Some(path) => anyhow::anyhow!("the app's secret in {}: {error}{}", path.display(), self.flaw()),
            None => self.sources.fault("app_secret", format!("the app's secret: {error}{}", self.flaw())),
        })
    }

    /// In what a secret is not of its form, told without any of it.
    fn flaw(&self) -> String {
        let Ok(Some(secret)) = self.given_secret() else { return String::new() };
        let (text, is_hex) =
            (secret.expose(), |text: &str| text.bytes().all(|byte| byte.is_ascii_hexdigit()));
        let what = match text.chars().count() {
            0 => "it is empty".to_owned(),
            _ if text.trim() != text => "white space or a line end is around it".to_owned(),
            _ if text.starts_with(['"', '\'']) => "it is in quotes".to_owned(),
            32 if is_hex(text) => "it is in upper case".to_owned(),
            32 => "not all of it are hex digits".to_owned(),
            1 => "it has 1 character".to_owned(),
            count => format!("it has {count} characters"),
        };
        format!("; {what}")
    }
}
