//! TLS: with a certificate configured, every step of a contest goes through it, and plain HTTP is refused.

use rebuttal_client::{Client, EvidenceType, QueryRequest};
use rebuttal_testbed::clock::wait_for;
use rebuttal_testbed::{Connection, Gateway, Request, TestGateway, samples};

use crate::common::{gateway, test_gateway};

/// The data of a gateway without TLS, served again with TLS; the stopped gateway that owns the folder; the certificate
/// as PEM.
fn over_tls(mut fixture: TestGateway) -> (TestGateway, Gateway, String) {
    let certificate =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap().keep();
    let [certificate_path, key_path] = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
    std::fs::write(&certificate_path, certificate.cert.pem()).unwrap();
    std::fs::write(&key_path, certificate.signing_key.serialize_pem()).unwrap();
    fixture.gateway.terminate();
    assert!(fixture.gateway.wait().success());
    let args = [certificate_path.to_str().unwrap(), "--tls-key", key_path.to_str().unwrap()];
    let builder = gateway().data(fixture.gateway.data()).args(["--tls-certificate"]).args(args).https();
    let encrypted = builder.start();
    std::fs::remove_dir_all(folder).unwrap();
    fixture.base = encrypted.base_url();
    let plain = std::mem::replace(&mut fixture.gateway, encrypted);
    (fixture, plain, certificate.cert.pem())
}

#[tokio::test]
async fn configured_certificate_serves_contests_over_tls() {
    let fixture = test_gateway();
    let dispute = fixture.dispute();
    let (fixture, _folder, pem) = over_tls(fixture);
    let (app_id, secret) =
        (fixture.signer.app_id.parse().unwrap(), fixture.signer.app_secret.parse().unwrap());
    let client = Client::builder(&fixture.base, app_id, secret).trust_pem(pem).build().unwrap();
    let contest = client.contest(dispute.parse().unwrap());
    let contest = contest.bytes(EvidenceType::Receipt, "receipt.png", samples::png(1));
    contest.send().await.unwrap();
    let answer = client.query(&QueryRequest::DisputeNo(dispute.parse().unwrap())).await.unwrap();
    assert_eq!(answer.data.status.to_string(), "UNDER_REVIEW");
    // The same address serves nothing without TLS.
    let plain = Request::new("GET", "/healthz", "").send(fixture.address());
    assert!(plain.is_err() || plain.is_ok_and(|response| response.status == 400));
}

#[test]
fn tls_errors_of_unknown_clients_are_not_logged() {
    const TRIES: usize = 40;
    let (fixture, _folder, _) = over_tls(test_gateway());
    let is_started = || fixture.gateway.stderr().contains("merchants sign requests for these").then_some(());
    wait_for("the last log line of the start", is_started);
    let before = fixture.gateway.stderr().lines().count();
    let record = |kind: u8, body: &[u8]| {
        let length = u16::try_from(body.len()).unwrap().to_be_bytes();
        [&[kind, 3, 3], length.as_slice(), body].concat()
    };
    let handshake = |kind: u8, body: &[u8]| {
        let length = u32::try_from(body.len()).unwrap().to_be_bytes();
        record(22, &[&[kind], &length[1..], body].concat())
    };
    // Version, random, no session, one suite, no compression; an SNI with an IP address, which is invalid.
    let hello =
        [&[3, 3][..], &[7; 32], &[0, 0, 2, 0x13, 1, 1, 0, 0, 16, 0, 0, 0, 12, 0, 10, 0, 0, 7], b"1.2.3.4"]
            .concat();
    let warning = record(21, &[1, 100]);
    for bytes in [
        warning.repeat(4),
        handshake(1, &hello),
        handshake(2, &hello),
        record(22, &[1, 0, 0, 0]),
        record(23, b"data"),
        record(21, &[2, 40]),
        b"GET / HTTP/1.1\r\n\r\n".to_vec(),
    ] {
        for _ in 0..TRIES {
            let mut connection = Connection::open(fixture.address()).unwrap();
            connection.send(&bytes).unwrap();
            connection.finish_sending();
            // The connection ends, whatever was sent.
            while connection.answers_within(std::time::Duration::from_secs(40)) {}
        }
    }
    let log = fixture.gateway.stderr();
    assert_eq!(log.lines().count(), before, "{log}");
}
