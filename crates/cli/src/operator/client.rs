//! Calls of the operator API (contract §8). Reads are repeated until they are answered; changes too, because each goes
//! under a key that makes it count once, or sets what is already set.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Context as _, Result, ensure};
use rebuttal_client::plumbing;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use serde_json::Value;

use super::failure::{Again, Failure, Met, Problem};
use crate::settings::Secret;

/// Under which path the API lies.
const PREFIX: &str = "/operator/v1";
/// How often a call is made at most.
const ATTEMPTS: u32 = 5;
/// How long one attempt may take. A gateway answers within its commit limit of 5 seconds.
const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// The pause before the second attempt; it doubles from attempt to attempt.
const PAUSE: Duration = Duration::from_millis(200);
/// The longest `Retry-After` that is obeyed.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a page of 200 disputes has 150 KB, one dispute with all that happened a few MB at worst.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Most characters of an `Idempotency-Key` (contract §8).
const KEY_MAX: usize = 128;

/// An operator's way to one gateway.
pub(crate) struct Client {
    http: reqwest::Client,
    base: String,
    authorization: HeaderValue,
    /// The key that was asked for; every change has one of its own otherwise.
    key: Option<String>,
    /// How the change that was sent last is sent again.
    sent: Mutex<Option<Again>>,
}

impl Client {
    pub(crate) fn new(url: &str, token: Secret, key: Option<String>, trusted: &[Vec<u8>]) -> Result<Self> {
        let (http, base) = plumbing::http(url, trusted)?;
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", token.expose()))
            .ok()
            .context("the operator's token must have visible ASCII characters only")?;
        authorization.set_sensitive(true);
        if let Some(key) = &key {
            let visible = key.bytes().all(|byte| byte.is_ascii_graphic());
            ensure!(
                visible && (1..=KEY_MAX).contains(&key.len()),
                "--idempotency-key must have 1 to {KEY_MAX} visible ASCII characters"
            );
        }
        Ok(Self { http, base: format!("{base}{PREFIX}"), authorization, key, sent: Mutex::new(None) })
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
        self.call(Method::GET, path, None).await
    }

    /// The answer's body to something new.
    pub(crate) async fn post(&self, path: &str, body: &Value) -> Result<Vec<u8>> {
        self.call(Method::POST, path, Some(body)).await
    }

    /// The answer's body to a change of what is there. Without a key: setting it twice is setting it once.
    pub(super) async fn patch(&self, path: &str, body: &Value) -> Result<Vec<u8>> {
        self.call(Method::PATCH, path, Some(body)).await
    }

    /// Whether a change was sent.
    pub(super) fn has_changed(&self) -> bool {
        self.again().is_some()
    }

    fn again(&self) -> Option<Again> {
        self.sent.lock().ok()?.clone()
    }

    /// Makes a call until it is answered or tried often enough.
    async fn call(&self, method: Method, path: &str, body: Option<&Value>) -> Result<Vec<u8>> {
        let key = match &self.key {
            Some(key) => key.clone(),
            None => format!("cli-{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?),
        };
        let again = (method != Method::GET).then(|| Again {
            idempotency_key: (method == Method::POST).then(|| key.clone()),
            deadline: body.and_then(|body| body.get("deadline")?.as_str()).map(str::to_owned),
        });
        if let Ok(mut sent) = self.sent.lock() {
            sent.clone_from(&again);
        }
        let (mut attempts, mut may_have_counted, mut pause) = (0, false, PAUSE);
        loop {
            attempts += 1;
            let (met, asked) = match self.attempt(&method, path, body, &key).await {
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
                    None => Failure::Unavailable { attempts, why },
                }
                .into());
            }
            tokio::time::sleep(wait).await;
            pause = pause.saturating_mul(2);
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: &str,
    ) -> Result<Vec<u8>, (Met, Option<Duration>)> {
        let url = format!("{}{path}", self.base);
        let mut request = self.http.request(method.clone(), url).timeout(ATTEMPT_TIMEOUT);
        request = request.header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        if *method == Method::POST {
            request = request.header("Idempotency-Key", key);
        }
        let unanswered = |error| (Met::unanswered(&plumbing::not_answered(error)), None);
        let response = request.send().await.map_err(unanswered)?;
        let (status, asked) = (response.status().as_u16(), plumbing::retry_after(&response));
        let answer = read(response).await?;
        match status {
            200..300 => Ok(answer),
            _ => Err((refused(status, &answer), asked)),
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

/// An answer that is none of success.
fn refused(status: u16, answer: &[u8]) -> Met {
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
        (500.., None) => Met::Passing { why: format!("HTTP status {status}"), may_have_counted: true },
        (_, Some(Problem { code, detail })) => Met::Refused(Failure::Refused { code, detail }),
        (_, None) => Met::Refused(Failure::NotOurs { status }),
    }
}
