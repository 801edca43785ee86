//! Merchants and their apps (contract §8), and their representation in answers.

pub(crate) mod apps;
pub(crate) mod change;
pub(crate) mod change_app;
pub(crate) mod create;
pub(crate) mod create_app;
pub(crate) mod end_overlap;
pub(crate) mod list;
pub(crate) mod rotate;

use rebuttal_protocol::operator::answers::{self, SecretText};
use rebuttal_protocol::{AppId, AppSecret, Code, UnixMillis};
use rebuttal_store::{AppRecord, ChangedApp, MerchantRecord, Outcome, SecretId};

use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::operator::request::unexpected;

/// A merchant in an answer.
pub(crate) fn merchant_view(merchant: MerchantRecord) -> answers::Merchant {
    let MerchantRecord { merchant_id, name, time_zone, .. } = merchant;
    answers::Merchant { merchant_id, name, time_zone }
}

/// The merchant after a committed request.
fn merchant_after(done: Outcome) -> Result<answers::Merchant, Refusal> {
    match done {
        Outcome::Merchant(merchant) => Ok(merchant_view(merchant)),
        done => Err(unexpected(&done)),
    }
}

/// An app in an answer, without a secret. `overlap_until` is the end of the previous secret's validity, if it is still
/// valid.
pub(crate) fn app_view(app: AppRecord, overlap_until: Option<UnixMillis>) -> answers::App {
    let AppRecord { app_id, merchant_id, scheme, enabled, notify_url, .. } = app;
    answers::App {
        app_id,
        merchant_id,
        notify_url,
        scheme: scheme.to_string(),
        enabled,
        old_secret_expires_time: overlap_until.map(|at| at.to_rfc3339_utc()),
    }
}

/// The app after a committed request.
fn app_after(done: Outcome) -> Result<answers::App, Refusal> {
    let Outcome::App(ChangedApp { app, overlap_until }) = done else { return Err(unexpected(&done)) };
    Ok(app_view(app, overlap_until))
}

/// The app with the secret that a committed request created: for a repeated idempotency key the first request's,
/// whether or not it is still valid.
fn new_app(gateway: &Gateway, done: Outcome) -> Result<answers::NewApp, Refusal> {
    let Outcome::App(ChangedApp { app, overlap_until }) = done else { return Err(unexpected(&done)) };
    let Some(made) = app.secrets.first() else {
        return Err(Refusal::internal(anyhow::anyhow!("app {} has no new secret", app.app_id)));
    };
    let secret =
        gateway.auth.keys.decrypt(app.app_id, made.secret_id, &made.ciphertext).map_err(Refusal::internal)?;
    Ok(answers::NewApp { app: app_view(app, overlap_until), app_secret: secret_text(&secret) })
}

fn secret_text(secret: &AppSecret) -> SecretText {
    String::from_utf8_lossy(secret.expose_ascii()).into_owned().into()
}

/// The id of a new secret, and the encrypted secret for the database.
fn make_secret(gateway: &Gateway, app_id: AppId) -> Result<(SecretId, Vec<u8>), Refusal> {
    let (secret_id, secret) = (random()?, zeroize::Zeroizing::new(random()?));
    let ciphertext = gateway
        .auth
        .keys
        .encrypt(app_id, secret_id, &AppSecret::from_bytes(&secret))
        .map_err(Refusal::internal)?;
    Ok((secret_id, ciphertext))
}

fn random() -> Result<[u8; 16], Refusal> {
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|error| {
        Refusal::internal(anyhow::anyhow!("the system's random number generator failed: {error}"))
    })?;
    Ok(bytes)
}

fn no_merchant() -> Refusal {
    Refusal::new(Code::OperatorNotFound, "there is no such merchant")
}
