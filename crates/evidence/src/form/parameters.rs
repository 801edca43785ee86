//! Parameters of `Content-Type` and `Content-Disposition`, as browsers and HTTP libraries write them. The multipart
//! parser finds a name also within a quoted filename.

/// The value of the first parameter with this name, which may be in capitals.
pub(super) fn parameter<'a>(header: &'a str, name: &str) -> Option<&'a str> {
    let (_, mut rest) = header.split_once(';')?;
    loop {
        let (before, after) = rest.split_once('=')?;
        let word = before.rsplit(';').next().unwrap_or_default();
        let (value, after) = split_value(after.trim_start());
        if word.trim().eq_ignore_ascii_case(name) {
            return Some(value);
        }
        rest = after;
    }
}

/// A value, and what follows it. A quoted one ends at the first quote before a semicolon or the end: browsers write
/// backslashes as they are, other clients escape quotes with them, and some escape nothing.
fn split_value(text: &str) -> (&str, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let (value, after) = text.split_once(';').unwrap_or((text, ""));
        return (value.trim_end(), after);
    };
    let parts = quoted.match_indices('"').map(|(at, quote)| {
        let (value, after) = quoted.split_at(at);
        (value, after.strip_prefix(quote).unwrap_or_default().trim_start())
    });
    let mut ends = parts.filter(|(_, after)| after.is_empty() || after.starts_with(';'));
    ends.next().unwrap_or((quoted, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_read_as_clients_write_them() {
        for (header, name, value) in [
            (r#"form-data; name="file"; filename="a.png""#, "name", Some("file")),
            (r#"form-data; filename="a.png"; name="file""#, "name", Some("file")),
            (r#"form-data; filename=a.png; name=file"#, "name", Some("file")),
            (r#"form-data;name="file";filename="a.png""#, "name", Some("file")),
            (r#"form-data ; NAME = "file" ; filename="a.png""#, "name", Some("file")),
            (r#"form-data; name="file" "#, "name", Some("file")),
            (r#"form-data; name="""#, "name", Some("")),
            (r#"form-data; filename="; name=policy; x=.png"; name="file""#, "name", Some("file")),
            (r#"form-data; filename=" name=policy"; name="file""#, "name", Some("file")),
            // Browsers write a quote as %22 and a backslash as it is; curl and others escape a quote.
            (r#"form-data; filename="a %22b%22.png"; name="file""#, "name", Some("file")),
            (r#"form-data; filename="C:\scans\"; name="file""#, "name", Some("file")),
            (r#"form-data; filename="a \"b\".png"; name="file""#, "name", Some("file")),
            (r#"form-data; filename="a "b".png"; name="file""#, "name", Some("file")),
            (r#"form-data; filename="€ 退款.png"; name="file""#, "name", Some("file")),
            // RFC 5987.
            (r#"form-data; filename*=UTF-8''%e2%82%ac%3b%20name=x.png; name="file""#, "name", Some("file")),
            (r#"form-data; filename="x.png"; filename*=UTF-8''x.png; name="file""#, "name", Some("file")),
            (r#"form-data; inline; name="file""#, "name", Some("file")),
            (r#"form-data; name="file"; name="policy""#, "name", Some("file")),
            (r#"form-data; filename="name""#, "name", None),
            (r#"form-data; filename="never ended; name=file"#, "name", None),
            ("form-data; name", "name", None),
            ("form-data", "name", None),
            (
                "multipart/form-data; boundary=----WebKitFormBoundary7MA4",
                "boundary",
                Some("----WebKitFormBoundary7MA4"),
            ),
            ("multipart/form-data;charset=utf-8;boundary=XX", "boundary", Some("XX")),
            (r#"multipart/form-data; Boundary="a b:c;d"; charset=utf-8"#, "boundary", Some("a b:c;d")),
            // Unquoted, though RFC 2045 wants it quoted.
            ("multipart/form-data; boundary==_a/b:c?d=; charset=utf-8", "boundary", Some("=_a/b:c?d=")),
        ] {
            assert_eq!(parameter(header, name), value, "{header}");
        }
    }
}
