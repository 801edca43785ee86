//! The gateway and the app of merchant commands. The precedence: flags, the profile that a flag names, variables, the
//! profile that a variable names.

mod secret;

use std::path::PathBuf;

use anyhow::Result;
use rebuttal_client::{AppId, Client, Scheme};

use crate::enum_arg;
use crate::files;
use crate::gateway_url::GatewayUrl;
use crate::profiles::{self, NamedProfile, Profile, ProfileName};
use crate::settings::{Secret, Sources};
use crate::usage;
use crate::wait_notice;
pub(crate) use secret::{AppSecretSource, SourcedAppSecret};

/// The gateway and the app, from flags, variables or a profile.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway and app")]
pub(crate) struct MerchantAccess {
    /// Profile with the values that are not given here; see `rebuttal profile` [default: the one named default, if no
    /// value is given]
    #[arg(long, env = "REBUTTAL_PROFILE", value_name = "NAME")]
    profile: Option<ProfileName>,

    #[command(flatten)]
    given: ConnectionArgs,
}

/// The same without a profile.
#[derive(Debug, Clone, clap::Args)]
#[command(next_help_heading = "Gateway and app")]
pub(crate) struct ConnectionArgs {
    #[command(flatten)]
    sources: Sources,

    /// Public base URL of the gateway, exactly as the gateway knows it: it is part of every signature
    #[arg(long, env = "REBUTTAL_URL", value_name = "URL")]
    url: Option<GatewayUrl>,

    /// The app's id, 32 hex digits
    #[arg(long, env = "REBUTTAL_APP_ID", value_name = "ID")]
    app_id: Option<AppId>,

    /// The app's secret, 32 hex digits; every user of the machine can see a flag, so prefer the variable
    #[arg(long, env = "REBUTTAL_APP_SECRET", value_name = "SECRET")]
    app_secret: Option<Secret>,

    /// File with the app's secret
    #[arg(long, env = "REBUTTAL_APP_SECRET_FILE", value_name = "FILE")]
    app_secret_file: Option<PathBuf>,

    /// Signature scheme of requests [default: V2_SHA256]
    #[arg(long, env = "REBUTTAL_SCHEME", value_name = "SCHEME", value_parser = enum_arg::parser(&Scheme::ALL, Scheme::as_str))]
    scheme: Option<Scheme>,

    /// PEM file of certificates to trust in addition to the system's: an authority's, or a self-signed one
    #[arg(long, env = "REBUTTAL_TRUST", value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl MerchantAccess {
    /// A client, ready to call.
    pub(crate) fn client(&self) -> Result<Client> {
        self.resolve()?.client()
    }

    /// The given values, and the profile's for missing ones. The secret's file is read only here.
    pub(crate) fn resolve(&self) -> Result<ResolvedConnection> {
        let above = self.given.resolve()?;
        let Some(NamedProfile { name, profile: held, file }) = self.profile()? else { return Ok(above) };
        let secret = held
            .app_secret
            .map(|text| SourcedAppSecret { text, source: AppSecretSource::Profile(name, file) });
        Ok(ResolvedConnection {
            url: above.url.or(held.url),
            app_id: above.app_id.or(held.app_id),
            secret: above.secret.or(secret),
            scheme: above.scheme.or(held.scheme),
            trust: above.trust.or(held.trust),
            trust_name: above.trust_name,
        })
    }

    /// The sources of the values, for hints.
    pub(crate) fn names(&self) -> ConnectionNames {
        let ConnectionArgs { sources, app_secret_file, .. } = &self.given;
        let profile = self.profile().ok().flatten();
        let name = |id: &str, is_held: fn(&Profile) -> bool| match &profile {
            _ if sources.of(id).is_some() => sources.name(id),
            Some(NamedProfile { name, profile, .. }) if is_held(profile) => {
                format!("{id} in the profile {name}")
            }
            _ => format!("--{} or REBUTTAL_{}", id.replace('_', "-"), id.to_uppercase()),
        };
        ConnectionNames {
            url: name("url", |profile| profile.url.is_some()),
            app_id: name("app_id", |profile| profile.app_id.is_some()),
            app_secret: match app_secret_file {
                Some(_) => sources.name("app_secret_file"),
                None => name("app_secret", |profile| profile.app_secret.is_some()),
            },
            scheme: name("scheme", |profile| profile.scheme.is_some()),
            trust: name("trust", |profile| profile.trust.is_some()),
        }
    }

    /// The profile for values that are not given, if there is one.
    fn profile(&self) -> Result<Option<NamedProfile>> {
        let ConnectionArgs { url, app_id, app_secret, app_secret_file, .. } = &self.given;
        match &self.profile {
            Some(name) => profiles::read(name).map(Some),
            // Mixing the default profile with given values would sign for an unintended gateway.
            None if url.is_some()
                || app_id.is_some()
                || app_secret.is_some()
                || app_secret_file.is_some() =>
            {
                Ok(None)
            }
            None => profiles::read_default(),
        }
    }
}

impl ConnectionArgs {
    /// The given values, with the secret read.
    pub(crate) fn resolve(&self) -> Result<ResolvedConnection> {
        let Self { sources, url, app_id, scheme, trust, .. } = self.clone();
        Ok(ResolvedConnection {
            secret: self.secret()?,
            url,
            app_id,
            scheme,
            trust,
            trust_name: sources.name("trust"),
        })
    }

    /// The given secret, trimmed if it is from a file; `None` if none was given.
    fn secret(&self) -> Result<Option<SourcedAppSecret>> {
        let Self { sources, app_secret, app_secret_file, .. } = self;
        let held = |text, source| Ok(Some(SourcedAppSecret { text, source }));
        match (app_secret, app_secret_file) {
            (Some(secret), None) => held(secret.clone(), AppSecretSource::Given(sources.clone())),
            (None, Some(path)) => held(
                files::read_secret(path, &sources.name("app_secret_file"))?,
                AppSecretSource::File(path.clone()),
            ),
            (None, None) => Ok(None),
            (Some(_), Some(_)) => Err(sources.fault(
                "app_secret",
                "the app's secret must be given directly or in a file, not both; leave one of them out",
            )),
        }
    }
}

/// The names of the flags, variables or profile entries that the values come from; of a value that is not set, the flag
/// and the variable that set it.
#[derive(Debug)]
pub(crate) struct ConnectionNames {
    pub(crate) url: String,
    pub(crate) app_id: String,
    pub(crate) app_secret: String,
    pub(crate) scheme: String,
    pub(crate) trust: String,
}

/// The values of a gateway and an app from all sources. A missing one is an error only when it is needed.
#[derive(Debug)]
pub(crate) struct ResolvedConnection {
    pub(crate) url: Option<GatewayUrl>,
    pub(crate) app_id: Option<AppId>,
    pub(crate) secret: Option<SourcedAppSecret>,
    /// The scheme, if one was given.
    pub(crate) scheme: Option<Scheme>,
    trust: Option<PathBuf>,
    /// The flag or variable that gave it.
    trust_name: String,
}

impl ResolvedConnection {
    /// A client, ready to call.
    fn client(&self) -> Result<Client> {
        let (url, app_id, secret) =
            (self.require_url()?, self.require_app_id()?, self.require_app_secret()?.parse()?);
        let mut builder = Client::builder(url.as_str(), app_id, secret).scheme(self.scheme());
        builder =
            builder.on_retry(|retry| wait_notice::print_retry(retry.why, retry.attempts, retry.attempts_max));
        if let Some(path) = &self.trust {
            builder = builder.trust_pem(files::read_certificates(path, &self.trust_name)?);
        }
        Ok(builder.build()?)
    }

    /// The profile with these values. A secret from a file is copied into it.
    pub(crate) fn to_profile(&self, secret: Secret) -> Profile {
        Profile {
            url: self.url.clone(),
            app_id: self.app_id,
            app_secret: Some(secret),
            scheme: self.scheme,
            // The profile is used from other folders, too.
            trust: self.trust.as_ref().map(|path| std::path::absolute(path).unwrap_or_else(|_| path.clone())),
        }
    }

    pub(crate) fn require_url(&self) -> Result<&GatewayUrl> {
        self.url.as_ref().ok_or_else(|| {
            usage::error(
                "no gateway URL: set REBUTTAL_URL, pass --url, or add a profile with `rebuttal profile add`",
            )
        })
    }

    /// The app that signs.
    pub(crate) fn require_app_id(&self) -> Result<AppId> {
        self.app_id.ok_or_else(|| {
            usage::error(
                "no app id: set REBUTTAL_APP_ID, pass --app-id, or add a profile with `rebuttal profile add`",
            )
        })
    }

    pub(crate) fn scheme(&self) -> Scheme {
        self.scheme.unwrap_or(Scheme::V2Sha256)
    }

    pub(crate) fn require_app_secret(&self) -> Result<&SourcedAppSecret> {
        self.secret.as_ref().ok_or_else(|| {
            usage::error(
                "no app secret: set REBUTTAL_APP_SECRET or REBUTTAL_APP_SECRET_FILE, or add a profile with \
                 `rebuttal profile add`",
            )
        })
    }
}
