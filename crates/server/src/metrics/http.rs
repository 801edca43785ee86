//! What is counted of requests and connections. Handles are looked up once; a request costs a few atomics and no lock.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use rebuttal_evidence::S3Code;
use rebuttal_protocol::Code;
use rebuttal_protocol::dispute::{ACCEPT_PATH, CONTEST_PATH, QUERY_PATH};
use rebuttal_protocol::file::GENERATE_UPLOAD_URL_PATH;

use crate::error::{self, Noted};
use crate::openapi::{DOCS, DOCUMENT};

/// What a request asked for, by its path: a few words, however many paths are tried.
pub(super) const CALLS: [&str; 10] = [
    "contest",
    "accept",
    "query",
    "generateUploadUrl",
    "upload",
    "operator",
    "health",
    "openapi",
    "docs",
    "other",
];
const UPLOAD: &str = "/uploaded";
const OPERATOR: &str = "/operator/v1";
/// What machines ask, not people.
const HEALTH: [&str; 3] = ["/healthz", "/readyz", "/metrics"];

/// The place of a path's word in [`CALLS`].
fn call(path: &str) -> usize {
    match path {
        CONTEST_PATH => 0,
        ACCEPT_PATH => 1,
        QUERY_PATH => 2,
        GENERATE_UPLOAD_URL_PATH => 3,
        UPLOAD => 4,
        path if path.starts_with(OPERATOR) => 5,
        path if HEALTH.contains(&path) => 6,
        DOCUMENT => 7,
        DOCS => 8,
        _ => 9,
    }
}

/// The words that answers are counted under: the codes of contract §7 and §8, `OK` first, those of the embedded S3, and
/// one for what has none.
fn codes() -> impl Iterator<Item = &'static str> {
    let s3 = S3Code::ALL.iter().map(|code| code.as_str());
    Code::ALL.iter().map(Code::as_str).chain(s3).chain(["none"])
}

/// What is counted of every request.
pub(crate) struct HttpMetrics {
    codes: Vec<&'static str>,
    calls: [CallMetrics; CALLS.len()],
}

struct CallMetrics {
    call: &'static str,
    seconds: Histogram,
    /// One for each code, made at its first use.
    answers: Vec<OnceLock<Counter>>,
    /// For a code that is none of them.
    other: OnceLock<Counter>,
}

impl HttpMetrics {
    pub(crate) fn new() -> Self {
        let codes: Vec<_> = codes().collect();
        let of_call = |call: &'static str| CallMetrics {
            call,
            seconds: histogram!("rebuttal_http_request_seconds", "call" => call),
            answers: codes.iter().map(|_| OnceLock::new()).collect(),
            other: OnceLock::new(),
        };
        let metrics = Self { calls: CALLS.map(of_call), codes };
        for call in &metrics.calls {
            // Success, and what nobody wants to see: there from the start, so that the first one is an increase.
            let wanted = |code: &Code| *code == Code::Ok || error::status(code).is_server_error();
            for code in Code::ALL.iter().filter(|code| wanted(code)) {
                metrics.answers(call, code.as_str()).increment(0);
            }
        }
        metrics
    }

    pub(crate) fn count(&self, path: &str, status: StatusCode, noted: Option<&Noted>, took: Duration) {
        let Some(call) = self.calls.get(call(path)) else { return };
        call.seconds.record(took);
        let code = match noted {
            Some(noted) => noted.code.as_str(),
            None if status.as_u16() < 400 => Code::Ok.as_str(),
            None => "none",
        };
        self.answers(call, code).increment(1);
    }

    fn answers<'c>(&self, call: &'c CallMetrics, code: &str) -> &'c Counter {
        let made = |name: &'static str| move || counter!("rebuttal_http_requests_total", "call" => call.call, "code" => name);
        let mut places = self.codes.iter().zip(&call.answers);
        match places.find(|(known, _)| **known == code) {
            Some((name, place)) => place.get_or_init(made(name)),
            None => call.other.get_or_init(made("other")),
        }
    }
}

/// What is counted of a listener's connections.
#[derive(Clone)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    refused: Counter,
    gave_way: Counter,
}

/// An open connection, counted until it is dropped.
pub(crate) struct Counted(Gauge);

impl ConnectionMetrics {
    pub(crate) fn new(listener: &'static str, connections_max: usize) -> Self {
        gauge!("rebuttal_connections_max", "listener" => listener).set(connections_max as f64);
        Self {
            open: gauge!("rebuttal_connections", "listener" => listener),
            refused: counter!("rebuttal_connections_refused_total", "listener" => listener),
            gave_way: counter!("rebuttal_connections_gave_way_total", "listener" => listener),
        }
    }

    pub(crate) fn give_way(&self) {
        self.gave_way.increment(1);
    }

    pub(crate) fn refuse(&self) {
        self.refused.increment(1);
    }

    pub(crate) fn enter(&self) -> Counted {
        self.open.increment(1.0);
        Counted(self.open.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_of_few_words() {
        let word = |path: &str| CALLS[call(path)];
        assert_eq!(word("/pg/v2/dispute/contest"), "contest");
        assert_eq!(word("/pg/v2/file/generateUploadUrl"), "generateUploadUrl");
        assert_eq!(word("/uploaded"), "upload");
        assert_eq!(word("/operator/v1/disputes/D1/resolve"), "operator");
        assert_eq!([word("/openapi.json"), word("/docs"), word("/docs/")], ["openapi", "docs", "other"]);
        assert_eq!(
            (word("/readyz"), word("/pg/v2/dispute/contest/"), word("")),
            ("health", "other", "other")
        );
    }

    #[test]
    fn a_code_that_nobody_knows_is_counted_as_other() {
        let metrics = HttpMetrics::new();
        let noted = Noted { code: Code::Unknown("Made.Up".to_owned()), cause: None };
        metrics.count("/uploaded", StatusCode::BAD_REQUEST, Some(&noted), Duration::ZERO);
        let others: Vec<_> = metrics.calls.iter().map(|call| call.other.get().is_some()).collect();
        assert_eq!(others.iter().position(|made| *made), CALLS.iter().position(|call| *call == "upload"));
        let words: std::collections::HashSet<_> = metrics.codes.iter().collect();
        assert_eq!(words.len(), metrics.codes.len(), "each code is counted in one place");
    }
}
