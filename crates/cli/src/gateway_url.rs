//! A gateway's base URL, validated once where it is parsed: from a flag, a variable, or a profile.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use rebuttal_server::BASE_URL_MAX_BYTES;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// The paths of the APIs below a base URL. A URL with one of them is that of a call.
const APIS: [&str; 2] = ["/pg/v2", "/operator/v1"];
const EXAMPLE: &str = "as in https://pay.example.com";

/// An `http` or `https` URL in the form that is signed (contract §2): lower-case host, no default port, no
/// slash at its end. It has no user, no query, no fragment, and no path but the prefix of a proxy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct GatewayUrl(Box<str>);

impl GatewayUrl {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path before that of every call; empty where there is none.
    pub(crate) fn path(&self) -> &str {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
    }
}

impl fmt::Display for GatewayUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for GatewayUrl {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > BASE_URL_MAX_BYTES {
            return Err(format!("it must have at most {BASE_URL_MAX_BYTES} bytes"));
        }
        // The URL parser ignores line ends, and takes a backslash for a slash.
        if text.contains(|character: char| {
            character.is_whitespace() || character.is_control() || character == '\\'
        }) {
            return Err("it must contain no white space, line end or backslash".to_owned());
        }
        let (_, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| is_http(scheme))
            .ok_or_else(|| format!("it must start with https:// or http://, {EXAMPLE}"))?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("it must not contain a user or password".to_owned());
        }
        if path.contains(['?', '#']) {
            return Err("it must have no query and no fragment: leave out what begins with ? or #".to_owned());
        }
        // The URL parser resolves them, so that another URL would be signed than was given.
        if path
            .split('/')
            .any(|part| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
        {
            return Err("its path must have no . and no .. between its slashes".to_owned());
        }
        if authority.is_empty() || authority.starts_with(':') {
            return Err(format!("it must name a host, {EXAMPLE}"));
        }
        let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
        if port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err()) {
            return Err("its port must be a number up to 65535".to_owned());
        }
        let invalid_host = |fault| format!("its host must be a name or an IP address, {EXAMPLE}: {fault}");
        let url = Url::parse(text).map_err(invalid_host)?;
        let url = url.as_str().trim_end_matches('/');
        match APIS.iter().filter_map(|api| split_at_api(url, api)).next() {
            Some((base, call)) => Err(format!("give only the gateway's base URL, without {call}: {base}")),
            None => Ok(Self(url.into())),
        }
    }
}

impl TryFrom<String> for GatewayUrl {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{:?} is not a gateway's address: {why}", without_user(&text)))
    }
}

pub(crate) fn is_http(scheme: &str) -> bool {
    ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http))
}

/// Splits a URL before an API's path.
fn split_at_api<'u>(url: &'u str, api: &str) -> Option<(&'u str, &'u str)> {
    let (at, _) = url.match_indices(api).find(|(at, _)| {
        url.get(at + api.len()..).is_some_and(|after| after.is_empty() || after.starts_with('/'))
    })?;
    Some(url.split_at(at))
}

/// A text that may be a URL, without the user and the password that it may contain.
pub(crate) fn without_user(text: &str) -> Cow<'_, str> {
    let scheme = text.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
    // Hides more than necessary: a password may contain characters that end a host.
    text.rsplit_once('@').map_or(text.into(), |(_, after)| format!("{scheme}…@{after}").into())
}

/// Percent-encodes everything but the unreserved characters of RFC 3986 §2.3.
pub(crate) fn percent_encode(text: &str) -> String {
    const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');
    utf8_percent_encode(text, RESERVED).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_normalized_to_the_form_that_is_signed() {
        for (given, signed, path) in [
            ("https://Gateway.Example/", "https://gateway.example", ""),
            ("HTTPS://gateway.example:443", "https://gateway.example", ""),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("http://gateway.example:80/Pay//", "http://gateway.example/Pay", "/Pay"),
            ("http://[::1]:8080/", "http://[::1]:8080", ""),
            ("https://gateway.example/pg/v22", "https://gateway.example/pg/v22", "/pg/v22"),
        ] {
            let address: GatewayUrl = given.parse().unwrap();
            assert_eq!((address.as_str(), address.path()), (signed, path));
        }
    }

    #[test]
    fn invalid_addresses_have_one_error_each() {
        let start = "it must start with https:// or http://, as in https://pay.example.com";
        let host = "it must name a host, as in https://pay.example.com";
        let no_query = "it must have no query and no fragment: leave out what begins with ? or #";
        let dot_segments = "its path must have no . and no .. between its slashes";
        let blank = "it must contain no white space, line end or backslash";
        let user = "it must not contain a user or password";
        for (given, why) in [
            ("", start),
            ("pay.example.com", start),
            ("localhost:8080", start),
            ("ftp://pay.example.com", start),
            ("https:/pay.example.com", start),
            ("https://", host),
            ("https:///x", host),
            ("https://:443", host),
            ("https://shop@pay.example.com", user),
            ("https://shop:Geheim7@pay.example.com", user),
            ("https://pay.example.com?x=1", no_query),
            ("https://pay.example.com/gate#x", no_query),
            ("https://pay.example.com/a/../b", dot_segments),
            ("https://pay.example.com/%2E", dot_segments),
            ("https://pay.example.com\n", blank),
            ("https://pay example.com", blank),
            ("https:\\\\pay.example.com", blank),
            ("https://pay.example.com:99999", "its port must be a number up to 65535"),
            (
                "https://[::1",
                "its host must be a name or an IP address, as in https://pay.example.com: invalid IPv6 address",
            ),
            (
                "https://999.1.1.1",
                "its host must be a name or an IP address, as in https://pay.example.com: invalid IPv4 address",
            ),
            (
                "https://pay.example.com/pg/v2/dispute/query",
                "give only the gateway's base URL, without /pg/v2/dispute/query: https://pay.example.com",
            ),
            (
                "http://127.0.0.1:8080/gate/operator/v1/",
                "give only the gateway's base URL, without /operator/v1: http://127.0.0.1:8080/gate",
            ),
        ] {
            assert_eq!(given.parse::<GatewayUrl>().unwrap_err(), why, "{given:?}");
        }
        let long = format!("https://{}.example", "a".repeat(BASE_URL_MAX_BYTES));
        assert_eq!(long.parse::<GatewayUrl>().unwrap_err(), "it must have at most 512 bytes");
    }

    #[test]
    fn passwords_are_redacted() {
        assert_eq!(without_user("https://shop:Ge@heim/7@pay.example/x"), "https://…@pay.example/x");
        assert_eq!(without_user("https://pay.example/x"), "https://pay.example/x");
    }
}
