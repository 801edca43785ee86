//! Sample files of many producers are valid; forged files are not.

use std::path::PathBuf;

use proptest::prelude::*;
use rebuttal_protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES;

use super::*;

mod bombs;
mod images;
mod pdf;
mod workbooks;
mod xls;

const LARGEST: usize = DISPUTE_EVIDENCE_MAX_BYTES as usize;

fn validate(format: FileFormat, content: &[u8]) -> Result<(), InvalidFile> {
    super::validate(Scene::DisputeEvidence, format, content)
}

fn sample(name: &str) -> Vec<u8> {
    std::fs::read(folder().join(name)).unwrap_or_else(|error| panic!("{name}: {error}"))
}

fn folder() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../testdata/evidence")
}

/// Every sample file with the format of its name, sorted.
fn samples() -> Vec<(String, FileFormat)> {
    let entries = std::fs::read_dir(folder()).unwrap();
    let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
    let mut samples: Vec<_> = names
        .filter_map(|name| {
            let format = Scene::DisputeEvidence.format(name.rsplit('.').next()?)?;
            Some((name, format))
        })
        .collect();
    samples.sort();
    samples
}

fn is_honest(name: &str) -> bool {
    !name.starts_with("encrypted-") && !name.starts_with("macros-")
}

#[test]
fn honest_files_of_many_producers_pass() {
    for format in FileFormat::ALL {
        let least = if format == FileFormat::Jpeg { 1 } else { 3 };
        let honest = samples().into_iter().filter(|(name, of)| is_honest(name) && *of == format);
        let mut count = 0;
        for (name, _) in honest {
            assert_eq!(validate(format, &sample(&name)), Ok(()), "{name}");
            count += 1;
        }
        assert!(count >= least, "too few samples of {format:?}");
    }
}

#[test]
fn encrypted_files_and_macros_of_real_producers_are_refused() {
    let mut count = 0;
    for (name, format) in samples().into_iter().filter(|(name, _)| !is_honest(name)) {
        let invalid_file = validate(format, &sample(&name)).unwrap_err();
        let found_out = match name.split('-').next() {
            Some("encrypted") => matches!(invalid_file, InvalidFile::Encrypted { .. }),
            _ => matches!(invalid_file, InvalidFile::Macros { .. }),
        };
        assert!(found_out, "{name}: {invalid_file}");
        count += 1;
    }
    assert!(count >= 5);
}

#[test]
fn no_file_passes_under_another_formats_name() {
    for (name, format) in samples() {
        let content = sample(&name);
        let jpeg = |format| matches!(format, FileFormat::Jpg | FileFormat::Jpeg);
        for other in FileFormat::ALL {
            if other != format && !(jpeg(format) && jpeg(other)) {
                assert!(validate(other, &content).is_err(), "{name} as {other:?}");
            }
        }
    }
}

#[test]
fn a_file_cut_short_is_never_true() {
    for (name, format) in samples().into_iter().filter(|(name, _)| is_honest(name)) {
        let content = sample(&name);
        for length in (0..content.len()).step_by(content.len() / 97 + 1) {
            let rest = &content[length..];
            let only_padding_is_missing = rest.iter().all(|byte| byte.is_ascii_whitespace() || *byte == 0);
            // A file with an incremental update, cut after its first revision, is valid.
            let earlier_state = name == "pypdf-incremental.pdf" && length >= sample("reportlab.pdf").len();
            // Sectors that nothing refers to may end an OLE file.
            let slack = format == FileFormat::Xls && rest.len() < 2 * 512;
            if !only_padding_is_missing && !slack && !earlier_state {
                assert!(validate(format, &content[..length]).is_err(), "{name} cut at {length}");
            }
        }
    }
}

#[test]
fn error_names_the_kind_of_file_uploaded_by_mistake() {
    let cases: [(&[u8], &str); 13] = [
        (b"", "empty"),
        (b"  \n<!DOCTYPE HTML><p>", "an HTML page"),
        (b"<html>", "an HTML page"),
        (b"<?xml version=\"1.0\"?><Workbook/>", "an XML document"),
        (b"payment;amount\nP1;100.05\n", "text"),
        (b"GIF89a", "a GIF image"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "a WebP image"),
        (b"\0\0\0\x18ftypheic\0\0\0\0", "a HEIC image"),
        (b"\0\0\0\x18ftypisom\0\0\0\0", "a video"),
        (b"MZ\x90\0", "a program"),
        (b"{\\rtf1", "a rich text document"),
        (b"\0\x01\x02\x03", "data of another kind"),
        (b"PK\x05\x06", "an empty ZIP archive"),
    ];
    for (content, expected) in cases {
        for format in FileFormat::ALL {
            let invalid_file = validate(format, content).unwrap_err();
            assert_eq!(invalid_file, InvalidFile::OtherKind { format, found: expected });
        }
    }
    let invalid_file = validate(FileFormat::Pdf, &sample("pillow.png")).unwrap_err().to_string();
    assert_eq!(
        invalid_file,
        "The file is named .pdf, but its content is a PNG image. Upload it with the extension of its content, or save it as pdf."
    );
    let invalid_file = validate(FileFormat::Pdf, b"GIF89a").unwrap_err().to_string();
    assert_eq!(
        invalid_file,
        "The file is named .pdf, but its content is a GIF image. Save it as pdf with the program that made it, or choose another file."
    );
}

#[test]
fn a_file_over_its_scenes_limit_is_not_judged() {
    let max_bytes = Scene::DisputeEvidence.max_bytes();
    let invalid_file = validate(FileFormat::Png, &vec![0; LARGEST + 1]).unwrap_err();
    assert_eq!(invalid_file, InvalidFile::TooLarge { format: FileFormat::Png, max_bytes });
}

fn mutated() -> impl Strategy<Value = (FileFormat, Vec<u8>)> {
    let files: Vec<_> = samples().into_iter().map(|(name, format)| (format, sample(&name))).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..6_u8), 1..12);
    (prop::sample::select(files), edits).prop_map(|((format, mut content), edits)| {
        for (at, value, kind) in edits {
            if content.is_empty() {
                break;
            }
            let at = at.index(content.len());
            match kind {
                0 => content.truncate(at),
                1 => drop(content.remove(at)),
                2 => content.insert(at, value),
                3 => content.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
                4 => content.extend_from_within(at..),
                _ => content[at] = value,
            }
        }
        (format, content)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any altered sample is validated without a panic, and the error can be printed.
    #[test]
    fn no_damage_makes_a_judge_panic((format, content) in mutated()) {
        if let Err(invalid_file) = validate(format, &content) {
            prop_assert!(!invalid_file.to_string().is_empty());
        }
    }
}
