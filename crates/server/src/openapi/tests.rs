//! The document against the code that it describes: routes, codes, limits, examples.

mod limits;
mod operators;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::{AcceptRequest, QueryRequest, ReceivedContest};
use rebuttal_protocol::file::GenerateUploadUrlRequest;
use rebuttal_protocol::merchant_call::{MerchantCall, MerchantRequest};
use rebuttal_protocol::operator::{OperatorActionKind, Role};
use rebuttal_protocol::signature::{Message, verify};
use rebuttal_protocol::{Authorization, Code, Finality, answer_nonce};
use rebuttal_testbed::Document;
use rebuttal_testbed::document::Members;
use serde_json::Value;

use super::*;
use crate::gateway::Gateway;
use crate::http::error::status;
use crate::merchant;
use crate::setup::config::Config;
use crate::setup::data_dir::DataDir;
use crate::setup::{routes, start};

const ALL: Apis = Apis { merchants: true, uploads: true, operators: true };

fn text(apis: Apis) -> String {
    document::document(apis).unwrap().to_pretty_json().unwrap() + "\n"
}

fn document_of(apis: Apis) -> Document {
    Document(serde_json::from_str(&text(apis)).unwrap())
}

/// The file in the repository is for readers without a gateway. `cargo xtask regenerate` writes it.
#[test]
fn the_reference_is_current() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    if std::env::var_os("REBUTTAL_REGENERATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text(ALL)).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text(ALL), "{} is out of date; run `cargo xtask regenerate`", file.display());
}

async fn gateway() -> (tempfile::TempDir, Arc<Gateway>) {
    let temp = tempfile::tempdir().unwrap();
    let config = Config::new(temp.path().join("data"));
    let data_dir = DataDir::open(&config.data_dir).unwrap();
    let url = "http://127.0.0.1:1".parse().unwrap();
    let gateway = start::open(&config, &data_dir, vec![url]).await.unwrap();
    (temp, gateway)
}

/// The routes of a router, which has them only in its debug output.
fn routes_of(router: &Router) -> BTreeSet<String> {
    let debugged = format!("{router:?}");
    let (routers, nodes) = debugged.split_once("node:").unwrap();
    let of_id = |text: &str, id: &str| {
        let (_, after) = text.split_once(&format!("RouteId({id}): ")).unwrap();
        after.to_owned()
    };
    let ids = nodes.split("fallback_router").next().unwrap().split("RouteId(").skip(1);
    ids.flat_map(|rest| {
        let id = rest.split(')').next().unwrap();
        let path = of_id(nodes, id).split('"').nth(1).unwrap().to_owned();
        let methods = of_id(routers, id).split("allow_header: ").nth(1).unwrap().to_owned();
        // A route of any method only refuses.
        let methods = methods.strip_prefix("Bytes(b\"").and_then(|methods| methods.split('"').next());
        let methods = methods.map(str::to_owned).unwrap_or_default();
        // HEAD is implied by GET.
        let methods = methods.split(',').filter(|method| !["", "HEAD"].contains(method)).map(str::to_owned);
        methods.map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    })
    .collect()
}

/// A route as in the document: parameters with the names of the API.
fn as_documented(route: String) -> String {
    let words = [
        ("{merchant_id}", "{merchantId}"),
        ("{app_id}", "{appId}"),
        ("{dispute_no}", "{disputeNo}"),
        ("{evidence_id}", "{evidenceId}"),
    ];
    words.iter().fold(route, |route, (code, api)| route.replace(code, api))
}

#[tokio::test]
async fn served_routes_are_the_documented_ones() {
    let (_temp, gateway) = gateway().await;
    let served = [routes::unsigned(&gateway, ALL), merchant::router(&gateway)];
    let served = served.iter().flat_map(routes_of).map(as_documented);
    // The page's assets are not calls.
    let served: BTreeSet<_> = served.filter(|route| !route.starts_with("GET /docs/")).collect();
    let document = document_of(ALL);
    let documented: BTreeSet<_> =
        document.operations().map(|(path, method, _)| format!("{method} {path}")).collect();
    assert_eq!(served, documented, "left: served; right: documented");
    assert!(documented.len() > 25, "{documented:?}");
}

#[test]
fn the_document_describes_only_what_its_listener_serves() {
    let merchants = text(Apis { merchants: true, uploads: false, operators: false });
    for word in ["/operator/v1", "\"/uploaded\"", "operatorToken", "MerchantName", "OperatorReads"] {
        assert!(!merchants.contains(word), "{word}");
    }
    let operators = text(Apis { merchants: false, uploads: false, operators: true });
    for word in ["/pg/v2", "V2_SHA256 appId", "ContestRequest"] {
        assert!(!operators.contains(word), "{word}");
    }
}

#[test]
fn references_resolve_and_every_component_is_used() {
    for apis in [ALL, Apis { operators: false, ..ALL }, Apis { merchants: false, uploads: false, ..ALL }] {
        let (document, text) = (document_of(apis), text(apis));
        for (kind, components) in document.0["components"].as_object().unwrap() {
            let schemes = kind == "securitySchemes";
            for name in components.as_object().unwrap().keys().filter(|_| !schemes) {
                assert!(text.contains(&format!("#/components/{kind}/{name}\"")), "{kind} {name}");
            }
        }
        for reference in text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(document.0.pointer(reference).is_some(), "{reference}");
        }
    }
}

/// The codes that a schema allows at its member `code`.
fn codes(document: &Document, schema: &Value, into: &mut Vec<Code>) {
    let schema = document.resolve(schema);
    let words = schema["properties"]["code"]["enum"].as_array().into_iter().flatten();
    into.extend(words.map(|word| Code::from(word.as_str().unwrap())));
    for part in schema["allOf"].as_array().into_iter().flatten() {
        codes(document, part, into);
    }
}

#[test]
fn every_code_is_documented_under_its_status() {
    let document = document_of(ALL);
    let mut seen = BTreeSet::new();
    for (path, method, operation) in document.operations() {
        for (number, response) in operation["responses"].as_object().unwrap() {
            let content = document.resolve(response)["content"].as_object();
            for content in content.into_iter().flatten().map(|(_, content)| content) {
                let mut of_status = Vec::new();
                codes(&document, &content["schema"], &mut of_status);
                for code in of_status {
                    assert_eq!(status(&code).as_str(), number, "{method} {path}: {code}");
                    seen.insert(code.to_string());
                }
            }
        }
    }
    let all: BTreeSet<_> = Code::ALL.iter().map(ToString::to_string).collect();
    assert_eq!(seen, all);
    let table = document.0["components"]["schemas"]["Code"]["description"].as_str().unwrap();
    for code in Code::ALL {
        assert!(
            table.contains(&format!("| `{code}` | {} | {}", status(code).as_u16(), code.meaning())),
            "{code}"
        );
    }
}

#[test]
fn every_example_matches_its_schema() {
    let document = document_of(ALL);
    let mut tried = 0;
    for (path, method, operation) in document.operations() {
        let responses = operation["responses"].as_object().unwrap().values();
        for body in responses.chain([&operation["requestBody"]]) {
            for content in
                document.resolve(body)["content"].as_object().into_iter().flat_map(|all| all.values())
            {
                let Some(example) = content.get("example") else { continue };
                let faults = document.faults(&content["schema"], example, Members::AllDocumented);
                assert!(faults.is_empty(), "{method} {path}: {faults:#?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 35, "{tried}");
}

/// Built once for all examples.
static WHOLE: LazyLock<Document> = LazyLock::new(|| document_of(ALL));

fn request(path: &str, method: &str) -> String {
    WHOLE.operation(method, path)["requestBody"]["content"]["application/json"]["example"].to_string()
}

#[test]
fn every_example_of_a_merchants_request_parses() {
    fn example<T: MerchantRequest>(parsed: &mut Vec<MerchantCall>) -> T {
        let path = T::CALL.path();
        parsed.push(T::CALL);
        let body = request(path, "POST");
        T::parse(&Object::parse_signed(body.as_bytes()).unwrap())
            .unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }
    let mut parsed = Vec::new();
    let upload: GenerateUploadUrlRequest = example(&mut parsed);
    assert!(upload.format().is_ok());
    example::<ReceivedContest>(&mut parsed);
    example::<AcceptRequest>(&mut parsed);
    example::<QueryRequest>(&mut parsed);
    assert_eq!(parsed, MerchantCall::ALL);
}

/// The example responses of each scheme belong to its example requests, and one of them is in the vectors.
#[test]
fn signed_examples_verify_and_are_bound_to_their_requests() {
    let examples = examples::Examples::new().unwrap();
    let known = examples.signed("answer").unwrap().authorization;
    assert_eq!(examples.answer_to("contest").unwrap().authorization, known);
    for (scheme, vector) in [("V2_SHA256", "contest"), ("V2_HMAC_SHA256", "hmac-contest")] {
        let (request, answer) = (examples.signed(vector).unwrap(), examples.answer_to(vector).unwrap());
        let [asked, answered] = [&request, &answer].map(|signed| {
            let header = Authorization::parse(signed.authorization.as_bytes()).unwrap();
            let (method, target, body) =
                (signed.method.as_str(), signed.url.as_str(), signed.body.as_bytes());
            let message = Message { method, base_url: "", target, body };
            assert!(verify(&header, &signed.app_secret.parse().unwrap(), &message), "{vector}");
            header
        });
        assert_eq!(answered.nonce, answer_nonce(Finality::Settled, &asked.nonce, &asked.sign), "{vector}");
        let described = &WHOLE.0["components"]["securitySchemes"][scheme]["description"];
        for signed in [request, answer] {
            assert!(described.as_str().unwrap().contains(&signed.authorization), "{vector}");
        }
    }
}

#[test]
fn a_known_entity_tag_gets_304_without_a_body() {
    let body = StaticBody::new("application/json", REVALIDATE, "{}".into());
    let status = |tags: &str| {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::try_from(tags).unwrap())]);
        body.response(&headers).status()
    };
    for tags in [body.etag.clone(), format!("\"other\", W/{}", body.etag), "*".to_owned()] {
        assert_eq!(status(&tags), StatusCode::NOT_MODIFIED, "{tags}");
    }
    assert_eq!(status("\"other\""), StatusCode::OK);
    assert_eq!(body.response(&HeaderMap::new()).status(), StatusCode::OK);
}

/// The browser runs the script only if it has this hash; it is that of the file in the npm package redoc 2.5.4.
#[test]
fn the_page_pins_the_script_by_version_and_hash() {
    use base64::Engine as _;
    let page = std::str::from_utf8(DOCS_PAGE).unwrap();
    let hash = base64::engine::general_purpose::STANDARD.encode(sha2::Sha384::digest(REDOC_SCRIPT));
    let script = format!("<script src=\"{}\" integrity=\"sha384-{hash}\">", REDOC.trim_start_matches('/'));
    assert!(page.contains(&script), "{script}");
    let licenses = include_str!("../../assets/redoc/redoc.standalone.js.LICENSE.txt");
    let version = REDOC.trim_start_matches("/docs/redoc-").trim_end_matches(".js");
    assert!(licenses.contains(&format!("Version: \"{version}\"")), "{version}");
    assert!(page.contains(DOCS_STYLE.trim_start_matches('/')), "{DOCS_STYLE}");
}

/// The roles match the table of the contract, which an end-to-end test compares with the gateway.
#[test]
fn every_operators_call_names_the_roles_of_the_contract() {
    let contract = include_str!("../../../../docs/integrate/contract.md");
    let mut tried = 0;
    for row in contract.lines().filter(|line| line.starts_with("| `")) {
        let cells: Vec<_> = row.split(" | ").collect();
        let Some(lowest) = Role::ALL.iter().position(|role| cells.get(1) == Some(&role.as_str())) else {
            continue;
        };
        let roles: Vec<_> = Role::ALL[lowest..].iter().map(|role| format!("`{role}`")).collect();
        let sentence = format!("The token's role: {}.", roles.join(" or "));
        for call in cells[0].split('`').filter(|quoted| quoted.contains(" /")) {
            let (method, path) = call.split_once(' ').unwrap();
            let path = format!("{}{path}", crate::operator::PREFIX);
            let description = WHOLE.operation(method, &path)["description"].as_str().unwrap();
            assert!(description.ends_with(&sentence), "{call}: {description}");
            tried += 1;
        }
    }
    let of_operators = WHOLE.operations().filter(|(path, ..)| path.starts_with(crate::operator::PREFIX));
    assert_eq!(tried, of_operators.count(), "the contract's table lists every call");
}
