//! Calls of the operator API (contract §8). Reads are repeated until they are answered; changes too, because each goes
//! under a key that makes it count once, or sets what is already set.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, ensure};
use rebuttal_client::protocol::operator::PREFIX;
use rebuttal_client::protocol::operator::answers::Problem;
use rebuttal_client::{Code, Stranger, plumbing};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::access::{Origin, Token};
use super::failure::{Again, Failure};
use super::key::Key;
use super::tries::{Met, Says, TRIES_MAX, Then, Tries, not_ours};
use crate::rerun_command::RerunDefaults;
use crate::wait_notice;

/// How long one attempt may take: as long as a gateway may go without an answer, and a large page takes to arrive.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a page of 200 disputes has 150 KB, one dispute with all that happened a few MB at worst.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// What is refused after the key was looked up, and kept under it: whoever is answered so under a key has changed
/// nothing with it. All else may be said before the key is looked at, by this gateway or by an older one beside it: who
/// sends it, how often, in which form. Invariant: `decide` in store/src/batch.rs and `apply` beside each database's
/// accounts.
const SETTLING: [Code; 5] = [
    Code::OperatorConflict,
    Code::OperatorNotFound,
    Code::DisputeNotFound,
    Code::InvalidState,
    Code::DeadlinePassed,
];

/// An operator's way to one gateway.
pub(crate) struct Client {
    http: reqwest::Client,
    /// The gateway's address.
    url: String,
    authorization: HeaderValue,
    /// Where the token comes from.
    origin: Origin,
    /// How the change that was sent last is sent again.
    sent: Mutex<Option<Again>>,
    /// What leads what was typed here from any shell.
    defaults: RerunDefaults,
}

impl Client {
    pub(crate) fn new(url: &str, token: &Token, trusted: &[Vec<u8>]) -> Result<Self> {
        let (http, url) = plumbing::http(url, trusted)?;
        let Token { text, origin } = token;
        let visible = !text.expose().is_empty() && text.expose().bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(visible, "the operator's token {origin} is none: it must have visible ASCII characters only");
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", text.expose()))?;
        authorization.set_sensitive(true);
        let origin = origin.clone();
        Ok(Self {
            http,
            url,
            authorization,
            origin,
            sent: Mutex::new(None),
            defaults: RerunDefaults::default(),
        })
    }

    /// The same, which tells its user commands for any shell.
    pub(super) fn pinned(self, defaults: RerunDefaults) -> Self {
        Self { defaults, ..self }
    }

    /// What it means that the user does not wait any longer.
    pub(super) fn interrupted(&self) -> anyhow::Error {
        match self.again() {
            Some(again) => Failure::Interrupted { again }.into(),
            None => anyhow::anyhow!("interrupted: nothing was changed"),
        }
    }

    /// The answer's body to a read.
    pub(super) async fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        self.call(Method::GET, path, None, None).await
    }

    /// The answer's body to something that counts once under its key; a random one unless one was given.
    pub(crate) async fn post(&self, path: &str, body: &impl Serialize, key: &Key) -> Result<Vec<u8>> {
        let key = match key.given() {
            Some(key) => key.to_owned(),
            None => format!("cli-{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?),
        };
        self.call(Method::POST, path, Some(&serde_json::to_value(body)?), Some(&key)).await
    }

    /// The answer's body to a change of what is there. Without a key: setting it twice is setting it once.
    pub(super) async fn patch(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>> {
        self.call(Method::PATCH, path, Some(&serde_json::to_value(body)?), None).await
    }

    /// How the change that was sent last is sent again; none where nothing but reads came after it.
    pub(super) fn again(&self) -> Option<Again> {
        self.sent.lock().ok()?.clone()
    }

    /// Makes a call until it is answered or tried often enough.
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Vec<u8>> {
        let again =
            body.map(|body| Again::of(&self.defaults, key, body.get("deadline").and_then(Value::as_str)));
        if let Ok(mut sent) = self.sent.lock() {
            sent.clone_from(&again);
        }
        let mut tries = Tries::of(again, &self.url);
        loop {
            let attempt = self.attempt(&method, path, body, key);
            let met = match wait_notice::with_wait_notice(&self.url, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(met) => met,
            };
            let (why, wait) = tries.take(met)?;
            wait_notice::print_retry(&why, tries.made(), TRIES_MAX);
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Vec<u8>, Met> {
        let url = format!("{}{PREFIX}{path}", self.url);
        let mut request = self.http.request(method.clone(), url).timeout(ATTEMPT_TIMEOUT);
        request = request.header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let unanswered = |error| Met::unanswered(&plumbing::not_answered(error));
        let response = request.send().await.map_err(unanswered)?;
        let (stranger, asked) = (plumbing::stranger(&response), plumbing::retry_after(&response));
        let status = stranger.status;
        let answer = read(response).await?;
        let is_done = (200..300).contains(&status);
        if is_done && (body.is_none() || serde_json::from_slice::<Map<String, Value>>(&answer).is_ok()) {
            return Ok(answer);
        }
        let (says, then) = match serde_json::from_slice(&answer) {
            Ok(problem) if !is_done => self.refused(status, problem, key.is_some()),
            _ => somebody_else(stranger),
        };
        Err(Met { says, then, asked })
    }

    /// What a problem of the gateway says.
    fn refused(&self, status: u16, Problem { code, detail, .. }: Problem, is_keyed: bool) -> (Says, Then) {
        let says = match &code {
            Code::Unavailable => Says::NotByThis,
            _ if status >= 500 => Says::Perhaps,
            code if is_keyed && SETTLING.contains(code) => Says::Never,
            _ => Says::NotByThis,
        };
        let then = match status {
            429 | 500.. => Then::Again(format!("{code}: {detail}")),
            // The gateway says the same to whoever sends none.
            _ if code == Code::OperatorUnauthorized => {
                Then::Refused(Failure::LetNobodyIn { code, origin: self.origin.clone() })
            }
            _ => Then::Refused(Failure::Refused { code, detail }),
        };
        (says, then)
    }
}

/// What an answer says that is not the operator API's.
fn somebody_else(stranger: Stranger) -> (Says, Then) {
    match stranger.status {
        // Somebody who takes what is meant for the gateway, and may have passed it on.
        200..300 => (Says::Perhaps, Then::NotOurs(stranger)),
        // A proxy that waits for the gateway, or for the rest of the request, some of which it may have passed on.
        408 | 500.. => (Says::Perhaps, Then::Again(not_ours(&stranger))),
        429 => (Says::NotByThis, Then::Again(not_ours(&stranger))),
        _ => (Says::NotByThis, Then::NotOurs(stranger)),
    }
}

async fn read(response: Response) -> Result<Vec<u8>, Met> {
    let read = plumbing::read_bounded(response, ANSWER_MAX_BYTES).await;
    let read = read.map_err(|error| Met::unanswered(&plumbing::not_answered(error)))?;
    let too_long = || {
        let why = format!("the answer is over {ANSWER_MAX_BYTES} bytes");
        Met { says: Says::Perhaps, then: Then::Again(why), asked: None }
    };
    read.map(Vec::from).ok_or_else(too_long)
}
