//! The client of the operator API (contract §8). Reads are retried; changes too, because each is idempotent, by itself
//! or by its key.

use std::sync::Mutex;
use std::time::Duration;

use anyhow::{Result, ensure};
use rebuttal_client::internal::AttemptEffect;
use rebuttal_client::protocol::operator::PREFIX;
use rebuttal_client::protocol::operator::answers::ProblemDetails;
use rebuttal_client::{Code, ForeignResponse, internal};
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Method, Response};
use serde::Serialize;
use serde_json::{Map, Value};

use super::access::{SourcedToken, TokenOrigin};
use super::failure::{OperatorFailure, ResendInfo};
use super::idempotency_key::IdempotencyKeyArg;
use super::retry::{ATTEMPTS_MAX, FailedAttempt, NextStep, RetryState, describe_foreign};
use crate::wait_notice;

/// How long one attempt may take: the gateway's longest time to an answer, and the transfer of a large page.
pub(crate) const ATTEMPT_TIMEOUT: Duration = Duration::from_secs(30);
/// Most bytes of an answer: a page of 200 disputes has 150 KB, one dispute with its history a few MB at most.
const ANSWER_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Refusals that follow the lookup of the key, and are stored under it: with such an answer, the key has changed
/// nothing. Other refusals (authentication, rate limits, form) may precede the lookup, in this gateway or in an older
/// replica. Invariant: `decide` in store/src/batch.rs and `apply` next to each database's accounts.
const FINAL_CODES: [Code; 5] = [
    Code::OperatorConflict,
    Code::OperatorNotFound,
    Code::DisputeNotFound,
    Code::InvalidState,
    Code::DeadlinePassed,
];

/// A client of one gateway's operator API.
pub(crate) struct OperatorClient {
    http: reqwest::Client,
    /// The gateway's address.
    url: String,
    /// The flag or the variable that it comes from.
    url_source: String,
    authorization: HeaderValue,
    /// Where the token comes from.
    origin: TokenOrigin,
    /// How to resend the last change.
    last_change: Mutex<Option<ResendInfo>>,
}

impl OperatorClient {
    /// `url_source` is the flag or the variable of the URL.
    pub(crate) fn new(
        url: &str,
        url_source: String,
        token: &SourcedToken,
        trusted: &[Vec<u8>],
    ) -> Result<Self> {
        let (http, url) = internal::http(url, trusted)?;
        let SourcedToken { text, origin } = token;
        let visible = !text.expose().is_empty() && text.expose().bytes().all(|byte| byte.is_ascii_graphic());
        ensure!(
            visible,
            "the operator's token {origin} is not valid: it must have visible ASCII characters only"
        );
        let mut authorization = HeaderValue::try_from(format!("Bearer {}", text.expose()))?;
        authorization.set_sensitive(true);
        let origin = origin.clone();
        Ok(Self { http, url, url_source, authorization, origin, last_change: Mutex::new(None) })
    }

    /// The error for an interruption by the user.
    pub(super) fn interrupted_error(&self) -> anyhow::Error {
        match self.again() {
            Some(again) => OperatorFailure::Interrupted { again }.into(),
            None => anyhow::anyhow!("interrupted: nothing was changed"),
        }
    }

    /// The body of the answer to a read.
    pub(super) async fn fetch(&self, path: &str) -> Result<Vec<u8>> {
        self.call(Method::GET, path, None, None).await
    }

    /// The body of the answer to a change that is applied once under its key; a random key unless one was given.
    pub(crate) async fn post(
        &self,
        path: &str,
        body: &impl Serialize,
        key: &IdempotencyKeyArg,
    ) -> Result<Vec<u8>> {
        let key = match key.given() {
            Some(key) => key.to_owned(),
            None => format!("cli-{:016x}{:016x}", getrandom::u64()?, getrandom::u64()?),
        };
        self.call(Method::POST, path, Some(&serde_json::to_value(body)?), Some(&key)).await
    }

    /// The body of the answer to an idempotent change, which needs no key.
    pub(super) async fn patch(&self, path: &str, body: &impl Serialize) -> Result<Vec<u8>> {
        self.call(Method::PATCH, path, Some(&serde_json::to_value(body)?), None).await
    }

    /// How to resend the last change; `None` if a read followed it.
    pub(super) fn again(&self) -> Option<ResendInfo> {
        self.last_change.lock().ok()?.clone()
    }

    /// Makes a call, and retries it up to [`ATTEMPTS_MAX`].
    async fn call(
        &self,
        method: Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Vec<u8>> {
        let again = body.map(|body| ResendInfo::of(key, body.get("deadline").and_then(Value::as_str)));
        if let Ok(mut last_change) = self.last_change.lock() {
            last_change.clone_from(&again);
        }
        let mut retry_state = RetryState::new(again, &self.url, &self.url_source);
        loop {
            let attempt = self.attempt(&method, path, body, key);
            let failed = match wait_notice::with_wait_notice(&self.url, attempt).await {
                Ok(answer) => return Ok(answer),
                Err(failed) => failed,
            };
            let (why, wait) = retry_state.record(failed)?;
            wait_notice::print_retry(&why, retry_state.attempts(), ATTEMPTS_MAX);
            tokio::time::sleep(wait).await;
        }
    }

    async fn attempt(
        &self,
        method: &Method,
        path: &str,
        body: Option<&Value>,
        key: Option<&str>,
    ) -> Result<Vec<u8>, FailedAttempt> {
        let url = format!("{}{PREFIX}{path}", self.url);
        let mut request = self.http.request(method.clone(), url).timeout(ATTEMPT_TIMEOUT);
        request = request.header(AUTHORIZATION, self.authorization.clone());
        if let Some(body) = body {
            request = request.header(CONTENT_TYPE, "application/json").body(body.to_string());
        }
        if let Some(key) = key {
            request = request.header("Idempotency-Key", key);
        }
        let unanswered = |error| FailedAttempt::unanswered(&internal::no_answer_cause(error));
        let response = request.send().await.map_err(unanswered)?;
        let (foreign, retry_after) =
            (internal::foreign_response(&response), internal::retry_after(&response));
        let status = foreign.status;
        let answer = read(response).await?;
        let is_done = (200..300).contains(&status);
        if is_done && (body.is_none() || serde_json::from_slice::<Map<String, Value>>(&answer).is_ok()) {
            return Ok(answer);
        }
        let (effect, next) = match serde_json::from_slice(&answer) {
            Ok(problem) if !is_done => self.classify_problem(status, problem, key.is_some()),
            _ => classify_foreign(foreign),
        };
        Err(FailedAttempt { effect, next, retry_after })
    }

    /// Classifies a problem document of the gateway.
    fn classify_problem(
        &self,
        status: u16,
        ProblemDetails { code, detail, .. }: ProblemDetails,
        is_keyed: bool,
    ) -> (AttemptEffect, NextStep) {
        let effect = match &code {
            Code::Unavailable => AttemptEffect::NotByThisAttempt,
            _ if status >= 500 => AttemptEffect::Possible,
            code if is_keyed && FINAL_CODES.contains(code) => AttemptEffect::ByNoAttempt,
            _ => AttemptEffect::NotByThisAttempt,
        };
        let next = match status {
            429 | 500.. => NextStep::Retry(format!("{code}: {detail}")),
            // The gateway's code is the same if no token is sent.
            _ if code == Code::OperatorUnauthorized => {
                let (origin, url) = (self.origin.clone(), self.url.clone());
                NextStep::Refused(OperatorFailure::TokenRejected { code, origin, url })
            }
            _ => NextStep::Refused(OperatorFailure::Refused { code, detail }),
        };
        (effect, next)
    }
}

/// Classifies an answer that is not the operator API's.
fn classify_foreign(foreign: ForeignResponse) -> (AttemptEffect, NextStep) {
    match foreign.status {
        // A proxy that accepts requests for the gateway, and may have forwarded this one.
        200..300 => (AttemptEffect::Possible, NextStep::Foreign(foreign)),
        // A proxy that waits for the gateway, or for the rest of the request, and may have forwarded a part of it.
        408 | 500.. => (AttemptEffect::Possible, NextStep::Retry(describe_foreign(&foreign))),
        429 => (AttemptEffect::NotByThisAttempt, NextStep::Retry(describe_foreign(&foreign))),
        _ => (AttemptEffect::NotByThisAttempt, NextStep::Foreign(foreign)),
    }
}

async fn read(response: Response) -> Result<Vec<u8>, FailedAttempt> {
    let read = internal::read_bounded(response, ANSWER_MAX_BYTES).await;
    let read = read.map_err(|error| FailedAttempt::unanswered(&internal::no_answer_cause(error)))?;
    let too_long = || {
        let why = format!("the answer is over {ANSWER_MAX_BYTES} bytes");
        FailedAttempt { effect: AttemptEffect::Possible, next: NextStep::Retry(why), retry_after: None }
    };
    read.map(Vec::from).ok_or_else(too_long)
}
