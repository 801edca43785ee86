//! TLS with certificate and key files.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, anyhow, ensure};
use rebuttal_protocol::UnixMillis;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::client::verify_server_cert_signed_by_trust_anchor;
use tokio_rustls::rustls::crypto::ring;
use tokio_rustls::rustls::pki_types::pem::PemObject as _;
use tokio_rustls::rustls::pki_types::{CertificateDer, PrivateKeyDer, UnixTime};
use tokio_rustls::rustls::server::ParsedCertificate;
use tokio_rustls::rustls::{CertificateError, Error, RootCertStore, ServerConfig};
use zeroize::Zeroizing;

use crate::io_hints::read_error_reason;

/// Certificate and key files, both PEM.
#[derive(Debug, Clone)]
pub struct TlsFiles {
    /// The certificate chain, leaf first.
    pub certificate: PathBuf,
    /// The certificate's private key.
    pub key: PathBuf,
}

/// How long before its expiry a certificate is reported.
const EXPIRY_NOTICE: Duration = Duration::from_secs(14 * 24 * 60 * 60);
const RENEW: &str = "Renew it and restart the gateway: certificates are read at the start";

/// Reads both files and creates the TLS acceptor. It offers HTTP/1.1 only.
pub(crate) fn acceptor(files: &TlsFiles) -> anyhow::Result<TlsAcceptor> {
    let TlsFiles { certificate, key } = files;
    let chain = chain(certificate)?;
    let pem = read("tls_key", key)?;
    let private = PrivateKeyDer::from_pem_slice(&pem)
        .with_context(|| format!("tls_key: {} contains no PEM private key", key.display()))?;
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

fn chain(certificate: &Path) -> anyhow::Result<Vec<CertificateDer<'static>>> {
    let pem = read("tls_certificate", certificate)?;
    let chain = CertificateDer::pem_slice_iter(&pem)
        .collect::<Result<Vec<_>, _>>()
        .with_context(|| format!("tls_certificate: {} is not a PEM file", certificate.display()))?;
    ensure!(!chain.is_empty(), "tls_certificate: {} contains no certificate", certificate.display());
    Ok(chain)
}

/// A certificate that is not valid, or expires soon.
pub(crate) struct CertificateProblem {
    /// Whether it is not valid now.
    pub(crate) is_invalid_now: bool,
    /// Validity and what to do.
    pub(crate) message: String,
}

/// Checks the validity period of every certificate in the chain.
///
/// # Errors
/// If they cannot be read.
pub(crate) fn certificate_problem(
    files: &TlsFiles,
    now: UnixMillis,
) -> anyhow::Result<Option<CertificateProblem>> {
    let chain = chain(&files.certificate)?;
    let file = files.certificate.display();
    let utc = |at: UnixTime| {
        let ms = i64::try_from(at.as_secs()).unwrap_or(i64::MAX).saturating_mul(1000);
        UnixMillis(ms).to_rfc3339_utc()
    };
    let first = |at: UnixMillis| chain.iter().find_map(|certificate| validity_error_at(certificate, at));
    let certificate_problem = |is_invalid_now, message| Some(CertificateProblem { is_invalid_now, message });
    Ok(match (first(now), first(now + EXPIRY_NOTICE)) {
        (Some(CertificateError::ExpiredContext { not_after, .. }), _) => certificate_problem(
            true,
            format!("a certificate in {file} expired at {}: merchants refuse it. {RENEW}", utc(not_after)),
        ),
        (Some(CertificateError::NotValidYetContext { not_before, .. }), _) => certificate_problem(
            true,
            format!(
                "a certificate in {file} is valid only from {}, and merchants refuse it until then; check this machine's clock",
                utc(not_before)
            ),
        ),
        (None, Some(CertificateError::ExpiredContext { not_after, .. })) => certificate_problem(
            false,
            format!("a certificate in {file} expires at {}. {RENEW}", utc(not_after)),
        ),
        _ => None,
    })
}

/// The error if a certificate is expired or not yet valid at a time. Its issuer is not checked: merchants may trust one
/// that this machine does not.
fn validity_error_at(certificate: &CertificateDer<'_>, at: UnixMillis) -> Option<CertificateError> {
    let parsed = ParsedCertificate::try_from(certificate).ok()?;
    let at = UnixTime::since_unix_epoch(Duration::from_millis(u64::try_from(at.0).ok()?));
    let algorithms = ring::default_provider().signature_verification_algorithms;
    match verify_server_cert_signed_by_trust_anchor(&parsed, &RootCertStore::empty(), &[], at, algorithms.all)
    {
        Err(Error::InvalidCertificate(
            error @ (CertificateError::ExpiredContext { .. } | CertificateError::NotValidYetContext { .. }),
        )) => Some(error),
        _ => None,
    }
}

/// Reads a configured file; zeroized on drop, because it may hold a key.
fn read(setting: &str, path: &Path) -> anyhow::Result<Zeroizing<Vec<u8>>> {
    fs::read(path).map(Zeroizing::new).map_err(|error| {
        anyhow!("{setting}: cannot read {}: {}", path.display(), read_error_reason(path, &error))
    })
}
