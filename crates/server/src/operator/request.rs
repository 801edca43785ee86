//! What every changing request of an operator has: who sent it, its body, and what makes it count once.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, RawPathParams};
use bytes::Bytes;
use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Method, Request};
use rebuttal_disputes::Actor;
use rebuttal_protocol::body::Object;
use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::operator::IDEMPOTENCY_KEY_MAX;
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

/// A request that changes something, read whole, of an operator who may. What its path names is read after the token
/// was verified: without one, a path says nothing about what exists.
pub(crate) struct AuthorizedBody<N, P = ()> {
    /// What the path names.
    pub(crate) path: P,
    operator: Operator<N>,
    key: Option<IdempotencyKey>,
    arrived: ReceivedBody,
    /// Whether it came without a body and its type, and counts as `{}` where nothing is taken.
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

    /// Reads the body's fields, of a change that takes none and needs no body.
    pub(crate) fn parse_if_any<T>(
        &self,
        read: impl FnOnce(&Object<'_>) -> Result<T, BadRequest>,
    ) -> Result<T, Refusal> {
        let object = Object::parse(&self.arrived.body).map_err(BadRequest::from)?;
        Ok(read(&object)?)
    }

    /// Whether the request may be sent again under its key.
    pub(crate) const fn has_key(&self) -> bool {
        self.key.is_some()
    }

    pub(crate) const fn arrived_at(&self) -> UnixMillis {
        self.arrived.arrived_at
    }

    /// Who acts, as the history tells it.
    pub(crate) fn actor(&self) -> Actor {
        Actor::Operator(self.operator.name.to_string())
    }

    /// Has the change committed, once under its key.
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

    /// Has a change of a merchant, an app or a token committed, and what is remembered of them forgotten; in a task of
    /// its own, so that an operator who leaves in between does not leave a disabled app remembered as enabled.
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

/// Of a path that names nothing.
impl From<Infallible> for Refusal {
    fn from(never: Infallible) -> Self {
        match never {}
    }
}

/// The store answered something else than what was asked of it.
pub(crate) fn unexpected(done: &Outcome) -> Refusal {
    Refusal::internal(anyhow::anyhow!("the store answered {done:?}"))
}

fn body_failure(fault: BodyFailure) -> Problem {
    match fault {
        BodyFailure::TooLarge => Refusal::new(Code::TooLarge, fault.to_string()).into(),
        BodyFailure::TooSlow | BodyFailure::Broken | BodyFailure::BadChunk => Problem::BodyFailure(fault),
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
            format!("Idempotency-Key must have 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters, once"),
        )),
    }
}

/// The parameters of a query, each given once.
pub(crate) struct QueryParameters(Vec<(String, String)>);

impl QueryParameters {
    /// Refuses parameters that are not among `known`: a misspelt filter must not list everything.
    pub(crate) fn refuse_unknown(&self, known: &[&str]) -> Result<(), Refusal> {
        for (index, (name, _)) in self.0.iter().enumerate() {
            if !known.contains(&name.as_str()) {
                let name: String = name.chars().take(64).collect();
                return Err(invalid(format!("{name} is not known here; known are {}", known.join(", "))));
            }
            if self.0.iter().take(index).any(|(other, _)| other == name) {
                return Err(invalid(format!("{name} is given twice")));
            }
        }
        Ok(())
    }

    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find_map(|(known, value)| (known == name).then_some(value.as_str()))
    }

    /// A parameter read by a function.
    pub(crate) fn read<T>(
        &self,
        name: &str,
        read: impl FnOnce(&str) -> Result<T, Invalid>,
    ) -> Result<Option<T>, Refusal> {
        self.get(name)
            .map(|value| read(value).map_err(|error| invalid(format!("{name} {error}"))))
            .transpose()
    }

    /// How many items a page has: as many as asked for, else `max`.
    pub(crate) fn limit(&self, max: u32) -> Result<u32, Refusal> {
        let Some(limit) = self.get("limit") else { return Ok(max) };
        let limit = limit.parse().ok().filter(|limit| (1..=max).contains(limit));
        limit.ok_or_else(|| invalid(format!("limit must be a whole number from 1 to {max}")))
    }
}

fn invalid(sentence: String) -> Refusal {
    Refusal::new(Code::InvalidParameter, sentence)
}

impl FromRequestParts<Arc<Gateway>> for QueryParameters {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<Gateway>) -> Result<Self, Problem> {
        let axum::extract::Query(pairs) = axum::extract::Query::try_from_uri(&parts.uri)
            .map_err(|_| invalid("the query cannot be read; percent-encode it as UTF-8".to_owned()))?;
        Ok(Self(pairs))
    }
}

/// The call takes no parameters in its query, and there are none: one that is sent would be thought to count.
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

/// What a path names: each parameter is read by its own parser.
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

/// The parameters of a path, each of its type and spelt in its one way: `01` and `%31` are not merchant 1. One that is
/// not of its form names nothing: `Operator.NotFound`.
pub(crate) struct StrictPath<T>(pub(crate) T);

impl<T: PathParameters + Send> FromRequestParts<Arc<Gateway>> for StrictPath<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let nothing = || Refusal::new(Code::OperatorNotFound, "nothing has this name; check the path");
        let raw = RawPathParams::from_request_parts(parts, gateway).await.map_err(|_| nothing())?;
        // They come without their escapes, which are another spelling.
        if parts.uri.path().contains('%') {
            return Err(nothing().into());
        }
        let named = T::read(raw.iter().map(|(_, value)| value));
        Ok(Self(named.ok_or_else(nothing)?))
    }
}

#[cfg(test)]
mod tests {
    use axum::response::IntoResponse as _;
    use http::StatusCode;
    use http::header::{CONNECTION, CONTENT_TYPE};

    use super::*;

    #[test]
    fn a_body_that_does_not_arrive_is_answered_without_a_document() {
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
