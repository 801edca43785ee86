//! Extractors of operator requests: the authenticated body with its idempotency key, query and path parameters.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use percent_encoding::percent_decode_str;
use rebuttal_disputes::Actor;
use rebuttal_protocol::body::Object;
use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::operator::IDEMPOTENCY_KEY_MAX;
use rebuttal_protocol::text::escaped;
use rebuttal_protocol::{Code, DisputeNo, Invalid, MerchantId, UnixMillis};
use rebuttal_store::{
    AccountChange, AffectedApps, Idempotency, IdempotencyKey, Outcome, QueuedRequest, RequestHash,
    SingleOperation, WriteRequest,
};
use sha2::{Digest, Sha256};

use crate::auth::operator::Operator;
use crate::auth::permission::Permits;
use crate::gateway::Gateway;
use crate::http::body::{self, BodyFailure, ReceivedBody};
use crate::http::error::Refusal;
use crate::http::media_types;
use crate::http::problem::Problem;

/// A changing request with its complete body, of an operator with the permission for it. The path's parameters are
/// parsed after the token was verified, so that a request without a valid token learns nothing from them.
pub(crate) struct AuthorizedBody<N, P = ()> {
    /// The parsed path parameters.
    pub(crate) path: P,
    operator: Operator<N>,
    key: Option<IdempotencyKey>,
    arrived: ReceivedBody,
    /// Whether it has neither body nor `Content-Type`; a call without fields accepts it as `{}`.
    is_bare: bool,
}

impl<N: Permits, P: Send + 'static> AuthorizedBody<N, P> {
    /// Reads the body's fields.
    pub(crate) fn parse<T>(
        &self,
        read: impl FnOnce(&Object<'_>) -> Result<T, BadRequest>,
    ) -> Result<T, Refusal> {
        if self.is_bare {
            return Err(media_types::not_json());
        }
        self.parse_if_any(read)
    }

    /// Reads the body of a call that has no fields, so that the body may be missing.
    pub(crate) fn parse_if_any<T>(
        &self,
        read: impl FnOnce(&Object<'_>) -> Result<T, BadRequest>,
    ) -> Result<T, Refusal> {
        let object = Object::parse(&self.arrived.body).map_err(BadRequest::from)?;
        Ok(read(&object)?)
    }

    /// Whether the request has an idempotency key.
    pub(crate) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) const fn arrived_at(&self) -> UnixMillis {
        self.arrived.arrived_at
    }

    /// The operator, as recorded in the history.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Operator(self.operator.name.to_string())
    }

    /// Commits the change, once per idempotency key.
    pub(crate) async fn commit<O>(self, gateway: &Gateway, operation: O) -> Result<Outcome, Refusal>
    where
        QueuedRequest: From<WriteRequest<O>>,
    {
        let idempotency = self.key.map_or(Idempotency::None, Idempotency::Key);
        gateway
            .auth
            .commit(WriteRequest {
                arrived_at: self.arrived.arrived_at,
                idempotency,
                token: Some(self.operator.hash),
                operation,
            })
            .await
    }

    /// Commits a change of a merchant, an app or a token, and removes the affected apps from the cache. Both run in
    /// their own task, so that a client's disconnect in between does not leave a disabled app cached as enabled.
    pub(crate) async fn commit_account(
        self,
        gateway: &Arc<Gateway>,
        account: AccountChange,
    ) -> Result<Outcome, Refusal> {
        let gateway = Arc::clone(gateway);
        let task = tokio::spawn(async move {
            let touched = account.affected_apps();
            let outcome = self.commit(&gateway, SingleOperation::Account(account)).await;
            match touched {
                AffectedApps::Merchant(merchant_id) => gateway.auth.apps.invalidate_merchant(merchant_id),
                AffectedApps::App(app_id) => gateway.auth.apps.invalidate(app_id),
                AffectedApps::NoApp => {}
            }
            outcome
        });
        task.await.map_err(Refusal::internal)?
    }
}

impl<N, P> FromRequest<Arc<Gateway>> for AuthorizedBody<N, P>
where
    N: Permits,
    P: FromRequestParts<Arc<Gateway>, Rejection: Into<Problem>> + Send,
{
    type Rejection = Problem;

    async fn from_request(request: Request<Body>, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let (mut parts, body) = request.into_parts();
        let operator = Operator::<N>::from_request_parts(&mut parts, gateway).await?;
        let path = P::from_request_parts(&mut parts, gateway).await.map_err(Into::into)?;
        media_types::check_if_any(&parts.headers)?;
        NoQuery::from_request_parts(&mut parts, gateway).await?;
        let mut arrived = body::read(&parts, body).await.map_err(body_failure)?;
        let is_bare = arrived.body.is_empty() && !parts.headers.contains_key(CONTENT_TYPE);
        if is_bare {
            arrived.body = Bytes::from_static(b"{}");
        } else {
            media_types::check(&parts.headers)?;
        }
        let key = match parts.method {
            Method::POST => idempotency_key(&parts.headers)?.map(|key| {
                let request = Sha256::new()
                    .chain_update(parts.uri.path().as_bytes())
                    .chain_update(b"\n")
                    .chain_update(&arrived.body);
                let token = operator.key_space.clone();
                IdempotencyKey { token, key, request: RequestHash(request.finalize().into()) }
            }),
            _ => None,
        };
        Ok(Self { path, operator, key, arrived, is_bare })
    }
}

/// For calls without path parameters.
impl From<Infallible> for Refusal {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The error for an outcome that does not belong to the request.
pub(crate) fn unexpected(done: &Outcome) -> Refusal {
    Refusal::internal(anyhow::anyhow!("unexpected outcome of the store: {done:?}"))
}

fn body_failure(fault: BodyFailure) -> Problem {
    match fault {
        BodyFailure::TooLarge => Refusal::body_too_large().into(),
        BodyFailure::TooSlow | BodyFailure::Paused | BodyFailure::Broken | BodyFailure::BadChunk => {
            Problem::BodyFailure(fault)
        }
    }
}

fn idempotency_key(headers: &HeaderMap) -> Result<Option<String>, Refusal> {
    let mut values = headers.get_all("idempotency-key").iter();
    let Some(value) = values.next() else { return Ok(None) };
    let visible = |key: &&str| key.bytes().all(|byte| byte.is_ascii_graphic());
    let key =
        value.to_str().ok().filter(|key| (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len())).filter(visible);
    match (key, values.next()) {
        (Some(key), None) => Ok(Some(key.to_owned())),
        _ => Err(Refusal::new(
            Code::InvalidParameter,
            format!(
                "Idempotency-Key must be sent once, with 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters"
            ),
        )),
    }
}

/// The parameters of a query string.
pub(crate) struct QueryParameters(Vec<(String, String)>);

impl QueryParameters {
    /// Refuses duplicates and parameters that are not in `known`: a misspelt filter must not list everything.
    pub(crate) fn refuse_unknown(&self, known: &[&str]) -> Result<(), Refusal> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let (name, known) = (escaped(name), known.join(", "));
                return Err(invalid(format!("{name} is not a parameter of this call; use {known}")));
            }
            if self.0.iter().take(index).any(|(other, _)| other == name) {
                return Err(invalid(format!("{name} is sent twice; send it once")));
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// Parses a parameter.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Refusal> {
        let Some(value) = self.get(name) else { return Ok(None) };
        // A plus sign that is not percent-encoded is decoded as a space.
        let hint = if value.contains(' ') { "; write + as %2B" } else { "" };
        read(value).map(Some).map_err(|error| invalid(format!("{name} {error}{hint}")))
    }

    /// The requested number of items per page; `max` if there is none.
    pub(crate) fn limit(&self, max: u32) -> Result<u32, Refusal> {
        let Some(limit) = self.get("limit") else { return Ok(max) };
        let limit = limit.parse().ok().filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| invalid(format!("limit must be a whole number from 1 to {max}")))
    }
}

fn invalid(message: String) -> Refusal {
    Refusal::new(Code::InvalidParameter, message)
}

impl FromRequestParts<Arc<Gateway>> for QueryParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Gateway>) -> Result<Self, Problem> {
        let not_utf8 = || invalid("the query string is invalid; percent-encode it as UTF-8".to_owned());
        // The extractor replaces invalid UTF-8.
        let query = percent_decode_str(parts.uri.query().unwrap_or_default());
        query.decode_utf8().map_err(|_| not_utf8())?;
        let axum::extract::Query(pairs) =
            axum::extract::Query::try_from_uri(&parts.uri).map_err(|_| not_utf8())?;
        Ok(Self(pairs))
    }
}

/// The query string of a call without parameters. Parameters are refused, because ignoring one would mislead the
/// caller.
pub(crate) struct NoQuery;

impl FromRequestParts<Arc<Gateway>> for NoQuery {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Gateway>) -> Result<Self, Problem> {
        match parts.uri.query() {
            None | Some("") => Ok(Self),
            Some(_) => Err(invalid("this call takes no parameters in its query".to_owned()).into()),
        }
    }
}

/// The parameters of a path, each parsed into its type.
pub(crate) trait PathParameters: Sized {
    fn read<'p>(parameters: impl Iterator<Item = &'p str>) -> Option<Self>;
}

impl PathParameters for MerchantId {
    fn read<'p>(mut parameters: impl Iterator<Item = &'p str>) -> Option<Self> {
        parameters.next()?.parse().ok()
    }
}

impl PathParameters for DisputeNo {
    fn read<'p>(mut parameters: impl Iterator<Item = &'p str>) -> Option<Self> {
        parameters.next()?.parse().ok()
    }
}

impl<A: FromStr, B: FromStr> PathParameters for (A, B) {
    fn read<'p>(mut parameters: impl Iterator<Item = &'p str>) -> Option<Self> {
        Some((parameters.next()?.parse().ok()?, parameters.next()?.parse().ok()?))
    }
}

/// The parameters of a path in their canonical spelling: `01` and `%31` are not merchant 1. Any other spelling is
/// `Operator.NotFound`.
pub(crate) struct StrictPath<T>(pub(crate) T);

impl<T: PathParameters + Send> FromRequestParts<Arc<Gateway>> for StrictPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let not_found = || Refusal::new(Code::OperatorNotFound, "resource not found; check the path");
        let raw = RawPathParams::from_request_parts(parts, gateway).await.map_err(|_| not_found())?;
        // The parameters are already percent-decoded, but an encoded one is not canonical.
        if parts.uri.path().contains('%') {
            return Err(not_found().into());
        }
        let parameters = T::read(raw.iter().map(|(_, value)| value));
        Ok(Self(parameters.ok_or_else(not_found)?))
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http::StatusCode;
    use http::header::{CONNECTION, CONTENT_TYPE};

    use super::*;

    #[test]
    fn incomplete_body_is_answered_with_plain_text() {
        for (fault, status) in [
            (BodyFailure::TooSlow, StatusCode::REQUEST_TIMEOUT),
            (BodyFailure::Broken, StatusCode::REQUEST_TIMEOUT),
            (BodyFailure::BadChunk, StatusCode::BAD_REQUEST),
        ] {
            let response = body_failure(fault).into_response();
            assert_eq!(response.status(), status);
            assert_eq!(response.headers()[CONTENT_TYPE], "text/plain; charset=utf-8");
            assert_eq!(response.headers()[CONNECTION], "close");
        }
        let too_large = body_failure(BodyFailure::TooLarge).into_response();
        assert_eq!(too_large.headers()[CONTENT_TYPE], "application/problem+json");
    }
}
