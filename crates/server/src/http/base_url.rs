//! A public base URL: the part of the signed URL that precedes the request target (contract §2).
//!
//! It is normalised once, here, and afterwards compared byte for byte; `Host` and `X-Forwarded-*` are ignored.

use std::fmt;
use std::str::FromStr;

use http::Uri;
use http::uri::Scheme;

/// Longest accepted base URL, in bytes; it is hashed with every request.
pub const BASE_URL_MAX_BYTES: usize = 512;

/// An `http` or `https` address with a lower-case host, no default port and no trailing slash.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BaseUrl(Box<str>);

/// The text is not a valid base URL; the message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0:?} is not a public base URL: {1}")]
pub struct InvalidBaseUrl(String, &'static str);

impl BaseUrl {
    /// The address, without a trailing slash.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a request target in absolute form (RFC 9112 §3.2.2) has the origin of this URL.
    pub(crate) fn is_at_origin_of(&self, target: &Uri) -> bool {
        let (Some(scheme), Some(authority)) = (target.scheme(), target.authority()) else { return false };
        let Ok(Self(origin)) = format!("{scheme}://{authority}").parse() else { return false };
        self.0.strip_prefix(&*origin).is_some_and(|path| path.is_empty() || path.starts_with('/'))
    }
}

impl FromStr for BaseUrl {
    type Err = InvalidBaseUrl;

    fn from_str(text: &str) -> Result<Self, InvalidBaseUrl> {
        normalise(text).map(|url| Self(url.into())).map_err(|why| InvalidBaseUrl(without_user(text), why))
    }
}

impl fmt::Display for BaseUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A text that is not a base URL, without the user and the password that it may contain.
fn without_user(text: &str) -> String {
    let scheme = text.split_once("://").map(|(scheme, _)| format!("{scheme}://")).unwrap_or_default();
    // Hides more than necessary: a password may contain characters that end a host.
    text.rsplit_once('@').map_or_else(|| text.to_owned(), |(_, host)| format!("{scheme}…@{host}"))
}

fn normalise(text: &str) -> Result<String, &'static str> {
    if text.len() > BASE_URL_MAX_BYTES {
        return Err("it must have at most 512 bytes");
    }
    // The parser silently drops a fragment, so it is checked first.
    if text.contains(['?', '#', '@']) {
        return Err("it must have no user, query or fragment");
    }
    let uri: Uri = text.parse().map_err(|_| "it must look like https://pay.example.com")?;
    let default_port = match uri.scheme() {
        Some(scheme) if *scheme == Scheme::HTTP => 80,
        Some(scheme) if *scheme == Scheme::HTTPS => 443,
        _ => return Err("it must start with http:// or https://"),
    };
    let authority = uri.authority().ok_or("it must name a host")?;
    let host = authority.host().to_ascii_lowercase();
    if host.is_empty() {
        return Err("it must name a host");
    }
    let port = match authority.as_str().get(authority.host().len()..).unwrap_or_default() {
        "" | ":" => String::new(),
        _ => match authority.port_u16().ok_or("its port must be a number up to 65535")? {
            port if port == default_port => String::new(),
            port => format!(":{port}"),
        },
    };
    let path = uri.path().trim_end_matches('/');
    if path.split('/').any(is_dot_segment) {
        return Err("its path must have no dot segments");
    }
    Ok(format!("{}://{host}{port}{path}", uri.scheme_str().unwrap_or_default().to_ascii_lowercase()))
}

/// Whether a path segment is `.` or `..`, percent-encoded or not: a proxy might resolve it (contract §2).
pub(crate) fn is_dot_segment(segment: &str) -> bool {
    matches!(segment.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | "..")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn base_url_is_normalised_to_one_spelling() {
        for (input, normalised) in [
            ("https://pay.example.com", "https://pay.example.com"),
            ("HTTPS://Pay.Example.COM/", "https://pay.example.com"),
            ("https://pay.example.com:443/", "https://pay.example.com"),
            ("http://pay.example.com:80", "http://pay.example.com"),
            ("http://pay.example.com:443", "http://pay.example.com:443"),
            ("https://pay.example.com:/", "https://pay.example.com"),
            ("https://pay.example.com:08443/Gate//", "https://pay.example.com:8443/Gate"),
            ("http://[::1]:8080/", "http://[::1]:8080"),
        ] {
            assert_eq!(input.parse::<BaseUrl>().unwrap().as_str(), normalised);
        }
    }

    #[test]
    fn invalid_base_url_is_refused() {
        for wrong in [
            "",
            "pay.example.com",
            "/gate",
            "ftp://pay.example.com",
            "https://",
            "https://:443",
            "https://user@pay.example.com",
            "https://pay.example.com?x=1",
            "https://pay.example.com#x",
            "https://pay.example.com/a/../b",
            "https://pay.example.com/%2E%2e",
            "https://pay.example.com:99999",
            "https://pay example.com",
        ] {
            assert!(wrong.parse::<BaseUrl>().is_err(), "{wrong:?} was accepted");
        }
    }

    #[test]
    fn error_contains_no_password() {
        for (wrong, shown) in [
            ("https://shop:Geheim7@pay.example.com", "https://…@pay.example.com"),
            ("https://shop:Ge@heim7/@pay.example.com", "https://…@pay.example.com"),
            ("ftp://shop:Geheim7@pay.example.com", "ftp://…@pay.example.com"),
            ("shop:Geheim7@pay.example.com", "…@pay.example.com"),
        ] {
            let error = wrong.parse::<BaseUrl>().unwrap_err().to_string();
            assert!(error.starts_with(&format!("{shown:?} is not a public base URL")), "{error}");
        }
    }

    #[test]
    fn absolute_form_target_is_matched_by_origin() {
        let of = |base: &str, target: &str| {
            let target: Uri = target.parse().unwrap();
            base.parse::<BaseUrl>().unwrap().is_at_origin_of(&target)
        };
        for (base, target) in [
            ("https://pay.example.com", "https://pay.example.com/pg/v2/dispute/query"),
            ("https://pay.example.com", "HTTPS://PAY.example.com:443/pg/v2/dispute/query?a=b"),
            ("http://pay.example.com:8080/prefix", "http://pay.example.com:8080/pg/v2/dispute/query"),
        ] {
            assert!(of(base, target), "{base} {target}");
        }
        for (base, target) in [
            ("https://pay.example.com", "/pg/v2/dispute/query"),
            ("https://pay.example.com", "http://pay.example.com/pg/v2/dispute/query"),
            ("https://pay.example.com", "https://pay.example.com:8443/pg/v2/dispute/query"),
            ("https://pay.example.com", "https://pay.example.co/pg/v2/dispute/query"),
            ("https://pay.example.com", "https://user@pay.example.com/pg/v2/dispute/query"),
            ("https://pay.example.com", "pay.example.com:443"),
        ] {
            assert!(!of(base, target), "{base} {target}");
        }
    }
}
