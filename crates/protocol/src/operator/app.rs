//! Requests about a merchant's apps, and the address that an app is notified at.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::body::Object;
use crate::fields::{BadRequest, Fields};
use crate::ids::serde_as_text;
use crate::schema::{format, number, schema};
use crate::{Invalid, Scheme};

/// Most characters of a notification address.
pub const NOTIFY_URL_MAX: usize = 2048;
/// Longest overlap of a rotation, in seconds: 90 days.
pub const OVERLAP_MAX_SECONDS: u64 = 90 * 24 * 3600;

/// An absolute `http` or `https` address for notifications, at most 2,048 characters: a URI of RFC 3986.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyUrl(String);

impl NotifyUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for NotifyUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(NotifyUrl);
schema!(
    NotifyUrl,
    format("uri").max_length(Some(NOTIFY_URL_MAX)).pattern(Some(NOTIFY_URL_PATTERN)),
    "An absolute http or https address without user and fragment."
);

/// A host, a port from 1 to 65535, no user, no fragment. The format checks IPv6 addresses.
const NOTIFY_URL_PATTERN: &str = "^https?://(([A-Za-z0-9._~!$&'()*+,;=-]|%[0-9A-Fa-f]{2})+|\\[[0-9A-Fa-f:.]+\\])\
     (:0*([1-9][0-9]{0,3}|[1-5][0-9]{4}|6[0-4][0-9]{3}|65[0-4][0-9]{2}|655[0-2][0-9]|6553[0-5]))?\
     ([/?]([A-Za-z0-9._~!$&'()*+,;=:/?-]|%[0-9A-Fa-f]{2})*)?$";

impl FromStr for NotifyUrl {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        let is_address = rest.is_some_and(|rest| {
            let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
            names_a_host(authority) && has_only(path, b":/?")
        });
        if is_address && text.len() <= NOTIFY_URL_MAX {
            return Ok(Self(text.to_owned()));
        }
        Err(Invalid::new(format!(
            "must be an http or https address of at most {NOTIFY_URL_MAX} characters, without user or fragment, \
             its port, if any, from 1 to 65535"
        )))
    }
}

/// Whether an address's authority has a host, and no port or one from 1 to 65535.
fn names_a_host(authority: &str) -> bool {
    let (is_host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // An IPv6 address contains colons. Parsing one needs no network.
        Some((host, port)) => (host.parse::<core::net::Ipv6Addr>().is_ok(), port),
        None => {
            let (host, port) = authority.split_at(authority.find(':').unwrap_or(authority.len()));
            (!host.is_empty() && has_only(host, b""), port)
        }
    };
    let is_port = |port: &str| {
        let digits = port.strip_prefix(':').filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()));
        digits.and_then(|digits| digits.parse::<u16>().ok()).is_some_and(|port| port > 0)
    };
    is_host && (port.is_empty() || is_port(port))
}

/// Whether a part of an address consists of characters that are allowed anywhere in one, and these (RFC 3986 §2, §3.3).
/// Not `@`: before a host it would end a user's name.
fn has_only(part: &str, these: &[u8]) -> bool {
    let mut rest = part.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = match (first, after) {
            (b'%', [high, low, after @ ..]) if high.is_ascii_hexdigit() && low.is_ascii_hexdigit() => after,
            (byte, after) if byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=".contains(byte) => after,
            (byte, after) if these.contains(byte) => after,
            _ => return false,
        };
    }
    true
}

/// The request of `POST /merchants/{merchantId}/apps`, in which a missing member has its default, and of
/// `PATCH …/apps/{appId}`, in which it is not changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct AppSettings {
    /// The address of notifications, which are not delivered yet; null removes it.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<NotifyUrl>)]
    pub notify_url: Option<Option<NotifyUrl>>,
    /// The scheme that the app must sign with. The default is `V2_SHA256`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scheme: Option<Scheme>,
    /// Whether the app may call. The default is true.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub enabled: Option<bool>,
}

impl AppSettings {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["notifyUrl", "scheme", "enabled"]);
        let notify_url = match body.is_null("notifyUrl") {
            true => Some(None),
            false => fields.optional("notifyUrl").map(Some),
        };
        let (scheme, enabled) = (fields.optional("scheme"), fields.optional_bool("enabled"));
        fields.finish(|| Some(Self { notify_url, scheme, enabled }))
    }
}

/// The request of `POST …/apps/{appId}/endOverlap`, which has no members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EndOverlap {}

impl EndOverlap {
    /// Reads the request, which has no members.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&[]);
        fields.finish(|| Some(Self {}))
    }
}

/// The request of `POST …/apps/{appId}/rotate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct RotateSecret {
    /// How many seconds the old secret still verifies; 0 ends all older secrets, also those of a running overlap.
    #[schema(value_type = OverlapSeconds)]
    pub overlap_seconds: u64,
}

enum OverlapSeconds {}

schema!(OverlapSeconds, number(0, OVERLAP_MAX_SECONDS as usize), "A time in seconds.");

impl RotateSecret {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["overlapSeconds"]);
        let overlap_seconds = fields.required_number("overlapSeconds", 0, OVERLAP_MAX_SECONDS);
        fields.finish(|| Some(Self { overlap_seconds: overlap_seconds? }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn notifications_go_to_a_host_and_a_port_that_there_can_be() {
        for good in [
            "http://a",
            "https://a.example:8443/x?y:z",
            "http://[::1]",
            "http://[::1]:65535/",
            "http://10.0.0.1:1",
            "https://a/%2F?q=(1)&x=%c3%a9",
        ] {
            assert!(good.parse::<NotifyUrl>().is_ok(), "{good}");
        }
        for wrong in [
            "http://[::1]:99999/",
            "http://a:65536",
            "http://a:0",
            "http://a:+1",
            "http://a:x",
            "http://a:",
            "http://:80",
            "http://[::1",
            "http://[]",
            "http://[::1]x",
            "http://::1",
            "ftp://a",
            "http://user@a",
            "https:///x",
            "https://\"",
            "https://a/<b>",
            "https://a/{id}|x",
            "https://a/%2z",
            "https://a/%z2",
            "https://a/%2",
            "https://a/[x]",
            "https://a/@b",
            "http://[1:2]",
        ] {
            assert!(wrong.parse::<NotifyUrl>().is_err(), "{wrong}");
        }
    }
}
