//! The document as one page of plain HTML: to be read, printed and searched, without a script and without asking
//! anybody for anything. There is deliberately nothing to try calls with: a page is no place for a secret or a token.

mod markdown;
mod schema;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use rebuttal_protocol::Scheme;
use serde_json::Value;
use sha2::{Digest, Sha256};
use utoipa::openapi::path::{Operation, Parameter, ParameterIn, PathItem};
use utoipa::openapi::security::{ApiKey, SecurityScheme};
use utoipa::openapi::{Content, OpenApi, RefOr, Required, Response, Schema};

use self::markdown::{escape, html};
use self::schema::{members, type_of};
use super::call::OPERATOR_TOKEN;

const STYLE: &str = include_str!("page/style.css");

/// What the page may do: be shown with its own style, and nothing else.
pub(super) fn policy() -> String {
    let style = STANDARD.encode(Sha256::digest(STYLE));
    format!(
        "default-src 'none'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    )
}

/// The page.
pub(super) fn page(document: &OpenApi) -> String {
    let title = escape(&format!("{} {}", document.info.title, document.info.version));
    let about = html(document.info.description.as_deref().unwrap_or_default());
    let calls = Calls::of(document);
    format!(
        "<!doctype html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n<title>{title}</title>\n\
         <style>{STYLE}</style>\n</head>\n<body>\n<nav>\n{}</nav>\n<main>\n<h1>{title}</h1>\n{about}\
         <p>For programs: <a href=\"openapi.json\">openapi.json</a>, OpenAPI 3.1.</p>\n{}{}{}{}</main>\n</body>\n</html>\n",
        calls.contents(),
        schemes(document),
        calls.told(document),
        shared(document),
        schemas(document),
    )
}

/// An operation with its place.
struct Call<'d> {
    path: &'d str,
    method: &'static str,
    operation: &'d Operation,
}

/// All operations under their tags, in the document's order.
struct Calls<'d>(Vec<(&'d str, &'d str, Vec<Call<'d>>)>);

impl<'d> Calls<'d> {
    fn of(document: &'d OpenApi) -> Self {
        let all = || document.paths.paths.iter().flat_map(|(path, item)| calls_of(path, item));
        let tags = document.tags.iter().flatten().map(|tag| {
            let has_tag =
                |call: &Call<'_>| call.operation.tags.iter().flatten().any(|name| *name == tag.name);
            let description = tag.description.as_deref().unwrap_or_default();
            (tag.name.as_str(), description, all().filter(has_tag).collect())
        });
        Self(tags.collect())
    }

    fn contents(&self) -> String {
        let link = |call: &Call<'_>| {
            let summary = call.operation.summary.as_deref().unwrap_or_default();
            format!("<li><a href=\"#{}\">{}</a></li>\n", call.id(), escape(summary))
        };
        let tag = |(name, _, calls): &(&str, &str, Vec<Call<'_>>)| {
            format!("<h2>{}</h2>\n<ul>\n{}</ul>\n", escape(name), calls.iter().map(link).collect::<String>())
        };
        let around = "<h2>All calls</h2>\n<ul>\n<li><a href=\"#authorization\">Authorization</a></li>\n\
                      <li><a href=\"#refusals\">Refusals</a></li>\n<li><a href=\"#schemas\">Schemas</a></li>\n</ul>\n";
        around.to_owned() + &self.0.iter().map(tag).collect::<String>()
    }

    fn told(&self, document: &OpenApi) -> String {
        let tag = |(name, description, calls): &(&str, &str, Vec<Call<'_>>)| {
            let calls = calls.iter().map(|call| call.told(document)).collect::<String>();
            format!("<h2>{}</h2>\n{}{calls}", escape(name), html(description))
        };
        self.0.iter().map(tag).collect()
    }
}

fn calls_of<'d>(path: &'d str, item: &'d PathItem) -> impl Iterator<Item = Call<'d>> {
    let methods = [("GET", &item.get), ("POST", &item.post), ("PATCH", &item.patch)];
    methods
        .into_iter()
        .filter_map(move |(method, operation)| Some(Call { path, method, operation: operation.as_ref()? }))
}

impl Call<'_> {
    fn id(&self) -> String {
        escape(self.operation.operation_id.as_deref().unwrap_or_default())
    }

    fn told(&self, document: &OpenApi) -> String {
        let Operation { summary, description, parameters, request_body, responses, .. } = self.operation;
        let mut told = format!(
            "<section id=\"{}\">\n<h3>{}</h3>\n<p class=\"call\"><b>{}</b> <code>{}</code></p>\n{}",
            self.id(),
            escape(summary.as_deref().unwrap_or_default()),
            self.method,
            escape(self.path),
            html(description.as_deref().unwrap_or_default()),
        );
        let rows: String = parameters.iter().flatten().filter_map(inline).map(parameter).collect();
        if !rows.is_empty() {
            told += &format!("<h4>Parameters</h4>\n<table>\n{rows}</table>\n");
        }
        if let Some(RefOr::T(body)) = request_body {
            let contents =
                body.content.iter().filter_map(|(kind, of)| Some(taken(kind, inline(of)?, document)));
            let needed = matches!(body.required, Some(Required::True));
            let heading = if needed { "Takes" } else { "Takes, if anything" };
            told += &format!("<h4>{heading}</h4>\n{}", contents.collect::<String>());
        }
        let answers = responses.responses.iter().map(|(status, response)| answer(status, response, document));
        told += &format!("<h4>Answers</h4>\n{}</section>\n", answers.collect::<String>());
        told
    }
}

fn inline<T>(of: &RefOr<T>) -> Option<&T> {
    match of {
        RefOr::T(inline) => Some(inline),
        RefOr::Ref(_) => None,
    }
}

fn parameter(parameter: &Parameter) -> String {
    let place = match parameter.parameter_in {
        ParameterIn::Path => "in the path",
        ParameterIn::Header => "header",
        _ => "in the query",
    };
    let optional = if matches!(parameter.required, Required::True) { "" } else { ", may be left out" };
    let what = html(parameter.description.as_deref().unwrap_or_default());
    let kind = parameter.schema.as_ref().map(type_of).unwrap_or_default();
    format!(
        "<tr><td><code>{}</code></td><td>{kind}; {place}{optional}{what}</td></tr>\n",
        escape(&parameter.name)
    )
}

/// A body that a call takes, member by member, wherever its schema stands.
fn taken(media_type: &str, content: &Content, document: &OpenApi) -> String {
    let named = match &content.schema {
        Some(RefOr::Ref(reference)) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            document.components.as_ref().and_then(|components| components.schemas.get(name))
        }
        _ => None,
    };
    self::content(media_type, content, named.and_then(inline))
}

fn content(media_type: &str, content: &Content, named: Option<&Schema>) -> String {
    let kind = content.schema.as_ref().map(type_of).unwrap_or_default();
    let table = content.schema.as_ref().and_then(inline).or(named).map(members).unwrap_or_default();
    let example = content.example.as_ref().map(example).unwrap_or_default();
    format!("<p><code>{}</code>: {kind}</p>\n{table}{example}", escape(media_type))
}

fn example(value: &Value) -> String {
    let text = serde_json::to_string_pretty(value).unwrap_or_default();
    format!("<pre>{}</pre>\n", escape(&text))
}

/// One status: what it means, and with which body it comes. Those that all calls share are told once.
fn answer(status: &str, response: &RefOr<Response>, document: &OpenApi) -> String {
    match response {
        RefOr::T(response) => {
            let open = if status.starts_with('2') { " open" } else { "" };
            format!("<details{open}><summary>{status}</summary>\n{}</details>\n", answered(response))
        }
        RefOr::Ref(reference) => {
            let name = reference.ref_location.rsplit('/').next().unwrap_or_default();
            let shared = document.components.as_ref().and_then(|components| components.responses.get(name));
            let what =
                shared.and_then(inline).map(|response| html(&response.description)).unwrap_or_default();
            let link = format!("<a href=\"#refusals-{0}\">as every call</a>", escape(name));
            format!("<details><summary>{status}</summary>\n{what}<p>{link}</p></details>\n")
        }
    }
}

fn answered(response: &Response) -> String {
    let headers: Vec<_> =
        response.headers.keys().map(|name| format!("<code>{}</code>", escape(name))).collect();
    let headers = match headers.is_empty() {
        true => String::new(),
        false => format!("<p>Headers: {}</p>\n", headers.join(", ")),
    };
    let contents = response.content.iter().filter_map(|(kind, of)| Some(content(kind, inline(of)?, None)));
    format!("{}{headers}{}", html(&response.description), contents.collect::<String>())
}

/// What proves who calls, the scheme that every app begins with first.
fn schemes(document: &OpenApi) -> String {
    let told = Scheme::ALL.map(Scheme::as_str).into_iter().chain([OPERATOR_TOKEN]).filter_map(|name| {
        let described = match inline(document.components.as_ref()?.security_schemes.get(name)?)? {
            SecurityScheme::ApiKey(ApiKey::Header(key)) => &key.description,
            SecurityScheme::Http(http) => &http.description,
            _ => &None,
        };
        let described = html(described.as_deref().unwrap_or_default());
        Some(format!("<section id=\"scheme-{0}\">\n<h3>{0}</h3>\n{described}</section>\n", escape(name)))
    });
    format!("<h2 id=\"authorization\">Authorization</h2>\n{}", told.collect::<String>())
}

fn shared(document: &OpenApi) -> String {
    let components = document.components.iter();
    let headers =
        components.clone().flat_map(|components| &components.headers).filter_map(|(name, header)| {
            let what = inline(header)?.description.as_deref().unwrap_or_default();
            Some(format!("<tr><td><code>{}</code></td><td>{}</td></tr>\n", escape(name), html(what)))
        });
    let responses = components.flat_map(|components| &components.responses).filter_map(|(name, response)| {
        let told = answered(inline(response)?);
        Some(format!("<details id=\"refusals-{0}\"><summary>{0}</summary>\n{told}</details>\n", escape(name)))
    });
    format!(
        "<h2 id=\"refusals\">Refusals of all calls</h2>\n<table>\n{}</table>\n{}",
        headers.collect::<String>(),
        responses.collect::<String>()
    )
}

fn schemas(document: &OpenApi) -> String {
    let schemas = document.components.iter().flat_map(|components| &components.schemas);
    let told = schemas.filter_map(|(name, schema)| {
        let told = schema::told(inline(schema)?);
        Some(format!("<section id=\"schema-{0}\">\n<h3>{0}</h3>\n{told}</section>\n", escape(name)))
    });
    format!("<h2 id=\"schemas\">Schemas</h2>\n{}", told.collect::<String>())
}
