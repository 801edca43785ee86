//! Other serializations of a body. A body must be signed as the bytes that are sent; many libraries serialize it a
//! second time for one of the two.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::json::{JsonText, Layout, StringEscapes};
use super::json_writers::{JSON_WRITERS, JsonWriter, PROGRAMS};
use super::numbers::NumberFormat;
use crate::address::percent_encode;

/// Most libraries that are named for one serialization.
const NAMED_MAX: usize = 3;
/// Longest number that is shown as an example.
const NUMBER_SHOWN_MAX_BYTES: usize = 32;

/// A serialization of the body, and the writers that produce it.
struct BodySerialization {
    bytes: Vec<u8>,
    layout: Layout,
    strings: StringEscapes,
    numbers: NumberFormat,
    writers: Vec<&'static JsonWriter>,
}

/// Other bodies, each once, with a description of the difference.
pub(super) fn variants(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut variants = plain_variants(body);
    let Some(sent) = JsonText::read(body) else { return variants };
    for (text, order) in [(&sent, ""), (&sent.sorted(), ", its members sorted")] {
        for serialization in serializations(text) {
            let how = serialization.differences(&sent, body).join(" and ");
            // Sorting is an option of many writers, so it identifies none.
            let writer_names = if order.is_empty() { serialization.writer_names() } else { String::new() };
            let colon = if how.is_empty() { "" } else { ": " };
            let sentence = format!("the body is signed as written anew{order}{colon}{how}{writer_names}");
            variants.push((
                format!("{sentence}, and with an LF at its end"),
                [serialization.bytes.as_slice(), b"\n"].concat(),
            ));
            variants.push((sentence, serialization.bytes));
        }
    }
    let mut known = HashSet::from([body.to_vec()]);
    variants.retain(|(_, bytes)| known.insert(bytes.clone()));
    variants
}

/// The serializations of a text by all writers, without duplicates.
fn serializations(text: &JsonText) -> Vec<BodySerialization> {
    let mut serializations: Vec<BodySerialization> = Vec::new();
    for writer in &JSON_WRITERS {
        let bytes = text.write(writer.layout, writer.strings, writer.numbers).into_bytes();
        match serializations.iter_mut().find(|known| known.bytes == bytes) {
            Some(known) => known.writers.push(writer),
            None => serializations.push(BodySerialization {
                bytes,
                layout: writer.layout,
                strings: writer.strings,
                numbers: writer.numbers,
                writers: vec![writer],
            }),
        }
    }
    serializations
}

impl BodySerialization {
    /// How the bytes differ from those that were sent.
    fn differences(&self, text: &JsonText, sent: &[u8]) -> Vec<String> {
        let Self { strings, layout, numbers, .. } = self;
        let mut differences = Vec::new();
        let reescaped = text.write(Layout::AsSent, *strings, NumberFormat::AsSent);
        if reescaped != text.write(*layout, *strings, NumberFormat::AsSent) {
            differences.extend(match layout {
                Layout::AsSent => None,
                Layout::Compact => Some("without white space".to_owned()),
                Layout::Spaced => Some("with a space after each colon and comma".to_owned()),
                Layout::Indented(spaces) => Some(format!("indented by {spaces} spaces")),
            });
        }
        differences.extend(text.first_rewritten_number(*numbers).map(|(sent, written)| {
            match sent.len().max(written.len()) > NUMBER_SHOWN_MAX_BYTES {
                true => "with its numbers written anew".to_owned(),
                false => format!("with its numbers written anew, such as {written} for {sent}"),
            }
        }));
        if reescaped.as_bytes() == sent {
            return differences;
        }
        let before = differences.len();
        if strings.non_ascii && text.has_char(|character| !character.is_ascii()) {
            let digits = if strings.upper_hex { " with upper-case digits" } else { "" };
            differences.push(format!("with \\u escapes{digits} of what is not ASCII"));
        }
        let characters =
            strings.characters.chars().filter(|escaped| text.has_char(|character| character == *escaped));
        let characters: Vec<_> = characters.map(|character| character.escape_default().to_string()).collect();
        if !characters.is_empty() {
            differences.push(format!("with \\u escapes of {}", characters.join(" ")));
        }
        if strings.slashes && text.has_char(|character| character == '/') {
            differences.push("with \\/ for each slash".to_owned());
        }
        if differences.len() == before {
            differences.push("with the escapes of its strings resolved".to_owned());
        }
        differences
    }

    /// The writers that produce these bytes, one name for each library; its default comes first.
    fn writer_names(&self) -> String {
        let mut programs = HashSet::new();
        let named = self.writers.iter().filter(|writer| programs.insert(writer.program));
        let names: Vec<_> = named.map(|writer| writer.name).filter(|name| !name.is_empty()).collect();
        match names.as_slice() {
            [] => String::new(),
            [name] => format!(", as {name} writes it"),
            [first @ .., last] if first.len() < NAMED_MAX => {
                format!(", as {} or {last} writes it", first.join(", "))
            }
            // What all libraries write identifies none.
            all if all.len() == PROGRAMS => ", as most libraries write it".to_owned(),
            all => format!(", as {} and others write it", all.get(..NAMED_MAX).unwrap_or(all).join(", ")),
        }
    }
}

/// Differences that have nothing to do with JSON.
fn plain_variants(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    const BOM: &[u8] = b"\xef\xbb\xbf";
    let signed = |how: &str, bytes: Vec<u8>| (format!("the body is signed {how}"), bytes);
    let lf = replaced(body, b"\r\n", b"\n");
    let mut variants = vec![
        signed("with an LF at its end that was not sent", [body, b"\n"].concat()),
        signed("with CR LF at its end that was not sent", [body, b"\r\n"].concat()),
        signed("with LF where CR LF was sent", lf.clone()),
        signed("with CR LF where LF was sent", replaced(&lf, b"\n", b"\r\n")),
        signed("with a byte order mark that was not sent", [BOM, body].concat()),
        signed("without the white space around it", body.trim_ascii().to_vec()),
        signed("as if it were empty", Vec::new()),
        signed("as {}", b"{}".to_vec()),
        signed("as null", b"null".to_vec()),
        signed("as a JSON string, in quotes and escaped", quoted(body)),
    ];
    let text = String::from_utf8_lossy(body);
    if text.as_bytes() != body {
        let how =
            "with U+FFFD where the body sent is not UTF-8: it was read as UTF-8, and must be written so, too";
        variants.push(signed(how, text.clone().into_owned().into_bytes()));
        variants.push(signed("in UTF-8, but sent in Latin-1", from_latin(body)));
    }
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

/// Unusual bodies: in another encoding, or derived from the body.
pub(super) fn rare(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(body);
    let signed = |how: &str, bytes: Vec<u8>| (format!("the body is signed {how}"), bytes);
    let with_question_marks =
        text.chars().map(|character| if character.is_ascii() { character } else { '?' });
    let mut variants = vec![
        signed(
            "with ? for what is not ASCII: it was encoded as ASCII",
            with_question_marks.collect::<String>().into(),
        ),
        signed("as UTF-8 that was taken for Latin-1 and encoded once more", from_latin(body)),
        signed("without any space, those in its strings left out, too", text.replace(' ', "").into()),
        signed("without its line ends", text.replace(['\r', '\n'], "").into()),
        signed(
            "as its SHA-256 in hex, where the body itself is meant",
            hex::encode(Sha256::digest(body)).into(),
        ),
        signed("in base64, where the body itself is meant", BASE64.encode(body).into()),
        signed("percent-encoded", percent_encode(&text).into()),
    ];
    let latin: Option<Vec<u8>> =
        text.chars().map(|character| u8::try_from(u32::from(character)).ok()).collect();
    variants.extend(latin.map(|latin| signed("in Latin-1, but sent in UTF-8", latin)));
    variants
}

/// Latin-1 as UTF-8.
fn from_latin(body: &[u8]) -> Vec<u8> {
    body.iter().map(|byte| char::from(*byte)).collect::<String>().into_bytes()
}

/// With some bytes replaced.
fn replaced(body: &[u8], old: &[u8], new: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(body.len());
    let mut rest = body;
    while let Some((first, tail)) = rest.split_first() {
        if let Some(after) = rest.strip_prefix(old) {
            bytes.extend_from_slice(new);
            rest = after;
        } else {
            bytes.push(*first);
            rest = tail;
        }
    }
    bytes
}

fn quoted(body: &[u8]) -> Vec<u8> {
    serde_json::to_vec(&String::from_utf8_lossy(body)).unwrap_or_default()
}
