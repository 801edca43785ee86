//! The document against the code that it tells of: routes, codes, limits, examples.

mod limits;
mod operators;
mod page;

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::LazyLock;

use rebuttal_protocol::answer::Done;
use rebuttal_protocol::body::Object;
use rebuttal_protocol::dispute::{AcceptRequest, DisputeData, QueryRequest, ReceivedContest};
use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::file::{GenerateUploadUrlRequest, UploadUrlData};
use rebuttal_protocol::operator::{OperatorActionKind, Role};
use rebuttal_protocol::signature::{Message, verify};
use rebuttal_protocol::{Authorization, Code, Envelope, Finality, answer_nonce};
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

fn told(apis: Apis) -> Document {
    Document(serde_json::from_str(&text(apis)).unwrap())
}

/// The file in the repository is for those who have no gateway at hand. `cargo xtask regenerate` writes it.
#[test]
fn the_reference_is_what_the_code_tells() {
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    if std::env::var_os("REBUTTAL_REGENERATE").is_some() {
        std::fs::create_dir_all(file.parent().unwrap()).unwrap();
        std::fs::write(&file, text(ALL)).unwrap();
    }
    let kept = std::fs::read_to_string(&file).unwrap_or_default();
    assert!(kept == text(ALL), "{} is stale; run `cargo xtask regenerate`", file.display());
}

async fn gateway() -> (tempfile::TempDir, Arc<Gateway>) {
    let temp = tempfile::tempdir().unwrap();
    let config = Config::new(temp.path().join("data"));
    let data_dir = DataDir::open(&config.data_dir).unwrap();
    let url = "http://127.0.0.1:1".parse().unwrap();
    let gateway = start::open(&config, &data_dir, vec![url]).await.unwrap();
    (temp, gateway)
}

/// A router tells its routes to whoever debugs it, and to nobody else.
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
        let methods = of_id(routers, id).split("allow_header: Bytes(b\"").nth(1).unwrap().to_owned();
        let methods = methods.split('"').next().unwrap().to_owned();
        // HEAD comes with GET by itself.
        let methods = methods.split(',').filter(|method| *method != "HEAD").map(str::to_owned);
        methods.map(|method| format!("{method} {path}")).collect::<Vec<_>>()
    })
    .collect()
}

/// A route in the document's words: parameters as the API names them, and each act on its own.
fn as_told(route: &str) -> Vec<String> {
    let words = [
        ("{merchant_id}", "{merchantId}"),
        ("{app_id}", "{appId}"),
        ("{dispute_no}", "{disputeNo}"),
        ("{evidence_id}", "{evidenceId}"),
    ];
    let route = words.iter().fold(route.to_owned(), |route, (code, api)| route.replace(code, api));
    let acts = OperatorActionKind::ALL.iter().map(|kind| route.replace("{action}", kind.as_str()));
    if route.contains("{action}") { acts.collect() } else { vec![route] }
}

#[tokio::test]
async fn every_route_is_told_and_everything_told_is_a_route() {
    let (_temp, gateway) = gateway().await;
    let served = [routes::unsigned(&gateway, ALL), merchant::router(&gateway)];
    let served: BTreeSet<_> = served.iter().flat_map(routes_of).flat_map(|route| as_told(&route)).collect();
    let told = told(ALL);
    let told: BTreeSet<_> = told.operations().map(|(path, method, _)| format!("{method} {path}")).collect();
    assert_eq!(served, told, "left: what is served; right: what is told");
    assert!(told.len() > 25, "{told:?}");
}

#[test]
fn a_listener_tells_of_nothing_that_it_does_not_serve() {
    let merchants = text(Apis { merchants: true, uploads: false, operators: false });
    for word in ["/operator/v1", "\"/uploaded\"", "operatorToken", "MerchantName", "OperatorsReading"] {
        assert!(!merchants.contains(word), "{word}");
    }
    let operators = text(Apis { merchants: false, uploads: false, operators: true });
    for word in ["/pg/v2", "V2_SHA256 appId", "ContestRequest"] {
        assert!(!operators.contains(word), "{word}");
    }
}

/// Every reference leads somewhere, and every component is led to.
#[test]
fn nothing_is_named_in_vain() {
    for apis in [ALL, Apis { operators: false, ..ALL }, Apis { merchants: false, uploads: false, ..ALL }] {
        let (told, text) = (told(apis), text(apis));
        for (kind, components) in told.0["components"].as_object().unwrap() {
            let schemes = kind == "securitySchemes";
            for name in components.as_object().unwrap().keys().filter(|_| !schemes) {
                assert!(text.contains(&format!("#/components/{kind}/{name}\"")), "{kind} {name}");
            }
        }
        for reference in text.split("\"$ref\": \"#").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(told.0.pointer(reference).is_some(), "{reference}");
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
fn every_code_is_told_under_its_status() {
    let document = told(ALL);
    let mut seen = BTreeSet::new();
    for (path, method, operation) in document.operations() {
        for (number, response) in operation["responses"].as_object().unwrap() {
            let content = document.resolve(response)["content"].as_object();
            for content in content.into_iter().flatten().map(|(_, content)| content) {
                let mut told = Vec::new();
                codes(&document, &content["schema"], &mut told);
                for code in told {
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
fn every_example_is_of_its_schema() {
    let document = told(ALL);
    let mut tried = 0;
    for (path, method, operation) in document.operations() {
        let responses = operation["responses"].as_object().unwrap().values();
        for body in responses.chain([&operation["requestBody"]]) {
            for content in
                document.resolve(body)["content"].as_object().into_iter().flat_map(|all| all.values())
            {
                let Some(example) = content.get("example") else { continue };
                let faults = document.faults(&content["schema"], example, Members::AllTold);
                assert!(faults.is_empty(), "{method} {path}: {faults:#?}");
                tried += 1;
            }
        }
    }
    assert!(tried > 35, "{tried}");
}

/// Made once for all examples.
static WHOLE: LazyLock<Document> = LazyLock::new(|| told(ALL));

fn request(path: &str, method: &str) -> String {
    WHOLE.operation(method, path)["requestBody"]["content"]["application/json"]["example"].to_string()
}

fn answer(path: &str) -> String {
    WHOLE.operation("POST", path)["responses"]["200"]["content"]["application/json"]["example"].to_string()
}

#[test]
fn every_example_of_a_merchants_request_is_read_as_one() {
    fn reads<T>(path: &str, parse: impl Fn(&Object<'_>) -> Result<T, BadRequest>) -> T {
        let body = request(path, "POST");
        parse(&Object::parse_signed(body.as_bytes()).unwrap())
            .unwrap_or_else(|error| panic!("{path}: {error:?}"))
    }
    use rebuttal_protocol::merchant_call::{CallEntry as _, MerchantRequest as _};
    reads(ReceivedContest::CALL.path(), ReceivedContest::parse);
    reads(AcceptRequest::CALL.path(), AcceptRequest::parse);
    reads(QueryRequest::CALL.path(), QueryRequest::parse);
    assert!(reads(GenerateUploadUrlRequest::CALL.path(), GenerateUploadUrlRequest::parse).format().is_ok());
}

/// The answers that are shown under each scheme are those to the requests shown, and the vectors know one of them.
#[test]
fn every_signed_example_is_rightly_signed_and_bound() {
    let examples = examples::Examples::new().unwrap();
    let known = examples.signed("answer").unwrap().authorization;
    assert_eq!(examples.answer_to("contest").unwrap().authorization, known);
    for (scheme, vector) in [("V2_SHA256", "contest"), ("V2_HMAC_SHA256", "hmac-contest")] {
        let (request, answer) = (examples.signed(vector).unwrap(), examples.answer_to(vector).unwrap());
        let [asked, told] = [&request, &answer].map(|signed| {
            let header = Authorization::parse(signed.authorization.as_bytes()).unwrap();
            let (method, target, body) =
                (signed.method.as_str(), signed.url.as_str(), signed.body.as_bytes());
            let message = Message { method, base_url: "", target, body };
            assert!(verify(&header, &signed.app_secret.parse().unwrap(), &message), "{vector}");
            header
        });
        assert_eq!(told.nonce, answer_nonce(Finality::Settled, &asked.nonce, &asked.sign), "{vector}");
        let described = &WHOLE.0["components"]["securitySchemes"][scheme]["description"];
        for signed in [request, answer] {
            assert!(described.as_str().unwrap().contains(&signed.authorization), "{vector}");
        }
    }
}

#[test]
fn every_example_of_an_answer_to_a_merchant_is_read_as_one() {
    fn reads<T: for<'de> serde::Deserialize<'de>>(path: &str) -> T {
        let envelope: Envelope<T> = serde_json::from_str(&answer(path)).unwrap();
        assert_eq!((envelope.code, envelope.error_message), (Code::Ok, None), "{path}");
        envelope.data.unwrap()
    }
    use rebuttal_protocol::merchant_call::CallEntry as _;
    assert_eq!(reads::<Done>(ReceivedContest::CALL.path()), Done::TRUE);
    assert_eq!(reads::<Done>(AcceptRequest::CALL.path()), Done::TRUE);
    assert_eq!(reads::<DisputeData>(QueryRequest::CALL.path()).merchant_trade_no, "MTU-11677");
    assert_eq!(reads::<UploadUrlData>(GenerateUploadUrlRequest::CALL.path()).http_method, "POST");
}

#[test]
fn a_cache_that_has_the_bytes_gets_none() {
    let fixed = Fixed::of("{}".to_owned()).unwrap();
    let etag = fixed.etag.to_str().unwrap().to_owned();
    let asked = |tags: &str| {
        let headers = HeaderMap::from_iter([(IF_NONE_MATCH, HeaderValue::try_from(tags).unwrap())]);
        fixed.answer("application/json", &headers).status()
    };
    for tags in [etag.clone(), format!("\"other\", W/{etag}"), "*".to_owned()] {
        assert_eq!(asked(&tags), StatusCode::NOT_MODIFIED, "{tags}");
    }
    assert_eq!(asked("\"other\""), StatusCode::OK);
    assert_eq!(fixed.answer("application/json", &HeaderMap::new()).status(), StatusCode::OK);
}

/// The contract's table tells who may do what, and a detail calls everything that it tells with every role.
#[test]
fn every_operators_call_tells_the_roles_of_the_contract() {
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
    assert_eq!(tried, 21, "the operators' calls");
}
