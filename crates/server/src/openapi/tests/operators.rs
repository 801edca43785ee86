//! The operators' requests and answers as the document tells them, against the types that the gateway reads and writes,
//! and the command line writes and reads.

use std::fmt::Debug;

use rebuttal_protocol::operator::{
    AppSettings, ChangeMerchant, CreateMerchant, CreateToken, EndOverlap, OpenDispute, OperatorAction,
    RevokeToken, RotateSecret, answers,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::*;

fn members(schema: &Value) -> BTreeSet<String> {
    WHOLE.resolve(schema)["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

/// The members that a request may have, as it says itself where it is given another one.
fn known<T: Debug>(parse: impl Fn(&Object<'_>) -> Result<T, BadRequest>) -> BTreeSet<String> {
    let refused = parse(&Object::parse(br#"{"unheardOf":null}"#).unwrap()).unwrap_err().to_string();
    let (_, known) = refused.split_once("unheardOf is not known here; known are ").unwrap();
    let known = known.split(';').next().unwrap().split(", ").filter(|name| !name.is_empty());
    known.map(str::to_owned).collect()
}

/// A request takes the members that the document tells, reads the document's example, and reads what it writes itself.
fn is_told<T: Serialize + PartialEq + Debug>(
    method: &str,
    path: &str,
    parse: impl Fn(&Object<'_>) -> Result<T, BadRequest>,
) {
    let path = format!("{}{path}", crate::operator::PREFIX);
    let schema = &WHOLE.operation(method, &path)["requestBody"]["content"]["application/json"]["schema"];
    assert_eq!(known(&parse), members(schema), "{method} {path}");
    let read = |body: &str| parse(&Object::parse(body.as_bytes()).unwrap()).unwrap();
    let example = read(&request(&path, method));
    let written = serde_json::to_string(&example).unwrap();
    assert_eq!(read(&written), example, "{method} {path}: {written}");
}

#[test]
fn every_request_is_what_its_type_reads_and_writes() {
    is_told("POST", "/merchants", CreateMerchant::parse);
    is_told("PATCH", "/merchants/{merchantId}", ChangeMerchant::parse);
    is_told("POST", "/merchants/{merchantId}/apps", AppSettings::parse);
    is_told("PATCH", "/merchants/{merchantId}/apps/{appId}", AppSettings::parse);
    is_told("POST", "/merchants/{merchantId}/apps/{appId}/rotate", RotateSecret::parse);
    is_told("POST", "/merchants/{merchantId}/apps/{appId}/endOverlap", EndOverlap::parse);
    is_told("POST", "/tokens", CreateToken::parse);
    is_told("POST", "/tokens/{name}/revoke", RevokeToken::parse);
    is_told("POST", "/disputes", OpenDispute::parse);
    for kind in OperatorActionKind::ALL {
        is_told("POST", &format!("/disputes/{{disputeNo}}/{kind}"), |object| {
            OperatorAction::parse(*kind, object)
        });
    }
}

/// Whether a type reads an example whole: what it writes then is the example again.
fn holds<T: Serialize + DeserializeOwned>(example: &Value) {
    let read: T = serde_json::from_value(example.clone()).unwrap();
    assert_eq!(serde_json::to_value(read).unwrap(), *example);
}

fn name(schema: &Value) -> Option<&str> {
    schema["$ref"].as_str()?.rsplit('/').next()
}

#[test]
fn every_answer_is_what_its_type_reads_and_writes() {
    let mut tried = BTreeSet::new();
    for (path, method, operation) in WHOLE.operations() {
        let is_operators = path.starts_with(crate::operator::PREFIX);
        let responses = operation["responses"].as_object().unwrap().iter();
        for (_, response) in responses.filter(|(status, _)| is_operators && status.starts_with('2')) {
            let content = &response["content"]["application/json"];
            let (schema, example) = (&content["schema"], &content["example"]);
            let Some(members) = content.get("schema").map(members) else { continue };
            let items = name(&schema["properties"]["items"]["items"]);
            match (name(schema), items) {
                (Some("Merchant"), _) => holds::<answers::Merchant>(example),
                (Some("App" | "NewApp"), _) => holds::<answers::App>(example),
                (Some("Token"), _) => holds::<answers::Token>(example),
                (Some("NewToken"), _) => holds::<answers::NewToken>(example),
                (Some("Dispute"), _) => holds::<answers::Dispute>(example),
                (Some("EvidenceLink"), _) => holds::<answers::EvidenceLink>(example),
                (None, Some("App")) => holds::<answers::Apps>(example),
                (None, Some("Merchant")) => holds::<answers::ListPage<answers::Merchant>>(example),
                (None, Some("Token")) => holds::<answers::ListPage<answers::Token>>(example),
                (None, Some("DisputeSummary")) => {
                    holds::<answers::ListPage<answers::DisputeSummary>>(example)
                }
                other => panic!("{method} {path} answers {other:?}, which has no type"),
            }
            let shown: BTreeSet<_> = example.as_object().unwrap().keys().cloned().collect();
            // A token that lets somebody in was not revoked.
            assert!(members.is_superset(&shown) && members.len() <= shown.len() + 1, "{method} {path}");
            tried.insert((name(schema), items));
        }
    }
    assert_eq!(tried.len(), 11, "{tried:?}");
}

#[test]
fn a_problem_is_what_its_type_writes() {
    let problem =
        answers::Problem { title: String::new(), status: 400, code: Code::Ok, detail: String::new() };
    let written = serde_json::to_value(problem).unwrap();
    let written: BTreeSet<_> = written.as_object().unwrap().keys().cloned().collect();
    assert_eq!(members(&WHOLE.0["components"]["schemas"]["Problem"]), written);
}
