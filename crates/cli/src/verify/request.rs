//! The request that is verified, and the bytes that should have been signed.

use anyhow::Result;
use rebuttal_client::protocol::signature::{self, Message, Signer};
use rebuttal_client::protocol::{Authorization, UnixMillis};
use rebuttal_client::{AppSecret, Scheme, internal};

use crate::access::ResolvedConnection;
use crate::gateway_url::GatewayUrl;
use crate::settings::Secret;
use crate::signing::arguments::SentUrl;
use crate::signing::request_checks::{self, Freshness};
use crate::signing::{SecretRedactor, SignedBytes};

/// The request as the gateway would verify it, and what else the gateway would refuse.
pub(super) struct CheckedRequest<'a> {
    pub(super) header: Authorization,
    pub(super) secret: Secret,
    parsed: AppSecret,
    /// The scheme that the app is set to, if it is known.
    pub(super) app_scheme: Option<Scheme>,
    pub(super) base_url: GatewayUrl,
    pub(super) target: String,
    pub(super) sent_to: &'a SentUrl,
    pub(super) method: &'a str,
    pub(super) body: &'a [u8],
    /// Why the gateway refuses the request, whatever the signature.
    pub(super) refusals: Vec<String>,
    /// What else may be wrong.
    pub(super) warnings: Vec<String>,
}

impl<'a> CheckedRequest<'a> {
    pub(super) fn of(
        header: Authorization,
        given: &ResolvedConnection,
        redactor: &SecretRedactor,
        sent_to: &'a SentUrl,
        method: &'a str,
        body: &'a [u8],
    ) -> Result<Self> {
        let secret = given.require_app_secret()?;
        let base_url = given.url.as_ref().unwrap_or(&sent_to.origin).clone();
        // A base URL may have a path.
        let inner = sent_to.target.strip_prefix(base_url.path()).filter(|rest| rest.starts_with('/'));
        let target = inner.unwrap_or(&sent_to.target).to_owned();
        let mut request = Self {
            header,
            parsed: secret.parse()?,
            secret: secret.text.clone(),
            app_scheme: given.scheme,
            base_url,
            target,
            sent_to,
            method,
            body,
            refusals: Vec::new(),
            warnings: Vec::new(),
        };
        request.check(given, internal::now());
        let Authorization { app_id, nonce, .. } = &request.header;
        let app_id = Some(app_id.to_string()).filter(|app_id| app_id != request.secret.expose());
        let parts = [
            ("the method", method.as_bytes()),
            ("the URL", sent_to.written.as_bytes()),
            ("the appId", app_id.as_deref().unwrap_or_default().as_bytes()),
            ("the nonce", nonce.as_str().as_bytes()),
            ("the body", body),
        ];
        request.warnings.extend(request_checks::leaked_secret(redactor, &parts));
        Ok(request)
    }

    fn check(&mut self, given: &ResolvedConnection, now: UnixMillis) {
        let Authorization { app_id, scheme, timestamp, .. } = self.header;
        if app_id.to_string() == self.secret.expose() {
            self.refusals.push(
                "the appId is the app's secret; set the right appId, and have the secret rotated because it was sent"
                    .to_owned(),
            );
        } else if let Some(given) = given.app_id.filter(|given| *given != app_id) {
            self.warnings.push(format!(
                "the header names the app {app_id}, but the secret given here belongs to {given}; the gateway uses the \
                 secret of the header's app"
            ));
        }
        if let Some(required) = self.app_scheme.filter(|required| *required != scheme) {
            self.refusals.push(format!("the header says {scheme}, but the app must sign with {required}"));
        }
        // If the base URL is not known, the target may begin with its path.
        let path = self.target.split('?').next().unwrap_or(&self.target);
        let known =
            request_checks::merchant_paths().find(|known| given.url.is_none() && path.ends_with(known));
        self.refusals.extend(request_checks::refusals(self.method, known.unwrap_or(&self.target), self.body));
        match Freshness::of(timestamp, now).fault(timestamp, now) {
            Some(fault) if Freshness::is_in_seconds(timestamp) => self.refusals.push(fault),
            Some(fault) => {
                self.warnings.push(format!("{fault}; the request is stale unless it was sent at that time"));
            }
            None => {}
        }
    }

    fn signer(&self, scheme: Scheme) -> Signer<'_> {
        Signer { scheme, app_id: self.header.app_id, secret: &self.parsed }
    }

    fn message(&self) -> Message<'_> {
        let Self { method, base_url, target, body, .. } = self;
        Message { method, base_url: base_url.as_str(), target, body }
    }

    /// Whether the signature is valid under the header's scheme.
    pub(super) fn verifies(&self) -> bool {
        signature::verify(&self.header, &self.parsed, &self.message())
    }

    /// Whether it is valid for the URL that the request was sent to.
    pub(super) fn verifies_for_sent_url(&self) -> bool {
        let sent_to = self.sent_to.normalized();
        let message = Message { base_url: &sent_to, target: "", ..self.message() };
        signature::verify(&self.header, &self.parsed, &message)
    }

    /// The bytes that should have been signed under a scheme.
    pub(super) fn expected_bytes(&self, scheme: Scheme) -> SignedBytes {
        let Authorization { timestamp, nonce, .. } = &self.header;
        SignedBytes::expected(&self.signer(scheme), &self.secret, *timestamp, nonce, &self.message())
    }

    /// The header that would have been valid.
    pub(super) fn expected_authorization(&self, scheme: Scheme) -> Authorization {
        let Authorization { timestamp, nonce, .. } = &self.header;
        self.signer(scheme).authorize(*timestamp, nonce.clone(), &self.message())
    }
}
