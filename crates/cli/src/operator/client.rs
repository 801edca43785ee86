//! Calls of the operator API (contract §8). Reads are repeated until they are answered; changes too, because each goes
//! under a key that makes it count once, or sets what is already set.

use std::pin::pin;
use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, ensure};
use rebuttal_client::plumbing;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use serde_json::Value;

use super::access::{Origin, Token};
use super::failure::{Again, Failure, Met, Problem};
use super::key::Key;
use crate::look;

/// Under which path the API lies.
const PREFIX: &str = "/operator/v1";
/// How often a call is made at most.
const ATTEMPTS: u32 = 5;
/// How long one attempt may take. A gateway answers within its commit limit of 5 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// How long nothing is said while an attempt lasts.
const SILENCE: Duration = Duration::from_secs(2);
/// The pause before the second attempt; it doubles from attempt to attempt.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a page of 200 disputes has 150 KB, one dispute with all that happened a few MB at worst.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;

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
        Ok(Self { http, url, authorization, origin, sent: Mutex::new(None) })
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
    pub(crate) async fn post(&self, path: &str, body: &Value, key: &Key) -> Result<Vec<u8>> {
        let key = match key.given() {
            Some(key) => key.to_owned(),
            None => format!("cli-{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?),
        };
        self.call(Method::POST, path, Some(body), Some(&key)).await
    }

    /// The answer's body to a change of what is there. Without a key: setting it twice is setting it once.
    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Vec<u8>> {
        self.call(Method::PATCH, path, Some(body), None).await
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
        let again = body.map(|body| Again::of(key, body.get("deadline").and_then(Value::as_str)));
        if let Ok(mut sent) = self.sent.lock() {
            sent.clone_from(&again);
        }
        let (mut attempts, mut may_have_counted, mut pause) = (0, false, PAUSE);
        loop {
            attempts += 1;
            let attempt = self.attempt(&method, path, body, key);
            let (met, asked) = match self.patiently(attempt).await {
                Ok(answer) => return Ok(answer),
                Err(met) => met,
            };
            let (why, lasting) = match met {
                Met::Refused(failure) => return Err(failure.into()),
                Met::Passing { why, may_have_counted: this } => {
                    may_have_counted |= this;
                    (why, false)
                }
                Met::Lasting { why } => (why, true),
            };
            let wait = asked.map_or_else(|| plumbing::jittered(pause), |asked| asked.max(pause));
            if lasting || attempts >= ATTEMPTS || wait > RETRY_AFTER_MAX {
                return Err(match again.filter(|_| may_have_counted) {
                    Some(again) => Failure::Unknown { attempts, why, again },
                    None => Failure::Unavailable { url: self.url.clone(), attempts, why, asked },
                }
                .into());
            }
            look::waiting(&format!("{why}; tried {attempts} of {ATTEMPTS} times"));
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2);
        }
    }

    /// Waits for an attempt, and tells whoever sits before a terminal that this is what is done.
    async fn patiently<T>(&self, attempt: impl Future<Output = T>) -> T {
        let mut attempt = pin!(attempt);
        tokio::select! {
            ended = &mut attempt => return ended,
            () = tokio::time::sleep(SILENCE) => {}
        }
        look::waiting(&format!("waiting for {}", self.url));
        attempt.await
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Vec<u8>, (Met, Option<Duration>)> {
        let url = format!("{}{PREFIX}{path}", self.url);
        let mut request = self.http.request(method.clone(), url).timeout(ATTEMPT_TIMEOUT);
        request = request.header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let unanswered = |error| (Met::unanswered(&plumbing::not_answered(error)), None);
        let response = request.send().await.map_err(unanswered)?;
        let (status, asked) = (response.status().as_u16(), plumbing::retry_after(&response));
        let answer = read(response).await?;
        match status {
            200..300 => Ok(answer),
            _ => Err((self.refused(status, &answer), asked)),
        }
    }

    /// An answer that is none of success.
    fn refused(&self, status: u16, answer: &[u8]) -> Met {
        let problem: Option<Problem> = serde_json::from_slice(answer).ok();
        match (status, problem) {
            (429, Some(Problem { code, detail })) => {
                Met::Passing { why: format!("{code}: {detail}"), may_have_counted: false }
            }
            (500.., Some(Problem { code, detail })) => {
                let may_have_counted = code != "Common.System.Unavailable";
                Met::Passing { why: format!("{code}: {detail}"), may_have_counted }
            }
            // A proxy that waits for the gateway.
            (500.., None) => {
                let why = format!("HTTP status {status}, not in the gateway's own words but a proxy's");
                Met::Passing { why, may_have_counted: true }
            }
            // The gateway says the same to whoever sends none.
            (_, Some(Problem { code, .. })) if code == "Operator.Unauthorized" => {
                Met::Refused(Failure::LetNobodyIn { code, origin: self.origin.clone() })
            }
            (_, Some(Problem { code, detail })) => Met::Refused(Failure::Refused { code, detail }),
            (_, None) => Met::Refused(Failure::NotOurs { url: self.url.clone(), status }),
        }
    }
}

async fn read(response: Response) -> Result<Vec<u8>, (Met, Option<Duration>)> {
    let read = plumbing::read_bounded(response, ANSWER_MAX_BYTES).await;
    let read = read.map_err(|error| (Met::unanswered(&plumbing::not_answered(error)), None))?;
    let too_long = || {
        let why = format!("the answer is over {ANSWER_MAX_BYTES} bytes");
        (Met::Passing { why, may_have_counted: true }, None)
    };
    read.map(Vec::from).ok_or_else(too_long)
}
