//! TLS with its own crypto provider, so that no user of this crate has to install one.

mod pinned;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

use pinned::Pinned;

use crate::error::Error;

/// Trusts what the platform trusts, and the given certificates.
///
/// `needed` says whether the gateway itself is reached over TLS. Where it is not, a machine without any root
/// certificates, such as a bare container, is no obstacle: uploads to an `https` store would fail, nothing else.
pub(crate) fn config(extra_roots: Vec<CertificateDer<'static>>, needed: bool) -> Result<ClientConfig, Error> {
    let refused =
        |error: &dyn std::fmt::Display| Error::Configuration(format!("TLS cannot be set up: {error}"));
    let provider = Arc::new(ring::default_provider());
    let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .map_err(|error| refused(&error))?;
    match Verifier::new_with_extra_roots(extra_roots.clone(), provider) {
        Ok(platform) => {
            let verifier = Arc::new(Pinned { platform, certificates: extra_roots });
            Ok(builder.dangerous().with_custom_certificate_verifier(verifier).with_no_client_auth())
        }
        Err(error) if needed => Err(refused(&error)),
        Err(_) => Ok(builder.with_root_certificates(rustls::RootCertStore::empty()).with_no_client_auth()),
    }
}
