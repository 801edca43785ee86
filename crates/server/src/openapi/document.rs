//! The whole document: who may call what, with every named value and object, and how messages are signed.

use anyhow::Result;
use http::StatusCode;
use rebuttal_protocol::body::{BODY_MAX_BYTES, DEPTH_MAX};
use rebuttal_protocol::{Code, Scheme};
use utoipa::openapi::path::{Operation, OperationBuilder, Paths};
use utoipa::openapi::security::{ApiKey, ApiKeyValue, HttpAuthScheme, HttpBuilder, SecurityScheme};
use utoipa::openapi::tag::Tag;
use utoipa::openapi::{
    Components, Content, HttpMethod, Info, License, ObjectBuilder, OpenApi, Response, Server,
};

use super::call::{Form, Group, OPERATOR_TOKEN, below, headers, in_header, plain, with_head_limit, with_id};
use super::examples::Examples;
use super::signing::signing;
use super::words::{object, text};
use super::{Apis, disputes, merchants, operators, shapes, values};
use crate::http::paths::{DOCS, HEALTHZ, OPENAPI, READYZ};
use crate::operator::PREFIX;

const OTHERS: &str = "Anybody";

/// An operation under its path.
pub(super) struct Told {
    path: String,
    method: HttpMethod,
    operation: Operation,
}

impl Told {
    pub(super) fn get(path: &str, operation: Operation) -> Self {
        Self { path: path.to_owned(), method: HttpMethod::Get, operation }
    }

    pub(super) fn post(path: &str, operation: Operation) -> Self {
        Self { method: HttpMethod::Post, ..Self::get(path, operation) }
    }

    pub(super) fn patch(path: &str, operation: Operation) -> Self {
        Self { method: HttpMethod::Patch, ..Self::get(path, operation) }
    }

    /// Under the path that all operators' calls lie under.
    pub(super) fn of_operators(self) -> Self {
        Self { path: format!("{PREFIX}{}", self.path), ..self }
    }
}

/// What a listener that serves these tells of itself. It depends on nothing else: no secret, no state, no address.
pub(super) fn document(apis: Apis) -> Result<OpenApi> {
    let examples = Examples::new()?;
    let mut told = Vec::new();
    let mut tags = Vec::new();
    if apis.merchants {
        tags.push(tag(merchants::TAG, "Signed calls, answered in an envelope that is signed as well."));
        told.extend(merchants::calls(&examples)?);
    }
    if apis.uploads {
        told.push(merchants::receive(&examples)?);
    }
    if apis.operators {
        tags.push(tag(operators::TAG, "Calls with a token, refused in problem documents (RFC 9457)."));
        told.extend(operators::calls(&examples)?);
        told.extend(disputes::calls(&examples)?);
    }
    tags.push(tag(OTHERS, "Without authentication."));
    told.extend(others());

    let mut info = Info::new("Rebuttal", env!("CARGO_PKG_VERSION"));
    info.description = Some(about());
    info.license =
        Some(License::builder().name("Apache-2.0 OR MIT").identifier(Some("Apache-2.0 OR MIT")).build());
    let paths = told.into_iter().fold(Paths::new(), |mut paths, Told { path, method, operation }| {
        paths.add_path_operation(path, vec![method], operation);
        paths
    });
    let mut document = OpenApi::new(info, paths);
    let what = "The gateway's public base URL, a part of every signature; where that has a path, the path comes first.";
    document.servers = Some(vec![Server::builder().url("/").description(Some(what)).build()]);
    document.tags = Some(tags);
    document.components = Some(components(&examples, apis)?);
    without_the_unnamed(document)
}

/// Leaves out the components that nothing leads to: a listener of merchants alone need not tell what operators send.
fn without_the_unnamed(mut document: OpenApi) -> Result<OpenApi> {
    let mut components = document.components.take().unwrap_or_default();
    let mut text = serde_json::to_string(&document)?;
    let mut named = 0;
    loop {
        let is_named = |kind: &str, name: &str| text.contains(&format!("\"#/components/{kind}/{name}\""));
        let mut kept = components.clone();
        kept.schemas.retain(|name, _| is_named("schemas", name));
        kept.responses.retain(|name, _| is_named("responses", name));
        kept.headers.retain(|name, _| is_named("headers", name));
        let count = kept.schemas.len() + kept.responses.len() + kept.headers.len();
        if count == named {
            components = kept;
            break;
        }
        named = count;
        text.push_str(&serde_json::to_string(&kept)?);
    }
    document.components = Some(components);
    Ok(document)
}

fn tag(name: &str, description: &str) -> Tag {
    Tag::builder().name(name).description(Some(description)).build()
}

/// What holds for every call.
fn about() -> String {
    let kib = BODY_MAX_BYTES / 1024;
    format!(
        "A dispute gateway: merchants contest chargebacks with evidence, operators open and decide disputes.\n\n\
         **Bodies.** One JSON object of at most {kib} KiB, in UTF-8 without a byte order mark, with no byte below 20h but \
         TAB, LF and CR, no member name twice, no half surrogate, at most {DEPTH_MAX} levels deep. A member that is null \
         counts as left out. Lengths count Unicode scalar values after JSON escapes are resolved.\n\n\
         **Merchants' calls** may have members that are not known, but none called `code` at the top: every answer has \
         one, and no answer can come back as a request. **Operators' calls** may have no member and no parameter that is \
         not known, so that a misspelt option cannot pass unseen.\n\n\
         **Below every API** lie plain answers of HTTP itself: 400 for a request that cannot be told apart, 408 for one \
         that does not arrive in time, 431 for a head that is too large. They are not signed.\n\n\
         `docs/integrate/contract.md` of the project has every rule with its reason."
    )
}

fn components(examples: &Examples, apis: Apis) -> Result<Components> {
    let named = values::values().into_iter().chain(shapes::shapes());
    let mut components =
        named.fold(Components::builder(), |components, (name, schema)| components.schema(name, schema));
    for (name, header) in headers(&examples.answer_to("contest")?.authorization) {
        components = components.header(name, header);
    }
    for (name, response) in below() {
        components = components.response(name, response);
    }
    let merchants = [&merchants::CALLS].into_iter().filter(|_| apis.merchants);
    let operators = [&operators::READING, &operators::CHANGING].into_iter().filter(|_| apis.operators);
    for (name, response) in merchants.chain(operators).flat_map(Group::responses) {
        components = components.response(name, response);
    }
    if apis.merchants {
        for (scheme, vector) in [(Scheme::V2Sha256, "contest"), (Scheme::V2HmacSha256, "hmac-contest")] {
            let how = signing(scheme, &examples.signed(vector)?, &examples.answer_to(vector)?);
            let header = ApiKey::Header(ApiKeyValue::with_description("Authorization".to_owned(), how));
            components = components.security_scheme(scheme.as_str(), SecurityScheme::ApiKey(header));
        }
    }
    if apis.operators {
        let what = "A token that the gateway's operator made; the first one lies in `operator.token` of the data directory.";
        let bearer = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(what)).build();
        components = components.security_scheme(OPERATOR_TOKEN, SecurityScheme::Http(bearer));
    }
    Ok(components.build())
}

/// What anybody may ask.
fn others() -> Vec<Told> {
    let probe = |path, id: &str, summary: &str, description: &str, well: &str, ill: Option<&str>| {
        let operation = anybodys(id, summary, description).response("200", plain(well));
        let operation =
            ill.into_iter().fold(operation, |operation, ill| operation.response("503", plain(ill)));
        Told::get(path, operation.build())
    };
    let bytes = |path, id: &str, summary: &str, media_type: &str, schema: ObjectBuilder| {
        let tag = in_header("If-None-Match", text().into(), "The `ETag` of the answer before.");
        let found = with_id(Response::builder()).description("As it is. `ETag` names these bytes.");
        let operation =
            anybodys(id, summary, "Made from the code alone; it tells nothing of this installation.")
                .parameter(tag)
                .response("200", found.content(media_type, Content::new(Some(schema))))
                .response("304", with_id(Response::builder()).description("As it was."));
        Told::get(path, operation.build())
    };
    vec![
        probe(HEALTHZ, "health", "Whether the process lives", "It answers.", "It does.", None),
        probe(
            READYZ,
            "readiness",
            "Whether the gateway can serve",
            "Whether database and evidence store answer, and no stop was asked for.",
            "It can.",
            Some("It cannot; why is told in the gateway's log alone."),
        ),
        bytes(OPENAPI, "document", "This document", "application/json", object([])),
        bytes(DOCS, "docs", "This document as a page", "text/html; charset=utf-8", text()),
    ]
}

fn anybodys(id: &str, summary: &str, description: &str) -> OperationBuilder {
    with_head_limit(Operation::builder())
        .operation_id(Some(id))
        .tag(OTHERS)
        .summary(Some(summary))
        .description(Some(description))
        .response("405", Form::Unsigned.refusal(StatusCode::METHOD_NOT_ALLOWED, &[Code::MethodNotAllowed]))
}
