//! How merchant commands reach a gateway: its address, and the app that signs.

use std::path::PathBuf;

use anyhow::{Context as _, Result, bail, ensure};
use rebuttal_client::{AppId, Client, Scheme};
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;

use crate::settings::Secret;

/// The gateway and the app, from flags or variables.
#[derive(Debug, clap::Args)]
#[command(next_help_heading = "Gateway and app")]
pub(crate) struct Access {
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

    /// How requests are signed: V2_SHA256 or V2_HMAC_SHA256
    #[arg(long, env = "REBUTTAL_SCHEME", default_value_t = Scheme::V2Sha256)]
    scheme: Scheme,

    /// PEM file of certificates to trust beside those of the system: an authority's, or a self-signed one
    #[arg(long, env = "REBUTTAL_TRUST", value_name = "FILE")]
    trust: Option<PathBuf>,
}

impl Access {
    pub(crate) fn client(&self) -> Result<Client> {
        let url = self.url.as_deref().context("REBUTTAL_URL or --url must tell the gateway's address")?;
        let app_id = self.app_id.context("REBUTTAL_APP_ID or --app-id must tell who signs")?;
        let secret = match (&self.app_secret, &self.app_secret_file) {
            (Some(secret), None) => secret.expose().parse().context("the app's secret")?,
            (None, Some(path)) => {
                let secret = Secret::read(path)?;
                secret.expose().parse().with_context(|| format!("the app's secret in {}", path.display()))?
            }
            (None, None) => {
                bail!("REBUTTAL_APP_SECRET or REBUTTAL_APP_SECRET_FILE must hold the app's secret")
            }
            (Some(_), Some(_)) => bail!("the app's secret must be given directly or in a file, not both"),
        };
        let mut builder = Client::builder(url, app_id, secret).scheme(self.scheme);
        if let Some(path) = &self.trust {
            let pem = std::fs::read(path).with_context(|| format!("cannot read {}", path.display()))?;
            let certificates = CertificateDer::pem_slice_iter(&pem).filter(Result::is_ok);
            ensure!(certificates.count() > 0, "{} holds no certificate to trust", path.display());
            builder = builder.trust_pem(pem);
        }
        Ok(builder.build()?)
    }
}
