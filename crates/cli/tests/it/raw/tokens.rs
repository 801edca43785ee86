//! Contract §8, operators' tokens: what each role may do, and how long a token is valid.

use std::time::Duration;

use rebuttal_testbed::operator::{Operator, dispute};
use rebuttal_testbed::signer::fresh_nonce;
use rebuttal_testbed::{Connection, Item, Response, TestGateway, samples};
use serde_json::{Value, json};

use crate::common::{each, sqlite_test_gateway, test_gateway};

const CONTRACT: &str = include_str!("../../../../../docs/integrate/contract.md");
const ROLES: [&str; 3] = ["viewer", "operator", "admin"];
const FORBIDDEN: &str = "Operator.Forbidden";
const CONFLICT: &str = "Operator.Conflict";

/// The calls of the contract's table: method, path, and the lowest role that is allowed.
fn calls() -> Vec<(String, String, String)> {
    let rows = CONTRACT.lines().skip_while(|line| !line.starts_with("| call | role |")).skip(2);
    let rows = rows.take_while(|line| line.starts_with('|'));
    let of_row = |row: &str| {
        let mut cells = row.split('|').map(str::trim).skip(1);
        let (calls, role) = (cells.next().unwrap().to_owned(), cells.next().unwrap().to_owned());
        let calls = calls.replace('`', "");
        let calls: Vec<_> = calls.split(", ").map(str::to_owned).collect();
        calls.into_iter().map(move |call| {
            let (method, path) = call.split_once(' ').unwrap();
            (method.to_owned(), path.to_owned(), role.clone())
        })
    };
    rows.flat_map(of_row).collect()
}

fn rank(role: &str) -> usize {
    ROLES.iter().position(|known| *known == role).unwrap_or_else(|| panic!("{role} is no role"))
}

/// An operator with a new token.
fn holder(fixture: &TestGateway, name: &str, role: &str) -> Operator {
    let made = fixture.operator.post("/tokens", &json!({ "name": name, "role": role })).created();
    assert_eq!((&made["name"], &made["role"]), (&json!(name), &json!(role)));
    Operator::new(fixture.address(), made["token"].as_str().unwrap())
}

fn revoke(operator: &Operator, name: &str) -> Response {
    operator.post(&format!("/tokens/{name}/revoke"), &json!({}))
}

fn keyed(operator: &Operator, path: &str, body: &Value, key: &str) -> Response {
    operator.send(&operator.request("POST", path, Some(body)).header("Idempotency-Key", key))
}

fn names(fixture: &TestGateway) -> Vec<String> {
    let items = fixture.operator.fetch("/tokens").json()["items"].as_array().unwrap().clone();
    items.iter().map(|item| item["name"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn every_call_requires_its_role() {
    let fixture = test_gateway();
    let no = fixture.dispute();
    fixture.contest(&no, &[Item::receipt(&fixture.upload(&samples::receipt(1)))]).is("OK");
    drop(holder(&fixture, "spare", "viewer"));
    let calls = calls();
    assert!(calls.len() >= 19, "the contract's table was not read: {calls:?}");
    let at = |path: &str| {
        let names = [
            ("{merchantId}", fixture.merchant_id.to_string()),
            ("{appId}", fixture.signer.app_id.clone()),
            ("{disputeNo}", no.clone()),
            ("{evidenceId}", "1-1".to_owned()),
            ("{name}", "spare".to_owned()),
        ];
        names.iter().fold(path.to_owned(), |path, (name, value)| path.replace(name, value))
    };
    for role in ROLES {
        let somebody = holder(&fixture, &format!("some-{role}"), role);
        let cases = calls.iter().map(|call| (format!("{role}: {} {}", call.0, call.1), call));
        each(cases, |(method, path, lowest)| {
            let body = (method != "GET").then(|| json!({}));
            let answer = somebody.send(&somebody.request(method, &at(path), body.as_ref()));
            if rank(role) < rank(lowest) {
                answer.is_problem(403, FORBIDDEN);
                assert!(answer.text().contains(role) && answer.text().contains(lowest), "{}", answer.text());
            } else if method == "GET" {
                // Links exist only with S3.
                let refused = path.ends_with("/link") && !rebuttal_testbed::backend::includes("s3");
                assert_eq!(answer.status, if refused { 409 } else { 200 }, "{}", answer.text());
            } else {
                // Authorized; the response to an empty body or a closed dispute is tested elsewhere.
                assert!(![401, 403].contains(&answer.status), "{}", answer.text());
            }
        });
    }
    let unknown = Operator::new(fixture.address(), "an-unknown-token");
    for (method, path, _) in &calls {
        unknown.send(&unknown.request(method, &at(path), None)).is_problem(401, "Operator.Unauthorized");
    }
}

#[test]
fn forbidden_request_changes_nothing_and_keeps_its_key() {
    let fixture = test_gateway();
    let no = fixture.dispute();
    let (viewer, operator) = (holder(&fixture, "v", "viewer"), holder(&fixture, "o", "operator"));
    viewer.act(&no, "resolve", &json!({ "outcome": "WON" })).is_problem(403, FORBIDDEN);
    viewer.post("/disputes", &dispute(fixture.merchant_id, &json!({}))).is_problem(403, FORBIDDEN);
    assert_eq!((fixture.status(&no).as_str(), fixture.history(&no).len()), ("NEEDS_RESPONSE", 1));
    assert_eq!(viewer.fetch("/disputes").json()["total"], 1);

    let path = format!("/merchants/{}/apps/{}/rotate", fixture.merchant_id, fixture.signer.app_id);
    let (key, body) = (fresh_nonce(), json!({ "overlapSeconds": 60 }));
    keyed(&operator, &path, &body, &key).is_problem(403, FORBIDDEN);
    assert_eq!(keyed(&fixture.operator, &path, &body, &key).status, 200);
    assert_eq!(operator.act(&no, "resolve", &json!({ "outcome": "WON" })).status, 200);
    let history = fixture.show(&no)["history"].clone();
    assert!(history[1]["actor"].as_str().unwrap().ends_with('o'), "the history names the token: {history}");
}

#[test]
fn token_is_shown_once_and_stored_as_hash() {
    let mut fixture = sqlite_test_gateway();
    let (key, body) = (fresh_nonce(), json!({ "name": "night-shift", "role": "operator" }));
    let made = keyed(&fixture.operator, "/tokens", &body, &key).created();
    let token = made["token"].as_str().unwrap().to_owned();
    let list = fixture.operator.fetch("/tokens");
    let item = list.json()["items"][0].clone();
    assert_eq!((&item["name"], &item["role"]), (&json!("night-shift"), &json!("operator")));
    assert!(item["createdTime"].as_str().unwrap().ends_with("+00:00") && item["token"].is_null(), "{item}");
    assert!(!list.text().contains(&token));
    assert_eq!(names(&fixture), ["night-shift", "operator"]);

    fixture.gateway.restart();
    assert_eq!(keyed(&fixture.operator, "/tokens", &body, &key).created(), made, "the first answer again");
    assert_eq!(Operator::new(fixture.address(), &token).fetch("/disputes").status, 200);
    for file in std::fs::read_dir(fixture.gateway.data()).unwrap() {
        let path = file.unwrap().path();
        let holds = path.is_file() && {
            let bytes = std::fs::read(&path).unwrap();
            bytes.windows(token.len()).any(|window| window == token.as_bytes())
        };
        assert!(!holds, "{} holds the token as it is", path.display());
    }
    assert!(!fixture.gateway.stderr().contains(&token), "the token is in the log");
}

#[test]
fn revoked_token_is_rejected_from_then_on() {
    let mut fixture = test_gateway();
    let [one, other] = ["one", "other"].map(|name| holder(&fixture, name, "viewer"));
    assert_eq!((one.fetch("/disputes").status, other.fetch("/disputes").status), (200, 200));
    let revoked = revoke(&fixture.operator, "one");
    assert_eq!((revoked.status, &revoked.json()["name"]), (200, &json!("one")), "{}", revoked.text());
    one.fetch("/disputes").is_problem(401, "Operator.Unauthorized");
    assert_eq!(revoke(&fixture.operator, "one").json(), revoked.json(), "repeatable");
    revoke(&fixture.operator, "unknown").is_problem(404, "Operator.NotFound");
    fixture.gateway.restart();
    one.fetch("/disputes").is_problem(401, "Operator.Unauthorized");
    assert_eq!(other.fetch("/disputes").status, 200);
    assert_eq!(names(&fixture), ["operator", "other"]);
}

/// The gateway asks for the body after it has accepted the token; then the token is revoked and the body sent.
#[test]
fn token_revoked_during_the_body_changes_nothing() {
    let fixture = test_gateway();
    let no = fixture.dispute();
    let merchant = json!({ "name": "m", "timeZone": "UTC" });
    let app = format!("/merchants/{}/apps/{}", fixture.merchant_id, fixture.signer.app_id);
    assert_eq!(
        fixture.operator.post(&format!("{app}/rotate"), &json!({ "overlapSeconds": 3_600 })).status,
        200
    );
    let changes = [
        ("POST", "/tokens".to_owned(), json!({ "name": "heir", "role": "admin" })),
        ("POST", "/merchants".to_owned(), merchant.clone()),
        ("PATCH", format!("/merchants/{}", fixture.merchant_id), merchant),
        ("POST", "/disputes".to_owned(), dispute(fixture.merchant_id, &json!({ "disputeNo": "heir" }))),
        ("POST", format!("/disputes/{no}/withdraw"), json!({})),
        ("POST", "/tokens/slow/revoke".to_owned(), json!({})),
        ("POST", format!("{app}/rotate"), json!({ "overlapSeconds": 0 })),
        ("POST", format!("{app}/endOverlap"), json!({})),
    ];
    let before = [fixture.operator.fetch("/merchants").text(), fixture.show(&no).to_string()];
    for (method, path, body) in changes {
        let slow = holder(&fixture, "slow", "admin");
        let key = fresh_nonce();
        let request = slow.request(method, &path, Some(&body)).header("Idempotency-Key", &key);
        let mut connection = Connection::open(fixture.address()).unwrap();
        connection.send(&request.clone().header("Expect", "100-continue").head()).unwrap();
        assert!(connection.answers_within(Duration::from_secs(30)), "{path}: asks for no body");
        assert_eq!(revoke(&fixture.operator, "slow").status, 200);
        connection.send(&request.body).unwrap();
        connection.receive().unwrap().is_problem(401, "Operator.Unauthorized");
    }
    assert_eq!([fixture.operator.fetch("/merchants").text(), fixture.show(&no).to_string()], before);
    assert_eq!(names(&fixture), ["operator"]);
    assert_eq!(fixture.query(&no).ok()["status"], "NEEDS_RESPONSE", "the older secret verifies still");
    fixture.operator.fetch("/disputes/heir").is_problem(404, "Dispute.NotFound");
}

#[test]
fn change_without_fields_needs_no_body() {
    let fixture = test_gateway();
    let bare = |path: &str, body: &str| {
        let mut request = fixture.operator.request("POST", path, None);
        request.body = body.into();
        fixture.operator.send(&request)
    };
    drop(holder(&fixture, "gone", "viewer"));
    let revoked = bare("/tokens/gone/revoke", "");
    assert_eq!((revoked.status, &revoked.json()["name"]), (200, &json!("gone")), "{}", revoked.text());
    bare("/tokens/gone/revoke", "{}").is_problem(415, "Common.Request.UnsupportedMediaType");
    bare("/merchants", "").is_problem(415, "Common.Request.UnsupportedMediaType");
    assert_eq!(fixture.operator.post("/tokens/gone/revoke", &json!({})).json(), revoked.json());
}

#[test]
fn first_token_cannot_be_revoked_by_any_admin() {
    let mut fixture = test_gateway();
    let admin = holder(&fixture, "second", "admin");
    for by in [&fixture.operator, &admin] {
        revoke(by, "operator").is_problem(409, CONFLICT);
    }
    assert_eq!(revoke(&admin, "second").status, 200, "any other admin's own, too");
    revoke(&admin, "second").is_problem(401, "Operator.Unauthorized");
    let taken = fixture.operator.post("/tokens", &json!({ "name": "operator", "role": "viewer" }));
    taken.is_problem(409, CONFLICT);
    fixture.gateway.restart();
    assert_eq!(revoke(&fixture.operator, "second").status, 200, "the first token is an admin's still");
}

#[test]
fn token_names_are_encoded_in_paths_and_page_cursors() {
    let fixture = test_gateway();
    let long = "n".repeat(64);
    for name in ["a/b", "50%", "?#&", &long] {
        drop(holder(&fixture, name, "viewer"));
        let encoded: String = name.bytes().map(|byte| format!("%{byte:02X}")).collect();
        assert_eq!(revoke(&fixture.operator, &encoded).json()["name"], name);
    }
    for name in ["night%20shift", "%FF", "%C3%A9"] {
        revoke(&fixture.operator, name).is_problem(404, "Operator.NotFound");
    }
    let page = fixture.operator.fetch("/tokens?limit=1").json();
    assert_eq!((page["items"].as_array().unwrap().len(), &page["nextCursor"]), (1, &Value::Null), "{page}");
    drop(holder(&fixture, "a", "viewer"));
    let page = fixture.operator.fetch("/tokens?limit=1").json();
    let cursor = page["nextCursor"].as_str().unwrap();
    let rest = fixture.operator.fetch(&format!("/tokens?limit=1&cursor={cursor}")).json();
    assert_eq!((&rest["items"][0]["name"], &rest["nextCursor"]), (&json!("operator"), &Value::Null));
}

#[test]
fn cursor_of_another_list_is_refused() {
    let fixture = test_gateway();
    for _ in 0..2 {
        drop(fixture.dispute());
    }
    let _ = fixture.operator.open_merchant("Second", "UTC");
    drop(holder(&fixture, "a", "viewer"));
    let lists = ["/disputes", "/merchants", "/tokens"];
    let cursors = lists.map(|list| {
        let page = fixture.operator.fetch(&format!("{list}?limit=1")).json();
        page["nextCursor"].as_str().unwrap_or_else(|| panic!("{list}: {page}")).to_owned()
    });
    let invalid = ["", "0", "-1", "01", "a", "operator", "!"];
    for (index, list) in lists.iter().enumerate() {
        let fetch = |cursor: &str| fixture.operator.fetch(&format!("{list}?cursor={cursor}"));
        assert_eq!(fetch(&cursors[index]).status, 200, "{list}");
        let others = cursors.iter().enumerate().filter(|(other, _)| *other != index);
        for cursor in others.map(|(_, cursor)| cursor.as_str()).chain(invalid) {
            fetch(cursor).is_problem(400, "Common.Request.InvalidParameter");
        }
    }
}
