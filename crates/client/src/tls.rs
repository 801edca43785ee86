//! TLS with an explicit crypto provider, so that users of this crate need not install one.

mod pinned;

use std::sync::Arc;

use rustls::ClientConfig;
use rustls::crypto::ring;
use rustls_pki_types::CertificateDer;
use rustls_platform_verifier::Verifier;

use pinned::Pinned;

use crate::error::Error;

/// Trusts the platform's certificates and the given ones.
///
/// `needed` says whether the gateway is reached over TLS. If not, missing root certificates, as in a bare container,
/// are no error: only uploads to an `https` store fail.
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
