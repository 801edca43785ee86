//! The request as it should have been signed: what the command line and the header say of it, brought together.

use anyhow::Result;
use rebuttal_client::protocol::signature::{self, Message, Signer};
use rebuttal_client::protocol::{Authorization, UnixMillis};
use rebuttal_client::{AppId, AppSecret, Scheme, plumbing};

use super::mistakes::{Mistake, Place};
use crate::access::Resolved;
use crate::address::Address;
use crate::settings::Secret;
use crate::signing::arguments::SentTo;
use crate::signing::beside::{self, Freshness};
use crate::signing::{Draft, Value, Voice};

/// The method of every call of a merchant.
const POST: &str = "POST";

/// What the gateway would compare with, and what it would refuse beside it.
pub(super) struct Case<'a> {
    pub(super) header: Authorization,
    pub(super) secret: Secret,
    parsed: AppSecret,
    /// The app that the settings name.
    pub(super) given_app_id: Option<AppId>,
    /// The scheme that the app is set to, if it is known.
    pub(super) app_scheme: Option<Scheme>,
    pub(super) base_url: Address,
    pub(super) target: String,
    pub(super) sent_to: &'a SentTo,
    method: &'a str,
    body: &'a [u8],
    /// What the gateway refuses, whatever the sign.
    pub(super) refusals: Vec<String>,
    /// What may be amiss.
    pub(super) findings: Vec<String>,
}

impl<'a> Case<'a> {
    pub(super) fn of(
        header: Authorization,
        given: &Resolved,
        voice: &Voice,
        sent_to: &'a SentTo,
        method: &'a str,
        body: &'a [u8],
    ) -> Result<Self> {
        let secret = given.needed_secret()?;
        let parsed = secret.parsed()?;
        let base_url = given.url.as_ref().unwrap_or(&sent_to.origin).clone();
        // A base URL may have a path of its own.
        let inner = sent_to.target.strip_prefix(base_url.path()).filter(|rest| rest.starts_with('/'));
        let target = inner.unwrap_or(&sent_to.target).to_owned();
        let mut case = Self {
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
        case.judge(given, plumbing::now());
        case.findings.extend(beside::leak(voice, &case.target, body));
        Ok(case)
    }

    fn judge(&mut self, given: &Resolved, now: UnixMillis) {
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
        // Without the gateway's own address, the path may begin with that of its base URL.
        let target = after_base(&self.target, given.url.is_some());
        self.refusals.extend(beside::refusals(self.method, target, self.body));
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

    /// Who should have signed.
    fn signer(&self, scheme: Scheme) -> Signer<'_> {
        Signer { scheme, app_id: self.app_id(), secret: &self.parsed }
    }

    fn has_secret_for_app_id(&self) -> bool {
        self.header.app_id.to_string() == self.secret.expose()
    }

    /// That the header names no app, but its secret.
    pub(super) fn app_id_is_the_secret(&self) -> Option<Mistake> {
        self.has_secret_for_app_id().then(|| {
            let more = match self.given_app_id {
                Some(_) => "",
                None => "; give its id with --app-id, and the rest is looked at, too",
            };
            Mistake::noted(
                Place::Value(Value::AppId),
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

    /// Whether the sign is right, by the header's own scheme.
    pub(super) fn verifies(&self) -> bool {
        signature::verify(&self.header, &self.parsed, &self.message())
    }

    /// Whether it is right for the URL that it was sent to.
    pub(super) fn verifies_where_sent(&self) -> bool {
        let sent_to = self.sent_to.spelt();
        let message = Message { base_url: &sent_to, target: "", ..self.message() };
        signature::verify(&self.header, &self.parsed, &message)
    }

    /// What should have been signed under a scheme.
    pub(super) fn draft(&self, scheme: Scheme) -> Draft {
        let Authorization { timestamp, nonce, .. } = &self.header;
        Draft::right(&self.signer(scheme), &self.secret, *timestamp, nonce, &self.message())
    }

    /// The header that would have been right.
    pub(super) fn right_authorization(&self, scheme: Scheme) -> Authorization {
        let Authorization { timestamp, nonce, .. } = &self.header;
        self.signer(scheme).authorize(*timestamp, nonce.clone(), &self.message())
    }
}

/// The part of a target that follows the gateway's base URL, as far as that is known.
fn after_base(target: &str, base_is_known: bool) -> &str {
    let path = target.split('?').next().unwrap_or(target);
    let known = beside::PATHS.into_iter().find(|known| !base_is_known && path.ends_with(known));
    known.unwrap_or(target)
}
