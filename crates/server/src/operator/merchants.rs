//! Merchants and their apps (contract §8), and how they are told.

pub(crate) mod apps;
pub(crate) mod change;
pub(crate) mod change_app;
pub(crate) mod create;
pub(crate) mod create_app;
pub(crate) mod list;
pub(crate) mod rotate;

use jiff::tz::TimeZone;
use rebuttal_protocol::{AppId, AppSecret, Code, MerchantId, Scheme, UnixMillis};
use rebuttal_store::{App, ChangedApp, Done, Merchant, SealedSecret, SecretId};
use serde::Serialize;

use crate::error::Refusal;
use crate::gateway::Gateway;
use crate::operator::request::unexpected;

/// A merchant as operators see it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct MerchantView {
    merchant_id: MerchantId,
    name: String,
    time_zone: String,
}

impl From<Merchant> for MerchantView {
    fn from(Merchant { merchant_id, name, time_zone, .. }: Merchant) -> Self {
        Self { merchant_id, name, time_zone }
    }
}

impl MerchantView {
    /// The merchant that a work was about, as the work left it.
    fn after(done: Done) -> Result<Self, Refusal> {
        match done {
            Done::Merchant(merchant) => Ok(merchant.into()),
            done => Err(unexpected(&done)),
        }
    }
}

/// An app as operators see it; its secret is told only by what made it.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct AppView {
    app_id: AppId,
    #[serde(skip_serializing_if = "Option::is_none")]
    app_secret: Option<String>,
    merchant_id: MerchantId,
    notify_url: Option<String>,
    scheme: Scheme,
    enabled: bool,
    old_secret_expires_time: Option<String>,
}

impl AppView {
    /// The app, without a secret. `overlap_until` is until when the one before the newest verifies, if it does.
    pub(crate) fn of(app: App, overlap_until: Option<UnixMillis>) -> Self {
        let App { app_id, merchant_id, scheme, enabled, notify_url, .. } = app;
        let old_secret_expires_time = overlap_until.map(|at| at.to_rfc3339(&TimeZone::UTC));
        Self { app_id, app_secret: None, merchant_id, notify_url, scheme, enabled, old_secret_expires_time }
    }

    /// The app that a work was about, as the work left it, with the secret that the work made: under a repeated key the
    /// first request's, whether or not it still verifies.
    fn after(gateway: &Gateway, done: Done) -> Result<Self, Refusal> {
        let Done::App(ChangedApp { app, overlap_until }) = done else { return Err(unexpected(&done)) };
        let open = |made: &SealedSecret| gateway.keys.open(app.app_id, made.secret_id, &made.sealed);
        let app_secret = app.secrets.first().map(open).transpose().map_err(Refusal::internal)?;
        Ok(Self { app_secret: app_secret.as_ref().map(spell), ..Self::of(app, overlap_until) })
    }
}

fn spell(secret: &AppSecret) -> String {
    String::from_utf8_lossy(secret.expose_ascii()).into_owned()
}

/// A new secret, its name, and how the database keeps it.
fn make_secret(gateway: &Gateway, app_id: AppId) -> Result<(SecretId, Vec<u8>), Refusal> {
    let (secret_id, secret) = (random()?, zeroize::Zeroizing::new(random()?));
    let sealed =
        gateway.keys.seal(app_id, secret_id, &AppSecret::from_bytes(&secret)).map_err(Refusal::internal)?;
    Ok((secret_id, sealed))
}

fn random() -> Result<[u8; 16], Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes)
        .map_err(|error| Refusal::internal(anyhow::anyhow!("no randomness: {error}")))?;
    Ok(bytes)
}

fn no_merchant() -> Refusal {
    Refusal::new(Code::OperatorNotFound, "there is no such merchant")
}
