//! A clock that a test moves while a gateway runs, by libfaketime. Only the time of day moves; timers and durations do
//! not, unless timers are included.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::gateway::Builder;

/// Where distributions install libraries, in a folder for each processor architecture.
const LIBRARIES: &str = "/usr/lib";
const LIBRARY: &str = "faketime/libfaketimeMT.so.1";

/// A clock that starts as the system's.
#[derive(Debug)]
pub struct FakeClock {
    folder: tempfile::TempDir,
    timers: bool,
}

impl FakeClock {
    /// A clock of the time of day.
    #[must_use]
    pub fn new() -> Self {
        let folder =
            tempfile::Builder::new().prefix("rebuttal-clock-").tempdir().expect("a temporary folder");
        let clock = Self { folder, timers: false };
        clock.ahead(Duration::ZERO);
        clock
    }

    /// A clock that also moves timers, as if that much time had passed: for waits by the monotonic clock. Pending waits
    /// of the gateway time out.
    #[must_use]
    pub fn with_timers() -> Self {
        Self { timers: true, ..Self::new() }
    }

    /// Whether the library is installed.
    #[must_use]
    pub fn is_installed() -> bool {
        library().is_some()
    }

    /// Makes a gateway use this clock.
    #[must_use]
    pub fn apply_to(&self, gateway: Builder) -> Builder {
        gateway
            .env("LD_PRELOAD", library().expect("libfaketime is installed"))
            .env("FAKETIME_TIMESTAMP_FILE", self.file())
            .env("FAKETIME_NO_CACHE", "1")
            .env("FAKETIME_DONT_FAKE_MONOTONIC", if self.timers { "0" } else { "1" })
            .env("NO_FAKE_STAT", "1")
    }

    /// Moves the clock: from the next read on it is this far ahead of the system's.
    pub fn ahead(&self, ahead: Duration) {
        self.moved(&format!("+{}\n", ahead.as_secs_f64()));
    }

    /// Moves the clock: from the next read on it is this far behind the system's.
    pub fn behind(&self, behind: Duration) {
        self.moved(&format!("-{}\n", behind.as_secs()));
    }

    fn moved(&self, by: &str) {
        // Renamed, so that no reader sees a partial file.
        let written = self.folder.path().join("next");
        fs::write(&written, by).expect("the time is written");
        fs::rename(written, self.file()).expect("the time is moved");
    }

    fn file(&self) -> PathBuf {
        self.folder.path().join("time")
    }
}

impl Default for FakeClock {
    fn default() -> Self {
        Self::new()
    }
}

fn library() -> Option<PathBuf> {
    let folders = fs::read_dir(Path::new(LIBRARIES)).ok()?;
    folders.flatten().map(|folder| folder.path().join(LIBRARY)).find(|library| library.exists())
}
