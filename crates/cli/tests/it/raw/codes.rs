//! Contract §7: every code that a working gateway can return, each once. `Answer` checks status, headers, signature and
//! binding against the contract's table.

use std::collections::BTreeSet;

use rebuttal_testbed::call::CODES;
use rebuttal_testbed::clock::wait_until_ms;
use rebuttal_testbed::operator::in_ms;
use rebuttal_testbed::test_gateway::{ACCEPT, CONTEST, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Answer, Item, TestGateway, samples};
use serde_json::json;

use crate::common::folder_test_gateway;

/// Tested elsewhere: by a flood, a full disk, a failing fsync; or never returned.
const ELSEWHERE: [&str; 4] = [
    "Common.RateLimited",           // scarcity.rs
    "Common.System.Unavailable",    // scarcity.rs
    "Common.System.OutcomeUnknown", // strace.rs
    "Common.System.Error",          // no way to it is known
];

#[test]
fn every_code_has_its_status_and_headers() {
    let fixture = folder_test_gateway();
    let given = [envelope(&fixture), authentication(&fixture), disputes(&fixture), files(&fixture)].concat();
    let given: BTreeSet<_> = given.iter().map(|answer| answer.code.as_str()).collect();
    let wanted: BTreeSet<_> =
        CODES.iter().map(|(code, _)| *code).filter(|code| !ELSEWHERE.contains(code)).collect();
    assert_eq!(given, wanted);
}

fn envelope(fixture: &TestGateway) -> Vec<Answer> {
    let at = fixture.address();
    let query = fixture.call(QUERY, &json!({ "disputeNo": fixture.dispute() }));
    let fresh = || fixture.call(QUERY, &json!({ "disputeNo": "D" }));
    let mut get = fresh();
    get.method = "GET".to_owned();
    let not_allowed = get.send(at).expect("Common.Request.MethodNotAllowed");
    assert_eq!(not_allowed.response.header("allow"), Some("POST"));
    vec![
        query.send(at).expect("OK"),
        query.send(at).expect("Common.Auth.ReplayedNonce"),
        fixture.raw_call(QUERY, "[]").send(at).expect("Common.Request.Malformed"),
        fixture.post(QUERY, &json!({})).expect("Common.Request.InvalidParameter"),
        fixture.post("/pg/v2/dispute/nothing", &json!({})).expect("Common.Request.NotFound"),
        not_allowed,
        fresh().with_header("Accept", Some("text/html")).send(at).expect("Common.Request.NotAcceptable"),
        fixture.raw_call(QUERY, vec![b' '; 65_537]).send(at).expect("Common.Request.TooLarge"),
        fresh()
            .with_header("Content-Type", Some("text/plain"))
            .send(at)
            .expect("Common.Request.UnsupportedMediaType"),
    ]
}

fn authentication(fixture: &TestGateway) -> Vec<Answer> {
    let at = fixture.address();
    let fresh = || fixture.call(QUERY, &json!({ "disputeNo": "D" }));
    let mut headless = fresh();
    headless.authorization_instead = Some("V2_SHA256 appId=".to_owned());
    let mut unknown_app = fresh();
    unknown_app.signer.app_id = "0123456789abcdef".repeat(2);
    let disabled = fixture.operator.open_app(fixture.merchant_id, fixture.signer.scheme);
    let path = format!("/merchants/{}/apps/{}", fixture.merchant_id, disabled.app_id);
    assert_eq!(fixture.operator.patch(&path, &json!({ "enabled": false })).status, 200);
    let mut of_disabled = fresh();
    of_disabled.signer = disabled;
    vec![
        headless.send_for_unsigned(at).expect("Common.Auth.Malformed"),
        unknown_app.send_for_unsigned(at).expect("Common.Auth.UnknownApp"),
        fresh().aged_ms(600_000).send(at).expect("Common.Auth.StaleTimestamp"),
        fresh().badly_signed().send(at).expect("Common.Auth.InvalidSignature"),
        of_disabled.send(at).expect("Common.Auth.AppDisabled"),
    ]
}

fn disputes(fixture: &TestGateway) -> Vec<Answer> {
    let accepted = fixture.dispute();
    fixture.accept(&accepted).is("OK");
    let (deadline, deadline_ms) = in_ms(600);
    let late = fixture.dispute_with(&json!({ "deadline": deadline }));
    let url = fixture.upload(&samples::receipt(1));
    wait_until_ms(deadline_ms + 1);
    vec![
        fixture.post(ACCEPT, &json!({ "disputeNo": "never-opened" })).expect("Dispute.NotFound"),
        fixture.contest(&accepted, &[Item::receipt(&url)]).expect("Dispute.InvalidState"),
        fixture.contest(&late, &[Item::receipt(&url)]).expect("Dispute.DeadlinePassed"),
    ]
}

fn files(fixture: &TestGateway) -> Vec<Answer> {
    let dispute = fixture.dispute();
    let contest = |url: &str| fixture.contest(&dispute, &[Item::receipt(url)]);
    let unused = fixture.ticket("receipt.png").storage_uri;
    let swapped = fixture.upload(&samples::receipt(2));
    swap_on_disk(fixture, &swapped);
    let gif = json!({ "filename": "receipt.gif", "scene": "DISPUTE_EVIDENCE" });
    assert_eq!(fixture.status(&dispute), "NEEDS_RESPONSE");
    let malformed = fixture.raw_call(CONTEST, "{").send(fixture.address());
    vec![
        malformed.expect("Common.Request.Malformed"),
        contest("https://example.com/receipt.png").expect("Evidence.NotFound"),
        contest(&unused).expect("Evidence.NotUploaded"),
        contest(&swapped).expect("File.ContentMismatch"),
        fixture.post(UPLOAD_URL, &gif).expect("File.UnsupportedType"),
    ]
}

/// Evidence that was changed in its folder after the upload: content is validated at contest time, too (contract §3).
fn swap_on_disk(fixture: &TestGateway, storage_uri: &str) {
    let name = storage_uri.rsplit('/').next().unwrap();
    let found = find_file(&fixture.gateway.data().join("evidence"), name);
    let path = found.unwrap_or_else(|| panic!("{name} is not in the evidence folder"));
    let length = std::fs::metadata(&path).unwrap().len();
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, vec![b'x'; usize::try_from(length).unwrap()]).unwrap();
}

fn find_file(folder: &std::path::Path, name: &str) -> Option<std::path::PathBuf> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.into_iter().find_map(|path| {
        if path.is_dir() {
            find_file(&path, name)
        } else {
            path.file_name().is_some_and(|file| file.to_string_lossy().contains(name)).then_some(path)
        }
    })
}
