//! Checks of a request that do not depend on its signature: what the gateway refuses in any case, and freshness.

use rebuttal_client::protocol::body::{BODY_MAX_BYTES, Object};
use rebuttal_client::protocol::{FRESHNESS_WINDOW, MerchantCall, UnixMillis};
use serde::Serialize;

use crate::signing::{SecretRedactor, escape_invisible};
use crate::terminal;

/// Every path that merchants call.
pub(crate) fn merchant_paths() -> impl Iterator<Item = &'static str> {
    MerchantCall::ALL.iter().map(|call| call.path())
}

/// Why the gateway refuses a request whatever its signature, as sentences in the order of its checks (contract §7).
/// `target` is the part of the URL after the gateway's base URL.
pub(crate) fn refusals(method: &str, target: &str, body: &[u8]) -> Vec<String> {
    let mut refusals = Vec::new();
    let path = target.split('?').next().unwrap_or(target);
    if MerchantCall::at(path).is_none() {
        refusals.push(format!(
            "the gateway has no path {}; the merchant API's paths are {}",
            escape_invisible(path.as_bytes()),
            merchant_paths().collect::<Vec<_>>().join(", ")
        ));
    }
    if method != "POST" {
        refusals.push(format!("the method is {method}; every call of a merchant is POST"));
    }
    if body.len() > BODY_MAX_BYTES {
        refusals
            .push(format!("the body has {} bytes; the gateway accepts at most {BODY_MAX_BYTES}", body.len()));
    } else if let Err(fault) = Object::parse_signed(body) {
        refusals.push(fault.to_string());
    }
    refusals
}

/// A warning that names every part of a request that contains a secret: all are sent in a readable form.
pub(crate) fn leaked_secret(redactor: &SecretRedactor, parts: &[(&str, &[u8])]) -> Option<String> {
    let leaking = parts.iter().filter(|(_, bytes)| redactor.contains_secret(&escape_invisible(bytes)));
    let names: Vec<_> = leaking.map(|(name, _)| *name).collect();
    let verb = match names.len() {
        0 => return None,
        1 => "contains",
        _ => "contain",
    };
    let masked = match redactor.shows_secret() {
        true => "",
        false => ". It is masked here, so this output cannot be sent as it is",
    };
    Some(format!(
        "{} {verb} an app's secret, which must never be sent: remove it, and have the secret rotated if the request was \
         sent{masked}",
        names.join(" and ")
    ))
}

/// A timestamp compared with the clock; also the object that `--json` prints.
#[derive(Debug, Clone, Copy, Serialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Freshness {
    fresh: bool,
    /// How far the timestamp is ahead of this machine's clock; negative if it is behind.
    ahead_millis: i64,
    /// How far it may differ, by default.
    window_millis: i64,
}

impl Freshness {
    pub(crate) fn of(timestamp: UnixMillis, now: UnixMillis) -> Self {
        let window_millis = i64::try_from(FRESHNESS_WINDOW.as_millis()).unwrap_or(i64::MAX);
        let ahead_millis = timestamp.0.saturating_sub(now.0);
        Self { fresh: ahead_millis.saturating_abs() <= window_millis, ahead_millis, window_millis }
    }

    /// Whether a timestamp has the size of one in seconds: in milliseconds it would be of 1970.
    pub(crate) fn is_in_seconds(timestamp: UnixMillis) -> bool {
        (1_000_000_000..10_000_000_000).contains(&timestamp.0)
    }

    /// Why the timestamp is not fresh, if it is not.
    pub(crate) fn fault(self, timestamp: UnixMillis, now: UnixMillis) -> Option<String> {
        if self.fresh {
            return None;
        }
        if Self::is_in_seconds(timestamp) {
            return Some(format!(
                "the timestamp is in seconds; send milliseconds: {}",
                timestamp.0.saturating_mul(1000)
            ));
        }
        let at = timestamp.to_rfc3339_utc();
        let age = terminal::relative_time(now, timestamp);
        let minutes = self.window_millis / 60_000;
        Some(format!(
            "its timestamp is {at} ({age} by this machine's clock), but may differ from the gateway's clock by at most \
             {minutes} minutes, unless its operator has set another window"
        ))
    }
}
