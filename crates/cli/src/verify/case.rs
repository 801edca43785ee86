//! The request as it should have been signed: what the command line and the header say of it, brought together.

use anyhow::Result;
use rebuttal_client::protocol::signature::{self, Message};
use rebuttal_client::protocol::{Authorization, UnixMillis};
use rebuttal_client::{AppId, AppSecret, Client, Scheme};

use super::mistakes::{Mistake, Place};
use crate::access::Given;
use crate::settings::Secret;
use crate::signing::beside::{self, Freshness};
use crate::signing::{Draft, Signer, Value, Voice};
use crate::usage;

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
    pub(super) base_url: String,
    pub(super) target: String,
    /// The URL that it was sent to, as a gateway there would know it.
    pub(super) sent_to: String,
    /// What follows `#` in the URL, with it.
    pub(super) fragment: &'a str,
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
        given: &Given,
        voice: &Voice,
        url: &'a str,
        method: &'a str,
        body: &'a [u8],
    ) -> Result<Self> {
        let (secret, parsed) = (given.needed_secret()?, given.app_secret()?);
        let (origin, sent_target, fragment) = split(url);
        // A client knows the one spelling of an address, and the time; it is not used for anything else.
        let of = |url: &str| Client::new(url, header.app_id, parsed.clone());
        let sent = of(origin)
            .map_err(|fault| usage::wrong(voice.masked(&format!("the URL that it was sent to: {fault}"))))?;
        let client = given.url().ok().map_or(Ok(sent.clone()), |url| of(&url))?;
        let base_url = client.base_url().to_owned();
        // A base URL may have a path of its own.
        let path = base_url.splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let inner = sent_target.strip_prefix(path.as_str()).filter(|rest| rest.starts_with('/'));
        let target = inner.unwrap_or(sent_target).to_owned();
        let mut case = Self {
            given_app_id: given.app_id(),
            app_scheme: given.given_scheme(),
            sent_to: format!("{}{sent_target}", sent.base_url()),
            refusals: Vec::new(),
            findings: Vec::new(),
            header,
            secret,
            parsed,
            base_url,
            target,
            fragment,
            method,
            body,
        };
        case.judge(given, client.gateway_time());
        case.findings.extend(beside::leak(voice, &case.target, body));
        Ok(case)
    }

    fn judge(&mut self, given: &Given, now: UnixMillis) {
        let Authorization { app_id, timestamp, .. } = self.header;
        let other = given.app_id().filter(|given| *given != app_id && self.app_id() == app_id);
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
        let target = after_base(&self.target, given.url().is_ok());
        self.refusals.extend(beside::refusals(self.method, target, self.body));
        if !self.fragment.is_empty() {
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
        Message { method, base_url, target, body }
    }

    /// Whether the sign is right, by the header's own scheme.
    pub(super) fn verifies(&self) -> bool {
        signature::verify(&self.header, &self.parsed, &self.message())
    }

    /// Whether it is right for the URL that it was sent to.
    pub(super) fn verifies_where_sent(&self) -> bool {
        let message = Message { base_url: &self.sent_to, target: "", ..self.message() };
        signature::verify(&self.header, &self.parsed, &message)
    }

    /// What should have been signed under a scheme.
    pub(super) fn draft(&self, scheme: Scheme) -> Draft {
        let Authorization { timestamp, nonce, .. } = &self.header;
        let (secret, parsed) = (&self.secret, &self.parsed);
        let signer = Signer { scheme, app_id: self.app_id(), secret, parsed, timestamp: *timestamp, nonce };
        Draft::right(&signer, &self.message())
    }

    /// A gateway's address in its one spelling.
    pub(super) fn spelt(&self, url: &str) -> Option<String> {
        let client = Client::new(url, self.header.app_id, self.parsed.clone()).ok()?;
        Some(client.base_url().to_owned())
    }

    /// The header that would have been right.
    pub(super) fn right_authorization(&self, scheme: Scheme) -> Authorization {
        let Authorization { timestamp, nonce, .. } = &self.header;
        signature::authorize(scheme, self.app_id(), &self.parsed, *timestamp, nonce.clone(), &self.message())
    }
}

/// The part of a target that follows the gateway's base URL, as far as that is known.
fn after_base(target: &str, base_is_known: bool) -> &str {
    let path = target.split('?').next().unwrap_or(target);
    let known = beside::PATHS.into_iter().find(|known| !base_is_known && path.ends_with(known));
    known.unwrap_or(target)
}

/// An absolute URL as what is before the target, the target, and the fragment with its sign.
fn split(url: &str) -> (&str, &str, &str) {
    let (url, fragment) = url.split_at(url.find('#').unwrap_or(url.len()));
    let host = url.find("://").map_or(0, |at| at + 3);
    let rest = url.get(host..).unwrap_or_default();
    let (origin, target) = url.split_at(rest.find(['/', '?']).map_or(url.len(), |at| host + at));
    (origin, target, fragment)
}
