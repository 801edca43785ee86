//! The process metrics of the Prometheus client libraries, under their names, so that existing dashboards work.

use metrics::{counter, gauge};
use rebuttal_protocol::UnixMillis;
use rustix::process::{Resource, getrlimit};
use rustix::time::{ClockId, clock_gettime};

/// Records the start time.
pub(crate) fn note_start(now: UnixMillis) {
    gauge!("process_start_time_seconds").set(now.0 as f64 / 1e3);
}

/// Samples the process. Values that the system does not provide stay zero.
pub(crate) fn sample() {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    counter!("process_cpu_seconds_total").absolute(used.tv_sec.unsigned_abs());
    if let Some(files) = getrlimit(Resource::Nofile).current {
        gauge!("process_max_fds").set(files as f64);
    }
    if let Ok(open) = std::fs::read_dir("/proc/self/fd") {
        gauge!("process_open_fds").set(open.count() as f64);
    }
    if let Some(pages) = resident_pages() {
        gauge!("process_resident_memory_bytes").set((pages * rustix::param::page_size() as u64) as f64);
    }
}

/// The resident pages: the second field of `/proc/self/statm`.
fn resident_pages() -> Option<u64> {
    std::fs::read_to_string("/proc/self/statm").ok()?.split(' ').nth(1)?.parse().ok()
}
