//! The checks of a merchant's call, in the order of contract §7. A handler can only be written against [`Signed`], so
//! that none can forget one.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use rebuttal_protocol::body::{BODY_MAX_BYTES, Object};
use rebuttal_protocol::dispute::Call;
use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::signature::{Message, verify};
use rebuttal_protocol::{Authorization, Code, UnixMillis};
use rebuttal_store::{AccountChange, Act, NonceUse, Once, Work};

use crate::auth::apps::KnownApp;
use crate::auth::caller::{Caller, Verified, target};
use crate::auth::read_nonces::Burnt;
use crate::body::Arrived;
use crate::error::Refusal;
use crate::front::Authenticated;
use crate::gateway::Gateway;
use crate::sweeper::MEMORY_EVERY;
use crate::{clock, media_types};

/// A call whose sender, freshness, body and fields have been checked. Its nonce has not: a handler either passes
/// [`Self::once`] to [`Gateway::commit`] or calls [`Self::burn_read_nonce`].
pub(crate) struct Signed<T> {
    pub(crate) call: T,
    pub(crate) app: Arc<KnownApp>,
    /// When the last byte of the request was read (contract §6).
    pub(crate) arrived_at: UnixMillis,
    /// Under which address the gateway was called.
    pub(crate) url_index: usize,
    nonce: NonceUse,
}

impl<T> Signed<T> {
    /// The nonce, to be used up in the transaction of the call's outcome.
    pub(crate) fn once(&self) -> Once {
        Once::Nonce(self.nonce.clone())
    }

    /// Uses the nonce of a call that changes nothing.
    pub(crate) fn burn_read_nonce(&self, gateway: &Gateway) -> Result<(), Refusal> {
        let NonceUse { timestamp, app_id, nonce } = &self.nonce;
        match gateway.read_nonces.burn(*app_id, *timestamp, nonce) {
            Burnt::First => Ok(()),
            Burnt::Replayed => Err(Refusal::replayed()),
            Burnt::Forgotten => Err(forgotten()),
            Burnt::Full { until } => Err(too_many_queries(until, gateway.freshness_window)),
        }
    }
}

impl<T: Call> FromRequestParts<Arc<Gateway>> for Signed<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Refusal> {
        // Fails only for a route outside of the signing layer, which every test of the route would show.
        let caller = parts.extensions.get::<Arc<Caller>>().cloned().ok_or_else(|| {
            Refusal::internal(anyhow::anyhow!("a merchant route is not behind the signing layer"))
        })?;
        // Path and method: the router's. A request line that names a host has no target that could be signed.
        if parts.uri.authority().is_some() {
            return Err(Refusal::no_such_path());
        }
        media_types::check(&parts.headers)?;
        let Arrived { body, arrived_at } = caller.body.as_ref().map_err(|_| too_large())?;
        let counted = |refusal| gateway.rates.failure(caller.origin).err().unwrap_or(refusal);
        let header = caller.header.as_ref().map_err(|refusal| counted(refusal.clone()))?;
        let app = caller.app.as_ref().map_err(Refusal::clone)?;
        check_fresh(header, *arrived_at, gateway.freshness_window).map_err(counted)?;
        let verified = check_signature(gateway, &caller, header, app, parts).await?;
        Authenticated::note(&parts.extensions);
        let (app, url_index) = (Arc::clone(&verified.app), verified.url_index);
        if !app.enabled {
            return Err(Refusal::new(Code::AppDisabled, "the app is disabled; ask the gateway's operator"));
        }
        gateway.rates.request(app.app_id)?;
        let call = T::parse(&Object::parse_signed(body).map_err(BadRequest::from)?)?;
        let nonce = NonceUse { timestamp: header.timestamp, app_id: app.app_id, nonce: header.nonce.clone() };
        Ok(Self { call, app, arrived_at: *arrived_at, url_index, nonce })
    }
}

/// The app's part of the memory is full until the oldest of it is forgotten, one look of the sweeper later.
fn too_many_queries(until: UnixMillis, window: Duration) -> Refusal {
    let left = u64::try_from(until.0 - clock::now().0).unwrap_or_default();
    let seconds = (Duration::from_millis(left) + MEMORY_EVERY).as_secs() + 1;
    let minutes = (2 * window).as_secs().div_ceil(60);
    let message = format!(
        "too many queries in the last {minutes} minutes: the gateway remembers each, so that none is answered twice. \
         Nothing was changed; come again in {seconds} seconds, and query less often"
    );
    let cause = anyhow::anyhow!("the app's part of the memory of read nonces is full");
    Refusal::new(Code::Unavailable, message).caused_by(cause).retry_after(seconds)
}

/// The timestamp is fresh by the clock, and yet lies before what is still remembered: the clock was set back, or ran
/// ahead once.
pub(crate) fn forgotten() -> Refusal {
    let message = format!(
        "the timestamp lies before what the gateway still remembers, though the gateway's time is {}; its operator finds \
         the cause in the log",
        clock::now()
    );
    Refusal::new(Code::StaleTimestamp, message)
}

fn too_large() -> Refusal {
    Refusal::new(Code::TooLarge, format!("the body must have at most {BODY_MAX_BYTES} bytes"))
}

/// Invariant: used nonces are kept for two of these windows ([`crate::auth::read_nonces`], [`crate::sweeper`]). A
/// window that is wider here than there would let an old request through whose nonce is forgotten.
fn check_fresh(header: &Authorization, now: UnixMillis, window: Duration) -> Result<(), Refusal> {
    if (now - window..=now + window).contains(&header.timestamp) {
        return Ok(());
    }
    Err(Refusal::stale())
}

/// Finds the secret and the base URL that made the sign; reads the app again before it gives up.
async fn check_signature<'c>(
    gateway: &Gateway,
    caller: &'c Caller,
    header: &Authorization,
    app: &Arc<KnownApp>,
    parts: &Parts,
) -> Result<&'c Verified, Refusal> {
    let mut found = verify_with_any(gateway, caller, header, app, parts);
    if found.is_none()
        && let Some(newer) = gateway.apps.read_again(header.app_id).await?
        && !Arc::ptr_eq(&newer, app)
    {
        found = verify_with_any(gateway, caller, header, &newer, parts);
    }
    let Some(verified) = found else {
        gateway.rates.failure(caller.origin)?;
        return Err(invalid_signature(gateway, app, parts));
    };
    note_first_use(gateway, &verified);
    Ok(caller.verified.get_or_init(|| verified))
}

/// Tells what was expected: nearly always it is the URL or the body's bytes that differ on the two sides.
fn invalid_signature(gateway: &Gateway, app: &KnownApp, parts: &Parts) -> Refusal {
    let target = target(&parts.uri);
    let urls: Vec<_> = gateway.public_urls.iter().map(|base_url| format!("{base_url}{target}")).collect();
    let message = format!(
        "the sign does not match; the gateway expected {} over the URL {} and the body's bytes as they were sent. Check \
         these, and the secret",
        app.scheme,
        urls.join(" or ")
    );
    Refusal::new(Code::InvalidSignature, message)
}

fn verify_with_any(
    gateway: &Gateway,
    caller: &Caller,
    header: &Authorization,
    app: &Arc<KnownApp>,
    parts: &Parts,
) -> Option<Verified> {
    let Arrived { body, arrived_at } = caller.body.as_ref().ok()?;
    // A sign of the other scheme is no sign (contract §2).
    if header.scheme != app.scheme {
        return None;
    }
    gateway.public_urls.iter().enumerate().find_map(|(url_index, base_url)| {
        let message = Message {
            method: parts.method.as_str(),
            base_url: base_url.as_str(),
            target: target(&parts.uri),
            body,
        };
        let secret =
            app.valid_secrets(*arrived_at).find(|secret| verify(header, &secret.secret, &message))?;
        let secret_index = app.secrets.iter().position(|known| known.secret_id == secret.secret_id)?;
        Some(Verified { app: Arc::clone(app), secret_index, url_index })
    })
}

/// Notifications are signed with the newest secret that has verified a request, so the first time is written down; once
/// for each secret, and beside the request, which does not wait for it.
fn note_first_use(gateway: &Gateway, verified: &Verified) {
    let Some(secret) = verified.secret().filter(|secret| secret.is_first_use()) else { return };
    let act = Act::Account(AccountChange::SecretUsed { secret_id: secret.secret_id });
    let work = Work::own(clock::now(), act);
    let store = gateway.store.clone();
    tokio::spawn(async move {
        if let Err(error) = store.commit(work).await {
            tracing::warn!(%error, "the first use of a secret was not written down");
        }
    });
}
