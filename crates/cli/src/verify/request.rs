//! The request that is verified, from the command line and the header, and how it should have been signed.

use anyhow::Result;
use rebuttal_client::protocol::signature::{self, Message, Signer};
use rebuttal_client::protocol::{Authorization, UnixMillis};
use rebuttal_client::{AppId, AppSecret, Scheme, plumbing};

use super::mistakes::{Mistake, MistakeLocation};
use crate::access::ResolvedConnection;
use crate::address::Address;
use crate::settings::Secret;
use crate::signing::arguments::SentUrl;
use crate::signing::request_checks::{self, Freshness};
use crate::signing::{SecretRedactor, SignedBytes, SignedField};

/// The method of every call of a merchant.
const POST: &str = "POST";

/// The request as the gateway would verify it, and what else it would refuse.
pub(super) struct CheckedRequest<'a> {
    pub(super) header: Authorization,
    pub(super) secret: Secret,
    parsed: AppSecret,
    /// The app that the settings name.
    pub(super) given_app_id: Option<AppId>,
    /// The scheme that the app is set to, if it is known.
    pub(super) app_scheme: Option<Scheme>,
    pub(super) base_url: Address,
    pub(super) target: String,
    pub(super) sent_to: &'a SentUrl,
    method: &'a str,
    body: &'a [u8],
    /// Why the gateway refuses the request, whatever the signature.
    pub(super) refusals: Vec<String>,
    /// What else may be wrong.
    pub(super) findings: Vec<String>,
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
        let parsed = secret.parse()?;
        let base_url = given.url.as_ref().unwrap_or(&sent_to.origin).clone();
        // A base URL may have a path.
        let inner = sent_to.target.strip_prefix(base_url.path()).filter(|rest| rest.starts_with('/'));
        let target = inner.unwrap_or(&sent_to.target).to_owned();
        let mut request = Self {
            given_app_id: given.app_id,
            app_scheme: given.scheme,
            sent_to,
            refusals: Vec::new(),
            findings: Vec::new(),
            header,
            secret: secret.text.clone(),
            parsed,
            base_url,
            target,
            method,
            body,
        };
        request.check(given, plumbing::now());
        request.findings.extend(request_checks::leaked_secret(redactor, &request.target, body));
        Ok(request)
    }

    fn check(&mut self, given: &ResolvedConnection, now: UnixMillis) {
        let Authorization { app_id, timestamp, .. } = self.header;
        let other = given.app_id.filter(|given| *given != app_id && self.app_id() == app_id);
        if let Some(given) = other {
            self.findings.push(format!(
                "the header is of app {app_id}, but the secret given here is of {given}: the gateway takes the secret of \
                 the header's app"
            ));
        }
        if let Some(scheme) = self.app_scheme.filter(|scheme| *scheme != self.header.scheme) {
            self.refusals.push(format!(
                "the header says {}, but the app is to sign with {scheme}",
                self.header.scheme
            ));
        }
        if self.verifies() {
            self.refusals.extend(self.app_id_is_the_secret().map(|mistake| mistake.sentence));
        }
        let sent = self.method;
        if sent != POST && !self.verifies() {
            self.method = POST;
            if !self.verifies() {
                self.method = sent;
            }
        }
        if self.method != sent {
            self.refusals.push(format!(
                "the method is POST where it is signed, which is right, but {sent} as it was sent: send POST"
            ));
        }
        // Where the base URL is not known, the target may begin with its path.
        let target = after_base(&self.target, given.url.is_some());
        self.refusals.extend(request_checks::refusals(self.method, target, self.body));
        if !self.sent_to.fragment.is_empty() {
            self.findings.push("the URL has a fragment, which is never sent and no part of it".to_owned());
        }
        if let Some(fault) = Freshness::of(timestamp, now).fault(timestamp, now) {
            self.findings.push(format!("{fault}; unless it was sent then, it would be stale now"));
        }
    }

    /// The app that should have signed: the header's, unless that names none.
    fn app_id(&self) -> AppId {
        let is_secret = self.has_secret_for_app_id();
        self.given_app_id.filter(|_| is_secret).unwrap_or(self.header.app_id)
    }

    /// The signer that is expected.
    fn signer(&self, scheme: Scheme) -> Signer<'_> {
        Signer { scheme, app_id: self.app_id(), secret: &self.parsed }
    }

    fn has_secret_for_app_id(&self) -> bool {
        self.header.app_id.to_string() == self.secret.expose()
    }

    /// The mistake that the header's appId is the app's secret.
    pub(super) fn app_id_is_the_secret(&self) -> Option<Mistake> {
        self.has_secret_for_app_id().then(|| {
            let more = match self.given_app_id {
                Some(_) => "",
                None => "; give its id with --app-id, and the rest is looked at, too",
            };
            Mistake::known(
                MistakeLocation::Field(SignedField::AppId),
                format!(
                    "the appId is the app's secret: where they are configured, the two are swapped. It was sent, so have \
                     the gateway's operator rotate it{more}"
                ),
            )
        })
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
    pub(super) fn verifies_where_sent(&self) -> bool {
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

/// The part of a target that follows the gateway's base URL, as far as that is known.
fn after_base(target: &str, base_is_known: bool) -> &str {
    let path = target.split('?').next().unwrap_or(target);
    let known = request_checks::merchant_paths().find(|known| !base_is_known && path.ends_with(known));
    known.unwrap_or(target)
}
