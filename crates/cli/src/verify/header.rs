//! Parses the `Authorization` header as the gateway does, and explains the usual errors in its form. No part of the
//! header is repeated, because it may contain a secret.

use rebuttal_client::protocol::Authorization;

/// Parses a header's value; the name `Authorization:` may precede it, as in a log.
pub(super) fn parse(text: &str) -> Result<Authorization, String> {
    let text = text.trim();
    let value = match text.split_once(':') {
        Some((name, value)) if name.eq_ignore_ascii_case("authorization") => value.trim(),
        _ => text,
    };
    Authorization::parse(value.as_bytes()).map_err(|error| {
        let error = error.to_string();
        let field = error.split(' ').next().unwrap_or_default();
        match hint(field, value) {
            Some(hint) => format!("{error}; {hint}"),
            None => error,
        }
    })
}

/// What an invalid field probably is, by its form.
fn hint(field: &str, header: &str) -> Option<&'static str> {
    if field == "scheme" {
        return header.starts_with("v2_").then_some("write it in upper case");
    }
    let fields = header.split([' ', ',', ';', '&']);
    let value = fields.filter_map(|part| part.split_once('=')).find(|(name, _)| *name == field)?.1;
    let is = |test: fn(&u8) -> bool| value.bytes().all(|byte| test(&byte));
    match (field, value.len()) {
        _ if value.starts_with(['"', '\'']) => Some("leave out the quotes"),
        ("timestamp", 10) if is(u8::is_ascii_digit) => Some("10 digits are seconds"),
        ("sign", 43 | 44) => Some("this is base64; write hex"),
        ("appId", _) if is(|byte| byte.is_ascii_hexdigit() || *byte == b'-') => {
            Some("write it in lower case and without dashes")
        }
        _ => None,
    }
}
