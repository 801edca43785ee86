//! PDFs: what viewers repair, hidden encryption, and what runs.

use rebuttal_protocol::{Extent, FileFormat, Note};

use crate::files::{case, inspect, notes, refusal, sample};

const PDF: FileFormat = FileFormat::Pdf;

/// A document of one page with more objects from 4 on, further trailer entries, and as many tables.
fn document(objects: &[&str], trailers: &[&str]) -> Vec<u8> {
    let usual = [
        "<</Type/Catalog/Pages 2 0 R>>",
        "<</Type/Pages/Kids[3 0 R]/Count 1>>",
        "<</Type/Page/Parent 2 0 R>>",
    ];
    let mut pdf = b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n".to_vec();
    let mut table = String::from("0000000000 65535 f \n");
    for (index, object) in usual.iter().chain(objects).enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.extend(format!("{} 0 obj\n{object}\nendobj\n", index + 1).bytes());
    }
    let mut previous = String::new();
    for (index, trailer) in trailers.iter().enumerate() {
        let at = pdf.len();
        // The first table has the objects, further ones none.
        let rows = if index == 0 { format!("0 {}\n{table}", objects.len() + 4) } else { "0 0\n".to_owned() };
        let size = objects.len() + 4;
        pdf.extend(
            format!("xref\n{rows}trailer\n<</Size {size}/Root 1 0 R {previous}{trailer}>>\nstartxref\n{at}\n%%EOF\n")
                .bytes(),
        );
        previous = format!("/Prev {at} ");
    }
    pdf
}

fn plain() -> Vec<u8> {
    document(&[], &[""])
}

fn replaced(content: &[u8], from: &str, to: &str) -> Vec<u8> {
    let at = memchr::memmem::rfind(content, from.as_bytes()).unwrap();
    [&content[..at], to.as_bytes(), &content[at + from.len()..]].concat()
}

#[test]
fn broken_structures_are_repaired_and_noted() {
    use Note::{BytesAfter, BytesBefore, MissingEndMarker, RepairedStructure};
    let whole = plain();
    let start = memchr::memmem::rfind(&whole, b"startxref").unwrap();
    let table = memchr::memmem::find(&whole, b"xref").unwrap();
    let trailer = memchr::memmem::find(&whole, b"trailer").unwrap();
    let cases: [(&str, Vec<u8>, &[Note]); 19] = [
        ("whole", whole.clone(), &[]),
        ("no version", replaced(&whole, "%PDF-1.7", "%PDF"), &[RepairedStructure]),
        ("unknown version", replaced(&whole, "%PDF-1.7", "%PDF-9.9"), &[]),
        (
            "Macintosh line ends",
            String::from_utf8_lossy(&whole).replace('\n', "\r").into_bytes(),
            &[RepairedStructure],
        ),
        ("no end marker", replaced(&whole, "%%EOF", ""), &[MissingEndMarker]),
        ("end marker cut short", whole[..whole.len() - 2].to_vec(), &[MissingEndMarker]),
        ("no startxref", replaced(&whole, "startxref", ""), &[RepairedStructure, MissingEndMarker]),
        ("startxref that leads astray", replaced(&whole, &table.to_string(), "12"), &[RepairedStructure]),
        ("startxref behind the end", replaced(&whole, &table.to_string(), "99999"), &[RepairedStructure]),
        ("wrong offsets", replaced(&whole, "0000000015", "0000000099"), &[]),
        ("no table", [&whole[..table], &whole[trailer..]].concat(), &[RepairedStructure]),
        ("no trailer", [&whole[..trailer], &whole[start..]].concat(), &[]),
        ("objects alone", whole[..table].to_vec(), &[RepairedStructure, MissingEndMarker]),
        ("byte order mark before", [b"\xef\xbb\xbf", &whole[..]].concat(), &[BytesBefore]),
        ("printer commands before", [b"\x1b%-12345X@PJL\n", &whole[..]].concat(), &[BytesBefore]),
        ("a kilobyte of line ends before", [&[b'\n'; 1_024], &whole[..]].concat(), &[]),
        ("zeros behind", [&whole[..], &[0; 100_000]].concat(), &[]),
        ("markup behind", [&whole[..], &b"<html>".repeat(2_000)].concat(), &[BytesAfter]),
        (
            "line ends changed",
            String::from_utf8_lossy(&whole).replace('\n', "\r\n").into_bytes(),
            &[RepairedStructure],
        ),
    ];
    for (about, content, noted) in cases {
        assert_eq!(
            inspect(PDF, &content).map(|inspection| inspection.extent),
            Ok(Extent::Pages(1)),
            "{about}"
        );
        assert_eq!(notes(PDF, &content), noted, "{about}");
    }
}

#[test]
fn other_kinds_before_a_document_are_what_the_file_is() {
    let whole = plain();
    for before in
        [&[b' '; 1_025][..], b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"MZ\x90\0", b"#!/bin/sh\n", b"GIF89a"]
    {
        assert_eq!(refusal(PDF, &[before, &whole].concat()), "OtherKind", "{before:?}");
    }
}

#[test]
fn a_document_needs_a_page() {
    let no_kids = |content: Vec<u8>| replaced(&content, "/Kids[3 0 R]/Count 1", "/Kids[     ]/Count 0");
    let cases = [
        ("no kids", no_kids(plain()), "Empty"),
        ("the catalogue as a page", replaced(&plain(), "/Kids[3 0 R]", "/Kids[1 0 R]"), "Empty"),
        ("no tree", replaced(&plain(), "/Pages 2 0 R", "/Nothing 2 0"), "Damaged"),
        ("no catalogue", replaced(&plain(), "/Root 1 0 R", "/Root 9 0 R"), "taken"),
        ("header alone", b"%PDF-1.7\n".to_vec(), "Damaged"),
        ("cut in its objects", plain()[..80].to_vec(), "Damaged"),
    ];
    for (about, content, expected) in cases {
        assert_eq!(refusal(PDF, &content), expected, "{about}");
    }
}

#[test]
fn documents_that_lost_pages_are_refused() {
    let linearized = sample("qpdf-linearized.pdf");
    let first_end = memchr::memmem::find(&linearized, b"%%EOF").unwrap() + 5;
    assert!(first_end < linearized.len() / 2);
    assert_eq!(refusal(PDF, &linearized[..first_end]), "Damaged");
    // A few bytes less, as after a change of line ends, are no loss.
    assert_eq!(refusal(PDF, &case("accept", "minimal-L-17-too-long.pdf")), "taken");
    let two = replaced(&plain(), "/Count 1", "/Count 2");
    assert_eq!(refusal(PDF, &two), "taken");
    assert_eq!(refusal(PDF, &two[..two.len() - 6]), "Damaged");
}

#[test]
fn passwords_are_found_however_the_trailer_is_written() {
    let encrypt = "<</Filter/Standard/V 1/R 2/P -4/O<00>/U<00>>>";
    let public_key = "<</Filter/Adobe.PubSec/V 4/SubFilter/adbe.pkcs7.s5>>";
    let stream = "<</Length 4>>stream\nabcd\nendstream";
    for (objects, trailers) in [
        (vec![encrypt], vec!["/Encrypt 4 0 R"]),
        (vec![public_key], vec!["/Encrypt 4 0 R"]),
        (vec![encrypt], vec!["/#45ncr#79pt 4 0 R"]),
        (vec![], vec!["/Encrypt<</Filter/Standard/V 1/R 2/P -4/O<00>/U<00>>>"]),
        (vec![encrypt], vec!["/ID[<00>(\\)>>)]/Info<</A(>>)>>/Encrypt 4 0 R"]),
        (vec![encrypt], vec!["% >> a comment\n/Encrypt 4 0 R"]),
        // Only an earlier trailer says so.
        (vec![encrypt, stream], vec!["/Encrypt 4 0 R", ""]),
        (vec![encrypt, stream], vec!["/Encrypt 4 0 R", "", ""]),
    ] {
        let content = document(&objects, &trailers);
        assert_eq!(refusal(PDF, &content), "Encrypted", "{trailers:?}");
        let broken = replaced(&content, "startxref", "");
        assert_eq!(refusal(PDF, &broken), "Encrypted", "{trailers:?}, repaired");
    }
    let hidden = case("refuse", "a-empty-xref.pdf");
    assert_eq!(refusal(PDF, &hidden), "Encrypted");
    for trailer in [
        "/Encrypt null",
        "/Info(/Encrypt 4 0 R)",
        "/Info<</Encrypt 4 0 R>>",
        "/EncryptMetadata true",
        "/Name/Encrypt",
        ">> % /Encrypt 4 0 R <<",
    ] {
        assert_eq!(refusal(PDF, &document(&[encrypt, stream], &[trailer])), "taken", "{trailer}");
    }
}

/// What is noted, or why it is refused.
type Expected = Result<&'static [Note], &'static str>;

#[test]
fn what_runs_is_refused_and_what_is_active_noted() {
    let cases: [(&[&str], Expected); 15] = [
        (&["<</S/JavaScript/JS(app.alert\\(1\\))>>"], Ok(&[Note::JavaScript])),
        (&["[<</A[<</S/JavaScript/JS 5 0 R>>]>>]", "(text)"], Ok(&[Note::JavaScript])),
        (&["<</S/J#61vaScript>>"], Ok(&[Note::JavaScript])),
        (&["<</S/Rendition/JS(1)>>"], Ok(&[Note::JavaScript])),
        (&["<</S/URI/URI(https://shop.example)>>"], Ok(&[Note::ExternalLinks])),
        (&["<</S/SubmitForm/F(https://shop.example)>>"], Ok(&[Note::ExternalLinks])),
        (&["<</XFA 5 0 R/Fields[]>>", "()"], Ok(&[Note::Xfa])),
        (&["<</Type/Filespec/F(invoice.xml)/EF<</F 5 0 R>>>>", "()"], Ok(&[Note::EmbeddedFiles])),
        (&["<</S/GoToE/T<<>>>>"], Ok(&[Note::EmbeddedFiles])),
        (&["<</S/GoTo/D[3 0 R/Fit]>>"], Ok(&[])),
        (&["(/S /Launch)"], Ok(&[])),
        (&["<</S/Launch/Win<</F(cmd.exe)>>>>"], Err("ActiveContent")),
        (&["<</A<</Next[<</S/#4caunch/F(a.pdf)>>]>>>>"], Err("ActiveContent")),
        (&["<</Type/Filespec/F(a.pdf)/UF(update.EXE)/EF<</F 5 0 R>>>>"], Err("ActiveContent")),
        (&["<</Type/Filespec/UF<feff0061002e006a0073>/EF<</F 5 0 R>>>>"], Err("ActiveContent")),
    ];
    for (objects, expected) in cases {
        let content = document(objects, &[""]);
        match expected {
            Ok(noted) => assert_eq!(notes(PDF, &content), noted, "{objects:?}"),
            Err(reason) => assert_eq!(refusal(PDF, &content), reason, "{objects:?}"),
        }
    }
}

/// A stream of objects from number 4 on.
fn packed(objects: &str) -> String {
    let numbers = "4 0 ";
    let data = format!("{numbers}{objects}");
    format!("<</Type/ObjStm/N 1/First {}/Length {}>>stream\n{data}\nendstream", numbers.len(), data.len())
}

#[test]
fn actions_are_found_in_packed_objects() {
    let launch = packed("<</S/Launch/F(cmd.exe)>>");
    let mut content = document(&["null", &launch], &[""]);
    // Without a table, packed objects are found where no other has their number.
    let at = memchr::memmem::find(&content, b"4 0 obj").unwrap();
    content[at..at + 15].fill(b' ');
    assert_eq!(refusal(PDF, &replaced(&content, "startxref", "")), "ActiveContent");
}
