//! Every metric that the gateway exports: its name, its kind, what it means, and the labels whose values are known
//! beforehand. Those start at zero, so that the first increase is seen as one.
//!
//! Invariant: `docs/reference/metrics.md` has a row for each with the same words; a test writes the page from here, and
//! a detail compares it with what a gateway exports.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

/// What becomes of a figure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only grows, and starts anew with the process.
    Counter,
    /// Goes up and down.
    Gauge,
    /// Counts observations by their size.
    Histogram,
}

impl MetricKind {
    /// As Prometheus calls it.
    pub const fn word(self) -> &'static str {
        match self {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
        }
    }
}

use MetricKind::{Counter, Gauge, Histogram};

/// A metric, its label and the label's values; no values where the metric has no label or its series are made where
/// they are counted.
struct Described {
    name: &'static str,
    kind: MetricKind,
    meaning: &'static str,
    label: Option<(&'static str, &'static [&'static str])>,
}

const fn plain(name: &'static str, kind: MetricKind, meaning: &'static str) -> Described {
    Described { name, kind, meaning, label: None }
}

const fn labelled(
    name: &'static str,
    kind: MetricKind,
    meaning: &'static str,
    label: (&'static str, &'static [&'static str]),
) -> Described {
    Described { name, kind, meaning, label: Some(label) }
}

const BACKGROUND_JOBS: &[&str] = &["deadlines", "nonces", "uploads", "s3_uploads", "fence", "memory"];
const LISTENERS: &[&str] = &["merchants", "operators", "metrics"];

/// In the order of the page.
const ALL: &[Described] = &[
    labelled(
        "rebuttal_http_requests_total",
        Counter,
        "Requests answered, by call and by the code of the answer; none is an answer of the HTTP layer, which has no code",
        ("call", &[]),
    ),
    labelled(
        "rebuttal_http_request_seconds",
        Histogram,
        "From a request's head to its answer, by call",
        ("call", &[]),
    ),
    labelled("rebuttal_connections", Gauge, "Open connections, by listener", ("listener", &[])),
    labelled(
        "rebuttal_connections_max",
        Gauge,
        "Connections that a listener serves at once; more wait in the system's queue",
        ("listener", &[]),
    ),
    labelled(
        "rebuttal_connections_refused_total",
        Counter,
        "Connections closed at once because their address had as many as one may have",
        ("listener", LISTENERS),
    ),
    labelled(
        "rebuttal_connections_evicted_total",
        Counter,
        "Connections at rest that were closed because all places were taken and another came",
        ("listener", LISTENERS),
    ),
    labelled(
        "rebuttal_commit_requests_total",
        Counter,
        "Changes that were answered, upkeep included, by outcome: done, refused by a rule, unavailable, unknown, failed",
        ("outcome", &["done", "refused", "unavailable", "unknown", "failed"]),
    ),
    plain(
        "rebuttal_commit_refused_total",
        Counter,
        "Changes that found the queue full or closed and were answered Unavailable at once",
    ),
    plain("rebuttal_commit_batch_size", Histogram, "Changes that shared one transaction"),
    plain(
        "rebuttal_commit_seconds",
        Histogram,
        "One transaction from its load to its commit on disk, tries included",
    ),
    plain(
        "rebuttal_commit_wait_seconds",
        Histogram,
        "How long the longest waiting change of a batch had waited for it",
    ),
    plain(
        "rebuttal_commit_retries_total",
        Counter,
        "Transactions served again because another was in the way or the connection was lost before the commit",
    ),
    labelled(
        "rebuttal_commit_resolutions_total",
        Counter,
        "Commits whose answer was lost, by their transaction status; PostgreSQL only",
        ("status", &["committed", "aborted", "unknown"]),
    ),
    plain("rebuttal_commit_queue", Gauge, "Changes that wait to join a batch"),
    plain("rebuttal_commit_queue_max", Gauge, "Changes that may wait; more are refused"),
    plain("rebuttal_commit_lanes", Gauge, "Transactions that can run side by side"),
    plain(
        "rebuttal_commit_lanes_in_trouble",
        Gauge,
        "Lanes whose last transaction failed for the database's own reasons, or that have written nothing since the start and were not probed yet",
    ),
    plain("rebuttal_database_connects_total", Counter, "Connections made to PostgreSQL by lanes and readers"),
    plain(
        "rebuttal_database_up",
        Gauge,
        "1 if the database answered and took changes when it was last asked, every 5 s, else 0",
    ),
    plain(
        "rebuttal_data_free_bytes",
        Gauge,
        "Room that is left to the gateway where its data directory lies",
    ),
    plain("rebuttal_data_size_bytes", Gauge, "Size of the file system where the data directory lies"),
    plain(
        "rebuttal_evidence_up",
        Gauge,
        "1 if the evidence store answered when it was last asked, every 5 s, else 0",
    ),
    plain(
        "rebuttal_uploads_receiving",
        Gauge,
        "Files that the built-in store is receiving, of 64 at most; 0 where evidence lies in an S3",
    ),
    plain(
        "rebuttal_uploads_waiting",
        Gauge,
        "Uploads that wait until others of their merchant, or with their form, have ended",
    ),
    labelled(
        "rebuttal_evidence_check_seconds",
        Histogram,
        "Checks of evidence in an S3 by contests, by result: valid, absent, invalid, failed",
        ("outcome", &["valid", "absent", "invalid", "failed"]),
    ),
    labelled(
        "rebuttal_background_job_seconds",
        Histogram,
        "How long a background job took",
        ("name", BACKGROUND_JOBS),
    ),
    labelled(
        "rebuttal_background_job_failures_total",
        Counter,
        "Background jobs that failed and run again at their next interval",
        ("name", BACKGROUND_JOBS),
    ),
    labelled(
        "rebuttal_background_job_success_timestamp_seconds",
        Gauge,
        "When a background job last succeeded, in Unix seconds; 0 before the first time",
        ("name", BACKGROUND_JOBS),
    ),
    plain("rebuttal_expired_disputes_total", Counter, "Deadlines that this gateway let expire"),
    plain(
        "rebuttal_expiry_overdue_seconds",
        Gauge,
        "For how long the longest overdue dispute should have expired already; 0 if none is due",
    ),
    plain("rebuttal_uploads_swept_total", Counter, "Files deleted because nothing referred to them"),
    plain(
        "rebuttal_unreferenced_upload_age_seconds",
        Gauge,
        "Age of the oldest upload that nothing refers to and that is not marked to go; 0 if there is none",
    ),
    plain(
        "rebuttal_marked_upload_age_seconds",
        Gauge,
        "For how long the upload that was marked first has waited for its file to be deleted; 0 if there is none",
    ),
    plain(
        "rebuttal_nonce_bound_timestamp_seconds",
        Gauge,
        "Requests with this timestamp, in Unix seconds, or an older one are stale whatever the clock says",
    ),
    plain("rebuttal_read_nonces", Gauge, "Nonces of queries that are remembered"),
    plain(
        "rebuttal_read_nonces_max",
        Gauge,
        "Nonces of queries that can be remembered; one merchant alone has room for half",
    ),
    plain("rebuttal_clock_jumps_total", Counter, "Jumps of the system's clock against the monotonic one"),
    plain(
        "rebuttal_clock_doubted",
        Gauge,
        "1 while nothing expires, is swept or forgotten because the clock jumped, differs from the database server's, or stands \
         far from what was last trusted",
    ),
    labelled(
        "rebuttal_build_info",
        Gauge,
        "1, labelled with the version",
        ("version", &[env!("CARGO_PKG_VERSION")]),
    ),
    plain(
        "process_cpu_seconds_total",
        Counter,
        "Processor time of the process, user and system, in whole seconds",
    ),
    plain("process_resident_memory_bytes", Gauge, "Memory that the process holds; Linux only"),
    plain("process_open_fds", Gauge, "Open files and sockets; Linux only"),
    plain("process_max_fds", Gauge, "Files and sockets that the process may open"),
    plain("process_start_time_seconds", Gauge, "When the process began to count, in Unix seconds"),
];

/// Every metric with its kind and its meaning, for whoever writes the page.
pub fn described_metrics() -> impl Iterator<Item = (&'static str, MetricKind, &'static str)> {
    ALL.iter().map(|described| (described.name, described.kind, described.meaning))
}

/// Describes every metric, and starts those whose labels are known at zero.
pub(super) fn declare() {
    for Described { name, kind, meaning, label } in ALL {
        match kind {
            Counter => describe_counter!(*name, *meaning),
            Gauge => describe_gauge!(*name, *meaning),
            Histogram => describe_histogram!(*name, *meaning),
        }
        let series: Vec<Vec<metrics::Label>> = match label {
            None => vec![Vec::new()],
            Some((label, values)) => {
                values.iter().map(|value| vec![metrics::Label::new(*label, *value)]).collect()
            }
        };
        for labels in series {
            match kind {
                Counter => counter!(*name, labels).increment(0),
                Gauge => gauge!(*name, labels).set(if *name == "rebuttal_build_info" { 1.0 } else { 0.0 }),
                // Registered by being named.
                Histogram => drop(histogram!(*name, labels)),
            }
        }
    }
}
