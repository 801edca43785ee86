//! Connections to the store: TLS by ring with the platform's roots, every wait bounded, no redirects.

use std::sync::Arc;
use std::time::Duration;

use object_store::client::{ClientConfigKey, ClientOptions, HttpClient, HttpConnector};
use rustls::crypto::ring;
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::Verifier;

use super::REQUEST_LIMIT;
use crate::EvidenceError;

/// Limit of connecting, name resolution and TLS included.
const CONNECT_LIMIT: Duration = Duration::from_secs(2);
/// Idle timeout of an answer.
const PAUSE_LIMIT: Duration = Duration::from_secs(3);

/// Creates the library's HTTP clients: one for the store, others for credential endpoints.
#[derive(Debug, Clone)]
pub(super) struct Connector {
    tls: ClientConfig,
}

impl Connector {
    /// `needed` is whether the store is reached over TLS; otherwise missing root certificates are no error.
    pub(super) fn new(needed: bool) -> Result<Self, EvidenceError> {
        let provider = Arc::new(ring::default_provider());
        let builder = ClientConfig::builder_with_provider(Arc::clone(&provider))
            .with_safe_default_protocol_versions()
            .map_err(setting_up_tls)?;
        let tls = match Verifier::new(provider) {
            Ok(platform) => builder.dangerous().with_custom_certificate_verifier(Arc::new(platform)),
            Err(error) if needed => return Err(setting_up_tls(error)),
            Err(_) => builder.with_root_certificates(RootCertStore::empty()),
        };
        Ok(Self { tls: tls.with_no_client_auth() })
    }
}

fn setting_up_tls(error: rustls::Error) -> EvidenceError {
    EvidenceError::s3("set up TLS")(object_store::Error::Generic { store: "S3", source: Box::new(error) })
}

impl HttpConnector for Connector {
    fn connect(&self, options: &ClientOptions) -> object_store::Result<HttpClient> {
        let may_be_plain = options.get_config_value(&ClientConfigKey::AllowHttp);
        let client = reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .https_only(may_be_plain.as_deref() != Some("true"))
            .redirect(reqwest::redirect::Policy::none())
            .connect_timeout(CONNECT_LIMIT)
            .read_timeout(PAUSE_LIMIT)
            .timeout(REQUEST_LIMIT)
            .build();
        let failed = |source| object_store::Error::Generic { store: "S3", source: Box::new(source) };
        client.map(HttpClient::new).map_err(failed)
    }
}
