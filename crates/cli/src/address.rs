//! A gateway's address, checked once where it is read: a flag, a variable, or a profile. Whoever has one need not ask
//! again what it is; whether a gateway is there is another question.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use rebuttal_server::BASE_URL_MAX_BYTES;
use reqwest::Url;
use serde::{Deserialize, Serialize};

/// Where the APIs lie under an address. What ends in one of them, or goes on below, is the address of a call.
const APIS: [&str; 2] = ["/pg/v2", "/operator/v1"];
const AS_IN: &str = "as in https://pay.example.com";

/// An `http` or `https` address in the one spelling that is signed (contract §2): lower-case host, no default port, no
/// slash at its end. It has no user, no query, no fragment, and no path but what a proxy puts before the gateway's own.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String")]
pub(crate) struct Address(Box<str>);

impl Address {
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }

    /// The path that every call is below; empty where there is none.
    pub(crate) fn path(&self) -> &str {
        let (_, rest) = self.0.split_once("://").unwrap_or_default();
        rest.find('/').and_then(|at| rest.get(at..)).unwrap_or_default()
    }
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.len() > BASE_URL_MAX_BYTES {
            return Err(format!("it must have at most {BASE_URL_MAX_BYTES} bytes"));
        }
        // A parser of URLs passes over what is here refused: over line ends in silence, and a backslash is a slash to
        // it.
        if text.contains(|sign: char| sign.is_whitespace() || sign.is_control() || sign == '\\') {
            return Err("it must hold no white space, no line end and no backslash".to_owned());
        }
        let (_, rest) = text
            .split_once("://")
            .filter(|(scheme, _)| is_http(scheme))
            .ok_or_else(|| format!("it must start with https:// or http://, {AS_IN}"))?;
        let (authority, path) = rest.split_at(rest.find(['/', '?', '#']).unwrap_or(rest.len()));
        if authority.contains('@') {
            return Err("it must not hold a user or password".to_owned());
        }
        if path.contains(['?', '#']) {
            return Err("it must have no query and no fragment: leave out what begins with ? or #".to_owned());
        }
        // A parser resolves them, and another URL would be signed than was written.
        if path
            .split('/')
            .any(|part| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."))
        {
            return Err("its path must have no . and no .. between its slashes".to_owned());
        }
        if authority.is_empty() || authority.starts_with(':') {
            return Err(format!("it must name a host, {AS_IN}"));
        }
        let port = authority.rsplit_once(':').filter(|(_, port)| !port.ends_with(']')).map(|(_, port)| port);
        if port.is_some_and(|port| !port.is_empty() && port.parse::<u16>().is_err()) {
            return Err("its port must be a number up to 65535".to_owned());
        }
        let unread = |fault| format!("its host must be a name or an IP address, {AS_IN}: {fault}");
        let url = Url::parse(text).map_err(unread)?;
        let url = url.as_str().trim_end_matches('/');
        match APIS.iter().filter_map(|api| below(url, api)).next() {
            Some((bare, call)) => Err(format!("give the gateway's address alone, without {call}: {bare}")),
            None => Ok(Self(url.into())),
        }
    }
}

impl TryFrom<String> for Address {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        text.parse().map_err(|why| format!("{:?} is not a gateway's address: {why}", without_user(&text)))
    }
}

pub(crate) fn is_http(scheme: &str) -> bool {
    ["http", "https"].iter().any(|http| scheme.eq_ignore_ascii_case(http))
}

/// What stands before an API's path, and that path with what follows it.
fn below<'u>(url: &'u str, api: &str) -> Option<(&'u str, &'u str)> {
    let (at, _) = url.match_indices(api).find(|(at, _)| {
        url.get(at + api.len()..).is_some_and(|after| after.is_empty() || after.starts_with('/'))
    })?;
    Some(url.split_at(at))
}

/// A text that may be an address, without the user and the password that it may hold.
pub(crate) fn without_user(text: &str) -> Cow<'_, str> {
    let Some((scheme, rest)) = text.split_once("://") else { return text.into() };
    // Rather too much is hidden: a password may hold what ends a host.
    match rest.rsplit_once('@') {
        Some((_, after)) => format!("{scheme}://…@{after}").into(),
        None => text.into(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_brought_to_the_spelling_that_is_signed() {
        for (given, signed, path) in [
            ("https://Gateway.Example/", "https://gateway.example", ""),
            ("HTTPS://gateway.example:443", "https://gateway.example", ""),
            ("http://127.0.0.1:8080", "http://127.0.0.1:8080", ""),
            ("http://gateway.example:80/Pay//", "http://gateway.example/Pay", "/Pay"),
            ("http://[::1]:8080/", "http://[::1]:8080", ""),
            ("https://gateway.example/pg/v22", "https://gateway.example/pg/v22", "/pg/v22"),
        ] {
            let address: Address = given.parse().unwrap();
            assert_eq!((address.as_str(), address.path()), (signed, path));
        }
    }

    #[test]
    fn what_is_no_address_is_told_in_one_sentence() {
        let start = "it must start with https:// or http://, as in https://pay.example.com";
        let host = "it must name a host, as in https://pay.example.com";
        let bare = "it must have no query and no fragment: leave out what begins with ? or #";
        let dots = "its path must have no . and no .. between its slashes";
        let blank = "it must hold no white space, no line end and no backslash";
        let user = "it must not hold a user or password";
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
            ("https://pay.example.com?x=1", bare),
            ("https://pay.example.com/gate#x", bare),
            ("https://pay.example.com/a/../b", dots),
            ("https://pay.example.com/%2E", dots),
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
                "give the gateway's address alone, without /pg/v2/dispute/query: https://pay.example.com",
            ),
            (
                "http://127.0.0.1:8080/gate/operator/v1/",
                "give the gateway's address alone, without /operator/v1: http://127.0.0.1:8080/gate",
            ),
        ] {
            assert_eq!(given.parse::<Address>().unwrap_err(), why, "{given:?}");
        }
        let long = format!("https://{}.example", "a".repeat(BASE_URL_MAX_BYTES));
        assert_eq!(long.parse::<Address>().unwrap_err(), "it must have at most 512 bytes");
    }

    #[test]
    fn what_may_be_a_password_is_not_repeated() {
        assert_eq!(without_user("https://shop:Ge@heim/7@pay.example/x"), "https://…@pay.example/x");
        assert_eq!(without_user("https://pay.example/x"), "https://pay.example/x");
    }
}
