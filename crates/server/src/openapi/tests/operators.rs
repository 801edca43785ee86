//! The operators' requests in the document against the parsers of their types.

use std::fmt::Debug;

use rebuttal_protocol::fields::BadRequest;
use rebuttal_protocol::operator::{
    AppSettings, ChangeMerchant, CreateMerchant, CreateToken, EndOverlap, OpenDispute, OperatorAction,
    RevokeToken, RotateSecret,
};
use serde::Serialize;

use super::*;

fn members(schema: &Value) -> BTreeSet<String> {
    WHOLE.resolve(schema)["properties"]
        .as_object()
        .into_iter()
        .flatten()
        .map(|(name, _)| name.clone())
        .collect()
}

/// The members that a parser knows, from its message about an unknown one.
fn known<T: Debug>(parse: impl Fn(&Object<'_>) -> Result<T, BadRequest>) -> BTreeSet<String> {
    let refused = parse(&Object::parse(br#"{"unheardOf":null}"#).unwrap()).unwrap_err().to_string();
    let (_, known) = refused.split_once("unheardOf is unknown; known members are ").unwrap();
    let known = known.split(';').next().unwrap().split(", ").filter(|name| !name.is_empty());
    known.map(str::to_owned).collect()
}

/// The parser accepts the schema's members, the example, and what the type serializes to.
fn agrees<T: Serialize + PartialEq + Debug>(
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
fn every_request_parses_with_the_documented_members() {
    agrees("POST", "/merchants", CreateMerchant::parse);
    agrees("PATCH", "/merchants/{merchantId}", ChangeMerchant::parse);
    agrees("POST", "/merchants/{merchantId}/apps", AppSettings::parse);
    agrees("PATCH", "/merchants/{merchantId}/apps/{appId}", AppSettings::parse);
    agrees("POST", "/merchants/{merchantId}/apps/{appId}/rotate", RotateSecret::parse);
    agrees("POST", "/merchants/{merchantId}/apps/{appId}/endOverlap", EndOverlap::parse);
    agrees("POST", "/tokens", CreateToken::parse);
    agrees("POST", "/tokens/{name}/revoke", RevokeToken::parse);
    agrees("POST", "/disputes", OpenDispute::parse);
    for kind in OperatorActionKind::ALL {
        agrees("POST", &format!("/disputes/{{disputeNo}}/{kind}"), |object| {
            OperatorAction::parse(*kind, object)
        });
    }
}
