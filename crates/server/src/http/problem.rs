//! Refusals as problem documents (RFC 9457) for operators, with the code as an extension member.

use axum::body::Body;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, WWW_AUTHENTICATE};
use http::{HeaderValue, StatusCode};
use rebuttal_protocol::operator::answers;

use crate::http::body::BodyFailure;
use crate::http::error::{Refusal, status};

/// A refusal of an operator request.
#[derive(Debug)]
pub(crate) enum Problem {
    /// A problem document.
    Refused(Refusal),
    /// The body was not received: 408 of the HTTP layer, without a document (contract §1).
    BodyFailure(BodyFailure),
}

impl<T: Into<Refusal>> From<T> for Problem {
    fn from(refusal: T) -> Self {
        Self::Refused(refusal.into())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let refusal = match self {
            Self::Refused(refusal) => refusal,
            Self::BodyFailure(fault) => return fault.into_response(),
        };
        let document = answers::ProblemDetails {
            title: refusal.code.meaning().to_owned(),
            status: status(&refusal.code).as_u16(),
            code: refusal.code.clone(),
            detail: refusal.message.to_string(),
        };
        // Cannot fail: strings and a number.
        let body = serde_json::to_vec(&document).unwrap_or_default();
        let mut response = refusal.apply_to(Response::new(Body::from(body)));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        if response.status() == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

#[cfg(test)]
mod tests {
    use rebuttal_protocol::Code;

    use super::*;

    #[tokio::test]
    async fn problem_document_has_code_and_detail() {
        let response = Problem::from(Refusal::new(Code::OperatorConflict, "use another key")).into_response();
        assert_eq!(response.headers()[CONTENT_TYPE], "application/problem+json");
        let body = axum::body::to_bytes(response.into_body(), 1024).await.unwrap();
        insta::assert_snapshot!(std::str::from_utf8(&body).unwrap(), @r#"{"title":"The request conflicts with the current state.","status":409,"code":"Operator.Conflict","detail":"use another key"}"#);
    }
}
