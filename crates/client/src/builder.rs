//! Builds a client: address, scheme, limits of time and attempts, certificates.

use std::sync::Arc;
use std::sync::atomic::AtomicI64;
use std::time::Duration;

use rebuttal_protocol::{AppId, AppSecret, Scheme};
use reqwest::Url;
use rustls_pki_types::CertificateDer;
use rustls_pki_types::pem::PemObject;

use crate::attempts::{OnRetry, Retry};
use crate::client::{Client, Inner};
use crate::error::Error;
use crate::limits::{
    ATTEMPT_TIMEOUT, ATTEMPTS, ATTEMPTS_MAX, Bounds, CALL_TIMEOUT, CONNECT_TIMEOUT, FRESHNESS_WINDOW,
};
use crate::tls;

/// Builds a [`Client`]. Created by [`Client::builder`].
#[derive(Debug)]
#[must_use]
pub struct ClientBuilder {
    url: String,
    app_id: AppId,
    secret: AppSecret,
    scheme: Scheme,
    bounds: Bounds,
    certificates_pem: Vec<Vec<u8>>,
    on_retry: Option<OnRetry>,
}

impl Client {
    /// A client with the default limits, signing with `V2_SHA256`.
    ///
    /// `url` is the gateway's public base URL exactly as the gateway knows it, because it is part of what is signed.
    /// Nothing is sent yet.
    ///
    /// # Errors
    /// [`Error::Configuration`], as [`ClientBuilder::build`].
    pub fn new(url: &str, app_id: AppId, secret: AppSecret) -> Result<Self, Error> {
        Self::builder(url, app_id, secret).build()
    }

    /// Configures a client with another scheme, other limits, or additional certificates.
    pub fn builder(url: &str, app_id: AppId, secret: AppSecret) -> ClientBuilder {
        ClientBuilder::new(url, app_id, secret)
    }
}

impl ClientBuilder {
    pub(crate) fn new(url: &str, app_id: AppId, secret: AppSecret) -> Self {
        let bounds = Bounds {
            attempts: ATTEMPTS,
            call: CALL_TIMEOUT,
            attempt: ATTEMPT_TIMEOUT,
            freshness_window: FRESHNESS_WINDOW,
        };
        let (url, scheme) = (url.to_owned(), Scheme::V2Sha256);
        Self { url, app_id, secret, scheme, bounds, certificates_pem: Vec::new(), on_retry: None }
    }

    /// How requests are signed; `V2_SHA256` by default. Set it to `V2_HMAC_SHA256` if the app requires that. Answers
    /// in a weaker scheme are not accepted.
    pub const fn scheme(mut self, scheme: Scheme) -> Self {
        self.scheme = scheme;
        self
    }

    /// How often a request is sent at most, the first time included: 1 to [`ATTEMPTS_MAX`], [`ATTEMPTS`] by
    /// default. Numbers outside are clamped.
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.bounds.attempts = attempts.clamp(1, ATTEMPTS_MAX);
        self
    }

    /// How long one call may take with all its attempts and pauses; [`CALL_TIMEOUT`] by default. Each upload has a
    /// separate limit.
    pub const fn call_timeout(mut self, timeout: Duration) -> Self {
        self.bounds.call = timeout;
        self
    }

    /// How long one attempt of a call may take; [`ATTEMPT_TIMEOUT`] by default.
    pub const fn attempt_timeout(mut self, timeout: Duration) -> Self {
        self.bounds.attempt = timeout;
        self
    }

    /// The gateway's freshness window, if it is not [`FRESHNESS_WINDOW`]. It is used only to compute the time in
    /// [`Error::Unknown`] until which a call can still take effect.
    pub const fn freshness_window(mut self, window: Duration) -> Self {
        self.bounds.freshness_window = window;
        self
    }

    /// Trusts the PEM certificates in `pem` in addition to the platform's: for a gateway with a certificate from a
    /// private authority, or a self-signed one.
    pub fn trust_pem(mut self, pem: impl Into<Vec<u8>>) -> Self {
        self.certificates_pem.push(pem.into());
        self
    }

    /// Calls `callback` whenever an attempt failed and another follows, to show progress or count retries. It must not
    /// block.
    pub fn on_retry(mut self, callback: impl Fn(Retry<'_>) + Send + Sync + 'static) -> Self {
        self.on_retry = Some(OnRetry::new(callback));
        self
    }

    /// Builds the client. Nothing is sent yet.
    ///
    /// A proxy in the environment (`HTTPS_PROXY` and similar) is used, except for this machine.
    ///
    /// # Errors
    /// [`Error::Configuration`] if the URL is not an `http` or `https` address without user, query and fragment, if
    /// a certificate cannot be read, or if TLS cannot be set up.
    pub fn build(self) -> Result<Client, Error> {
        let (http, base_url) = http(&self.url, &self.certificates_pem)?;
        Ok(Client {
            inner: Arc::new(Inner {
                http,
                base_url,
                app_id: self.app_id,
                secret: self.secret,
                scheme: self.scheme,
                bounds: self.bounds,
                on_retry: self.on_retry,
                clock_ahead_millis: AtomicI64::new(0),
            }),
        })
    }
}

/// An HTTP client for a gateway's address, and the normalized address, without a trailing slash.
pub(crate) fn http(url: &str, certificates_pem: &[Vec<u8>]) -> Result<(reqwest::Client, String), Error> {
    let base = base_url(url)?;
    let roots = certificates(certificates_pem)?;
    let tls = tls::config(roots, base.scheme() == "https")?;
    let mut http = reqwest::Client::builder()
        .tls_backend_preconfigured(tls)
        // A signature covers one URL; a redirected request would not be signed.
        .redirect(reqwest::redirect::Policy::none())
        // Every attempt needs a new header, so only `retry` retries.
        .retry(reqwest::retry::never())
        .referer(false)
        .connect_timeout(CONNECT_TIMEOUT)
        .user_agent(concat!("rebuttal-client/", env!("CARGO_PKG_VERSION")));
    if is_loopback(&base) {
        // A proxy for other hosts must not be used for this machine.
        http = http.no_proxy();
    }
    let http = http
        .build()
        .map_err(|error| Error::Configuration(format!("the HTTP client cannot be set up: {error}")))?;
    Ok((http, base.as_str().trim_end_matches('/').to_owned()))
}

/// The base URL in the form that is signed: lower-case host, no default port (contract §2).
fn base_url(text: &str) -> Result<Url, Error> {
    let refused = |why: &str| Error::Configuration(format!("{text:?} is not a gateway's address: {why}"));
    const ABSOLUTE: &str = "it must start with https:// or http://, as in https://pay.example.com";
    let url = Url::parse(text).map_err(|error| match text.contains("://") {
        true => refused(&error.to_string()),
        false => refused(ABSOLUTE),
    })?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(refused(ABSOLUTE));
    }
    if !url.username().is_empty() || url.password().is_some() {
        // Not repeated in the message: it may be a password.
        return Err(Error::Configuration(
            "the gateway's address must not contain a user or password".to_owned(),
        ));
    }
    if url.query().is_some() || url.fragment().is_some() {
        return Err(refused("it must have no query or fragment"));
    }
    Ok(url)
}

fn is_loopback(url: &Url) -> bool {
    let host = url.host_str().unwrap_or_default().trim_start_matches('[').trim_end_matches(']');
    host == "localhost"
        || host
            .parse::<std::net::IpAddr>()
            .is_ok_and(|address| address.is_loopback() || address.is_unspecified())
}

fn certificates(pems: &[Vec<u8>]) -> Result<Vec<CertificateDer<'static>>, Error> {
    let mut certificates = Vec::new();
    for pem in pems {
        let before = certificates.len();
        for certificate in CertificateDer::pem_slice_iter(pem) {
            certificates.push(certificate.map_err(|error| {
                Error::Configuration(format!("a certificate to trust cannot be read: {error}"))
            })?);
        }
        if certificates.len() == before {
            return Err(Error::Configuration("a file of trusted certificates contains none".to_owned()));
        }
    }
    Ok(certificates)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn base(text: &str) -> Result<String, Error> {
        let client =
            ClientBuilder::new(text, AppId::from_bytes([1; 16]), AppSecret::from_bytes(&[2; 16])).build()?;
        Ok(client.base_url().to_owned())
    }

    #[test]
    fn an_address_is_brought_to_the_spelling_that_is_signed() {
        for (given, signed) in [
            ("https://Gateway.Example/", "https://gateway.example"),
            ("https://gateway.example:443", "https://gateway.example"),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080"),
            ("http://gateway.example:80/pay/", "http://gateway.example/pay"),
        ] {
            assert_eq!(base(given).unwrap(), signed);
        }
    }

    #[test]
    fn invalid_gateway_address_is_refused() {
        for wrong in
            ["", "gateway.example", "ftp://gateway.example", "https://gateway.example?x", "https://a#b"]
        {
            assert!(matches!(base(wrong), Err(Error::Configuration(_))), "{wrong:?} was taken");
        }
        let Err(error) = base("https://user:hunter2@gateway.example") else { panic!("a password was taken") };
        assert!(!error.to_string().contains("hunter2"));
    }

    #[test]
    fn the_secret_is_never_printed() {
        let secret = "00112233445566778899aabbccddeeff";
        let builder =
            Client::builder("http://localhost", AppId::from_bytes([1; 16]), secret.parse().unwrap());
        assert!(!format!("{builder:?}").contains(secret));
        assert!(!format!("{:?}", builder.build().unwrap()).contains(secret));
    }

    #[test]
    fn a_file_without_certificates_is_refused() {
        let builder =
            Client::builder("https://localhost", AppId::from_bytes([1; 16]), AppSecret::from_bytes(&[2; 16]));
        assert!(matches!(builder.trust_pem("no certificate").build(), Err(Error::Configuration(_))));
    }
}
