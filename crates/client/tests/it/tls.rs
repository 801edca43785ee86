//! TLS without any set-up by the user of the library.

use std::sync::Arc;

use rebuttal_client::{Cause, Client, Error, Flaw, QueryRequest};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;

use crate::liar::{app_id, secret};

#[tokio::test]
async fn a_certificate_of_ones_own_is_trusted_only_when_told() {
    let certificate = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
    let key = certificate.signing_key.serialize_der().try_into().unwrap();
    let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.cert.der().clone()], key)
        .unwrap();
    let acceptor = TlsAcceptor::from(Arc::new(config));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("https://localhost:{}", listener.local_addr().unwrap().port());
    tokio::spawn(async move {
        loop {
            let (stream, _) = listener.accept().await.unwrap();
            let Ok(mut stream) = acceptor.accept(stream).await else { continue };
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 13\r\n\r\n{\"code\":\"OK\"}").await;
        }
    });

    let query = QueryRequest::DisputeNo("D1".parse().unwrap());
    let stranger = Client::new(&url, app_id(), secret()).unwrap();
    let error = stranger.query(&query).await.unwrap_err();
    assert!(matches!(error, Error::Unavailable { attempts: 1, cause: Cause::Untrusted(_), .. }), "{error:?}");

    let builder = Client::builder(&url, app_id(), secret()).trust_pem(certificate.cert.pem());
    let error = builder.attempts(1).build().unwrap().query(&query).await.unwrap_err();
    assert!(matches!(error, Error::Unverified(unverified) if unverified.flaw == Flaw::Unsigned));
}
