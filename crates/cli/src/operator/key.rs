//! The key under which a change counts once, however often it is sent (contract §8).

use rebuttal_client::protocol::UnixMillis;
use rebuttal_client::protocol::operator::IDEMPOTENCY_KEY_MAX;

use crate::time_arg::TimeArg;
use crate::{rerun_command, usage};

/// What makes or does something goes under a key. What sets values needs none: setting them twice is setting them once.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct Key {
    /// Key under which this counts once, however often it is sent [default: random]
    #[arg(long, value_name = "KEY", value_parser = visible)]
    idempotency_key: Option<String>,
}

impl Key {
    /// The key that was given.
    pub(super) fn given(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// The deadline as it is sent. A span is another moment each time, and the same key with another deadline a
    /// conflict, whose way out would be to do the work twice.
    pub(super) fn deadline(&self, deadline: TimeArg) -> anyhow::Result<UnixMillis> {
        if !deadline.is_relative || self.idempotency_key.is_none() {
            return Ok(deadline.at);
        }
        // Nobody who says 3d means the millisecond.
        let UnixMillis(millis) = deadline.at;
        let at = UnixMillis(millis - millis % 1000).to_rfc3339(&jiff::tz::TimeZone::UTC);
        Err(usage::error(format!(
            "--idempotency-key takes a --deadline that is a time: a span from now is another time whenever the command \
             is repeated, and the same key with another deadline is refused\n\n  tip: counted from now, the span ends \
             at this time:\n{}",
            rerun_command::with_options(&[("--deadline", &at)])
        )))
    }
}

fn visible(key: &str) -> Result<String, String> {
    let is_visible = key.bytes().all(|byte| byte.is_ascii_graphic());
    match is_visible && (1..=IDEMPOTENCY_KEY_MAX).contains(&key.len()) {
        true => Ok(key.to_owned()),
        false => Err(format!("must have 1 to {IDEMPOTENCY_KEY_MAX} visible ASCII characters")),
    }
}
