//! One operation as the document tells it: what it takes, what it answers, and each code by which it refuses, under the
//! status that `error::status` gives it.

use std::collections::BTreeMap;

use http::StatusCode;
use rebuttal_protocol::operator::Role;
use rebuttal_protocol::{Code, Scheme};
use serde_json::Value;
use serde_json::json;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{
    AllOfBuilder, Content, Header, HeaderBuilder, Ref, Required, Response, ResponseBuilder,
    SecurityRequirement,
};

use super::words::{Schema, count, must, null, object, of, one_of, text};
use crate::auth::permission::Permission;
use crate::http::body::BODY_LIMIT;
use crate::http::error::status;
use crate::http::listener::HEAD_MAX_BYTES;

/// How the document names what proves who calls.
pub(super) const OPERATOR_TOKEN: &str = "operatorToken";
const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
const PLAIN: &str = "text/plain; charset=utf-8";

/// Calls that are refused alike: what every one of them may be refused with, told once among the components.
pub(super) struct Group {
    pub(super) name: &'static str,
    pub(super) form: Form,
    pub(super) codes: &'static [Code],
}

/// The form of a refusal.
#[derive(Clone, Copy)]
pub(super) enum Form {
    /// The merchants' envelope, signed.
    Envelope,
    /// The same to somebody whose header nobody reads.
    Unsigned,
    /// A problem document.
    Problem,
}

/// An operation.
pub(super) struct Call {
    pub(super) group: &'static Group,
    pub(super) id: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    pub(super) description: String,
    pub(super) parameters: Vec<Parameter>,
    pub(super) takes: Option<Usage>,
    pub(super) answers: Vec<Answered>,
    /// The codes that not every call of its group has.
    pub(super) own: Vec<Code>,
}

/// A JSON body that a call takes: the name of its schema, and an example.
pub(super) struct Usage(pub(super) &'static str, pub(super) Value);

/// An answer to a call that was served.
pub(super) struct Answered {
    pub(super) status: StatusCode,
    pub(super) what: &'static str,
    pub(super) schema: Schema,
    pub(super) example: Value,
}

impl Call {
    /// As merchants call it: signed, and answered in the envelope.
    pub(super) fn of_merchants(mut self) -> Operation {
        for answered in &mut self.answers {
            let members = [must("code", one_of([Code::Ok.as_str()])), must("errorMessage", null())];
            let data = must("data", std::mem::replace(&mut answered.schema, null()));
            answered.schema = object(members.into_iter().chain([data])).into();
        }
        let mut operation = self.told();
        let either = Scheme::ALL.map(|scheme| SecurityRequirement::new(scheme.as_str(), [] as [&str; 0]));
        operation.security = Some(either.into());
        operation
    }

    /// As operators call it: with a token of a role that has the right.
    pub(super) fn of_operators(mut self, right: Permission) -> Operation {
        let roles = Role::ALL.iter().filter(|role| right.is_of(**role));
        let roles: Vec<_> = roles.map(|role| format!("`{role}`")).collect();
        self.description = format!("{}\n\nThe token's role: {}.", self.description, roles.join(" or "));
        let mut operation = self.told();
        operation.security = Some(vec![SecurityRequirement::new(OPERATOR_TOKEN, [] as [&str; 0])]);
        operation
    }

    fn told(self) -> Operation {
        let Self { group, own, .. } = self;
        let mut operation = Operation::builder()
            .operation_id(Some(self.id))
            .tag(self.tag)
            .summary(Some(self.summary))
            .description(Some(self.description));
        if !self.parameters.is_empty() {
            operation = operation.parameters(Some(self.parameters));
        }
        if let Some(Usage(schema, example)) = self.takes {
            // What takes nothing needs no body.
            let required = if example == json!({}) { Required::False } else { Required::True };
            let content = Content::builder().schema(Some(of(schema))).example(Some(example)).build();
            let body = RequestBody::builder().content(JSON, content).required(Some(required));
            let late = Ref::from_response_name(BODY_TOO_SLOW);
            operation = operation
                .request_body(Some(body.build()))
                .response(StatusCode::REQUEST_TIMEOUT.as_str(), late);
        }
        for Answered { status, what, schema, example } in self.answers {
            let content = Content::builder().schema(Some(schema)).example(Some(example)).build();
            let response = group.form.dressed(what).content(JSON, content).build();
            operation = operation.response(status.as_str(), response);
        }
        for (number, codes) in by_status(with_statuses(group.codes.iter().chain(&own).cloned())) {
            operation = match codes.iter().any(|code| own.contains(code)) {
                true => operation.response(number.as_str(), group.form.refusal(number, &codes)),
                false => operation.response(number.as_str(), Ref::from_response_name(group.shared(number))),
            };
        }
        with_head_limit(operation).build()
    }
}

impl Group {
    /// How the group's refusals of a status are called.
    fn shared(&self, status: StatusCode) -> String {
        format!("{}{}", self.name, status.as_str())
    }

    /// What every call of the group may be refused with.
    pub(super) fn responses(&self) -> impl Iterator<Item = (String, Response)> {
        let statuses = by_status(with_statuses(self.codes.iter().cloned())).into_iter();
        statuses.map(|(status, codes)| (self.shared(status), self.form.refusal(status, &codes)))
    }
}

impl Form {
    /// An answer with what every answer of this form carries.
    fn dressed(self, what: impl Into<String>) -> ResponseBuilder {
        let response = with_id(Response::builder()).description(what);
        match self {
            Self::Envelope => response.header_ref("Authorization", header_of("Authorization")),
            Self::Unsigned | Self::Problem => response,
        }
    }

    /// A refusal with one of these codes, all of one status. A 400 may come from below, too.
    pub(super) fn refusal(self, status: StatusCode, codes: &[Code]) -> Response {
        let (media_type, schema) = match self {
            Self::Envelope | Self::Unsigned => (JSON, "Refusal"),
            Self::Problem => (PROBLEM, "Problem"),
        };
        let narrowed = object([must("code", one_of(codes.iter().map(Code::as_str)))]);
        let narrowed = AllOfBuilder::new().item(of(schema)).item(narrowed);
        let response = self.dressed(meanings(codes)).content(media_type, Content::new(Some(narrowed)));
        let response = match status {
            StatusCode::BAD_REQUEST => response.content(PLAIN, Content::new(Some(text()))),
            _ => response,
        };
        with_headers(status, response).build()
    }
}

fn with_statuses(codes: impl Iterator<Item = Code>) -> impl Iterator<Item = (StatusCode, Code)> {
    codes.map(|code| (status(&code), code))
}

/// Codes under their statuses.
pub(super) fn by_status<C>(codes: impl IntoIterator<Item = (StatusCode, C)>) -> BTreeMap<StatusCode, Vec<C>> {
    let mut statuses: BTreeMap<StatusCode, Vec<C>> = BTreeMap::new();
    for (status, code) in codes {
        statuses.entry(status).or_default().push(code);
    }
    statuses
}

/// What every path may answer before it is asked.
pub(super) fn with_head_limit(operation: OperationBuilder) -> OperationBuilder {
    operation.response(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_str(),
        Ref::from_response_name(HEAD_TOO_LARGE),
    )
}

const BODY_TOO_SLOW: &str = "BodyTooSlow";
const HEAD_TOO_LARGE: &str = "HeadTooLarge";

/// What lies below every API.
pub(super) fn below() -> [(&'static str, Response); 2] {
    let (kib, seconds) = (HEAD_MAX_BYTES / 1024, BODY_LIMIT.as_secs());
    let large =
        format!("The head of the request is over {kib} KiB, or has more than 100 fields. Without a body.");
    let late = format!("The body did not arrive within {seconds} seconds, or ended early.");
    [(BODY_TOO_SLOW, plain(&late)), (HEAD_TOO_LARGE, Response::new(large))]
}

/// What a refusal of that status carries beside its body.
pub(super) fn with_headers(status: StatusCode, response: ResponseBuilder) -> ResponseBuilder {
    let name = match status {
        StatusCode::UNAUTHORIZED => "WWW-Authenticate",
        StatusCode::METHOD_NOT_ALLOWED => "Allow",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "Retry-After",
        _ => return response,
    };
    response.header_ref(name, header_of(name))
}

/// Codes with what they mean, one in a line.
fn meanings(codes: &[Code]) -> String {
    let lines: Vec<_> = codes.iter().map(|code| format!("- `{code}`: {}", code.meaning())).collect();
    lines.join("\n")
}

/// An answer without a form.
pub(super) fn plain(what: &str) -> Response {
    with_id(Response::builder()).description(what).content(PLAIN, Content::new(Some(text()))).build()
}

/// Every answer has an id.
pub(super) fn with_id(response: ResponseBuilder) -> ResponseBuilder {
    response.header_ref("X-Request-Id", header_of("X-Request-Id"))
}

fn header_of(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// The headers of answers.
pub(super) fn headers(answer_authorization: &str) -> [(&'static str, Header); 5] {
    let header =
        |schema: Schema, what: &str| HeaderBuilder::new().schema(Some(schema)).description(Some(what));
    [
        (
            "X-Request-Id",
            header(text().into(), "Names the request; the gateway's log tells of it under this id.").build(),
        ),
        (
            "Authorization",
            header(
                text().into(),
                "The answer's signature, under the scheme of the app. It is there whenever the request's header could be \
                 read and its app is known; an answer without it proves nothing. See the security schemes.",
            )
            .example(Some(answer_authorization.into()))
            .build(),
        ),
        (
            "WWW-Authenticate",
            header(text().into(), "The scheme that is asked for: `V2_SHA256` of merchants, `Bearer` of operators.")
                .build(),
        ),
        ("Allow", header(text().into(), "The methods that the path takes.").build()),
        ("Retry-After", header(count().into(), "In how many seconds to come again.").build()),
    ]
}

/// A parameter that the path names.
pub(super) fn in_path(name: &str, schema: Schema, example: impl Into<Value>) -> Parameter {
    parameter(ParameterIn::Path, name, schema).required(Required::True).example(Some(example.into())).build()
}

/// A parameter of the query that may be left out.
pub(super) fn in_query(name: &str, schema: Schema, what: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema).required(Required::False).description(Some(what)).build()
}

/// A header of the request that may be left out.
pub(super) fn in_header(name: &str, schema: Schema, what: &str) -> Parameter {
    parameter(ParameterIn::Header, name, schema).required(Required::False).description(Some(what)).build()
}

fn parameter(place: ParameterIn, name: &str, schema: Schema) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).schema(Some(schema))
}
