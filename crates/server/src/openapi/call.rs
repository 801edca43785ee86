//! One operation of the document: its request, its responses, and each code of its rejections, under the status that
//! `error::status` gives it.

use std::collections::BTreeMap;

use anyhow::Result;
use http::StatusCode;
use rebuttal_protocol::Code;
use rebuttal_protocol::operator::answers::ProblemDetails;
use serde::Serialize;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, OperationBuilder, Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::request_body::RequestBody;
use utoipa::openapi::{
    AllOfBuilder, Content, Header, HeaderBuilder, HttpMethod, ObjectBuilder, Ref, Required, Response,
    ResponseBuilder, SecurityRequirement,
};

use super::document::Draft;
use super::schemas::{Schema, integer, null, object, one_of, text};
use crate::http::body::BODY_LIMIT;
use crate::http::error::status;
use crate::http::listener::HEAD_MAX_BYTES;

const JSON: &str = "application/json";
const PROBLEM: &str = "application/problem+json";
pub(super) const PLAIN: &str = "text/plain; charset=utf-8";

/// An operation with its path and method.
pub(super) struct PathOperation {
    pub(super) path: String,
    pub(super) method: HttpMethod,
    pub(super) operation: Operation,
}

impl PathOperation {
    pub(super) fn get(path: &str, operation: Operation) -> Self {
        Self { path: path.to_owned(), method: HttpMethod::Get, operation }
    }

    pub(super) fn post(path: &str, operation: Operation) -> Self {
        Self { method: HttpMethod::Post, ..Self::get(path, operation) }
    }

    pub(super) fn patch(path: &str, operation: Operation) -> Self {
        Self { method: HttpMethod::Patch, ..Self::get(path, operation) }
    }
}

/// The codes that every call of a kind may be rejected with. Their responses are components.
pub(super) struct Rejections {
    pub(super) name: &'static str,
    pub(super) format: Format,
    pub(super) codes: &'static [Code],
}

/// The format of a rejection.
#[derive(Clone, Copy)]
pub(super) enum Format {
    /// The merchant API's envelope, signed.
    Signed,
    /// The same envelope where no header is read.
    Unsigned,
    /// A problem document.
    Problem,
}

/// An operation of one of the APIs.
pub(super) struct Call<'d> {
    draft: &'d Draft,
    rejections: &'static Rejections,
    operation: OperationBuilder,
    /// The codes that not every call of its kind has.
    codes: Vec<Code>,
}

impl<'d> Call<'d> {
    pub(super) fn new(
        draft: &'d Draft,
        rejections: &'static Rejections,
        tag: &str,
        (id, summary): (&str, &str),
        description: impl Into<String>,
    ) -> Self {
        let operation = Operation::builder()
            .operation_id(Some(id))
            .tag(tag)
            .summary(Some(summary))
            .description(Some(description.into()));
        Self { draft, rejections, operation, codes: Vec::new() }
    }

    /// Needs one of these security schemes.
    pub(super) fn secured_by<'s>(mut self, schemes: impl IntoIterator<Item = &'s str>) -> Self {
        let schemes = schemes.into_iter().map(|scheme| SecurityRequirement::new(scheme, [] as [&str; 0]));
        self.operation = self.operation.securities(Some(schemes));
        self
    }

    pub(super) fn parameters(mut self, parameters: impl IntoIterator<Item = Parameter>) -> Self {
        self.operation =
            parameters.into_iter().fold(self.operation, |operation, next| operation.parameter(next));
        self
    }

    /// Takes a JSON body.
    pub(super) fn body(mut self, schema: Schema, example: Value) -> Self {
        // A body without members may be left out.
        let required = if example == json!({}) { Required::False } else { Required::True };
        let content = Content::builder().schema(Some(schema)).example(Some(example)).build();
        let body = RequestBody::builder().content(JSON, content).required(Some(required));
        self.operation = self
            .operation
            .request_body(Some(body.build()))
            .response(StatusCode::REQUEST_TIMEOUT.as_str(), Ref::from_response_name(BODY_TIMEOUT));
        self
    }

    /// May be rejected with these codes, too.
    pub(super) fn rejected(mut self, codes: &[Code]) -> Self {
        self.codes.extend_from_slice(codes);
        self
    }

    /// Succeeds with a value such as this one.
    pub(super) fn returns<T: ToSchema + Serialize>(
        self,
        status: StatusCode,
        description: &str,
        example: &T,
    ) -> Result<Self> {
        let schema = self.draft.of::<T>();
        self.returns_as(status, description, schema, example)
    }

    /// Succeeds with a value of this schema.
    pub(super) fn returns_as(
        mut self,
        status: StatusCode,
        description: &str,
        schema: impl Into<Schema>,
        example: &impl Serialize,
    ) -> Result<Self> {
        let (mut schema, mut example) = (schema.into(), serde_json::to_value(example)?);
        if let Format::Signed = self.rejections.format {
            let code = one_of([Code::Ok.as_str()]).into();
            schema = object([("code", code), ("errorMessage", null().into()), ("data", schema)]).into();
            example = json!({ "code": Code::Ok, "errorMessage": null, "data": example });
        }
        let content = Content::builder().schema(Some(schema)).example(Some(example)).build();
        let response = self.rejections.format.response(description).content(JSON, content).build();
        self.operation = self.operation.response(status.as_str(), response);
        Ok(self)
    }

    pub(super) fn build(self) -> Operation {
        let Self { draft, rejections, codes, mut operation } = self;
        let all = rejections.codes.iter().chain(&codes).cloned();
        for (number, of_status) in by_status(with_statuses(all)) {
            operation = match of_status.iter().any(|code| codes.contains(code)) {
                true => operation
                    .response(number.as_str(), rejections.format.rejection(draft, number, &of_status)),
                false => {
                    operation.response(number.as_str(), Ref::from_response_name(rejections.component(number)))
                }
            };
        }
        with_head_limit(operation).build()
    }
}

impl Rejections {
    /// The name of the component for a status.
    fn component(&self, status: StatusCode) -> String {
        format!("{}{}", self.name, status.as_str())
    }

    pub(super) fn components(&self, draft: &Draft) -> impl Iterator<Item = (String, Response)> {
        let statuses = by_status(with_statuses(self.codes.iter().cloned())).into_iter();
        statuses.map(|(status, codes)| (self.component(status), self.format.rejection(draft, status, &codes)))
    }
}

impl Format {
    /// A response with the headers of this format.
    fn response(self, description: impl Into<String>) -> ResponseBuilder {
        let response = with_id(Response::builder()).description(description);
        match self {
            Self::Signed => response.header_ref("Authorization", header_of("Authorization")),
            Self::Unsigned | Self::Problem => response,
        }
    }

    /// A rejection with one of these codes, all of one status. A 400 may also be a response of the HTTP layer.
    pub(super) fn rejection(self, draft: &Draft, status: StatusCode, codes: &[Code]) -> Response {
        let (media_type, schema) = match self {
            Self::Signed | Self::Unsigned => (JSON, draft.named("Rejection", envelope(draft))),
            Self::Problem => (PROBLEM, draft.of::<ProblemDetails>()),
        };
        let narrowed = object([("code", one_of(codes.iter().map(Code::as_str)).into())]);
        let narrowed = AllOfBuilder::new().item(schema).item(narrowed);
        let response = self.response(meanings(codes)).content(media_type, Content::new(Some(narrowed)));
        let response = match status {
            StatusCode::BAD_REQUEST => response.content(PLAIN, Content::new(Some(text()))),
            _ => response,
        };
        with_headers(status, response).build()
    }
}

/// The envelope of a rejection.
fn envelope(draft: &Draft) -> ObjectBuilder {
    let message = text().description(Some("What happened, why, and what to do."));
    object([("code", draft.of::<Code>()), ("errorMessage", message.into()), ("data", null().into())])
        .description(Some("The response to a merchant's call that failed."))
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

/// Responses that any path may have before it is routed.
pub(super) fn with_head_limit(operation: OperationBuilder) -> OperationBuilder {
    operation.response(
        StatusCode::REQUEST_HEADER_FIELDS_TOO_LARGE.as_str(),
        Ref::from_response_name(HEAD_TOO_LARGE),
    )
}

const BODY_TIMEOUT: &str = "BodyTimeout";
const HEAD_TOO_LARGE: &str = "HeadTooLarge";

/// The responses of the HTTP layer, the same in both APIs.
pub(super) fn http_responses() -> [(&'static str, Response); 2] {
    let (kib, seconds) = (HEAD_MAX_BYTES / 1024, BODY_LIMIT.as_secs());
    let large = format!("The request's head is over {kib} KiB, or has more than 100 fields. Without a body.");
    let late = format!("The body did not arrive within {seconds} seconds, or ended early.");
    [(BODY_TIMEOUT, plain(&late)), (HEAD_TOO_LARGE, Response::new(large))]
}

/// The additional headers of a rejection with this status.
pub(super) fn with_headers(status: StatusCode, response: ResponseBuilder) -> ResponseBuilder {
    let name = match status {
        StatusCode::UNAUTHORIZED => "WWW-Authenticate",
        StatusCode::METHOD_NOT_ALLOWED => "Allow",
        StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => "Retry-After",
        _ => return response,
    };
    response.header_ref(name, header_of(name))
}

/// Codes with their meanings, one on each line.
fn meanings(codes: &[Code]) -> String {
    let lines: Vec<_> = codes.iter().map(|code| format!("- `{code}`: {}", code.meaning())).collect();
    lines.join("\n")
}

/// A response of plain text.
pub(super) fn plain(description: &str) -> Response {
    with_id(Response::builder()).description(description).content(PLAIN, Content::new(Some(text()))).build()
}

/// The response of the HTTP layer to a head that it refuses.
pub(super) fn invalid_head() -> Response {
    plain("The request does not have exactly one valid `Host` header, or its body's framing is ambiguous.")
}

/// Every response has an id.
pub(super) fn with_id(response: ResponseBuilder) -> ResponseBuilder {
    response.header_ref("X-Request-Id", header_of("X-Request-Id"))
}

fn header_of(name: &str) -> Ref {
    Ref::new(format!("#/components/headers/{name}"))
}

/// A header of a response.
pub(super) fn header(schema: ObjectBuilder, description: &str) -> Header {
    HeaderBuilder::new().schema(Some(schema)).description(Some(description)).build()
}

/// The headers of responses.
pub(super) fn headers() -> [(&'static str, Header); 4] {
    [
        (
            "X-Request-Id",
            header(text(), "Identifies the request; the gateway's log has its entries under this id."),
        ),
        (
            "WWW-Authenticate",
            header(
                text(),
                "The schemes that are accepted: `V2_SHA256, V2_HMAC_SHA256` of merchants, `Bearer` of operators.",
            ),
        ),
        ("Allow", header(text(), "The methods that the path accepts.")),
        ("Retry-After", header(integer(0), "After how many seconds to retry.")),
    ]
}

/// The header that signs a merchant's response.
pub(super) fn signature_header(example: &str) -> (&'static str, Header) {
    let description = "The response's signature, under the scheme of the app. It is present if the request's header could \
        be read and its app is known; a response without it proves nothing. See the security schemes.";
    let header = HeaderBuilder::new().schema(Some(text())).description(Some(description));
    ("Authorization", header.example(Some(example.into())).build())
}

/// A segment of the path.
pub(super) fn in_path(name: &str, schema: Schema, example: impl Into<Value>) -> Parameter {
    parameter(ParameterIn::Path, name, schema).required(Required::True).example(Some(example.into())).build()
}

/// An optional parameter of the query.
pub(super) fn in_query(name: &str, schema: impl Into<Schema>, description: &str) -> Parameter {
    parameter(ParameterIn::Query, name, schema.into())
        .required(Required::False)
        .description(Some(description))
        .build()
}

/// An optional header of the request.
pub(super) fn in_header(name: &str, schema: impl Into<Schema>, description: &str) -> Parameter {
    parameter(ParameterIn::Header, name, schema.into())
        .required(Required::False)
        .description(Some(description))
        .build()
}

fn parameter(place: ParameterIn, name: &str, schema: Schema) -> ParameterBuilder {
    ParameterBuilder::new().name(name).parameter_in(place).schema(Some(schema))
}
