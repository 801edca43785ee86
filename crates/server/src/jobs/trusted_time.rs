//! The current time for irreversible actions. Jobs receive it as an argument, so that none acts by a time that was not
//! checked here.

use std::time::{Duration, Instant};

use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Maintenance, Store};

use crate::clock;
use crate::clock::skew;
use crate::http::log_throttle::LogThrottle;
use crate::jobs::clock_guard::{ClockGuard, ClockState};
use crate::jobs::retention::step;

/// How often the log reports a persisting clock skew.
const SKEW_LOGGED_EVERY: Duration = Duration::from_secs(30);

/// The checks of the clock of this process.
pub(super) struct TrustedTime {
    store: Store,
    window: Duration,
    clock_guard: ClockGuard,
    skew_log: LogThrottle,
}

impl TrustedTime {
    /// `window` is how long the clock must run steadily.
    pub(super) fn of(store: Store, window: Duration) -> Self {
        let clock_guard = ClockGuard::since(clock::now(), Instant::now(), window);
        Self { store, window, clock_guard, skew_log: LogThrottle::every(SKEW_LOGGED_EVERY) }
    }

    /// Checks whether the clock jumped. Needs no I/O, so it can run often enough to notice short jumps.
    pub(super) fn observe(&self) -> bool {
        self.clock_guard.observe(clock::now(), Instant::now()) == ClockState::Steady
    }

    /// The current time if no jump was seen within a window; for jobs that must not wait after every start.
    pub(super) async fn unbroken(&self) -> anyhow::Result<Option<UnixMillis>> {
        self.at_least(ClockState::Unbroken).await
    }

    /// The current time if the clock has run steadily for a window, also after a start.
    pub(super) async fn steady(&self) -> anyhow::Result<Option<UnixMillis>> {
        self.at_least(ClockState::Steady).await
    }

    /// Records the current time, so that the next start can compare its clock with it.
    pub(super) async fn record(&self) -> anyhow::Result<()> {
        let Some(now) = self.unbroken().await? else { return Ok(()) };
        step(&self.store, now, Maintenance::NoteClock).await.map(drop)
    }

    async fn at_least(&self, needed: ClockState) -> anyhow::Result<Option<UnixMillis>> {
        let agreed = skew::agreed_time(&self.store).await?;
        if self.clock_guard.needs_comparison() && agreed.is_ok() {
            let trusted = self.last_trusted().await?;
            self.clock_guard.compare(trusted, clock::now(), Instant::now());
        }
        let state = self.clock_guard.observe(clock::now(), Instant::now());
        let is_doubted = agreed.is_err() || state == ClockState::Doubted;
        metrics::gauge!("rebuttal_clock_doubted").set(f64::from(u8::from(is_doubted)));
        match agreed {
            Ok(now) => Ok(Some(now).filter(|_| state >= needed)),
            Err(skew) => {
                if self.skew_log.is_due() {
                    tracing::error!("{skew}");
                }
                Ok(None)
            }
        }
    }

    /// The newest trusted time in the database. If it was last served by an older version, that is derived from its
    /// nonce bound.
    async fn last_trusted(&self) -> anyhow::Result<Option<UnixMillis>> {
        let bound = self.store.nonce_bound().await?;
        let by_bound = Some(bound).filter(|bound| bound.0 > 0).map(|bound| bound + 2 * self.window);
        Ok(self.store.clock_trusted_at().await?.or(by_bound))
    }
}
