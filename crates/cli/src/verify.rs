//! `rebuttal verify`: whether a request's sign is right, and if not, which mistake made it. Nothing is sent.

mod bodies;
mod compare;
mod json;
mod mistakes;
mod search;

use std::path::PathBuf;

use anyhow::{Context as _, Result, ensure};
use rebuttal_client::protocol::body::Object;
use rebuttal_client::protocol::signature::{self, Message};
use rebuttal_client::protocol::{Authorization, UnixMillis};
use rebuttal_client::{AppSecret, Client};
use serde::Serialize;

use crate::access::{Access, Given};
use crate::exit::Exit;
use crate::settings::Secret;
use crate::sign::{BodyArgs, read_file};
use crate::signing::{Draft, Signer, Value, visible};
use crate::{look, outcome, profile};
use mistakes::{Mistake, Place, Seen};
use search::Search;

/// How far a timestamp may lie from the gateway's clock, unless the gateway is told otherwise.
const FRESHNESS_WINDOW_MILLIS: u64 = 5 * 60 * 1000;

/// The codes, as `--help` tells them.
const EXITS: &str = "\
Exit codes:
  0  the sign is right
  1  a file or a setting on this side
  2  wrong usage
  3  the sign is not right; what was found is told";

/// Find out why a request's signature is refused
///
/// Give the request as it was sent. If its sign is not right, the usual mistakes are tried, also two at once: another
/// URL, an LF too many or too few, a body written anew, the secret with white space or of another profile, the wrong
/// scheme. The one that makes this sign is named. Nothing is sent.
///
/// With REBUTTAL_URL, --url or a profile, the URL is compared with the gateway's own base URL.
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct Verify {
    /// Absolute URL that the request was sent to, with its query
    #[arg(value_name = "URL")]
    sent_to: String,

    /// Value of the request's Authorization header
    #[arg(long, value_name = "HEADER")]
    authorization: String,

    #[command(flatten)]
    body: BodyArgs,

    /// Method, as sent
    #[arg(long, value_name = "METHOD", default_value = "POST")]
    method: String,

    /// File with the bytes that the signer hashed, to be compared value by value; - is standard input
    #[arg(long, value_name = "FILE")]
    signed_bytes: Option<PathBuf>,

    /// Show the secret in the signed bytes
    #[arg(long)]
    show_secret: bool,

    /// Print one JSON object on standard output
    #[arg(long)]
    json: bool,

    #[command(flatten)]
    access: Access,
}

/// What was found; also the object that `--json` prints.
#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Found {
    verifies: bool,
    /// What was done wrong, if it is known: one or two mistakes that together make this sign.
    mistakes: Vec<Told>,
    /// What else is amiss, whatever the sign.
    findings: Vec<String>,
    /// The header that would have been right.
    right_authorization: String,
    /// What should have been signed; the secret is masked unless it may be shown.
    right_signed_bytes: String,
}

/// A mistake as it is told; `value` is null where it is between the values or in the scheme.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    value: Option<Value>,
    mistake: String,
}

/// The request, as it should have been signed.
struct Case {
    header: Authorization,
    secret: Secret,
    parsed: AppSecret,
    base_url: String,
    target: String,
    findings: Vec<String>,
}

impl Verify {
    pub(crate) fn run(self) -> Result<Exit> {
        let given = self.access.resolve()?;
        let body = self.body.read()?;
        let case = self.case(&given, &body)?;
        let Case { header, secret, parsed, .. } = &case;
        let message =
            Message { method: &self.method, base_url: &case.base_url, target: &case.target, body: &body };
        let signer = Signer {
            scheme: header.scheme,
            app_id: header.app_id,
            secret,
            parsed,
            timestamp: header.timestamp,
            nonce: &header.nonce,
        };
        let right = Draft::right(&signer, &message);
        let verifies = signature::verify(header, parsed, &message);
        let search = if verifies { Search::Nothing } else { self.search(&case, &right)? };
        let hashed =
            self.signed_bytes.as_ref().map(|path| read_file(path, "the signed bytes")).transpose()?;
        let mut findings = case.findings.clone();
        if matches!(search, Search::GivenUp) {
            findings.push("not every pair of mistakes was tried: the body is too long for that".to_owned());
        }
        let found = match search {
            Search::Found(mistakes) => Some(mistakes),
            Search::Nothing | Search::GivenUp => None,
        };
        if let Some(hashed) = &hashed {
            findings.extend(compare::differences(&right, hashed, &header.sign.to_string()));
        }
        let sign =
            signature::sign(header.scheme, header.app_id, parsed, header.timestamp, &header.nonce, &message);
        let told = Found {
            verifies,
            mistakes: found.iter().flatten().map(|mistake| mistake.told()).collect(),
            findings,
            right_authorization: Authorization { sign, ..header.clone() }.to_string(),
            right_signed_bytes: right.text(self.show_secret),
        };
        self.tell(&told, &right, found.as_deref())?;
        outcome::said(if verifies { Exit::Done } else { Exit::Refused })
    }

    /// What the gateway would compare with.
    fn case(&self, given: &Given, body: &[u8]) -> Result<Case> {
        let header = Authorization::parse(self.authorization.trim().as_bytes()).map_err(|fault| {
            anyhow::anyhow!(
                "the gateway refuses this Authorization header, which is not of its form: {fault}"
            )
        })?;
        let secret = given.needed_secret()?;
        let parsed = given.app_secret()?;
        let (origin, target) = split(&self.sent_to)?;
        // A client knows the one spelling of an address, and the time; it is not used for anything else.
        let of = |url: &str| Client::new(url, header.app_id, parsed.clone());
        let client = of(given.url().as_deref().unwrap_or(origin))?;
        // A base URL may have a path of its own.
        let path = client.base_url().splitn(4, '/').nth(3).map(|path| format!("/{path}")).unwrap_or_default();
        let target =
            target.strip_prefix(path.as_str()).filter(|rest| rest.starts_with('/')).unwrap_or(target);
        let (base_url, target) = (client.base_url().to_owned(), target.to_owned());
        let now = client.gateway_time();
        let findings = findings(&header, given, &self.method, &target, body, now);
        Ok(Case { header, secret, parsed, base_url, target, findings })
    }

    /// The mistakes that together make the sign.
    fn search(&self, case: &Case, right: &Draft) -> Result<Search> {
        let others = profile::read_all()?
            .filter_map(|(name, profile)| Some((name, profile.app_secret?)))
            .filter(|(_, secret)| secret.expose() != case.secret.expose());
        let seen = Seen {
            sent_to: &self.sent_to,
            base_url: &case.base_url,
            target: &case.target,
            secret: case.secret.expose(),
            other_secrets: others.collect(),
        };
        Ok(search::search(right, &mistakes::all(right, &seen), &case.header.sign.to_string()))
    }

    fn tell(&self, found: &Found, right: &Draft, mistakes: Option<&[Mistake]>) -> Result<()> {
        if self.json {
            look::say(serde_json::to_string_pretty(found)?);
            return Ok(());
        }
        match (found.verifies, mistakes) {
            (true, _) => look::say(format!("{} the sign is right.", look::tick())),
            (false, Some(mistakes)) => {
                look::say_after(&format!("{} ", look::cross()), "the sign is not right, and this is why:", 2);
                mistakes.iter().for_each(|mistake| {
                    look::say_after("  · ", &mistake.sentence, 4);
                });
                self.say_altered(right, mistakes);
            }
            (false, None) => look::say_after(
                &format!("{} ", look::cross()),
                "the sign is not right, and no usual mistake explains it: it may be made with another app's secret, or \
                 over another body. Compare what you hash with the bytes below, or give them with --signed-bytes.",
                2,
            ),
        }
        found.findings.iter().for_each(|finding| look::say_after("  · ", finding, 4));
        if !found.verifies {
            look::say("");
            right.say(self.show_secret);
            look::say("");
            look::say(format!("  Authorization: {}", found.right_authorization));
        }
        Ok(())
    }

    /// What differs, as the signer had it and as it is right.
    fn say_altered(&self, right: &Draft, mistakes: &[Mistake]) {
        let mut theirs = right.clone();
        mistakes.iter().for_each(|mistake| (mistake.make)(&mut theirs));
        for (value, bytes) in &theirs.values {
            let Some(ours) = right.value(*value).filter(|ours| *ours != bytes.as_slice()) else { continue };
            if *value != Value::AppSecret {
                look::say("");
                look::say(format!("    {} {}", look::faint("they signed "), visible(bytes)));
                look::say(format!("    {} {}", look::faint("what is right"), visible(ours)));
            }
        }
    }
}

/// What is amiss beside the sign.
fn findings(
    header: &Authorization,
    given: &Given,
    method: &str,
    target: &str,
    body: &[u8],
    now: UnixMillis,
) -> Vec<String> {
    let mut findings = Vec::new();
    if let Some(app_id) = given.app_id().filter(|app_id| *app_id != header.app_id) {
        findings.push(format!(
            "the header is of app {}, but the secret given here is of {app_id}",
            header.app_id
        ));
    }
    if let Some(scheme) = given.given_scheme().filter(|scheme| *scheme != header.scheme) {
        findings.push(format!("the header says {}, but the app is to sign with {scheme}", header.scheme));
    }
    if let Err(fault) = Object::parse_signed(body).map(drop) {
        findings.push(format!("the gateway refuses this body, whatever its sign: {fault}"));
    }
    if method != "POST" {
        findings.push(format!("the method is {method}; every call of a merchant is POST"));
    }
    if target.contains('#') {
        findings.push("the URL has a fragment, which is never sent".to_owned());
    }
    let age = look::distance(now, header.timestamp);
    if now.0.abs_diff(header.timestamp.0) > FRESHNESS_WINDOW_MILLIS {
        let at = header.timestamp.to_rfc3339(&jiff::tz::TimeZone::UTC);
        let told = if header.timestamp > now { format!("{age} by this machine's clock") } else { age };
        findings.push(format!(
            "its timestamp is {at} ({told}); a request is fresh for 5 minutes, so unless it was sent then, it would \
             be stale now"
        ));
    }
    findings
}

/// An absolute URL as what is before the target and the target.
fn split(url: &str) -> Result<(&str, &str)> {
    let after = url.find("://").map(|at| at + 3);
    let after =
        after.context("the URL must be absolute, such as https://pay.example.com/pg/v2/dispute/query")?;
    let rest = url.get(after..).unwrap_or_default();
    let end = rest.find(['/', '?']).map_or(url.len(), |at| after + at);
    let (origin, target) = url.split_at(end);
    ensure!(!target.is_empty(), "the URL {url:?} has no path; give it as the request was sent");
    Ok((origin, target))
}

impl Mistake {
    fn told(&self) -> Told {
        let value = match self.place {
            Place::Value(value) => Some(value),
            Place::Ends | Place::Scheme => None,
        };
        Told { value, mistake: self.sentence.clone() }
    }
}
