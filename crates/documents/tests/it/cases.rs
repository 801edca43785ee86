//! Files of real producers are judged as ordinary viewers would, and the refusal says what to do.

use rebuttal_protocol::{Extent, FileFormat, FileInspection, InvalidFile, Note};
use rebuttal_testbed::{invalid_files, samples};

use crate::files::{self, cases, inspect, notes, refusal, sample};

#[test]
fn cases_are_judged_right_and_noted() {
    use Note::{BytesAfter, BytesBefore, MissingEndMarker, OwnerPassword, RepairedStructure};
    let expected: [(&str, &[Note]); 10] = [
        ("ct-utf16.xlsx", &[]),
        ("doctype-before.pdf", &[BytesBefore]),
        ("minimal-L-17-too-long.pdf", &[]),
        ("minimal-empty-part.xlsx", &[]),
        ("no-iend.png", &[MissingEndMarker]),
        ("pr-138-example.pdf", &[OwnerPassword]),
        ("t04_002_eof-missing.pdf", &[RepairedStructure, MissingEndMarker]),
        ("t04_017_trailer-no-startxref-keyword.pdf", &[RepairedStructure, MissingEndMarker]),
        ("trail-1100-html.pdf", &[BytesAfter]),
        ("truncated_app14.jpg", &[RepairedStructure]),
    ];
    let accepted = cases("accept");
    assert_eq!(accepted.len(), expected.len());
    for ((name, format, content), (wanted, noted)) in accepted.iter().zip(expected) {
        assert_eq!(name, wanted);
        assert_eq!(notes(*format, content), noted, "{name}");
    }
    let expected = [
        ("a-empty-xref.pdf", "Encrypted"),
        ("dde-test.xlsx", "ActiveContent"),
        ("empty.pdf", "Empty"),
        ("idat-garbage.png", "Damaged"),
        ("poc-xmlbomb.xlsx", "ActiveContent"),
    ];
    let refused = cases("refuse");
    assert_eq!(refused.len(), expected.len());
    for ((name, format, content), (wanted, reason)) in refused.iter().zip(expected) {
        assert_eq!((name.as_str(), refusal(*format, content)), (wanted, reason));
    }
}

#[test]
fn honest_files_of_many_producers_are_taken() {
    for (name, format, content) in files::samples() {
        let expected = match name.as_str() {
            // It has a password for its permissions only.
            name if name.starts_with("encrypted-") => "Encrypted",
            name if name.starts_with("macros-") => "Macros",
            _ => "taken",
        };
        assert_eq!(refusal(format, &content), expected, "{name}");
    }
    for sample in samples::all() {
        let format = files::format_of(sample.filename.as_ref()).unwrap();
        let inspection = inspect(format, &sample.bytes).unwrap();
        assert_eq!(inspection.media_type, sample.media_type);
    }
}

#[test]
fn forged_files_are_refused() {
    for file in invalid_files::all() {
        let format = files::format_of(file.filename.as_ref()).unwrap();
        // Viewers skip markup before a document.
        let is_skipped = file.about == "a web page with a document behind it";
        assert_eq!(inspect(format, &file.bytes).is_ok(), is_skipped, "{}", file.about);
    }
}

#[test]
fn no_file_passes_under_another_formats_name() {
    let kind = |format| if format == FileFormat::Jpeg { FileFormat::Jpg } else { format };
    for (name, format, content) in files::samples() {
        for other in FileFormat::ALL.into_iter().filter(|other| kind(*other) != kind(format)) {
            assert!(inspect(other, &content).is_err(), "{name} as {other:?}");
        }
    }
}

#[test]
fn refusal_names_the_kind_of_file_uploaded_by_mistake() {
    let kinds: [(&[u8], &str); 13] = [
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
    for (content, expected) in kinds {
        for format in FileFormat::ALL {
            let refused = inspect(format, content).unwrap_err();
            assert_eq!(refused, InvalidFile::OtherKind { format, found: expected.into() });
        }
    }
}

#[test]
fn refusals_say_what_to_do() {
    let cases: [(FileFormat, Vec<u8>, &str); 6] = [
        (
            FileFormat::Pdf,
            sample("pillow.png"),
            "The file is named .pdf, but its content is a PNG image. Upload it with the extension of its content, or save it as pdf.",
        ),
        (
            FileFormat::Pdf,
            b"GIF89a".to_vec(),
            "The file is named .pdf, but its content is a GIF image. Save it as pdf with the program that made it, or choose another file.",
        ),
        (
            FileFormat::Pdf,
            sample("encrypted-reportlab.pdf"),
            "The .pdf file asks for a password. Save it without a password or other protection and upload that.",
        ),
        (
            FileFormat::Pdf,
            files::case("refuse", "empty.pdf"),
            "The .pdf file has no page. Print it to PDF again and upload that.",
        ),
        (
            FileFormat::Xlsx,
            files::case("refuse", "dde-test.xlsx"),
            "The .xlsx file contains a link to another program (DDE). Remove it and save the workbook again, or save it as a PDF, and upload that.",
        ),
        (
            FileFormat::Xlsx,
            sample("macros-xlsxwriter.xlsx"),
            "The .xlsx file contains macros (a VBA project). Save it as a workbook without macros (.xlsx), or as a PDF, and upload that.",
        ),
    ];
    for (format, content, expected) in cases {
        assert_eq!(inspect(format, &content).unwrap_err().to_string(), expected);
    }
}

/// The words are stored and sent between processes.
#[test]
fn inspections_and_refusals_survive_json() {
    let content = files::case("accept", "t04_017_trailer-no-startxref-keyword.pdf");
    let inspection = inspect(FileFormat::Pdf, &content).unwrap();
    let json =
        r#"{"mediaType":"application/pdf","pages":1,"notes":["REPAIRED_STRUCTURE","MISSING_END_MARKER"]}"#;
    assert_eq!(serde_json::to_string(&inspection).unwrap(), json);
    assert_eq!(serde_json::from_str::<FileInspection>(json).unwrap(), inspection);
    let picture = inspect(FileFormat::Png, &sample("pillow.png")).unwrap();
    assert_eq!(picture.extent, Extent::Pixels { width: 220, height: 90 });
    let json = r#"{"mediaType":"image/png","pixels":{"width":220,"height":90},"notes":[]}"#;
    assert_eq!(serde_json::to_string(&picture).unwrap(), json);

    let refused = inspect(FileFormat::Pdf, b"GIF89a").unwrap_err();
    let json = r#"{"otherKind":{"format":"pdf","found":"a GIF image"}}"#;
    assert_eq!(serde_json::to_string(&refused).unwrap(), json);
    assert_eq!(serde_json::from_str::<InvalidFile>(json).unwrap(), refused);
}
