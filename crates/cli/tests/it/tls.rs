//! TLS: with a certificate configured, the whole way of a contest goes through it, as a merchant's program goes it;
//! and nobody is served without.

use rebuttal_client::{Client, EvidenceType, QueryRequest};
use rebuttal_testbed::{Gateway, Request, Scene, samples};

use crate::ground::{gateway, scene};

/// The data of a plain scene, served anew with TLS; the stopped gateway whose folder it is; the certificate as PEM.
fn over_tls(mut scene: Scene) -> (Scene, Gateway, String) {
    let certificate =
        rcgen::generate_simple_self_signed(["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
    let folder = tempfile::tempdir().unwrap().keep();
    let [certificate_path, key_path] = ["certificate.pem", "key.pem"].map(|name| folder.join(name));
    std::fs::write(&certificate_path, certificate.cert.pem()).unwrap();
    std::fs::write(&key_path, certificate.signing_key.serialize_pem()).unwrap();
    scene.gateway.terminate();
    assert!(scene.gateway.wait().success());
    let args = [certificate_path.to_str().unwrap(), "--tls-key", key_path.to_str().unwrap()];
    let builder = gateway().data(scene.gateway.data()).args(["--tls-certificate"]).args(args).https();
    let encrypted = builder.start();
    std::fs::remove_dir_all(folder).unwrap();
    scene.base = encrypted.base_url();
    let plain = std::mem::replace(&mut scene.gateway, encrypted);
    (scene, plain, certificate.cert.pem())
}

#[tokio::test]
async fn a_contest_goes_through_tls_when_a_certificate_is_configured() {
    let scene = scene();
    let dispute = scene.dispute();
    let (scene, _folder, pem) = over_tls(scene);
    let (app_id, secret) = (scene.signer.app_id.parse().unwrap(), scene.signer.app_secret.parse().unwrap());
    let client = Client::builder(&scene.base, app_id, secret).trust_pem(pem).build().unwrap();
    let contest = client.contest(dispute.parse().unwrap());
    let contest = contest.bytes(EvidenceType::Receipt, "receipt.png", samples::png(1));
    contest.send().await.unwrap();
    let answer = client.query(&QueryRequest::DisputeNo(dispute.parse().unwrap())).await.unwrap();
    assert_eq!(answer.data.status.to_string(), "UNDER_REVIEW");
    // The same address without TLS serves nobody.
    let plain = Request::new("GET", "/healthz", "").send(scene.address());
    assert!(plain.is_err() || plain.is_ok_and(|response| response.status == 400));
}
