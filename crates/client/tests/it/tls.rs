//! TLS without configuration by the user of the library.

use std::sync::Arc;

use rcgen::{BasicConstraints, Certificate, CertificateParams, IsCa, KeyPair, date_time_ymd};
use rebuttal_client::{Cause, Client, Error, QueryRequest, ResponseDefect};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::faulty_server::{app_id, secret};

/// A server with this certificate; its address.
async fn serve(certificate: &Certificate, key: &KeyPair) -> String {
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key.serialize_der().try_into().unwrap())
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"code\":\"OK\"}").await;
        }
    });
    url
}

/// Whether a client that trusts `pem` in addition to the platform's roots can connect to the server.
async fn trusts(url: &str, pem: Option<String>) -> bool {
    let builder = Client::builder(url, app_id(), secret()).attempts(1);
    let builder = if let Some(pem) = pem { builder.trust_pem(pem) } else { builder };
    let query = QueryRequest::DisputeNo("D1".parse().unwrap());
    match builder.build().unwrap().query(&query).await.unwrap_err() {
        Error::Unverified(unverified) if unverified.defect == ResponseDefect::Unsigned => true,
        Error::Unavailable { attempts: 1, cause: Cause::Untrusted(why), .. } => {
            assert!(!["Other", "Unknown", "EndEntity"].iter().any(|name| why.contains(name)), "{why}");
            false
        }
        error => panic!("{error:?}"),
    }
}

#[tokio::test]
async fn private_certificate_is_trusted_only_when_configured() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let url = serve(&own.cert, &own.signing_key).await;
    assert!(!trusts(&url, None).await);
    assert!(trusts(&url, Some(own.cert.pem())).await);
}

/// As created by `openssl req -x509`: marked as an authority.
fn authority(name: &str) -> (CertificateParams, KeyPair) {
    let mut params = CertificateParams::new([name.to_owned()]).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    (params, KeyPair::generate().unwrap())
}

#[tokio::test]
async fn configured_self_signed_certificate_is_trusted_as_the_servers() {
    let (params, key) = authority("localhost");
    let certificate = params.self_signed(&key).unwrap();
    let url = serve(&certificate, &key).await;
    assert!(!trusts(&url, None).await);
    assert!(trusts(&url, Some(certificate.pem())).await);

    let (params, key) = authority("localhost");
    let namesake = params.self_signed(&key).unwrap();
    assert!(!trusts(&url, Some(namesake.pem())).await, "another of the same name");
}

#[tokio::test]
async fn self_signed_certificate_needs_a_matching_name_and_validity() {
    let (params, key) = authority("gateway.example");
    let elsewhere = params.self_signed(&key).unwrap();
    assert!(!trusts(&serve(&elsewhere, &key).await, Some(elsewhere.pem())).await);

    let (mut params, key) = authority("localhost");
    params.not_after = date_time_ymd(2020, 1, 1);
    let expired = params.self_signed(&key).unwrap();
    assert!(!trusts(&serve(&expired, &key).await, Some(expired.pem())).await);
}

#[tokio::test]
async fn wrong_url_scheme_is_reported_without_retries() {
    let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let url = serve(&own.cert, &own.signing_key).await.replace("https://", "http://");
    let client = Client::new(&url, app_id(), secret()).unwrap();
    let query = QueryRequest::DisputeNo("D1".parse().unwrap());
    let error = client.query(&query).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { attempts: 1, cause: Cause::NotHttp, .. }), "{error:?}");
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unknown { attempts: 1, cause: Cause::NotHttp, .. }), "{error:?}");

    let plain = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://{}", plain.local_addr().unwrap());
    let server = async move {
        let (mut stream, _) = plain.accept().await.unwrap();
        let _ = stream.read(&mut [0; 4096]).await;
        stream.write_all(b"HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n").await.unwrap();
    };
    tokio::spawn(server);
    let client = Client::new(&url, app_id(), secret()).unwrap();
    let error = client.accept("D1".parse().unwrap()).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { attempts: 1, cause: Cause::NotTls, .. }), "{error:?}");
    assert!(error.to_string().ends_with("the address must start with http://"), "{error}");
}
