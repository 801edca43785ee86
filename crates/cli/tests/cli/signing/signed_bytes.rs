//! `--signed-bytes`: the differences in the bytes that a signer hashed, reported once for each cause.

use rebuttal_testbed::Scheme;

use super::{BODY, NONCE, sent, signer, url};

/// What is said of these lines, signed, against what is right.
fn message(change: impl Fn(&mut Vec<String>)) -> Vec<String> {
    let plain = signer(Scheme::Sha256);
    let case = sent(&plain, "POST", "nobody signs this", BODY);
    let timestamp = case.header.split("timestamp=").nth(1).unwrap().split(',').next().unwrap();
    let right = [&plain.app_id, &plain.app_secret, "POST", &url(), timestamp, NONCE, BODY, ""];
    let mut lines = right.map(str::to_owned).to_vec();
    change(&mut lines);
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("signed");
    std::fs::write(&file, lines.join("\n")).unwrap();
    let json = case.verify(&["--json", "--signed-bytes", file.to_str().unwrap()]).json();
    let findings = json["findings"].as_array().unwrap().iter().map(|text| text.as_str().unwrap().to_owned());
    // Each report also says that these are not the signed bytes.
    findings.filter(|finding| !finding.contains("the sign is of others")).collect()
}

#[test]
fn missing_line_is_reported_without_follow_up_errors() {
    let at = url();
    for (missing, name) in [(0, "appId"), (1, "appSecret"), (2, "method"), (3, "URL"), (5, "nonce")] {
        let said = message(|lines| drop(lines.remove(missing)));
        assert_eq!(said, [format!("the {name} is missing; all that follows is shifted")]);
    }
    let said = message(|lines| lines.insert(3, "extra".to_owned()));
    assert_eq!(said, ["before the URL is a line too many, extra; all that follows is shifted"]);
    assert_eq!(message(|lines| lines.swap(0, 1)), ["the appId and the appSecret are swapped"]);
    let said = message(|lines| lines[3].push('/'));
    assert_eq!(said, [format!("the URL is {at}/, where {at} is right")]);
}

#[test]
fn different_secret_is_described_by_its_difference() {
    let secret = |to: fn(&str) -> String| message(|lines| lines[1] = to(&lines[1]));
    assert_eq!(secret(str::to_uppercase), ["the secret differs: its digits are in upper case"]);
    assert_eq!(
        secret(|_| "0".repeat(32)),
        ["the secret differs: it is another one, as long as the right one"]
    );
    assert_eq!(secret(|_| "0".to_owned()), ["the secret differs: it has 1 byte, where 32 are right"]);
    assert_eq!(secret(|text| format!("{text}\r")), ["the secret differs: it has white space around it"]);
}

#[test]
fn values_on_one_line_are_reported_once() {
    let said = message(|lines| *lines = vec![lines.join(" ")]);
    assert_eq!(said, ["the given bytes are one line, where 7 values belong and each of them ends in one LF"]);
}
