//! The present moment, for what acts by time and cannot be taken back. Whoever acts is given it as an argument, so that
//! none acts by another one than was judged here.

use std::time::{Duration, Instant};

use parking_lot::Mutex;
use rebuttal_protocol::UnixMillis;
use rebuttal_store::{Store, Upkeep};

use crate::clock;
use crate::clock::skew::{self, ClockSkew};
use crate::jobs::clock_guard::{ClockGuard, ClockState};
use crate::jobs::retention::step;

/// How often clocks that go on being apart are told.
const TOLD_EVERY: Duration = Duration::from_secs(30);

/// What the clock of this process is trusted by.
pub(super) struct TrustedTime {
    store: Store,
    window: Duration,
    clock_guard: ClockGuard,
    told_at: Mutex<Option<Instant>>,
}

impl TrustedTime {
    /// `window` is how long a clock has to go steadily.
    pub(super) fn of(store: Store, window: Duration) -> Self {
        let clock_guard = ClockGuard::since(clock::now(), Instant::now(), window);
        Self { store, window, clock_guard, told_at: Mutex::default() }
    }

    /// Looks whether the clock jumped. Asks nobody, so it can be done often, which a jump for a moment has to be seen
    /// by.
    pub(super) fn observe(&self) -> bool {
        self.clock_guard.observe(clock::now(), Instant::now()) == ClockState::Steady
    }

    /// The present moment, if no jump was seen within a window; for what must not wait at every start.
    pub(super) async fn unbroken(&self) -> anyhow::Result<Option<UnixMillis>> {
        self.at_least(ClockState::Unbroken).await
    }

    /// The present moment, if the clock has gone steadily for a window, at the start too.
    pub(super) async fn steady(&self) -> anyhow::Result<Option<UnixMillis>> {
        self.at_least(ClockState::Steady).await
    }

    /// Keeps the present moment, so that the next start knows whether its clock follows on it.
    pub(super) async fn note(&self) -> anyhow::Result<()> {
        let Some(now) = self.unbroken().await? else { return Ok(()) };
        step(&self.store, now, Upkeep::NoteClock).await.map(drop)
    }

    async fn at_least(&self, needed: ClockState) -> anyhow::Result<Option<UnixMillis>> {
        let trusted_time = skew::agreed_time(&self.store).await?;
        if self.clock_guard.needs_comparison() && trusted_time.is_ok() {
            let trusted = self.trusted().await?;
            self.clock_guard.compare(trusted, clock::now(), Instant::now());
        }
        let going = self.clock_guard.observe(clock::now(), Instant::now());
        let is_doubted = trusted_time.is_err() || going == ClockState::Doubted;
        metrics::gauge!("rebuttal_clock_doubted").set(f64::from(u8::from(is_doubted)));
        match trusted_time {
            Ok(now) => Ok(Some(now).filter(|_| going >= needed)),
            Err(apart) => {
                self.tell(apart, Instant::now());
                Ok(None)
            }
        }
    }

    /// The newest moment that is known to have been. A database that an older version has served tells it by what that
    /// has forgotten.
    async fn trusted(&self) -> anyhow::Result<Option<UnixMillis>> {
        let bound = self.store.nonce_bound().await?;
        let by_bound = Some(bound).filter(|bound| bound.0 > 0).map(|bound| bound + 2 * self.window);
        Ok(self.store.clock_trusted_at().await?.or(by_bound))
    }

    fn tell(&self, apart: ClockSkew, instant: Instant) {
        let mut told_at = self.told_at.lock();
        if told_at.is_none_or(|at| instant.saturating_duration_since(at) >= TOLD_EVERY) {
            *told_at = Some(instant);
            tracing::error!("{apart}");
        }
    }
}
