//! Checks the media type headers of a merchant call (contract §1): JSON in both directions, without content encoding.

use http::HeaderMap;
use http::header::{ACCEPT, CONTENT_ENCODING, CONTENT_TYPE};
use rebuttal_protocol::Code;

use crate::http::error::Refusal;

/// Checks `Content-Type`, `Content-Encoding` and `Accept`.
pub(crate) fn check(headers: &HeaderMap) -> Result<(), Refusal> {
    if !headers.contains_key(CONTENT_TYPE) {
        return Err(not_json());
    }
    check_if_any(headers)
}

/// Like [`check`], for a request that may have no body and then no `Content-Type`.
pub(crate) fn check_if_any(headers: &HeaderMap) -> Result<(), Refusal> {
    let mut content_types = headers.get_all(CONTENT_TYPE).iter();
    let is_json = content_types.next().is_none_or(|value| is_json(value.as_bytes()));
    if !is_json || content_types.next().is_some() {
        return Err(not_json());
    }
    if headers.contains_key(CONTENT_ENCODING) {
        let message = "send the body without Content-Encoding";
        return Err(Refusal::new(Code::UnsupportedMediaType, message));
    }
    let mut ranges = headers.get_all(ACCEPT).iter().peekable();
    if ranges.peek().is_none() || ranges.any(|value| accepts_json(value.as_bytes())) {
        return Ok(());
    }
    Err(Refusal::new(
        Code::NotAcceptable,
        "answers are application/json; accept it, or omit the header Accept",
    ))
}

/// The `Content-Type` is not JSON.
pub(crate) fn not_json() -> Refusal {
    Refusal::new(Code::UnsupportedMediaType, "send Content-Type: application/json, once")
}

/// `application/json`, alone or with a `charset` of UTF-8 in any spelling; empty parameters are ignored.
fn is_json(value: &[u8]) -> bool {
    if value == b"application/json" {
        return true;
    }
    let Ok(text) = std::str::from_utf8(value) else { return false };
    let mut parts = text.split(';').map(str::trim);
    let media_type = parts.next().unwrap_or_default();
    let mut parameters = parts.filter(|parameter| !parameter.is_empty());
    media_type.eq_ignore_ascii_case("application/json")
        && parameters.next().is_none_or(is_charset_utf8)
        && parameters.next().is_none()
}

fn is_charset_utf8(parameter: &str) -> bool {
    let Some((name, value)) = parameter.split_once('=') else { return false };
    let unquoted = value.strip_prefix('"').and_then(|value| value.strip_suffix('"')).unwrap_or(value);
    name.eq_ignore_ascii_case("charset")
        && ["utf-8", "utf8"].iter().any(|utf8| unquoted.eq_ignore_ascii_case(utf8))
}

/// Whether one of the ranges accepts JSON with a weight above 0 (RFC 9110 §12.5.1).
fn accepts_json(value: &[u8]) -> bool {
    let Ok(text) = std::str::from_utf8(value) else { return false };
    text.split(',').any(|range| {
        let mut parts = range.split(';').map(str::trim);
        let media_range = parts.next().unwrap_or_default();
        ["application/json", "application/*", "*/*"].iter().any(|json| media_range.eq_ignore_ascii_case(json))
            && !parts.any(|parameter| {
                parameter
                    .to_ascii_lowercase()
                    .strip_prefix("q=")
                    .is_some_and(|weight| weight.parse() == Ok(0.0))
            })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn checked(headers: &[(&'static str, &'static str)]) -> Result<(), Code> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, http::HeaderValue::from_static(value));
        }
        check(&map).map_err(|refusal| refusal.code)
    }

    #[test]
    fn json_media_type_is_accepted_in_every_spelling() {
        for content_type in [
            "application/json",
            "application/json; charset=utf-8",
            "Application/JSON;charset=UTF-8",
            "application/json;",
            "application/json ; ",
            "application/json; charset=\"utf-8\"",
            "application/json; charset=utf8",
            "application/json;Charset=\"UTF8\";",
        ] {
            assert_eq!(checked(&[("content-type", content_type)]), Ok(()));
        }
        for accept in
            ["application/json", "*/*", "text/html, application/*;q=0.8", "application/json, text/plain, */*"]
        {
            assert_eq!(checked(&[("content-type", "application/json"), ("accept", accept)]), Ok(()));
        }
    }

    #[test]
    fn other_media_types_and_encodings_are_refused() {
        assert_eq!(checked(&[]), Err(Code::UnsupportedMediaType));
        for content_type in [
            "",
            ";",
            "text/json",
            "application/jsonx",
            "application/json; charset",
            "application/json; charset=",
            "application/json; charset=\"utf-8",
            "application/json; charset=latin1",
            "application/json; utf-8",
            "application/json; charset=utf-8; v=1",
            "application/json; charset=utf-8; charset=utf-8",
        ] {
            assert_eq!(checked(&[("content-type", content_type)]), Err(Code::UnsupportedMediaType));
        }
        let json = ("content-type", "application/json");
        assert_eq!(checked(&[json, json]), Err(Code::UnsupportedMediaType));
        assert_eq!(checked(&[json, ("content-encoding", "identity")]), Err(Code::UnsupportedMediaType));
        for accept in ["", "text/html", "application/json;q=0", "application/xml, */*; q=0.000"] {
            assert_eq!(checked(&[json, ("accept", accept)]), Err(Code::NotAcceptable));
        }
    }
}
