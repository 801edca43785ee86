//! The checks of a merchant call in the order of contract §7, and whether its answer is settled (contract §2). A
//! handler must take [`SignedRead`] or [`SignedWrite`], so that none can skip a check, and can answer `OK` only with
//! the [`NonceUsed`] that they provide.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::FromRequestParts;
use http::request::Parts;
use rebuttal_protocol::body::Object;
use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::merchant_call::{MerchantRequest, Read, Write};
use rebuttal_protocol::signature::{Message, verify};
use rebuttal_protocol::{Authorization, Code, UnixMillis};
use rebuttal_store::{
    AccountChange, Idempotency, NonceUse, Operation, Outcome, SingleOperation, WriteRequest, WriteResult,
};

use crate::auth::apps::KnownApp;
use crate::auth::replay_cache::{NonceCheck, PURGE_EVERY};
use crate::auth::request_context::{RequestContext, target};
use crate::auth::verified::VerifiedRequest;
use crate::auth::{Auth, HasAuth};
use crate::clock;
use crate::http::base_url::BaseUrl;
use crate::http::body::ReceivedBody;
use crate::http::error::Refusal;
use crate::http::media_types;
use crate::http::service::Authenticated;

/// Proof that the nonce of a request is used up; required to answer `OK`.
#[derive(Debug)]
pub(crate) struct NonceUsed(());

/// A read. Signature, freshness, body and fields have been checked, and its nonce is used up.
pub(crate) struct SignedRead<T> {
    pub(crate) call: T,
    pub(crate) app: Arc<KnownApp>,
    pub(crate) used: NonceUsed,
}

/// A write. Signature, freshness, body and fields have been checked; its nonce is used up in the transaction of its
/// outcome, by [`Self::identity`].
pub(crate) struct SignedWrite<T> {
    pub(crate) call: T,
    pub(crate) app: Arc<KnownApp>,
    /// When the last byte of the request was read (contract §6).
    pub(crate) arrived_at: UnixMillis,
    /// Index of the base URL under which the gateway was called.
    pub(crate) url_index: usize,
    pub(crate) identity: UnusedNonce,
}

/// The unused nonce of a write; committing consumes it.
#[must_use = "a write must be committed with its nonce"]
pub(crate) struct UnusedNonce {
    nonce: NonceUse,
    arrived_at: UnixMillis,
    verified: Arc<VerifiedRequest>,
}

impl UnusedNonce {
    /// Commits an operation together with the nonce; a rejection by the rules becomes a [`Refusal`].
    pub(crate) async fn commit(
        self,
        auth: &Auth,
        operation: Operation,
    ) -> Result<(Outcome, NonceUsed), Refusal> {
        let (answer, used) = self.decide(auth, operation).await?;
        Ok((answer?, used))
    }

    /// Like [`commit`](Self::commit), but returns a rejection by the rules, for which the nonce is used up, separately
    /// from the failures that prevented a decision.
    pub(crate) async fn decide(
        self,
        auth: &Auth,
        operation: Operation,
    ) -> Result<(WriteResult, NonceUsed), Refusal> {
        let Self { nonce, arrived_at, verified } = self;
        let request =
            WriteRequest { arrived_at, idempotency: Idempotency::Nonce(nonce), token: None, operation };
        let answer = auth.decide(request).await?;
        verified.settle();
        Ok((answer, NonceUsed(())))
    }
}

impl<S: HasAuth, T: MerchantRequest<Effect = Read>> FromRequestParts<S> for SignedRead<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        let auth = state.auth();
        let SignedWrite { call, app, identity, .. } = check(auth, parts).await?;
        let UnusedNonce { nonce: NonceUse { timestamp, app_id, nonce }, verified, .. } = identity;
        match auth.replay_cache.check_and_insert(app.merchant_id, app_id, timestamp, &nonce) {
            NonceCheck::First => {}
            NonceCheck::Replayed => {
                verified.settle();
                return Err(Refusal::replayed());
            }
            NonceCheck::Purged => return Err(timestamp_purged()),
            NonceCheck::Full { until } => return Err(too_many_queries(until, auth.freshness_window)),
        }
        verified.settle();
        Ok(Self { call, app, used: NonceUsed(()) })
    }
}

impl<S: HasAuth, T: MerchantRequest<Effect = Write>> FromRequestParts<S> for SignedWrite<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Refusal> {
        check(state.auth(), parts).await
    }
}

/// The checks of every call, up to its nonce.
async fn check<T: MerchantRequest>(auth: &Auth, parts: &Parts) -> Result<SignedWrite<T>, Refusal> {
    let context = context(auth, parts)?;
    let ReceivedBody { body, arrived_at } = context.body.as_ref().map_err(|_| Refusal::body_too_large())?;
    let (header, verified) = authenticate(auth, &context, parts).await?;
    // The media type headers are not signed, so refusing them settles nothing.
    media_types::check(&parts.headers)?;
    let fields = Object::parse_signed(body).map_err(BadRequest::from).and_then(|body| T::parse(&body));
    // A refusal that follows from the signed bytes alone is final.
    let call = fields.inspect_err(|_| verified.settle())?;
    let (app, url_index) = (Arc::clone(&verified.app), verified.url_index);
    let nonce = NonceUse { timestamp: header.timestamp, app_id: app.app_id, nonce: header.nonce.clone() };
    let identity = UnusedNonce { nonce, arrived_at: *arrived_at, verified: Arc::clone(verified) };
    Ok(SignedWrite { call, app, arrived_at: *arrived_at, url_index, identity })
}

/// A request to an unknown path, or with a method that the path does not take. It is always refused; if the signature
/// is valid, and the signed URL has no other path under another base URL, the refusal is settled.
pub(crate) struct Unrouted;

impl<S: HasAuth> FromRequestParts<S> for Unrouted {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Infallible> {
        let auth = state.auth();
        if let Ok(context) = context(auth, parts)
            && let Ok((_, verified)) = authenticate(auth, &context, parts).await
            && has_one_path(auth, verified, target(&parts.uri))
        {
            verified.settle();
        }
        Ok(Self)
    }
}

/// Whether the signed URL begins with exactly one base URL. Both `http://h/a` and `http://h` are prefixes of
/// `http://h/a/pg/…`: a copy without `/a` in its target would carry the same signature to another path.
fn has_one_path(auth: &Auth, verified: &VerifiedRequest, target: &str) -> bool {
    let url = [auth.public_url(verified.url_index), target].concat();
    let begins = |base_url: &&BaseUrl| {
        url.strip_prefix(base_url.as_str()).is_some_and(|target| target.starts_with('/'))
    };
    auth.public_urls.iter().filter(begins).count() == 1
}

/// Fails for a route outside the authentication layer, which every test of the route would show, and for a request
/// target in absolute form without the origin of a base URL. With such an origin, its path and query count (contract
/// §2).
fn context(auth: &Auth, parts: &Parts) -> Result<Arc<RequestContext>, Refusal> {
    let context =
        parts.extensions.get::<Arc<RequestContext>>().cloned().ok_or_else(|| {
            Refusal::internal(anyhow::anyhow!("a merchant route has no authentication layer"))
        })?;
    let is_ours = || auth.public_urls.iter().any(|base_url| base_url.is_at_origin_of(&parts.uri));
    if parts.uri.authority().is_some() && !is_ours() {
        let message = format!(
            "the origin of the request target is not that of a public base URL of this gateway; send the request to {}",
            joined(auth, "")
        );
        return Err(Refusal::new(Code::PathNotFound, message));
    }
    Ok(context)
}

/// Authenticates the request: the checks from its header to its app's rate.
async fn authenticate<'c>(
    auth: &Auth,
    context: &'c RequestContext,
    parts: &Parts,
) -> Result<(&'c Authorization, &'c Arc<VerifiedRequest>), Refusal> {
    let ReceivedBody { arrived_at, .. } = context.body.as_ref().map_err(|_| Refusal::body_too_large())?;
    let counted = |refusal| auth.rate_limits.failure(context.origin).err().unwrap_or(refusal);
    let header = context.header.as_ref().map_err(|refusal| counted(refusal.clone()))?;
    let app = context.app.as_ref().map_err(Refusal::clone)?;
    check_fresh(header, *arrived_at, auth.freshness_window).map_err(counted)?;
    let verified = check_signature(auth, context, header, app, parts).await?;
    Authenticated::note(&parts.extensions);
    if !verified.app.enabled {
        return Err(Refusal::new(
            Code::AppDisabled,
            "the app is disabled; ask the gateway's operator to enable it",
        ));
    }
    auth.rate_limits.request(verified.app.app_id)?;
    Ok((header, verified))
}

/// The merchant's part of the replay cache is full until its oldest nonces are purged, by the next run of the job.
fn too_many_queries(until: UnixMillis, window: Duration) -> Refusal {
    let left = u64::try_from(until.0 - clock::now().0).unwrap_or_default();
    let seconds = (Duration::from_millis(left) + PURGE_EVERY).as_secs() + 1;
    let message = format!(
        "too many queries within {} seconds: the gateway keeps the nonce of each against replays. Nothing was \
         changed; retry in {seconds} seconds, and query less often",
        (2 * window).as_secs()
    );
    let cause = anyhow::anyhow!("the merchant's part of the replay cache is full");
    Refusal::new(Code::Unavailable, message).caused_by(cause).retry_after(seconds)
}

/// The timestamp is fresh by the clock, but not newer than the purged nonces: the clock was set back, or ran ahead
/// before.
pub(crate) fn timestamp_purged() -> Refusal {
    let message = format!(
        "the timestamp is older than the nonces that the gateway keeps, although the gateway's time is {}; ask its \
         operator, who finds the cause in the log",
        clock::now()
    );
    Refusal::new(Code::StaleTimestamp, message)
}

/// Invariant: used nonces are kept for two of these windows ([`crate::auth::replay_cache`], [`crate::jobs`]). A window
/// that is wider here than there would accept an old request whose nonce is purged.
fn check_fresh(header: &Authorization, now: UnixMillis, window: Duration) -> Result<(), Refusal> {
    if (now - window..=now + window).contains(&header.timestamp) {
        return Ok(());
    }
    Err(Refusal::stale())
}

/// Finds the secret and the base URL that verify the signature; before it fails, reads the app again.
async fn check_signature<'c>(
    auth: &Auth,
    context: &'c RequestContext,
    header: &Authorization,
    app: &Arc<KnownApp>,
    parts: &Parts,
) -> Result<&'c Arc<VerifiedRequest>, Refusal> {
    let mut found = verify_with_any(auth, context, header, app, parts);
    if found.is_none()
        && let Some(newer) = auth.apps.read_again(header.app_id).await?
        && !Arc::ptr_eq(&newer, app)
    {
        found = verify_with_any(auth, context, header, &newer, parts);
    }
    let Some(verified) = found else {
        auth.rate_limits.failure(context.origin)?;
        return Err(invalid_signature(auth, app, parts));
    };
    note_first_use(auth, &verified);
    Ok(context.verified.get_or_init(|| Arc::new(verified)))
}

/// States the expected URL and body: nearly always one of them differs between the two sides.
fn invalid_signature(auth: &Auth, app: &KnownApp, parts: &Parts) -> Refusal {
    let message = format!(
        "the signature does not match; the gateway expected {} over the URL {} and the exact bytes of the body. Check \
         these, and the secret",
        app.scheme,
        joined(auth, target(&parts.uri))
    );
    Refusal::new(Code::InvalidSignature, message)
}

/// The URLs of a target under every public base URL, for a message.
fn joined(auth: &Auth, target: &str) -> String {
    let urls: Vec<_> = auth.public_urls.iter().map(|base_url| format!("{base_url}{target}")).collect();
    urls.join(" or ")
}

fn verify_with_any(
    auth: &Auth,
    context: &RequestContext,
    header: &Authorization,
    app: &Arc<KnownApp>,
    parts: &Parts,
) -> Option<VerifiedRequest> {
    let ReceivedBody { body, arrived_at } = context.body.as_ref().ok()?;
    // A signature of another scheme than the app's is never valid (contract §2).
    if header.scheme != app.scheme {
        return None;
    }
    auth.public_urls.iter().enumerate().find_map(|(url_index, base_url)| {
        let message = Message {
            method: parts.method.as_str(),
            base_url: base_url.as_str(),
            target: target(&parts.uri),
            body,
        };
        let secret =
            app.valid_secrets(*arrived_at).find(|secret| verify(header, &secret.secret, &message))?;
        let secret_index = app.secrets.iter().position(|known| known.secret_id == secret.secret_id)?;
        Some(VerifiedRequest::new(app, secret_index, url_index))
    })
}

/// Notifications are signed with the newest secret that has verified a request, so its first use is recorded: once per
/// secret, and in a task, so that the request does not wait.
fn note_first_use(auth: &Auth, verified: &VerifiedRequest) {
    let Some(secret) = verified.secret().filter(|secret| secret.is_first_use()) else { return };
    let operation = SingleOperation::Account(AccountChange::SecretUsed { secret_id: secret.secret_id });
    let request = WriteRequest::internal(clock::now(), operation);
    let store = auth.store.clone();
    tokio::spawn(async move {
        if let Err(error) = store.commit(request).await {
            tracing::warn!(%error, "first use of an app secret could not be recorded");
        }
    });
}
