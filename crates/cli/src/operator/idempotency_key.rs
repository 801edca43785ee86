//! The Idempotency-Key: under the same key a change is applied once, even if it is sent again (contract §8).

use rebuttal_client::protocol::UnixMillis;
use rebuttal_client::protocol::operator::IDEMPOTENCY_KEY_MAX;

use crate::time_arg::TimeArg;
use crate::usage;

/// The argument of commands that create or do something. Commands that set values need none: they are idempotent.
#[derive(Debug, Default, clap::Args)]
pub(crate) struct IdempotencyKeyArg {
    /// Key under which this change is applied only once, even if it is sent again [default: random]
    #[arg(long, value_name = "KEY", value_parser = visible)]
    idempotency_key: Option<String>,
}

impl IdempotencyKeyArg {
    /// The key that was given.
    pub(super) fn given(&self) -> Option<&str> {
        self.idempotency_key.as_deref()
    }

    /// The deadline to send. A duration gives another time in each run, and the same key with another deadline is a
    /// conflict, after which the user might do the work twice.
    pub(super) fn deadline(&self, deadline: TimeArg) -> anyhow::Result<UnixMillis> {
        if !deadline.is_relative || self.idempotency_key.is_none() {
            return Ok(deadline.at);
        }
        // A duration such as 3d is not meant to the millisecond.
        let UnixMillis(millis) = deadline.at;
        let at = UnixMillis(millis - millis % 1000).to_rfc3339_utc();
        Err(usage::error(format!(
            "with --idempotency-key, --deadline must be a time: a duration gives another time in each run, and the same \
             key with another deadline is refused\n\n  tip: as a time, it is --deadline {at}"
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
