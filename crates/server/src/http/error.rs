//! Refusals of requests, and the table from code to HTTP status (contract §7, §8).
//!
//! Rendered as the merchant envelope here, and as a problem document in [`crate::http::problem`].

use std::borrow::Cow;
use std::sync::Arc;

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::{Code, Envelope};
use rebuttal_store::{CommitError, Rejection, StoreError};

use crate::clock;
use crate::http::body::BodyFailure;

/// An error with its causes, joined by colons; a cause that is already part of the text is skipped.
pub fn causes(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |text, cause| match text.contains(&cause) {
        true => text,
        false if text.is_empty() => cause,
        false => format!("{text}: {cause}"),
    })
}

/// `Retry-After` of `Common.System.Unavailable`: a resource that is exhausted is usually free again soon.
pub(crate) const UNAVAILABLE_RETRY_SECONDS: u64 = 1;

/// The schemes of signatures; which of them an app must use is not disclosed (contract §2).
const CHALLENGES: &str = "V2_SHA256, V2_HMAC_SHA256";

/// A request that is not served: what the caller receives, and what only the log does.
#[derive(Debug, Clone)]
pub(crate) struct Refusal {
    pub(crate) code: Code,
    /// What is wrong, why, and what to do. Never an internal cause.
    pub(crate) message: Cow<'static, str>,
    /// Value of `Retry-After`.
    pub(crate) retry_after_seconds: Option<u64>,
    /// The internal cause, for the log only.
    pub(crate) cause: Option<Arc<anyhow::Error>>,
}

impl Refusal {
    pub(crate) fn new(code: Code, message: impl Into<Cow<'static, str>>) -> Self {
        let retry_after_seconds =
            matches!(code, Code::Unavailable | Code::RateLimited).then_some(UNAVAILABLE_RETRY_SECONDS);
        Self { code, message: message.into(), retry_after_seconds, cause: None }
    }

    /// The gateway failed: the caller gets the request id, the log gets the cause.
    pub(crate) fn internal(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            Code::SystemError,
            "the gateway failed; report the X-Request-Id of this answer to its operator",
        )
        .caused_by(cause)
    }

    /// The router adds the header `Allow`.
    pub(crate) fn method_not_allowed() -> Self {
        Self::new(Code::MethodNotAllowed, "this path does not support this method; see the header Allow")
    }

    /// A dependency of the gateway does not answer; nothing was changed.
    pub(crate) fn unavailable(cause: impl Into<anyhow::Error>) -> Self {
        Self::new(
            Code::Unavailable,
            "the gateway cannot serve the request now and changed nothing; send it again later",
        )
        .caused_by(cause)
    }

    /// The body exceeds its limit.
    pub(crate) fn body_too_large() -> Self {
        Self::new(Code::TooLarge, BodyFailure::TooLarge.to_string())
    }

    /// The path does not exist, whoever the caller is.
    pub(crate) fn no_such_path() -> Self {
        Self::new(Code::PathNotFound, "there is no such path; check the URL, dots and slashes included")
    }

    /// The request has no operator token.
    pub(crate) fn missing_token() -> Self {
        let message = "send one header Authorization: Bearer with an operator token; the first one is in operator.token";
        Self::new(Code::OperatorUnauthorized, message)
    }

    /// The operator token is not valid.
    pub(crate) fn unknown_token() -> Self {
        let message = "this operator token is unknown or revoked: check that it is complete and belongs to this gateway, or \
                       have an admin create another";
        Self::new(Code::OperatorUnauthorized, message)
    }

    /// The timestamp is not fresh. The message states the gateway's time, by which a client can correct its clock.
    pub(crate) fn stale() -> Self {
        let now = clock::now();
        let message = format!(
            "the timestamp is not within the freshness window; the gateway's time is {now} ({}). Correct the clock, \
             and send the request again with a new header",
            now.to_rfc3339_utc()
        );
        Self::new(Code::StaleTimestamp, message)
    }

    /// The nonce was used before.
    pub(crate) fn replayed() -> Self {
        Self::new(
            Code::ReplayedNonce,
            "this timestamp and nonce were used before, and the first request's outcome is final; query it, or send \
             the request again with a new nonce",
        )
    }

    pub(crate) fn caused_by(mut self, cause: impl Into<anyhow::Error>) -> Self {
        self.cause = Some(Arc::new(cause.into()));
        self
    }

    pub(crate) const fn retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_seconds = Some(seconds);
        self
    }

    /// Sets what every rendering of a refusal needs: status, `Retry-After`, and the note for the log.
    pub(crate) fn apply_to(self, mut response: Response) -> Response {
        *response.status_mut() = status(&self.code);
        if let Some(seconds) = self.retry_after_seconds {
            response.headers_mut().insert(RETRY_AFTER, seconds.into());
        }
        response.extensions_mut().insert(LogNote { code: self.code, cause: self.cause });
        response
    }
}

impl From<BadRequest> for Refusal {
    fn from(bad: BadRequest) -> Self {
        Self::new(bad.code(), bad.to_string())
    }
}

impl From<rebuttal_disputes::DisputeRefusal> for Refusal {
    fn from(refusal: rebuttal_disputes::DisputeRefusal) -> Self {
        let converted = Self::new(refusal.code(), refusal.to_string());
        match converted.code {
            Code::Unavailable => converted.caused_by(refusal),
            _ => converted,
        }
    }
}

impl From<Rejection> for Refusal {
    fn from(rejection: Rejection) -> Self {
        match rejection {
            Rejection::Replayed => Self::replayed(),
            Rejection::Stale => Self::stale(),
            Rejection::TokenRevoked => Self::unknown_token(),
            Rejection::Dispute(refusal) => refusal.into(),
            rejection => Self::new(rejection.code(), rejection.to_string()),
        }
    }
}

impl From<CommitError> for Refusal {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Unavailable(_) => Self::unavailable(error),
            CommitError::Unknown(_) => Self::new(
                Code::OutcomeUnknown,
                "it is unknown whether the request took effect; query the dispute before sending it again",
            )
            .caused_by(error),
            CommitError::Failed(_) => Self::internal(error),
        }
    }
}

/// A failed read changed nothing.
impl From<StoreError> for Refusal {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Database(_)
            | StoreError::Unavailable(_)
            | StoreError::Commit(_)
            | StoreError::Io(_) => Self::unavailable(error),
            StoreError::TooNew { .. }
            | StoreError::DataMigrated { .. }
            | StoreError::DataMigrationUnfinished
            | StoreError::TransactionPooler
            | StoreError::Schema(_)
            | StoreError::Migration(_)
            | StoreError::Damaged(_)
            | StoreError::Unreadable(_) => Self::internal(error),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let envelope = Envelope::<()>::refused(self.code.clone(), &*self.message);
        let mut response = self.apply_to(json(&envelope));
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static(CHALLENGES));
        }
        response
    }
}

/// Code and cause of a refusal for the log, carried in the extensions of the answer.
#[derive(Debug, Clone)]
pub(crate) struct LogNote {
    pub(crate) code: Code,
    pub(crate) cause: Option<Arc<anyhow::Error>>,
}

/// An answer of status 200 with a JSON body.
pub(crate) fn json(value: &impl serde::Serialize) -> Response {
    // Cannot fail: the types have text keys and no serializers that fail.
    let body = serde_json::to_vec(value).unwrap_or_default();
    let mut response = Response::new(Body::from(body));
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    response
}

/// The HTTP status of a code. Clients decide by the code; the status is for intermediaries (contract §1, §7).
pub(crate) const fn status(code: &Code) -> StatusCode {
    match code {
        Code::Ok => StatusCode::OK,
        Code::RequestMalformed | Code::InvalidParameter => StatusCode::BAD_REQUEST,
        Code::AuthMalformed
        | Code::UnknownApp
        | Code::StaleTimestamp
        | Code::InvalidSignature
        | Code::ReplayedNonce
        | Code::OperatorUnauthorized => StatusCode::UNAUTHORIZED,
        Code::AppDisabled | Code::OperatorForbidden => StatusCode::FORBIDDEN,
        Code::PathNotFound | Code::DisputeNotFound | Code::OperatorNotFound => StatusCode::NOT_FOUND,
        Code::MethodNotAllowed => StatusCode::METHOD_NOT_ALLOWED,
        Code::NotAcceptable => StatusCode::NOT_ACCEPTABLE,
        Code::InvalidState | Code::DeadlinePassed | Code::OperatorConflict => StatusCode::CONFLICT,
        Code::TooLarge => StatusCode::PAYLOAD_TOO_LARGE,
        Code::UnsupportedMediaType => StatusCode::UNSUPPORTED_MEDIA_TYPE,
        Code::EvidenceNotFound
        | Code::EvidenceNotUploaded
        | Code::UnsupportedFileType
        | Code::ContentMismatch => StatusCode::UNPROCESSABLE_ENTITY,
        Code::RateLimited => StatusCode::TOO_MANY_REQUESTS,
        // The gateway never returns an unknown code.
        Code::SystemError | Code::Unknown(_) => StatusCode::INTERNAL_SERVER_ERROR,
        Code::Unavailable | Code::OutcomeUnknown => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// The HTTP status of a code, for generated documentation.
pub const fn http_status(code: &Code) -> u16 {
    status(code).as_u16()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_status_of_the_contract() {
        let table: String =
            Code::ALL.iter().map(|code| format!("{} {code}\n", status(code).as_u16())).collect();
        insta::assert_snapshot!(table, @"
        200 OK
        400 Common.Request.Malformed
        400 Common.Request.InvalidParameter
        404 Common.Request.NotFound
        405 Common.Request.MethodNotAllowed
        406 Common.Request.NotAcceptable
        413 Common.Request.TooLarge
        415 Common.Request.UnsupportedMediaType
        401 Common.Auth.Malformed
        401 Common.Auth.UnknownApp
        401 Common.Auth.StaleTimestamp
        401 Common.Auth.InvalidSignature
        403 Common.Auth.AppDisabled
        401 Common.Auth.ReplayedNonce
        429 Common.RateLimited
        500 Common.System.Error
        503 Common.System.Unavailable
        503 Common.System.OutcomeUnknown
        404 Dispute.NotFound
        409 Dispute.InvalidState
        409 Dispute.DeadlinePassed
        422 Evidence.NotFound
        422 Evidence.NotUploaded
        422 File.UnsupportedType
        422 File.ContentMismatch
        401 Operator.Unauthorized
        403 Operator.Forbidden
        404 Operator.NotFound
        409 Operator.Conflict
        ");
    }

    #[test]
    fn status_401_names_the_schemes_and_503_has_retry_after() {
        let unauthorized = Refusal::new(Code::UnknownApp, "").into_response();
        let schemes = rebuttal_protocol::Scheme::ALL.map(rebuttal_protocol::Scheme::as_str).join(", ");
        assert_eq!(unauthorized.headers()[WWW_AUTHENTICATE], *schemes);
        let unavailable = Refusal::unavailable(anyhow::anyhow!("secret cause")).into_response();
        assert_eq!(unavailable.headers()[RETRY_AFTER], "1");
        assert_eq!(unavailable.status(), StatusCode::SERVICE_UNAVAILABLE);
    }
}
