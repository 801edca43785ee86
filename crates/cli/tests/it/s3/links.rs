//! Contract §8, links to evidence: a link leads to exactly one submitted file, for its holder only, until it expires.

use std::net::SocketAddr;
use std::time::Duration;

use rebuttal_testbed::clock::{now_ms, wait_for};
use rebuttal_testbed::s3::{Fault, Proxy, Store};
use rebuttal_testbed::{FakeClock, Item, Request, Response, TestGateway, samples};
use serde_json::{Value, json};

use super::{submitted, test_gateway};
use crate::common::{bin, each, folder_test_gateway, gateway};

const LIFETIME: Duration = Duration::from_secs(5 * 60);
/// How long a test may take from the creation of a link to its use.
const MARGIN: Duration = Duration::from_secs(20);

/// A contested dispute with a receipt.
fn contested(fixture: &TestGateway) -> String {
    let dispute = fixture.dispute();
    fixture.contest(&dispute, &[Item::receipt(&fixture.upload(&samples::receipt(1)))]).is("OK");
    dispute
}

fn path(dispute: &str) -> String {
    format!("/disputes/{dispute}/evidence/1-1/link")
}

fn link(fixture: &TestGateway, dispute: &str) -> Value {
    let answer = fixture.operator.fetch(&path(dispute));
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()
}

fn url(link: &Value) -> &str {
    link["url"].as_str().unwrap()
}

/// Fetches a link from the store without credentials.
fn ask(method: &str, url: &str, store: SocketAddr) -> Response {
    let (host, target) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    Request::new(method, &format!("/{target}"), "").header("Host", host).send(store).unwrap()
}

/// The store's response to the link of a gateway whose clock is behind by this time.
fn answered_when_made_before(ago: Duration) -> Response {
    let (clock, bucket) = (FakeClock::new(), Store::shared().bucket());
    let fixture = TestGateway::with_builder(clock.apply_to(gateway().bucket(&bucket)));
    let dispute = contested(&fixture);
    clock.behind(ago);
    let link = link(&fixture, &dispute);
    ask("GET", url(&link), bucket.store.address)
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn link_fetches_submitted_evidence_without_credentials() {
    let (bucket, fixture) = test_gateway();
    let dispute = fixture.dispute();
    let samples = samples::all();
    let urls: Vec<_> = samples.iter().map(|sample| fixture.upload(sample)).collect();
    let items: Vec<_> = urls.iter().map(|url| Item::receipt(url)).collect();
    fixture.contest(&dispute, &items).is("OK");
    let evidence = fixture.show(&dispute)["submissions"][0]["evidence"].clone();
    for (index, sample) in samples.iter().enumerate() {
        let (evidence, id) = (&evidence[index], format!("1-{}", index + 1));
        let answer = fixture.operator.fetch(&format!("/disputes/{dispute}/evidence/{id}/link"));
        assert_eq!(answer.header("Cache-Control"), Some("no-store"));
        let link = answer.json();
        for member in ["sha256", "size", "mediaType"] {
            assert_eq!(link[member], evidence[member], "{}", sample.filename);
        }
        let file = ask("GET", url(&link), bucket.store.address);
        assert_eq!((file.status, &file.body), (200, &sample.bytes), "{}", sample.filename);
        assert_eq!(file.header("Content-Type"), Some(sample.media_type));
        assert_eq!(file.header("Cache-Control"), Some("no-store"));
        let extension = sample.filename.rsplit('.').next().unwrap();
        let name = format!("attachment; filename=\"{dispute}-{id}.{extension}\"");
        assert_eq!(file.header("Content-Disposition"), Some(name.as_str()));
    }
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn link_allows_only_reading_its_file() {
    let (bucket, fixture) = test_gateway();
    let (mine, other) = (contested(&fixture), contested(&fixture));
    let (link, other) = (link(&fixture, &mine), link(&fixture, &other));
    let (url, other) = (url(&link), url(&other));
    let (key, query) = url.split_once('?').unwrap();
    let (other_key, _) = other.split_once('?').unwrap();
    assert_ne!(key, other_key);
    let last = if url.ends_with('0') { "1" } else { "0" };
    let cases = [
        ("another signature", "GET", format!("{}{last}", &url[..url.len() - 1])),
        ("no signature", "GET", key.to_owned()),
        ("another key", "GET", format!("{other_key}?{query}")),
        ("longer", "GET", url.replace("X-Amz-Expires=300", "X-Amz-Expires=3000")),
        ("as a page", "GET", url.replace("attachment", "inline")),
        ("as HTML", "GET", url.replace("image%2Fpng", "text%2Fhtml")),
        (
            "a list of the bucket",
            "GET",
            format!("{}?list-type=2&{query}", &key[..key.find("/by-hash/").unwrap()]),
        ),
        ("overwriting", "PUT", url.to_owned()),
        ("deleting", "DELETE", url.to_owned()),
        ("looking", "HEAD", url.to_owned()),
    ];
    each(cases.map(|(name, method, bent)| (name, (method, bent))), |(method, bent)| {
        assert!(method != "GET" || bent != url, "nothing was bent");
        let answer = ask(method, &bent, bucket.store.address);
        assert_eq!(answer.status, 403, "{}", answer.text());
    });
    assert_eq!(ask("GET", url, bucket.store.address).body, samples::receipt(1).bytes);
}

#[test]
#[ignore = "needs S3 and libfaketime: cargo xtask test runs it"]
fn link_expires_after_five_minutes() {
    assert_eq!(answered_when_made_before(LIFETIME.checked_sub(MARGIN).unwrap()).status, 200);
    let late = answered_when_made_before(LIFETIME + Duration::from_secs(1));
    assert_eq!((late.status, late.store_error().as_str()), (403, "AccessDenied"), "{}", late.text());
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn link_response_contains_its_expiry() {
    let (_, fixture) = test_gateway();
    let dispute = contested(&fixture);
    let before = now_ms() / 1000 * 1000;
    let link = link(&fixture, &dispute);
    let until: jiff::Timestamp = link["expiresTime"].as_str().unwrap().parse().unwrap();
    let lifetime = i64::try_from(LIFETIME.as_millis()).unwrap();
    assert!((before..=now_ms()).contains(&(until.as_millisecond() - lifetime)), "{until}");
    // The store's time is never earlier.
    let dated = url(&link).split("X-Amz-Date=").nth(1).unwrap().split('&').next().unwrap();
    let dated = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%SZ", dated).unwrap();
    let dated = dated.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp();
    assert!(until.as_millisecond() <= dated.as_millisecond() + lifetime, "{until}, {dated}");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn no_link_to_an_altered_or_missing_copy() {
    let (bucket, fixture) = test_gateway();
    let dispute = contested(&fixture);
    let [copy] = bucket.keys("by-hash/").try_into().unwrap();
    let cases = [
        ("altered", Some(samples::receipt(2).bytes)),
        ("too large", Some(vec![0; 3_000_000])),
        ("gone", None),
    ];
    each(cases, |content| {
        match content {
            Some(content) => bucket.put(&copy, &content),
            None => bucket.delete(&copy),
        }
        let answer = fixture.operator.fetch(&path(&dispute));
        answer.is_problem(500, "Common.System.Error");
        assert!(!answer.text().contains(&copy) && !answer.text().contains("X-Amz"), "{}", answer.text());
    });
    bucket.put(&copy, &samples::receipt(1).bytes);
    assert_eq!(ask("GET", url(&link(&fixture, &dispute)), bucket.store.address).status, 200);
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn no_link_if_the_store_does_not_answer() {
    let bucket = Store::shared().bucket();
    let proxy = Proxy::before(bucket.store.address);
    let fixture = TestGateway::with_builder(gateway().bucket_through(&bucket, proxy.address));
    let dispute = contested(&fixture);
    for fault in [Fault::Fails, Fault::CutsAfter(10)] {
        proxy.fault("GET", "by-hash/", fault);
        fixture.operator.fetch(&path(&dispute)).is_problem(503, "Common.System.Unavailable");
    }
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn link_uses_the_public_address_of_the_store() {
    let bucket = Store::shared().bucket();
    // The gateway reaches the store through a proxy that is stopped.
    let proxy = Proxy::before(bucket.store.address);
    let public = format!("http://localhost:{}", bucket.store.address.port());
    let reached =
        gateway().bucket_through(&bucket, proxy.address).env("REBUTTAL_EVIDENCE_PUBLIC_URL", &public);
    let fixture = TestGateway::with_builder(reached);
    let dispute = fixture.dispute();
    let ticket = fixture.ticket("receipt.png");
    assert_eq!(ticket.form(&samples::receipt(1).bytes).send(bucket.store.address).status, 204);
    fixture.contest(&dispute, &[Item::receipt(&ticket.storage_uri)]).is("OK");
    let link = link(&fixture, &dispute);
    drop(proxy);
    assert!(url(&link).starts_with(&format!("{public}/{}/by-hash/m/", bucket.name)), "{link}");
    assert_eq!(ask("GET", url(&link), bucket.store.address).body, samples::receipt(1).bytes);
    // The host is signed, too.
    let elsewhere = url(&link).replace("localhost", "127.0.0.1");
    assert_eq!(ask("GET", &elsewhere, bucket.store.address).status, 403);
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn links_are_not_logged() {
    let bucket = Store::shared().bucket();
    let fixture = TestGateway::with_builder(gateway().bucket(&bucket).env("REBUTTAL_LOG_FILTER", "trace"));
    let dispute = contested(&fixture);
    let answer = fixture.operator.fetch(&path(&dispute));
    let (id, link) = (answer.header("X-Request-Id").unwrap().to_owned(), answer.json());
    wait_for("the log", || fixture.gateway.stderr().contains(&id).then_some(()));
    let signature = url(&link).split("X-Amz-Signature=").nth(1).unwrap();
    assert_eq!(signature.len(), 64);
    assert!(!fixture.gateway.stderr().contains(signature));
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn link_request_is_validated_like_a_download() {
    let (_, fixture) = test_gateway();
    let dispute = contested(&fixture);
    assert_eq!(submitted(&fixture, &dispute)["evidenceId"], json!("1-1"));
    let fetch = |path: &str| fixture.operator.fetch(path);
    fetch(&format!("{}?minutes=600", path(&dispute))).is_problem(400, "Common.Request.InvalidParameter");
    fetch(&path("never-opened")).is_problem(404, "Dispute.NotFound");
    fetch(&path(&dispute).replace("1-1", "1-2")).is_problem(404, "Operator.NotFound");
    fixture.operator.post(&path(&dispute), &json!({})).is_problem(405, "Common.Request.MethodNotAllowed");
}

#[test]
#[ignore = "needs S3, which cargo xtask test starts"]
fn evidence_command_prints_links() {
    let (bucket, fixture) = test_gateway();
    let dispute = contested(&fixture);
    let printed = |more: &[&str]| {
        let output = std::process::Command::new(bin())
            .args([&["operator", "dispute", "evidence", &dispute, "--link"], more].concat())
            .env("REBUTTAL_OPERATOR_URL", &fixture.base)
            .env("REBUTTAL_OPERATOR_TOKEN", fixture.gateway.operator_token())
            .output()
            .unwrap();
        assert!(output.status.success(), "{output:?}");
        String::from_utf8(output.stdout).unwrap()
    };
    let is_whole = |url: &str| ask("GET", url, bucket.store.address).body == samples::receipt(1).bytes;
    let mut json: Value = serde_json::from_str(&printed(&["--json"])).unwrap();
    assert!(is_whole(url(&json[0])), "{json}");
    let item = submitted(&fixture, &dispute);
    for (member, value) in json[0].as_object_mut().unwrap() {
        match member.as_str() {
            "url" => *value = "secret".into(),
            "expiresTime" => *value = "soon".into(),
            _ => {}
        }
    }
    let wanted = json!([{
        "evidenceId": "1-1", "type": "RECEIPT", "name": item["name"], "url": "secret", "expiresTime": "soon",
        "sha256": item["sha256"], "size": item["size"], "mediaType": "image/png",
    }]);
    assert_eq!(json, wanted);

    let said = printed(&["1-1"]);
    let lines: Vec<_> = said.lines().map(str::trim).collect();
    assert!(lines[0].starts_with("1-1  RECEIPT") && is_whole(lines[1]), "{said}");
    assert!(lines[2].starts_with("until ") && lines[3].ends_with(item["sha256"].as_str().unwrap()), "{said}");
}

#[test]
fn evidence_in_a_folder_has_no_links() {
    let fixture = folder_test_gateway();
    let dispute = contested(&fixture);
    let answer = fixture.operator.fetch(&path(&dispute));
    answer.is_problem(409, "Operator.Conflict");
    let download = path(&dispute).replace("/link", "");
    let detail = answer.json()["detail"].as_str().unwrap().to_owned();
    assert!(
        detail.contains("evidence is in a folder")
            && detail.contains("without --link")
            && detail.ends_with(&format!("GET /operator/v1{download}")),
        "{detail}"
    );
    assert_eq!(fixture.operator.fetch(&download).status, 200);
}
