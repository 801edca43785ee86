//! The whole document: operations, security schemes, schemas, and the rules of signing.

use std::cell::RefCell;
use std::collections::BTreeMap;

use anyhow::Result;
use http::StatusCode;
use rebuttal_protocol::body::{BODY_MAX_BYTES, DEPTH_MAX};
use rebuttal_protocol::{Code, Scheme};
use utoipa::ToSchema;
use utoipa::openapi::path::{Operation, OperationBuilder, Paths};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    Components, ComponentsBuilder, Content, Info, License, ObjectBuilder, OpenApi, Ref, Response, Server,
};

use super::call::{
    Format, PathOperation, headers, http_responses, in_header, invalid_head, plain, signature_header,
    with_head_limit, with_id,
};
use super::examples::Examples;
use super::schemas::{Schema, object, one_of, text};
use super::signing::signing;
use super::{Apis, disputes, merchants, operators};
use crate::http::error::status;
use crate::http::paths::{DOCS, HEALTHZ, OPENAPI, READYZ};

/// The name of the operators' security scheme.
pub(super) const OPERATOR_TOKEN: &str = "operatorToken";
const UNAUTHENTICATED: &str = "Unauthenticated";

/// Builds the operations, and collects the schemas that they refer to.
pub(super) struct Draft {
    pub(super) examples: Examples,
    schemas: RefCell<BTreeMap<String, Schema>>,
}

impl Draft {
    pub(super) fn new() -> Result<Self> {
        Ok(Self { examples: Examples::new()?, schemas: RefCell::default() })
    }

    /// A reference to the schema of a type, which becomes a component with all that it refers to.
    pub(super) fn of<T: ToSchema>(&self) -> Schema {
        self.within::<T>();
        self.named(&T::name(), T::schema())
    }

    /// A reference to a schema, which becomes a component of this name.
    pub(super) fn named(&self, name: &str, schema: impl Into<Schema>) -> Schema {
        self.schemas.borrow_mut().insert(name.to_owned(), schema.into());
        Ref::from_schema_name(name).into()
    }

    /// Adds components for the schemas that a type refers to, without the type.
    pub(super) fn within<T: ToSchema>(&self) {
        let mut schemas = Vec::new();
        T::schemas(&mut schemas);
        self.schemas.borrow_mut().extend(schemas);
    }
}

/// The document of a listener that serves these APIs. It depends on nothing else: no secret, no state, no address.
pub(super) fn document(apis: Apis) -> Result<OpenApi> {
    let draft = Draft::new()?;
    let mut components = Components::builder();
    let mut endpoints = Vec::new();
    let mut tags = Vec::new();
    if apis.merchants {
        tags.push(tag(merchants::TAG, "Signed calls. Their responses are signed envelopes."));
        endpoints.extend(merchants::calls(&draft)?);
        components = with_signatures(components, &draft.examples)?;
        components = components.responses_from_iter(merchants::REJECTIONS.components(&draft));
    }
    if apis.uploads {
        endpoints.push(merchants::receive(&draft)?);
    }
    if apis.operators {
        tags.push(tag(
            operators::TAG,
            "Calls with a token. Their rejections are problem documents (RFC 9457).",
        ));
        endpoints.extend(operators::calls(&draft)?);
        endpoints.extend(disputes::calls(&draft)?);
        for rejections in [&operators::READS, &operators::WRITES] {
            components = components.responses_from_iter(rejections.components(&draft));
        }
        let description = "An operator token. The first one is in the file `operator.token` of the \
            data directory.";
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
        components = components.security_scheme(OPERATOR_TOKEN, SecurityScheme::Http(bearer));
    }
    tags.push(tag(UNAUTHENTICATED, "Calls without authentication."));
    endpoints.extend(unauthenticated(&draft));

    let mut info = Info::new("Rebuttal", env!("CARGO_PKG_VERSION"));
    info.description = Some(introduction());
    let license = "Apache-2.0 OR MIT";
    info.license = Some(License::builder().name(license).identifier(Some(license)).build());
    let paths =
        endpoints.into_iter().fold(Paths::new(), |mut paths, PathOperation { path, method, operation }| {
            paths.add_path_operation(path, vec![method], operation);
            paths
        });
    let mut document = OpenApi::new(info, paths);
    let server = match apis.merchants {
        true => {
            "The gateway's public base URL, which is part of every signature. If it has a path, the path precedes the request's."
        }
        false => "The address of the operators' listener.",
    };
    document.servers = Some(vec![Server::builder().url("/").description(Some(server)).build()]);
    document.tags = Some(tags);
    components = components.responses_from_iter(http_responses());
    components = headers().into_iter().fold(components, |all, (name, header)| all.header(name, header));
    draft.named(&Code::name(), one_of(Code::ALL.iter().map(Code::as_str)).description(Some(code_table())));
    document.components = Some(components.schemas_from_iter(draft.schemas.into_inner()).build());
    Ok(document)
}

fn tag(name: &str, description: &str) -> Tag {
    Tag::builder().name(name).description(Some(description)).build()
}

/// The rules that hold for every call.
fn introduction() -> String {
    let kib = BODY_MAX_BYTES / 1024;
    format!(
        "A dispute gateway: merchants contest chargebacks with evidence, operators open and decide disputes.\n\n\
         **Bodies.** One JSON object of at most {kib} KiB, in UTF-8 without a byte order mark, without bytes below 20h \
         other than TAB, LF and CR, without duplicate member names or lone surrogates, at most {DEPTH_MAX} levels deep. A \
         member that is null counts as left out. Lengths are in Unicode scalar values after JSON escapes are resolved.\n\n\
         **Merchants' calls** may have unknown members, but none called `code` at the top level: every response has one, so \
         no response can be sent back as a request. **Operators' calls** must not have unknown members or parameters, so \
         that a misspelt option is noticed.\n\n\
         **The HTTP layer** sends plain responses: 400 for a request that cannot be parsed, 408 for a body that does not arrive in \
         time, 431 for a head that is too large. They are not signed. A connection on which no complete head arrives in time \
         is closed without a response.\n\n\
         The project's `docs/integrate/contract.md` has every rule with its reason.\n\n\
         # Authentication\n\n<!-- ReDoc-Inject: <security-definitions> -->"
    )
}

/// Both schemes by which merchants sign, each with a signed example.
fn with_signatures(mut components: ComponentsBuilder, examples: &Examples) -> Result<ComponentsBuilder> {
    for (scheme, vector) in [(Scheme::V2Sha256, "contest"), (Scheme::V2HmacSha256, "hmac-contest")] {
        let description = signing(scheme, &examples.signed(vector)?, &examples.answer_to(vector)?);
        let header = ApiKey::Header(ApiKeyValue::with_description("Authorization".to_owned(), description));
        components = components.security_scheme(scheme.as_str(), SecurityScheme::ApiKey(header));
    }
    let (name, header) = signature_header(&examples.answer_to("contest")?.authorization);
    Ok(components.header(name, header))
}

/// Every code with its status, its meaning, and whether to resend the request.
fn code_table() -> String {
    let rows = Code::ALL.iter().map(|code| {
        let (status, meaning, resend) = (status(code).as_u16(), code.meaning(), code.resend().as_str());
        format!("| `{code}` | {status} | {meaning} | {resend} |\n")
    });
    format!(
        "One code has one meaning and one HTTP status.\n\n| code | HTTP | meaning | send again |\n|---|---|---|---|\n{}",
        rows.collect::<String>()
    )
}

/// The calls that need no authentication.
fn unauthenticated(draft: &Draft) -> Vec<PathOperation> {
    let probe = |path, id: &str, summary: &str, up: &str, down: Option<&str>| {
        let operation = call(draft, id, summary).response("200", plain(up));
        let operation =
            down.into_iter().fold(operation, |operation, down| operation.response("503", plain(down)));
        PathOperation::get(path, operation.build())
    };
    let cached = |path, id: &str, summary: &str, media_type: &str, schema: ObjectBuilder| {
        let etag = in_header("If-None-Match", text(), "The `ETag` of an earlier response.");
        let found = with_id(Response::builder()).description("The current version; `ETag` identifies it.");
        let operation = call(draft, id, summary)
            .parameter(etag)
            .response("200", found.content(media_type, Content::new(Some(schema))))
            .response("304", with_id(Response::builder()).description("Not modified."));
        PathOperation::get(path, operation.build())
    };
    let unready =
        "A dependency does not answer, or the gateway is stopping; the gateway's log has the cause.";
    vec![
        probe(HEALTHZ, "health", "Whether the process is alive", "It is alive.", None),
        probe(
            READYZ,
            "readiness",
            "Whether database and evidence store answer",
            "The gateway can serve.",
            Some(unready),
        ),
        cached(OPENAPI, "document", "This document", "application/json", object([])),
        cached(DOCS, "docs", "This document as a page", "text/html; charset=utf-8", text()),
    ]
}

fn call(draft: &Draft, id: &str, summary: &str) -> OperationBuilder {
    let status = StatusCode::METHOD_NOT_ALLOWED;
    with_head_limit(Operation::builder())
        .operation_id(Some(id))
        .tag(UNAUTHENTICATED)
        .summary(Some(summary))
        .response("400", invalid_head())
        .response(status.as_str(), Format::Unsigned.rejection(draft, status, &[Code::MethodNotAllowed]))
}
