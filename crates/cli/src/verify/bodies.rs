//! The body as others than its sender would have written it. A body must be signed as the bytes that are sent; many
//! libraries write it anew on one of the two ways.

use std::collections::HashSet;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD as BASE64;
use sha2::{Digest as _, Sha256};

use super::json::{Layout, Strings, Text};
use super::mistakes::percent_encoded;
use super::numbers::Numbers;
use super::writers::{PROGRAMS, WRITERS, Writer};

/// Most programs that are named for one spelling.
const NAMED_MAX: usize = 3;
/// Longest number that is shown as an example.
const NUMBER_SHOWN_MAX_BYTES: usize = 32;

/// A way to write the body, and who does.
struct Spelling {
    bytes: Vec<u8>,
    layout: Layout,
    strings: Strings,
    numbers: Numbers,
    writers: Vec<&'static Writer>,
}

/// Other bodies, each once, with what is different about it.
pub(super) fn variants(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let mut variants = plain_variants(body);
    let Some(sent) = Text::read(body) else { return variants };
    for (text, order) in [(&sent, ""), (&sent.sorted(), ", its members sorted")] {
        for spelling in spellings(text) {
            let how = spelling.facts(&sent, body).join(" and ");
            // Who sorts does it on request, which proves nobody.
            let who = if order.is_empty() { spelling.who() } else { String::new() };
            let colon = if how.is_empty() { "" } else { ": " };
            let sentence = format!("the body is signed as written anew{order}{colon}{how}{who}");
            variants.push((
                format!("{sentence}, and with an LF at its end"),
                [spelling.bytes.as_slice(), b"\n"].concat(),
            ));
            variants.push((sentence, spelling.bytes));
        }
    }
    let mut known = HashSet::from([body.to_vec()]);
    variants.retain(|(_, bytes)| known.insert(bytes.clone()));
    variants
}

/// What each writer makes of a text, the same bytes once.
fn spellings(text: &Text) -> Vec<Spelling> {
    let mut spellings: Vec<Spelling> = Vec::new();
    for writer in &WRITERS {
        let bytes = text.write(writer.layout, writer.strings, writer.numbers).into_bytes();
        match spellings.iter_mut().find(|known| known.bytes == bytes) {
            Some(known) => known.writers.push(writer),
            None => spellings.push(Spelling {
                bytes,
                layout: writer.layout,
                strings: writer.strings,
                numbers: writer.numbers,
                writers: vec![writer],
            }),
        }
    }
    spellings
}

impl Spelling {
    /// In what the bytes differ from those that were sent; nothing is said that is not in them.
    fn facts(&self, text: &Text, sent: &[u8]) -> Vec<String> {
        let Self { strings, layout, numbers, .. } = self;
        let mut facts = Vec::new();
        let respelt = text.write(Layout::AsSent, *strings, Numbers::AsSent);
        if respelt != text.write(*layout, *strings, Numbers::AsSent) {
            facts.extend(match layout {
                Layout::AsSent => None,
                Layout::Compact => Some("without white space".to_owned()),
                Layout::Spaced => Some("with a space after each colon and comma".to_owned()),
                Layout::Indented(spaces) => Some(format!("indented by {spaces} spaces")),
            });
        }
        facts.extend(text.renumbered(*numbers).map(|(sent, written)| {
            match sent.len().max(written.len()) > NUMBER_SHOWN_MAX_BYTES {
                true => "with its numbers written anew".to_owned(),
                false => format!("with its numbers written anew, such as {written} for {sent}"),
            }
        }));
        if respelt.as_bytes() == sent {
            return facts;
        }
        let before = facts.len();
        if strings.non_ascii && text.has(|character| !character.is_ascii()) {
            let digits = if strings.upper { " with upper-case digits" } else { "" };
            facts.push(format!("with \\u escapes{digits} of what is not ASCII"));
        }
        let signs = strings.signs.chars().filter(|sign| text.has(|character| character == *sign));
        let signs: Vec<_> = signs.map(|sign| sign.escape_default().to_string()).collect();
        if !signs.is_empty() {
            facts.push(format!("with \\u escapes of {}", signs.join(" ")));
        }
        if strings.slashes && text.has(|character| character == '/') {
            facts.push("with \\/ for each slash".to_owned());
        }
        if facts.len() == before {
            facts.push("with the escapes of its strings resolved".to_owned());
        }
        facts
    }

    /// Whose writer makes exactly these bytes. One name for each program: the first is what it does unasked.
    fn who(&self) -> String {
        let mut programs = HashSet::new();
        let named = self.writers.iter().filter(|writer| programs.insert(writer.program));
        let names: Vec<_> = named.map(|writer| writer.name).filter(|name| !name.is_empty()).collect();
        match names.as_slice() {
            [] => String::new(),
            [name] => format!(", as {name} writes it"),
            [first @ .., last] if first.len() < NAMED_MAX => {
                format!(", as {} or {last} writes it", first.join(", "))
            }
            // What everybody writes proves nobody.
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

/// Bodies that few sign: in another encoding, or something made of them.
pub(super) fn rare(body: &[u8]) -> Vec<(String, Vec<u8>)> {
    let text = String::from_utf8_lossy(body);
    let signed = |how: &str, bytes: Vec<u8>| (format!("the body is signed {how}"), bytes);
    let asked = text.chars().map(|character| if character.is_ascii() { character } else { '?' });
    let mut variants = vec![
        signed("with ? for what is not ASCII: it was encoded as ASCII", asked.collect::<String>().into()),
        signed("as UTF-8 that was taken for Latin-1 and encoded once more", from_latin(body)),
        signed("without any space, those in its strings left out, too", text.replace(' ', "").into()),
        signed("without its line ends", text.replace(['\r', '\n'], "").into()),
        signed(
            "as its SHA-256 in hex, where the body itself is meant",
            hex::encode(Sha256::digest(body)).into(),
        ),
        signed("in base64, where the body itself is meant", BASE64.encode(body).into()),
        signed("percent-encoded", percent_encoded(&text).into()),
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

/// With other bytes in the place of some.
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
