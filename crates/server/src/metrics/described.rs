//! Every metric that the gateway exports: name, kind, meaning, and the labels whose values are known in advance. Those
//! start at zero, so that the first increase is visible.
//!
//! Invariant: `docs/reference/metrics.md` has the same rows; it is generated from here, and a test compares it with
//! what a gateway exports.

use metrics::{counter, describe_counter, describe_gauge, describe_histogram, gauge, histogram};

use super::jobs::BackgroundJob;

/// The type of a metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MetricKind {
    /// Only increases; starts at zero with the process.
    Counter,
    /// Increases and decreases.
    Gauge,
    /// Counts observations in buckets.
    Histogram,
}

impl MetricKind {
    /// The name of the type in Prometheus.
    pub const fn word(self) -> &'static str {
        match self {
            Counter => "counter",
            Gauge => "gauge",
            Histogram => "histogram",
        }
    }
}

use MetricKind::{Counter, Gauge, Histogram};

/// A metric with its label and the label's values; no values if the metric has no label, or its series are created
/// where they are counted.
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

const LISTENERS: &[&str] = &["merchants", "operators", "metrics"];

/// In the order of the reference page.
const ALL: &[Described] = &[
    labelled(
        "rebuttal_http_requests_total",
        Counter,
        "Requests answered, by call and by the code of the answer; code none is an answer of the HTTP layer, which has no code",
        ("call", &[]),
    ),
    labelled(
        "rebuttal_http_request_seconds",
        Histogram,
        "Time from the head of a request to its answer, by call",
        ("call", &[]),
    ),
    labelled("rebuttal_connections", Gauge, "Open connections, by listener", ("listener", &[])),
    labelled(
        "rebuttal_connections_max",
        Gauge,
        "Maximum of connections that a listener serves; further ones wait in the accept queue of the operating system",
        ("listener", &[]),
    ),
    labelled(
        "rebuttal_connections_refused_total",
        Counter,
        "Connections closed at accept because their address had reached its maximum",
        ("listener", LISTENERS),
    ),
    labelled(
        "rebuttal_connections_evicted_total",
        Counter,
        "Idle connections closed to free a slot for a new connection",
        ("listener", LISTENERS),
    ),
    labelled(
        "rebuttal_commit_requests_total",
        Counter,
        "Writes answered, background jobs included, by outcome: done, refused by a rule, unavailable, unknown, failed",
        ("outcome", &["done", "refused", "unavailable", "unknown", "failed"]),
    ),
    plain(
        "rebuttal_commit_queue_rejections_total",
        Counter,
        "Writes answered Unavailable because the queue was full or the committer had failed",
    ),
    plain("rebuttal_commit_batch_size", Histogram, "Writes in one transaction"),
    plain(
        "rebuttal_commit_seconds",
        Histogram,
        "Time of one transaction from its load to its commit on disk, retries included",
    ),
    plain(
        "rebuttal_commit_wait_seconds",
        Histogram,
        "Time that the oldest write of a batch had waited in the queue",
    ),
    plain(
        "rebuttal_evidence_workers_lost_total",
        Counter,
        "Processes that ended, or were killed, while they opened an evidence file",
    ),
    plain(
        "rebuttal_commit_retries_total",
        Counter,
        "Transactions retried because of a conflict or a connection lost before the commit",
    ),
    labelled(
        "rebuttal_commit_resolutions_total",
        Counter,
        "Commits whose answer was lost, by their transaction status; PostgreSQL only",
        ("status", &["committed", "aborted", "unknown"]),
    ),
    plain("rebuttal_commit_queue", Gauge, "Writes that wait for a batch"),
    plain("rebuttal_commit_queue_max", Gauge, "Maximum of waiting writes; further ones are refused"),
    plain("rebuttal_commit_lanes", Gauge, "Lanes: transactions that can run concurrently"),
    plain(
        "rebuttal_commit_lanes_failing",
        Gauge,
        "Lanes whose last transaction failed because of the database, or that have written nothing since the start and were not probed yet",
    ),
    plain("rebuttal_database_connects_total", Counter, "Connections made to PostgreSQL by lanes and readers"),
    plain(
        "rebuttal_database_up",
        Gauge,
        "1 if the database answered and accepted writes at the last check, every 5 s, else 0",
    ),
    plain(
        "rebuttal_data_free_bytes",
        Gauge,
        "Free space for the gateway in the file system of the data directory",
    ),
    plain("rebuttal_data_size_bytes", Gauge, "Size of the file system of the data directory"),
    plain(
        "rebuttal_evidence_up",
        Gauge,
        "1 if the evidence store answered at the last check, every 5 s, else 0",
    ),
    plain(
        "rebuttal_uploads_receiving",
        Gauge,
        "Files that the built-in store is receiving, at most 64; 0 if evidence is stored in S3",
    ),
    plain("rebuttal_uploads_waiting", Gauge, "Uploads that wait for a slot"),
    labelled(
        "rebuttal_evidence_check_seconds",
        Histogram,
        "Time of a contest's check of one evidence file in S3, by outcome: valid, absent, invalid, failed",
        ("outcome", &["valid", "absent", "invalid", "failed"]),
    ),
    labelled(
        "rebuttal_evidence_scan_seconds",
        Histogram,
        "Time of the virus scanner for one evidence file, by outcome: clean, found, failed; 0 without a scanner",
        ("outcome", &["clean", "found", "failed"]),
    ),
    labelled(
        "rebuttal_background_job_seconds",
        Histogram,
        "Duration of a background job",
        ("name", BackgroundJob::NAMES),
    ),
    labelled(
        "rebuttal_background_job_failures_total",
        Counter,
        "Background jobs that failed and run again at their next interval",
        ("name", BackgroundJob::NAMES),
    ),
    labelled(
        "rebuttal_background_job_success_timestamp_seconds",
        Gauge,
        "When a background job last succeeded, in Unix seconds; 0 before the first success",
        ("name", BackgroundJob::NAMES),
    ),
    plain("rebuttal_expired_disputes_total", Counter, "Disputes that this gateway expired"),
    plain(
        "rebuttal_expiry_overdue_seconds",
        Gauge,
        "Time since the most overdue dispute should have expired; 0 if none is due",
    ),
    plain("rebuttal_uploads_swept_total", Counter, "Unreferenced files deleted"),
    plain(
        "rebuttal_unreferenced_upload_age_seconds",
        Gauge,
        "Age of the oldest unreferenced upload that is not marked for deletion; 0 if there is none",
    ),
    plain(
        "rebuttal_marked_upload_age_seconds",
        Gauge,
        "Time since the oldest upload that waits for deletion was marked for it; 0 if there is none",
    ),
    plain(
        "rebuttal_nonce_bound_timestamp_seconds",
        Gauge,
        "Nonce bound, in Unix seconds: requests with this timestamp or an older one are refused as stale",
    ),
    plain("rebuttal_read_nonces", Gauge, "Nonces of queries in the replay cache"),
    plain(
        "rebuttal_read_nonces_max",
        Gauge,
        "Maximum of nonces of queries in the replay cache; one merchant may use half",
    ),
    plain("rebuttal_clock_jumps_total", Counter, "Jumps of the system clock against the monotonic clock"),
    plain(
        "rebuttal_clock_doubted",
        Gauge,
        "1 while nothing is expired, swept or purged because the clock jumped, differs from the database server's, or is \
         far from the last trusted time",
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
    plain("process_resident_memory_bytes", Gauge, "Resident memory of the process; Linux only"),
    plain("process_open_fds", Gauge, "Open files and sockets; Linux only"),
    plain("process_max_fds", Gauge, "Maximum of open files and sockets"),
    plain("process_start_time_seconds", Gauge, "When the process started, in Unix seconds"),
];

/// Every metric with its kind and meaning, for generated documentation.
pub fn described_metrics() -> impl Iterator<Item = (&'static str, MetricKind, &'static str)> {
    ALL.iter().map(|described| (described.name, described.kind, described.meaning))
}

/// Describes every metric, and creates the series with known labels at zero.
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
                // Created by the lookup.
                Histogram => drop(histogram!(*name, labels)),
            }
        }
    }
}
