//! Requests about merchants, and the time zone of the times in answers to a merchant.

use std::fmt;
use std::str::FromStr;

use jiff::tz::TimeZone;
use serde::Serialize;
use utoipa::ToSchema;

use crate::Invalid;
use crate::body::Object;
use crate::fields::{BadRequest, Fields};
use crate::ids::serde_as_text;
use crate::schema::{format, schema};
use crate::text::MerchantName;

/// The name of a known IANA time zone, such as `Asia/Shanghai`. Not `Factory`, the mark of a machine without a
/// configured zone.
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

impl fmt::Display for TimeZoneName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for TimeZoneName {
    type Err = Invalid;

    fn from_str(name: &str) -> Result<Self, Invalid> {
        TimeZone::get(name)
            .ok()
            .and_then(|zone| Some(Self(zone.iana_name()?.to_owned())))
            .filter(|zone| zone.0 != "Factory")
            .ok_or_else(|| Invalid::new("must be an IANA time zone, such as Asia/Shanghai or UTC"))
    }
}

serde_as_text!(TimeZoneName);
schema!(TimeZoneName, format("iana-time-zone"), "An IANA time zone, such as Asia/Shanghai or UTC.");

/// The request of `POST /merchants`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct CreateMerchant {
    /// The merchant's name.
    pub name: MerchantName,
    /// The time zone of the times in answers to the merchant.
    pub time_zone: TimeZoneName,
}

impl CreateMerchant {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["name", "timeZone"]);
        let (name, time_zone) = (fields.required("name"), fields.required("timeZone"));
        fields.finish(|| Some(Self { name: name?, time_zone: time_zone? }))
    }
}

/// The request of `PATCH /merchants/{merchantId}`: a missing member is not changed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "camelCase", deny_unknown_fields)]
pub struct ChangeMerchant {
    /// The new name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<MerchantName>,
    /// The new zone.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub time_zone: Option<TimeZoneName>,
}

impl ChangeMerchant {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["name", "timeZone"]);
        let (name, time_zone) = (fields.optional("name"), fields.optional("timeZone"));
        fields.finish(|| Some(Self { name, time_zone }))
    }
}
