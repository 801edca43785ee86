//! The body as others than its sender would have written it. A body must be signed as the bytes that are sent; many
//! libraries write it anew on one of the two ways.

use std::collections::HashSet;

use super::json::{Layout, Strings, Text};

/// How well-known writers of JSON write.
const WRITERS: [(Layout, Strings, &str); 14] = [
    (Layout::Compact, Strings::Plain, "without white space, as JSON.stringify writes it"),
    (
        Layout::Spaced,
        Strings::Ascii,
        "with a space after each colon and comma, as Python's json.dumps writes it",
    ),
    (Layout::Spaced, Strings::Plain, "with a space after each colon and comma"),
    (Layout::Compact, Strings::AsciiSlashed, "with \\/ and \\u escapes, as PHP's json_encode writes it"),
    (Layout::Compact, Strings::Slashed, "with \\/ for each slash"),
    (Layout::Compact, Strings::Ascii, "without white space, with \\u escapes"),
    (
        Layout::Compact,
        Strings::Html,
        "with \\u escapes of <, > and &, as Go's json.Marshal and Gson write it",
    ),
    (Layout::Indented(2), Strings::Plain, "indented by two spaces"),
    (Layout::Indented(4), Strings::Plain, "indented by four spaces"),
    (Layout::Indented(4), Strings::AsciiSlashed, "indented, as PHP's JSON_PRETTY_PRINT writes it"),
    (Layout::Indented(4), Strings::Ascii, "indented by four spaces, with \\u escapes"),
    (Layout::AsSent, Strings::Plain, "with the escapes of its strings resolved"),
    (Layout::AsSent, Strings::Ascii, "with \\u escapes"),
    (Layout::AsSent, Strings::Slashed, "with \\/ for each slash"),
];

/// Other bodies, each once, with what is different about it.
pub(super) fn variants(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut variants = plain_variants(body);
    for (text, order) in [(Text::read(body), ""), (Text::sorted(body), ", its members sorted")] {
        let Some(text) = text else { continue };
        for (layout, strings, how) in WRITERS {
            let written = text.write(layout, strings);
            let sentence = format!("the body is signed as written anew{order}: {how}");
            variants.push((
                format!("{sentence}, and with an LF at its end"),
                format!("{written}\n").into_bytes(),
            ));
            variants.push((sentence, written.into_bytes()));
        }
    }
    let mut known = HashSet::from([body.to_vec()]);
    variants.retain(|(_, bytes)| known.insert(bytes.clone()));
    variants
}

/// Differences that have nothing to do with JSON.
fn plain_variants(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let signed = |how: &str, bytes: Vec<u8>| (format!("the body is signed {how}"), bytes);
    let lf = String::from_utf8_lossy(body).replace("\r\n", "\n");
    let mut variants = vec![
        signed("with an LF at its end that was not sent", [body, b"\n"].concat()),
        signed("with CR LF at its end that was not sent", [body, b"\r\n"].concat()),
        signed("with LF where CR LF was sent", lf.clone().into_bytes()),
        signed("with CR LF where LF was sent", lf.replace('\n', "\r\n").into_bytes()),
        signed("with a byte order mark that was not sent", [BOM, body].concat()),
        signed("without the white space around it", body.trim_ascii().to_vec()),
        signed("as if it were empty", Vec::new()),
        signed("as {}", b"{}".to_vec()),
        signed("as null", b"null".to_vec()),
        signed("as a JSON string, in quotes and escaped", quoted(body)),
    ];
    if let Some(without) = body.strip_suffix(b"\r\n") {
        variants.push(signed("without the CR LF at its end that was sent", without.to_vec()));
    }
    if let Some(without) = body.strip_suffix(b"\n") {
        variants.push(signed("without the LF at its end that was sent", without.to_vec()));
    }
    if let Some(without) = body.strip_prefix(BOM) {
        variants.push(signed("without the byte order mark that was sent", without.to_vec()));
    }
    variants
}

fn quoted(body: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&String::from_utf8_lossy(body)).unwrap_or_default()
}
