//! TLS from a certificate and a key on disk.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow, ensure};
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer};
use zeroize::Zeroizing;

use crate::config::TlsFiles;
use crate::unread::unread;

/// Reads both files and makes what shakes hands with them. Only HTTP/1.1 is offered.
pub(crate) fn acceptor(files: &TlsFiles) -> anyhow::Result<TlsAcceptor> {
    let TlsFiles { certificate, key } = files;
    let pem = read("tls_certificate", certificate)?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("tls_certificate: {} is no PEM file", certificate.display()))?;
    ensure!(!chain.is_empty(), "tls_certificate: {} holds no certificate", certificate.display());
    let pem = read("tls_key", key)?;
    let private = PrivateKeyDer::from_pem_slice(&pem)
        .with_context(|| format!("tls_key: {} holds no private key as PEM", key.display()))?;
    let mut config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()))
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, private)
        .with_context(|| {
            let (key, certificate) = (key.display(), certificate.display());
            format!("tls_key: {key} does not belong to the certificate in {certificate}")
        })?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(TlsAcceptor::from(Arc::new(config)))
}

/// A file that a setting names, wiped from memory when dropped: it may hold a key.
fn read(setting: &str, path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    fs::read(path)
        .map(Zeroizing::new)
        .map_err(|error| anyhow!("{setting}: cannot read {}: {}", path.display(), unread(path, &error)))
}
