//! The operator API's requests (contract §8). They come with a token instead of a signature, and members that are not
//! known are refused: an operator's misspelt option must not pass in silence.

mod token;

use jiff::tz::TimeZone;

use crate::body::Object;
use crate::dispute::{Stage, words};
use crate::fields::{Fields, Refused};
use crate::text::{DisputeReason, MerchantName, Note, ReasonCode, Rrn};
use crate::{
    Amount, Currency, DisputeNo, Invalid, MerchantId, MerchantTradeNo, PaymentNo, Scheme, UnixMillis,
};

pub use token::{CreateToken, RevokeToken, Role, TokenName};

/// Most characters of a notification address.
pub const NOTIFY_URL_MAX: usize = 2048;
/// Longest overlap of a rotation, in seconds: 90 days.
pub const OVERLAP_MAX_SECONDS: u64 = 90 * 24 * 3600;

words! {
    /// How a dispute ends.
    Outcome {
        /// For the merchant.
        Won = "WON",
        /// Against the merchant.
        Lost = "LOST",
    }
}

/// An IANA time zone name that is known, such as `Asia/Shanghai`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TimeZoneName(String);

impl TimeZoneName {
    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The zone's rules.
    pub fn zone(&self) -> TimeZone {
        TimeZone::get(&self.0).unwrap_or(TimeZone::UTC)
    }
}

impl std::str::FromStr for TimeZoneName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        TimeZone::get(name)
            .ok()
            .and_then(|zone| Some(Self(zone.iana_name()?.to_owned())))
            .ok_or_else(|| Invalid::new("must be an IANA time zone, such as Asia/Shanghai or UTC"))
    }
}

/// `POST /merchants`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CreateMerchant {
    /// The merchant's name.
    pub name: MerchantName,
    /// In which zone its times are told.
    pub time_zone: TimeZoneName,
}

impl CreateMerchant {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["name", "timeZone"]);
        let (name, time_zone) = (fields.required("name"), fields.required("timeZone"));
        fields.finish(|| Some(Self { name: name?, time_zone: time_zone? }))
    }
}

/// `PATCH /merchants/{merchantId}`: what is missing stays.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChangeMerchant {
    /// The new name.
    pub name: Option<MerchantName>,
    /// The new zone.
    pub time_zone: Option<TimeZoneName>,
}

impl ChangeMerchant {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["name", "timeZone"]);
        let (name, time_zone) = (fields.optional("name"), fields.optional("timeZone"));
        fields.finish(|| Some(Self { name, time_zone }))
    }
}

/// An absolute `http` or `https` address for notifications, at most 2,048 characters: a URI of RFC 3986.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NotifyUrl(String);

impl NotifyUrl {
    /// The address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl std::str::FromStr for NotifyUrl {
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

/// Whether an address's authority has a host, and a port that there can be: none, or 1 to 65535.
fn names_a_host(authority: &str) -> bool {
    let (is_host, port) = match authority.strip_prefix('[').and_then(|rest| rest.split_once(']')) {
        // An IPv6 address has colons of its own. To read one takes no network.
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

/// Whether a part of an address has only what may stand anywhere in one, and these (RFC 3986 §2, §3.3). No `@`: before a
/// host it would end a user's name.
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

/// `POST /merchants/{merchantId}/apps` and `PATCH …/apps/{appId}`: what is missing stays, or is the default.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AppSettings {
    /// Where notifications go; `Some(None)`, sent as null, stops them.
    pub notify_url: Option<Option<NotifyUrl>>,
    /// How the app must sign; `V2_SHA256` unless told otherwise.
    pub scheme: Option<Scheme>,
    /// Whether the app may call; yes unless told otherwise.
    pub enabled: Option<bool>,
}

impl AppSettings {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, Refused> {
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

/// `POST …/apps/{appId}/rotate`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RotateSecret {
    /// How long the old secret still verifies, in seconds, 0 to [`OVERLAP_MAX_SECONDS`].
    pub overlap_seconds: u64,
}

impl RotateSecret {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["overlapSeconds"]);
        let overlap_seconds = fields.required_number("overlapSeconds", 0, OVERLAP_MAX_SECONDS);
        fields.finish(|| Some(Self { overlap_seconds: overlap_seconds? }))
    }
}

/// `POST /disputes`: what a dispute is about, which never changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OpenDispute {
    /// The upstream's own number; made by the gateway where missing.
    pub dispute_no: Option<DisputeNo>,
    /// Whose payment is disputed.
    pub merchant_id: MerchantId,
    /// The platform's number of the payment.
    pub payment_no: PaymentNo,
    /// The merchant's number of the trade.
    pub merchant_trade_no: MerchantTradeNo,
    /// The payment's amount.
    pub payment_amount: Amount,
    /// The disputed amount, in the same currency.
    pub dispute_amount: Amount,
    /// Why the cardholder disputes.
    pub dispute_reason: DisputeReason,
    /// The network's code for it.
    pub reason_code: Option<ReasonCode>,
    /// The stage that the dispute opens in.
    pub stage: Stage,
    /// The networks' retrieval reference number.
    pub rrn: Option<Rrn>,
    /// Until when the merchant may respond.
    pub deadline: UnixMillis,
}

impl OpenDispute {
    const KNOWN: [&'static str; 12] = [
        "disputeNo",
        "merchantId",
        "paymentNo",
        "merchantTradeNo",
        "paymentAmount",
        "disputeAmount",
        "currency",
        "disputeReason",
        "reasonCode",
        "type",
        "rrn",
        "deadline",
    ];

    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&Self::KNOWN);
        let dispute_no = fields.optional("disputeNo");
        let merchant_id = fields
            .required_number("merchantId", 1, u64::from(MerchantId::MAX))
            .and_then(|number| MerchantId::try_from(u32::try_from(number).ok()?).ok());
        let (payment_no, merchant_trade_no) =
            (fields.required("paymentNo"), fields.required("merchantTradeNo"));
        let currency: Option<Currency> = fields.required("currency");
        let mut amount = |name| {
            let text: String = fields.required_with(name, |text| Ok(text.to_owned()))?;
            Amount::parse(&text, currency?).map_err(|error| fields.fault(name, &error.0)).ok()
        };
        let (payment_amount, dispute_amount) = (amount("paymentAmount"), amount("disputeAmount"));
        let (dispute_reason, reason_code) = (fields.required("disputeReason"), fields.optional("reasonCode"));
        let (stage, rrn) = (fields.required("type"), fields.optional("rrn"));
        let deadline = fields.required_with("deadline", UnixMillis::from_rfc3339);
        fields.finish(|| {
            Some(Self {
                dispute_no,
                merchant_id: merchant_id?,
                payment_no: payment_no?,
                merchant_trade_no: merchant_trade_no?,
                payment_amount: payment_amount?,
                dispute_amount: dispute_amount?,
                dispute_reason: dispute_reason?,
                reason_code,
                stage: stage?,
                rrn,
                deadline: deadline?,
            })
        })
    }
}

words! {
    /// Which act an operator's is: the last segment of the path that it is posted to, in the order of contract §6.
    ActKind {
        /// [`Act::RequestEvidence`].
        RequestEvidence = "requestEvidence",
        /// [`Act::Resolve`].
        Resolve = "resolve",
        /// [`Act::Advance`].
        Advance = "advance",
        /// [`Act::Extend`].
        Extend = "extend",
        /// [`Act::Withdraw`].
        Withdraw = "withdraw",
    }
}

/// An operator's act on an open dispute, as posted to `/disputes/{disputeNo}/…`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Act {
    /// `resolve`: the dispute is decided.
    Resolve {
        /// For or against the merchant.
        outcome: Outcome,
        /// What to remember beside it.
        note: Option<Note>,
    },
    /// `requestEvidence`: the merchant is asked for more.
    RequestEvidence {
        /// Until when it may respond.
        deadline: UnixMillis,
        /// What is asked for.
        note: Note,
    },
    /// `extend`: the merchant gets more time.
    Extend {
        /// The new deadline.
        deadline: UnixMillis,
    },
    /// `advance`: the dispute goes on to a later stage.
    Advance {
        /// The later stage.
        stage: Stage,
        /// Until when the merchant may respond in it.
        deadline: UnixMillis,
    },
    /// `withdraw`: the other side took the dispute back.
    Withdraw {
        /// What to remember beside it.
        note: Option<Note>,
    },
}

impl Act {
    /// Which one it is.
    pub const fn kind(&self) -> ActKind {
        match self {
            Self::RequestEvidence { .. } => ActKind::RequestEvidence,
            Self::Resolve { .. } => ActKind::Resolve,
            Self::Advance { .. } => ActKind::Advance,
            Self::Extend { .. } => ActKind::Extend,
            Self::Withdraw { .. } => ActKind::Withdraw,
        }
    }

    /// Reads the request that was posted under an act's name.
    pub fn parse(kind: ActKind, body: &Object<'_>) -> Result<Self, Refused> {
        let mut fields = Fields::of(body);
        let deadline =
            |fields: &mut Fields<'_, '_>| fields.required_with("deadline", UnixMillis::from_rfc3339);
        match kind {
            ActKind::RequestEvidence => {
                fields.refuse_unknown(&["deadline", "note"]);
                let (deadline, note) = (deadline(&mut fields), fields.required("note"));
                fields.finish(|| Some(Self::RequestEvidence { deadline: deadline?, note: note? }))
            }
            ActKind::Resolve => {
                fields.refuse_unknown(&["outcome", "note"]);
                let (outcome, note) = (fields.required("outcome"), fields.optional("note"));
                fields.finish(|| Some(Self::Resolve { outcome: outcome?, note }))
            }
            ActKind::Advance => {
                fields.refuse_unknown(&["type", "deadline"]);
                let (stage, deadline) = (fields.required("type"), deadline(&mut fields));
                fields.finish(|| Some(Self::Advance { stage: stage?, deadline: deadline? }))
            }
            ActKind::Extend => {
                fields.refuse_unknown(&["deadline"]);
                let deadline = deadline(&mut fields);
                fields.finish(|| Some(Self::Extend { deadline: deadline? }))
            }
            ActKind::Withdraw => {
                fields.refuse_unknown(&["note"]);
                let note = fields.optional("note");
                fields.finish(|| Some(Self::Withdraw { note }))
            }
        }
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
            "https://a/%zz",
            "https://a/%2",
            "https://a/[x]",
            "https://a/@b",
            "http://[1:2]",
        ] {
            assert!(wrong.parse::<NotifyUrl>().is_err(), "{wrong}");
        }
    }
}
