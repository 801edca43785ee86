//! Metrics of background jobs.

use std::time::Duration;

use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};

use crate::clock;

macro_rules! background_jobs {
    ($($job:ident = $name:literal,)*) => {
        /// A background job.
        #[derive(Clone, Copy)]
        pub(crate) enum BackgroundJob {
            $($job,)*
        }

        impl BackgroundJob {
            /// Every job's name in metrics and logs.
            pub(super) const NAMES: &[&str] = &[$($name),*];

            pub(crate) const fn name(self) -> &'static str {
                match self {
                    $(Self::$job => $name,)*
                }
            }
        }
    };
}

background_jobs! {
    Deadlines = "deadlines",
    Nonces = "nonces",
    Uploads = "uploads",
    S3Uploads = "s3_uploads",
    Fence = "fence",
    Memory = "memory",
}

/// Metrics of one background job. The handles are looked up once.
pub(crate) struct JobMetrics {
    seconds: Histogram,
    failures: Counter,
    succeeded_at: Gauge,
}

impl JobMetrics {
    pub(crate) fn new(job: BackgroundJob) -> Self {
        let name = job.name();
        Self {
            seconds: histogram!("rebuttal_background_job_seconds", "name" => name),
            failures: counter!("rebuttal_background_job_failures_total", "name" => name),
            succeeded_at: gauge!("rebuttal_background_job_success_timestamp_seconds", "name" => name),
        }
    }

    /// Counts one run.
    pub(crate) fn count(&self, succeeded: bool, took: Duration) {
        self.seconds.record(took);
        match succeeded {
            true => self.succeeded_at.set(clock::now().0 as f64 / 1e3),
            false => self.failures.increment(1),
        }
    }
}
