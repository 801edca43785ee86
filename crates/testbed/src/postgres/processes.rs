//! The processes of a cluster: each session is a process in its own group, so signals go to each by number.

use rustix::process::{Pid, Signal};

/// A process and its children.
pub(super) fn family(parent: u32) -> Vec<u32> {
    let processes = std::fs::read_dir("/proc").expect("/proc is there").filter_map(Result::ok);
    let pids = processes.filter_map(|entry| entry.file_name().to_str()?.parse().ok());
    std::iter::once(parent).chain(pids.filter(|pid| parent_of(*pid) == Some(parent))).collect()
}

/// Signals each process that is still running.
pub(super) fn signal(family: &[u32], signal: Signal) {
    for pid in family {
        if let Some(pid) = i32::try_from(*pid).ok().and_then(Pid::from_raw) {
            let _ = rustix::process::kill_process(pid, signal);
        }
    }
}

pub(super) fn all_gone(family: &[u32]) -> bool {
    family.iter().all(|pid| state_of(*pid).is_none_or(|state| state == "Z"))
}

fn parent_of(pid: u32) -> Option<u32> {
    fields(pid)?.1.parse().ok()
}

fn state_of(pid: u32) -> Option<String> {
    fields(pid).map(|(state, _)| state)
}

/// State and parent of a process. The second field of the line, a name in parentheses, may contain anything.
fn fields(pid: u32) -> Option<(String, String)> {
    let line = std::fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let mut fields = line.rsplit_once(')')?.1.split_whitespace().map(str::to_owned);
    Some((fields.next()?, fields.next()?))
}
