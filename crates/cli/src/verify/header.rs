//! Parses the `Authorization` header, and reports every part of it that is invalid. Parts are shown truncated, escaped,
//! and without what may be a secret.

use std::collections::HashSet;

use rebuttal_client::protocol::Authorization;
use rebuttal_client::protocol::authorization::HEADER_MAX_BYTES;
use rebuttal_client::{AppId, Scheme};

/// The header's fields with valid values, to parse one field of another header among them.
const VALID_FIELDS: [(&str, &str); 4] = [
    ("appId", "00000000000000000000000000000000"),
    ("sign", "0000000000000000000000000000000000000000000000000000000000000000"),
    ("timestamp", "1700000000000"),
    ("nonce", "0000000000000000"),
];
/// Most characters of a part that are shown: more than the longest nonce has.
const SHOWN_MAX: usize = 72;
/// Most characters of a signature that are shown: enough to find it in a log.
const SIGN_SHOWN_MAX: usize = 8;
/// Most parts of a header that are examined; a valid one has four.
const PARTS_MAX: usize = 16;

/// The header, or all errors in its form. The name `Authorization:` may precede it, as in a log.
pub(super) fn read(text: &str, secret: Option<&str>) -> Result<Authorization, Vec<String>> {
    let text = text.trim();
    let value = match text.split_once(':') {
        Some((name, value)) if name.eq_ignore_ascii_case("authorization") => value.trim(),
        _ => text,
    };
    Authorization::parse(value.as_bytes()).map_err(|fault| {
        let faults = HeaderDiagnosis { secret }.faults(value);
        if faults.is_empty() { vec![format!("the header {fault}")] } else { faults }
    })
}

/// The diagnosis of a header; `secret` must not be shown.
#[derive(Clone, Copy)]
struct HeaderDiagnosis<'a> {
    secret: Option<&'a str>,
}

impl HeaderDiagnosis<'_> {
    fn faults(self, header: &str) -> Vec<String> {
        if header.is_empty() {
            return vec!["the header is empty".to_owned()];
        }
        if header.len() > HEADER_MAX_BYTES {
            return vec![format!(
                "the header has {} bytes; at most {HEADER_MAX_BYTES} are read",
                header.len()
            )];
        }
        let Some((scheme, credentials)) = header.split_once(' ').filter(|(scheme, _)| !scheme.contains('='))
        else {
            return vec![no_scheme(header)];
        };
        let mut faults: Vec<_> = self.scheme_fault(scheme).into_iter().collect();
        if let Some(separator) = wrong_separator(credentials) {
            faults.push(format!("its fields are separated by {separator}, where commas belong"));
            return faults;
        }
        let (mut known, mut twice) = (HashSet::new(), HashSet::new());
        for part in credentials.split(',').take(PARTS_MAX) {
            match part.trim_matches(' ').split_once('=') {
                None => faults.push(format!("its part {} is no name=value", self.shown(part, SHOWN_MAX))),
                Some((name, value)) => {
                    let is_known = VALID_FIELDS.iter().any(|(valid, _)| *valid == name);
                    if is_known && !known.insert(name) && twice.insert(name) {
                        faults.push(format!("its field {name} is given twice"));
                    }
                    faults.extend(self.field_fault(name, value));
                }
            }
        }
        let missing = VALID_FIELDS.iter().filter(|(name, _)| !known.contains(name));
        faults.extend(missing.map(|(name, _)| format!("its field {name} is missing")));
        faults
    }

    fn scheme_fault(self, scheme: &str) -> Option<String> {
        let fault = scheme.parse::<Scheme>().err()?;
        let upper = scheme.to_ascii_uppercase();
        let hint = if upper.parse::<Scheme>().is_ok() { ", in upper case" } else { "" };
        Some(format!("its scheme is {}, and {fault}{hint}", self.shown(scheme, SHOWN_MAX)))
    }

    /// What is wrong with one field, in the words of the parser that the gateway uses.
    fn field_fault(self, name: &str, value: &str) -> Option<String> {
        let Some((known, _)) = VALID_FIELDS.iter().find(|(valid, _)| *valid == name) else {
            let meant = VALID_FIELDS.iter().find(|(valid, _)| valid.eq_ignore_ascii_case(name.trim()));
            let meant = meant.map(|(valid, _)| format!("; it is spelt {valid}")).unwrap_or_default();
            // The value of an unknown field may be the secret.
            return Some(format!("its field {} is not known{meant}", self.shown(name, SHOWN_MAX)));
        };
        if value.is_empty() {
            return Some(format!("its field {known} is empty"));
        }
        let fields = VALID_FIELDS
            .map(|(valid, right)| format!("{valid}={}", if valid == *known { value } else { right }));
        let fault = Authorization::parse(format!("V2_SHA256 {}", fields.join(",")).as_bytes()).err()?;
        let shown = self.shown(value, if *known == "sign" { SIGN_SHOWN_MAX } else { SHOWN_MAX });
        let hint = hint(known, value).map(|hint| format!(": {hint}")).unwrap_or_default();
        Some(format!(
            "its {known} is {shown}, and {}{hint}",
            fault.to_string().trim_start_matches(known).trim()
        ))
    }

    /// A part, escaped and truncated. Text in the form of a secret is not shown: it may be that of another app.
    fn shown(self, part: &str, max: usize) -> String {
        let has_secret = self
            .secret
            .is_some_and(|secret| !secret.is_empty() && part.to_lowercase().contains(&secret.to_lowercase()));
        if has_secret {
            return "(not shown: the app's secret is in it)".to_owned();
        }
        if longest_hex_run(part) == 32 {
            return "(not shown: it has 32 hex digits, as a secret has)".to_owned();
        }
        let count = part.chars().count();
        if count <= max {
            return format!("{part:?}");
        }
        let start: String = part.chars().take(max).collect();
        format!("{:?}… ({count} characters)", start)
    }
}

fn no_scheme(header: &str) -> String {
    let after = Scheme::ALL.iter().find_map(|scheme| header.strip_prefix(scheme.as_str()));
    let what = if after == Some("") {
        "nothing follows its scheme"
    } else if after.is_some() {
        "no space follows its scheme"
    } else if header.contains('=') {
        "its scheme is missing"
    } else {
        "it is one word"
    };
    format!("the header must be a scheme, a space and the fields appId, sign, timestamp and nonce: {what}")
}

/// The separator of the fields, where it is not a comma.
fn wrong_separator(credentials: &str) -> Option<&'static str> {
    let ways = [(";", "semicolons"), ("&", "&"), (" ", "spaces"), ("|", "|"), ("\n", "line ends")];
    let separates = |sign: &str| {
        let parts: Vec<_> = credentials.split(sign).map(str::trim).collect();
        let is_field =
            |part: &&str| VALID_FIELDS.iter().any(|(name, _)| part.starts_with(&format!("{name}=")));
        parts.iter().filter(|part| is_field(part)).count() > 1
    };
    let found = ways.into_iter().find(|(sign, _)| !credentials.contains(',') && separates(sign));
    found.map(|(_, name)| name)
}

/// What an invalid value is, where its form proves it.
fn hint(name: &str, value: &str) -> Option<String> {
    let inner = value.trim_matches(['"', '\'']);
    if inner.len() + 2 == value.len() {
        return Some("it is in quotes; leave them out".to_owned());
    }
    let is = |test: fn(&u8) -> bool| value.bytes().all(|byte| test(&byte));
    let (digits, hex) = (is(u8::is_ascii_digit), is(u8::is_ascii_hexdigit));
    match (name, value.len()) {
        ("timestamp", 10) if digits => Some("10 digits are seconds".to_owned()),
        ("timestamp", 16) if digits => Some("16 digits are microseconds".to_owned()),
        ("timestamp", 19) if digits => Some("19 digits are nanoseconds".to_owned()),
        ("timestamp", _) if value.parse::<f64>().is_ok() && value.contains(['.', 'e', 'E']) => {
            Some("it is written as a fraction; write whole milliseconds".to_owned())
        }
        ("timestamp", _) if value.contains('T') => {
            Some("it is a date; write the milliseconds since 1970".to_owned())
        }
        ("nonce", length)
            if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte)) =>
        {
            Some(format!("it has {length}"))
        }
        ("nonce", _) if value.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=".contains(&byte)) => {
            Some("it is base64; write hex".to_owned())
        }
        ("sign", 32) if hex => Some("32 digits are MD5's; SHA-256 has 64".to_owned()),
        ("sign", 40) if hex => Some("40 digits are SHA-1's; SHA-256 has 64".to_owned()),
        ("sign", 128) if hex => Some("128 digits are SHA-512's; SHA-256 has 64".to_owned()),
        ("sign", 66) if value.starts_with("0x") => Some("leave the 0x out".to_owned()),
        ("sign", 43 | 44) => Some("it is base64; write hex".to_owned()),
        ("appId", _) => {
            let plain = value.replace('-', "").to_ascii_lowercase();
            plain.parse::<AppId>().ok().map(|_| "write it in lower case and without dashes".to_owned())
        }
        _ => None,
    }
}

fn longest_hex_run(text: &str) -> usize {
    text.split(|character: char| !character.is_ascii_hexdigit()).map(str::len).max().unwrap_or(0)
}
