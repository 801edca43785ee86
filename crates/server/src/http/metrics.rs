//! Metrics of requests and connections. Handles are looked up once; a request costs a few atomic operations and no
//! lock.

use std::sync::OnceLock;
use std::time::Duration;

use http::StatusCode;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use rebuttal_evidence::S3Code;
use rebuttal_protocol::operator::PREFIX;
use rebuttal_protocol::{Code, MerchantCall};

use crate::http::error::{self, LogNote};
use crate::http::paths::{DOCS, DOCS_STYLE, HEALTHZ, METRICS, OPENAPI, READYZ, REDOC, UPLOADED};

/// Labels of paths that are not merchant calls.
const OTHER_LABELS: [&str; 6] = ["upload", "operator", "health", "openapi", "docs", "other"];
/// Number of call labels.
const CALLS: usize = MerchantCall::ALL.len() + OTHER_LABELS.len();

/// One `T` for each call label.
pub(crate) type PerCall<T> = [T; CALLS];

/// The call labels, a bounded set however many paths are requested.
pub(crate) fn call_labels() -> impl Iterator<Item = &'static str> {
    MerchantCall::ALL.iter().map(|call| call.name()).chain(OTHER_LABELS)
}

/// The index of the label of a path in [`call_labels`].
pub(crate) fn call_index(path: &str) -> usize {
    let merchant_call = MerchantCall::ALL.iter().position(|call| call.path() == path);
    let other = || OTHER_LABELS.iter().position(|label| *label == other_label(path));
    merchant_call.or_else(|| Some(MerchantCall::ALL.len() + other()?)).unwrap_or(CALLS - 1)
}

fn other_label(path: &str) -> &'static str {
    match path {
        UPLOADED => "upload",
        path if path.starts_with(PREFIX) => "operator",
        // Polled by monitoring.
        HEALTHZ | READYZ | METRICS => "health",
        OPENAPI => "openapi",
        DOCS | DOCS_STYLE | REDOC => "docs",
        _ => "other",
    }
}

/// The code labels: the codes of contract §7 and §8, `OK` first, those of the built-in store, and one for answers
/// without a code.
fn codes() -> impl Iterator<Item = &'static str> {
    let s3 = S3Code::ALL.iter().map(|code| code.as_str());
    Code::ALL.iter().map(Code::as_str).chain(s3).chain(["none"])
}

/// Metrics of all requests.
pub(crate) struct HttpMetrics {
    codes: Vec<&'static str>,
    calls: Vec<CallMetrics>,
}

struct CallMetrics {
    call: &'static str,
    seconds: Histogram,
    /// One for each code, created at its first use.
    answers: Vec<OnceLock<Counter>>,
    /// For any other code.
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
        let metrics = Self { calls: call_labels().map(of_call).collect(), codes };
        for call in &metrics.calls {
            // Success and server errors start at zero, so that the first one shows as an increase.
            let is_preset = |code: &Code| *code == Code::Ok || error::status(code).is_server_error();
            for code in Code::ALL.iter().filter(|code| is_preset(code)) {
                metrics.answers(call, code.as_str()).increment(0);
            }
        }
        metrics
    }

    pub(crate) fn count(&self, path: &str, status: StatusCode, note: Option<&LogNote>, took: Duration) {
        let Some(call) = self.calls.get(call_index(path)) else { return };
        call.seconds.record(took);
        let code = match note {
            Some(note) => note.code.as_str(),
            None if status.as_u16() < 400 => Code::Ok.as_str(),
            None => "none",
        };
        self.answers(call, code).increment(1);
    }

    fn answers<'c>(&self, call: &'c CallMetrics, code: &str) -> &'c Counter {
        let counter = |name: &'static str| move || counter!("rebuttal_http_requests_total", "call" => call.call, "code" => name);
        let mut slots = self.codes.iter().zip(&call.answers);
        match slots.find(|(known, _)| **known == code) {
            Some((name, slot)) => slot.get_or_init(counter(name)),
            None => call.other.get_or_init(counter("other")),
        }
    }
}

/// Metrics of the connections of a listener.
#[derive(Clone)]
pub(crate) struct ConnectionMetrics {
    open: Gauge,
    refused: Counter,
    evicted: Counter,
}

/// An open connection, counted until dropped.
pub(crate) struct OpenConnection(Gauge);

impl ConnectionMetrics {
    pub(crate) fn new(listener: &'static str, connections_max: usize) -> Self {
        gauge!("rebuttal_connections_max", "listener" => listener).set(connections_max as f64);
        Self {
            open: gauge!("rebuttal_connections", "listener" => listener),
            refused: counter!("rebuttal_connections_refused_total", "listener" => listener),
            evicted: counter!("rebuttal_connections_evicted_total", "listener" => listener),
        }
    }

    pub(crate) fn count_eviction(&self) {
        self.evicted.increment(1);
    }

    pub(crate) fn count_refusal(&self) {
        self.refused.increment(1);
    }

    pub(crate) fn open_connection(&self) -> OpenConnection {
        self.open.increment(1.0);
        OpenConnection(self.open.clone())
    }
}

impl Drop for OpenConnection {
    fn drop(&mut self) {
        self.0.decrement(1.0);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_path_has_one_of_the_call_labels() {
        let labels: Vec<_> = call_labels().collect();
        let label = |path: &str| labels[call_index(path)];
        assert_eq!(label("/pg/v2/dispute/contest"), "contest");
        assert_eq!(label("/pg/v2/file/generateUploadUrl"), "generateUploadUrl");
        assert_eq!(label("/uploaded"), "upload");
        assert_eq!(label("/operator/v1/disputes/D1/resolve"), "operator");
        assert_eq!([label("/openapi.json"), label("/docs"), label("/docs/")], ["openapi", "docs", "other"]);
        assert_eq!(
            (label("/readyz"), label("/pg/v2/dispute/contest/"), label("")),
            ("health", "other", "other")
        );
    }

    #[test]
    fn unknown_code_is_counted_as_other() {
        let metrics = HttpMetrics::new();
        let note = LogNote { code: Code::Unknown("Made.Up".to_owned()), cause: None };
        metrics.count("/uploaded", StatusCode::BAD_REQUEST, Some(&note), Duration::ZERO);
        let counted = metrics.calls.iter().filter(|call| call.other.get().is_some());
        assert_eq!(counted.map(|call| call.call).collect::<Vec<_>>(), ["upload"]);
        let codes: std::collections::HashSet<_> = metrics.codes.iter().collect();
        assert_eq!(codes.len(), metrics.codes.len(), "code labels are unique");
    }
}
