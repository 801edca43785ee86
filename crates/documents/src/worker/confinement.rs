//! What a worker may do: compute, read its input and write its output. No file, no socket, no process, 256 MiB of
//! memory and two seconds of processor time for a file.

use std::time::Duration;

use rustix::process::{Resource, Rlimit, nice, setrlimit};
use rustix::time::{ClockId, clock_gettime};
use serde::{Deserialize, Serialize};

/// Most bytes of address space, the program included.
pub const MEMORY_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Most seconds of processor time for one file. The kernel counts whole seconds, so it may be one more.
pub const PROCESSOR_SECONDS_MAX: u64 = 2;
/// How much a worker yields to others: the threads of the gateway come first.
const NICENESS: i32 = 10;

/// What confines this process.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confinement {
    /// Limits of memory and processor time.
    pub limits: bool,
    /// Landlock: no file can be opened, and no TCP connection made.
    pub landlock: bool,
    /// seccomp: no system call but those that computing needs.
    pub seccomp: bool,
}

impl Confinement {
    /// What does not confine it, if anything, for a warning.
    pub fn missing(&self) -> Option<String> {
        let parts =
            [(self.limits, "resource limits"), (self.landlock, "Landlock"), (self.seccomp, "seccomp")];
        let missing: Vec<_> = parts.into_iter().filter(|(holds, _)| !holds).map(|(_, name)| name).collect();
        (!missing.is_empty()).then(|| missing.join(", "))
    }
}

/// Confines this process for ever. What the system cannot do is left out, and said.
pub fn confine() -> Confinement {
    let limits = limit_resources().is_ok();
    // Only makes it slower.
    let _ = nice(NICENESS);
    let (landlock, seccomp) = system::confine();
    Confinement { limits, landlock, seccomp }
}

fn limit_resources() -> rustix::io::Result<()> {
    let at_most = |limit| Rlimit { current: Some(limit), maximum: Some(limit) };
    setrlimit(Resource::As, at_most(MEMORY_MAX_BYTES))?;
    setrlimit(Resource::Fsize, at_most(0))?;
    setrlimit(Resource::Core, at_most(0))
}

/// Gives the process its processor time for the next file. The kernel ends it when that is used up.
pub(super) fn allow_processor_time() {
    let used = clock_gettime(ClockId::ProcessCPUTime);
    let used = Duration::try_from(used).unwrap_or_default().as_secs() + 1;
    let limit = Rlimit { current: Some(used + PROCESSOR_SECONDS_MAX), maximum: None };
    // The process that started this one also limits the time that it waits.
    let _ = setrlimit(Resource::Cpu, limit);
}

#[cfg(target_os = "linux")]
mod system {
    use std::collections::BTreeMap;

    use landlock::{
        ABI, Access as _, AccessFs, AccessNet, CompatLevel, Compatible as _, Ruleset, RulesetAttr as _,
        RulesetError, RulesetStatus,
    };
    use seccompiler::{
        BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
        SeccompRule,
    };

    /// System calls that computing, reading and writing need.
    const ALLOWED: &[libc::c_long] = &[
        libc::SYS_read,
        libc::SYS_write,
        libc::SYS_writev,
        libc::SYS_munmap,
        libc::SYS_mremap,
        libc::SYS_madvise,
        libc::SYS_brk,
        libc::SYS_futex,
        libc::SYS_sched_yield,
        libc::SYS_clock_gettime,
        libc::SYS_getrandom,
        libc::SYS_prlimit64,
        libc::SYS_setrlimit,
        libc::SYS_rt_sigreturn,
        libc::SYS_rt_sigprocmask,
        libc::SYS_rt_sigaction,
        libc::SYS_sigaltstack,
        libc::SYS_getpid,
        libc::SYS_gettid,
        libc::SYS_tgkill,
        libc::SYS_exit,
        libc::SYS_exit_group,
    ];

    /// System calls whose third argument is the protection of memory, which must not be executable.
    const NOT_EXECUTABLE: &[libc::c_long] = &[libc::SYS_mmap, libc::SYS_mprotect];

    /// Whether Landlock and seccomp confine this process.
    pub(super) fn confine() -> (bool, bool) {
        // Each also makes sure that no program gains rights by being started.
        (landlock().unwrap_or(false), seccomp().is_ok())
    }

    fn landlock() -> Result<bool, RulesetError> {
        let ruleset = Ruleset::default()
            .set_compatibility(CompatLevel::BestEffort)
            .handle_access(AccessFs::from_all(ABI::V6))?
            .handle_access(AccessNet::from_all(ABI::V6))?;
        let status = ruleset.create()?.restrict_self()?;
        Ok(status.ruleset != RulesetStatus::NotEnforced)
    }

    fn seccomp() -> Result<(), seccompiler::Error> {
        let is_not_executable = || {
            let mask = SeccompCmpOp::MaskedEq(libc::PROT_EXEC as u64);
            SeccompRule::new(vec![SeccompCondition::new(2, SeccompCmpArgLen::Dword, mask, 0)?])
        };
        let mut rules: BTreeMap<_, _> = ALLOWED.iter().map(|call| (*call, Vec::new())).collect();
        for call in NOT_EXECUTABLE {
            rules.insert(*call, vec![is_not_executable()?]);
        }
        let denied = SeccompAction::Errno(libc::EPERM as u32);
        let arch = std::env::consts::ARCH.try_into()?;
        let filter: BpfProgram = SeccompFilter::new(rules, denied, SeccompAction::Allow, arch)?.try_into()?;
        seccompiler::apply_filter(&filter)
    }
}

#[cfg(not(target_os = "linux"))]
mod system {
    /// Neither exists here.
    pub(super) fn confine() -> (bool, bool) {
        (false, false)
    }
}
