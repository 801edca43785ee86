//! Contract §7: every code that a sane gateway can be brought to give, each once. The ground's `Answer` holds status,
//! headers, sign and binding against the contract's table.

use std::collections::BTreeSet;

use rebuttal_testbed::call::CODES;
use rebuttal_testbed::clock::wait_until_ms;
use rebuttal_testbed::operator::in_ms;
use rebuttal_testbed::scene::{ACCEPT, CONTEST, QUERY, UPLOAD_URL};
use rebuttal_testbed::{Answer, Item, Scene, samples};
use serde_json::json;

use crate::ground::folder_scene;

/// Given elsewhere: by a flood, a full disk, a failing fsync; or, one hopes, by nothing.
const ELSEWHERE: [&str; 4] = [
    "Common.RateLimited",           // scarcity.rs
    "Common.System.Unavailable",    // scarcity.rs
    "Common.System.OutcomeUnknown", // strace.rs
    "Common.System.Error",          // no way to it is known
];

#[test]
fn every_code_is_given_with_its_status_and_headers() {
    let scene = folder_scene();
    let given = [envelope(&scene), authentication(&scene), disputes(&scene), files(&scene)].concat();
    let given: BTreeSet<_> = given.iter().map(|answer| answer.code.as_str()).collect();
    let wanted: BTreeSet<_> =
        CODES.iter().map(|(code, _)| *code).filter(|code| !ELSEWHERE.contains(code)).collect();
    assert_eq!(given, wanted);
}

fn envelope(scene: &Scene) -> Vec<Answer> {
    let at = scene.address();
    let query = scene.call(QUERY, &json!({ "disputeNo": scene.dispute() }));
    let fresh = || scene.call(QUERY, &json!({ "disputeNo": "D" }));
    let mut get = fresh();
    get.method = "GET".to_owned();
    let not_allowed = get.send(at).expect("Common.Request.MethodNotAllowed");
    assert_eq!(not_allowed.response.header("allow"), Some("POST"));
    vec![
        query.send(at).expect("OK"),
        query.send(at).expect("Common.Auth.ReplayedNonce"),
        scene.raw_call(QUERY, "[]").send(at).expect("Common.Request.Malformed"),
        scene.post(QUERY, &json!({})).expect("Common.Request.InvalidParameter"),
        scene.post("/pg/v2/dispute/nothing", &json!({})).expect("Common.Request.NotFound"),
        not_allowed,
        fresh().with_header("Accept", Some("text/html")).send(at).expect("Common.Request.NotAcceptable"),
        scene.raw_call(QUERY, vec![b' '; 65_537]).send(at).expect("Common.Request.TooLarge"),
        fresh()
            .with_header("Content-Type", Some("text/plain"))
            .send(at)
            .expect("Common.Request.UnsupportedMediaType"),
    ]
}

fn authentication(scene: &Scene) -> Vec<Answer> {
    let at = scene.address();
    let fresh = || scene.call(QUERY, &json!({ "disputeNo": "D" }));
    let mut headless = fresh();
    headless.authorization_instead = Some("V2_SHA256 appId=".to_owned());
    let mut stranger = fresh();
    stranger.signer.app_id = "0123456789abcdef".repeat(2);
    let disabled = scene.operator.open_app(scene.merchant_id, scene.signer.scheme);
    let path = format!("/merchants/{}/apps/{}", scene.merchant_id, disabled.app_id);
    assert_eq!(scene.operator.patch(&path, &json!({ "enabled": false })).status, 200);
    let mut of_disabled = fresh();
    of_disabled.signer = disabled;
    vec![
        headless.send_for_unsigned(at).expect("Common.Auth.Malformed"),
        stranger.send_for_unsigned(at).expect("Common.Auth.UnknownApp"),
        fresh().aged_ms(600_000).send(at).expect("Common.Auth.StaleTimestamp"),
        fresh().badly_signed().send(at).expect("Common.Auth.InvalidSignature"),
        of_disabled.send(at).expect("Common.Auth.AppDisabled"),
    ]
}

fn disputes(scene: &Scene) -> Vec<Answer> {
    let accepted = scene.dispute();
    scene.accept(&accepted).is("OK");
    let (deadline, deadline_ms) = in_ms(600);
    let late = scene.dispute_with(&json!({ "deadline": deadline }));
    let url = scene.upload(&samples::receipt(1));
    wait_until_ms(deadline_ms + 1);
    vec![
        scene.post(ACCEPT, &json!({ "disputeNo": "never-opened" })).expect("Dispute.NotFound"),
        scene.contest(&accepted, &[Item::receipt(&url)]).expect("Dispute.InvalidState"),
        scene.contest(&late, &[Item::receipt(&url)]).expect("Dispute.DeadlinePassed"),
    ]
}

fn files(scene: &Scene) -> Vec<Answer> {
    let dispute = scene.dispute();
    let contest = |url: &str| scene.contest(&dispute, &[Item::receipt(url)]);
    let unused = scene.ticket("receipt.png").storage_uri;
    let swapped = scene.upload(&samples::receipt(2));
    swap_on_disk(scene, &swapped);
    let gif = json!({ "filename": "receipt.gif", "scene": "DISPUTE_EVIDENCE" });
    assert_eq!(scene.status(&dispute), "NEEDS_RESPONSE");
    let malformed = scene.raw_call(CONTEST, "{").send(scene.address());
    vec![
        malformed.expect("Common.Request.Malformed"),
        contest("https://example.com/receipt.png").expect("Evidence.NotFound"),
        contest(&unused).expect("Evidence.NotUploaded"),
        contest(&swapped).expect("File.ContentMismatch"),
        scene.post(UPLOAD_URL, &gif).expect("File.UnsupportedType"),
    ]
}

/// Evidence that changed below the gateway after its upload: truth is judged at contest time too (contract §3).
fn swap_on_disk(scene: &Scene, storage_uri: &str) {
    let name = storage_uri.rsplit('/').next().unwrap();
    let found = find_file(&scene.gateway.data().join("evidence"), name);
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
