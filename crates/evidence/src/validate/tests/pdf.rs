//! Invalid PDFs, and the irregularities of real ones.

use super::*;

const PDF: FileFormat = FileFormat::Pdf;
const ENCRYPTED: InvalidFile = InvalidFile::Encrypted { format: PDF };

/// A document of one object and the given trailers, each with its own table, chained by `Prev`.
struct Document(Vec<u8>);

impl Document {
    fn new() -> Self {
        Self(b"%PDF-1.7\n%\xe2\xe3\xcf\xd3\n1 0 obj\n<< /Type /Catalog >>\nendobj\n".to_vec())
    }

    /// Adds a table with a trailer; returns its offset.
    fn table(&mut self, trailer: &str) -> usize {
        let at = self.0.len();
        let table = format!("xref\n0 1\n0000000000 65535 f \ntrailer\n{trailer}\n");
        self.0.extend_from_slice(table.as_bytes());
        at
    }

    /// Adds a cross-reference stream; returns its offset.
    fn stream(&mut self, dictionary: &str) -> usize {
        let at = self.0.len();
        let stream = format!("7 0 obj\n{dictionary}\nstream\nxxxx\nendstream\nendobj\n");
        self.0.extend_from_slice(stream.as_bytes());
        at
    }

    fn end(mut self, start: usize) -> Vec<u8> {
        let end = format!("startxref\n{start}\n%%EOF\n");
        self.0.extend_from_slice(end.as_bytes());
        self.0
    }

    fn with_trailer(trailer: &str) -> Vec<u8> {
        let mut document = Self::new();
        let at = document.table(trailer);
        document.end(at)
    }
}

#[test]
fn encryption_is_found_however_the_trailer_writes_it() {
    for trailer in [
        "<< /Root 1 0 R /Encrypt 5 0 R >>",
        "<</Root 1 0 R/Encrypt<</Filter/Standard>>>>",
        "<< /Encrypt 5 0 R /Root 1 0 R >>",
        "<< /Root 1 0 R /#45ncr#79pt 5 0 R >>",
        "<< /ID [<00> (\\)>>)] /Info << /A (>>) >> /Root 1 0 R /Encrypt 5 0 R >>",
        "<< /Size 1 % >> a comment\n /Root 1 0 R /Encrypt 5 0 R >>",
    ] {
        assert_eq!(validate(PDF, &Document::with_trailer(trailer)), Err(ENCRYPTED), "{trailer}");
    }
}

#[test]
fn apparent_encryption_is_accepted() {
    for trailer in [
        "<< /Root 1 0 R >>",
        "<< /Root 1 0 R /Encrypt null >>",
        "<< /Root 1 0 R /Info (/Encrypt 5 0 R) >>",
        "<< /Root 1 0 R /Info << /Encrypt 5 0 R >> >>",
        "<< /Root 1 0 R /EncryptMetadata true >>",
        "<< /Root 1 0 R /Name /Encrypt >>",
        "<< /Root 1 0 R >> /Encrypt 5 0 R",
    ] {
        assert_eq!(validate(PDF, &Document::with_trailer(trailer)), Ok(()), "{trailer}");
    }
}

#[test]
fn encryption_is_found_along_the_whole_chain() {
    let mut document = Document::new();
    let first = document.table("<< /Root 1 0 R /Encrypt 5 0 R >>");
    let second = document.table(&format!("<< /Root 1 0 R /Prev {first} >>"));
    let third = document.table(&format!("<< /Root 1 0 R /Prev {second} >>"));
    assert_eq!(validate(PDF, &document.end(third)), Err(ENCRYPTED));

    let mut document = Document::new();
    let stream = document.stream("<< /Type /XRef /Encrypt 5 0 R /W [1 2 1] /Index [0 9 12 4] >>");
    let hybrid = document.table(&format!("<< /Root 1 0 R /XRefStm {stream} >>"));
    assert_eq!(validate(PDF, &document.end(hybrid)), Err(ENCRYPTED));

    let mut document = Document::new();
    let stream = document.stream("<< /Type /XRef /Root 1 0 R /Encrypt 5 0 R >>");
    assert_eq!(validate(PDF, &document.end(stream)), Err(ENCRYPTED));
}

#[test]
fn a_chain_that_goes_in_circles_ends() {
    let mut document = Document::new();
    let at = document.0.len();
    document.table(&format!("<< /Root 1 0 R /Prev {at} /XRefStm {at} >>"));
    assert_eq!(validate(PDF, &document.end(at)), Ok(()));
}

#[test]
fn a_chain_has_a_bounded_length() {
    let mut document = Document::new();
    let mut at = document.table("<< /Root 1 0 R >>");
    for _ in 0..2_000 {
        at = document.table(&format!("<< /Root 1 0 R /Prev {at} >>"));
    }
    assert!(matches!(validate(PDF, &document.end(at)), Err(InvalidFile::TooMuch { .. })));
}

#[test]
fn a_chain_that_is_broken_is_searched_as_viewers_repair_it() {
    for (encrypt, validated) in [("", Ok(())), ("/Encrypt 5 0 R", Err(ENCRYPTED))] {
        for start in [0, 7, 12, 1_000_000, usize::MAX] {
            let mut document = Document::new();
            document.table(&format!("<< /Root 1 0 R {encrypt} >>"));
            assert_eq!(validate(PDF, &document.end(start)), validated, "table, startxref {start}");

            let mut document = Document::new();
            document.stream(&format!("<< /Type /XRef /Root 1 0 R {encrypt} >>"));
            assert_eq!(validate(PDF, &document.end(start)), validated, "stream, startxref {start}");
        }
        let mut document = Document::new();
        document.table(&format!("<< /Root 1 0 R {encrypt} >>"));
        let last = document.table("<< /Root 1 0 R /Prev 999999 >>");
        assert_eq!(validate(PDF, &document.end(last)), validated, "a previous one that is not there");
    }
}

#[test]
fn offsets_may_point_at_white_space_and_count_from_the_header() {
    let mut document = Document::new();
    document.0.extend_from_slice(b"\n\r\n ");
    let at = document.table("<< /Root 1 0 R >>") - 3;
    let content = document.end(at);
    assert_eq!(validate(PDF, &content), Ok(()));
    assert_eq!(validate(PDF, &[b"\xef\xbb\xbf\r\n".as_slice(), &content].concat()), Ok(()));
}

#[test]
fn a_header_and_a_trailer_are_needed() {
    let whole = Document::with_trailer("<< /Root 1 0 R >>");
    let text = String::from_utf8_lossy(&whole).into_owned();
    for (from, to) in [("%%EOF", ""), ("startxref", ""), ("/Root 1 0 R", ""), ("trailer\n<<", "trailer\n")] {
        let invalid_file = validate(PDF, text.replace(from, to).as_bytes()).unwrap_err();
        assert!(matches!(invalid_file, InvalidFile::Damaged { .. }), "{from}: {invalid_file}");
    }
    for other in [[b' '; 1_025].as_slice(), b"\x89PNG\r\n\x1a\n", b"<html>", b"PK\x03\x04"] {
        let invalid_file = validate(PDF, &[other, &whole].concat()).unwrap_err();
        assert!(matches!(invalid_file, InvalidFile::OtherKind { .. }), "{invalid_file}");
    }
    for tolerated in [b"\x1b%-12345X@PJL\n".as_slice(), &[b'\n'; 1_024], &[0; 512]] {
        assert_eq!(validate(PDF, &[tolerated, &whole].concat()), Ok(()));
    }
}

#[test]
fn the_object_that_a_trailer_leads_to_is_there() {
    let nowhere = Err(InvalidFile::damaged(PDF, "its trailer points to no object"));
    for objects in ["", "11 0 obj", "1 0 object", "endobj 1 0 R obj", "obj 1 0", "2 0 obj", "1 obj", "% /Obj"]
    {
        let text = format!("%PDF-1.7\n{objects}\ntrailer<</Size 10/Root 1 0 R>>\nstartxref\n0\n%%EOF\n");
        let validated = validate(PDF, text.as_bytes());
        // The context of the word `obj` is not checked, only that the object exists.
        let expected = if objects == "1 0 object" { Ok(()) } else { nowhere.clone() };
        assert_eq!(validated, expected, "{objects}");
    }
    for objects in
        ["1 0 obj", "0001\n00000 obj", "9 0 obj<<>>endobj\r1 0 obj", "7 0 obj<</Type/ObjStm>>", "1 0obj"]
    {
        let text = format!("%PDF-1.7\n{objects}\ntrailer<</Size 10/Root 1 0 R>>\nstartxref\n0\n%%EOF\n");
        assert_eq!(validate(PDF, text.as_bytes()), Ok(()), "{objects}");
    }
    let direct = Document::with_trailer("<< /Root 1 >>");
    assert_eq!(validate(PDF, &direct), nowhere);
}

#[test]
fn a_little_behind_the_end_marker_is_tolerated() {
    let whole = Document::with_trailer("<< /Root 1 0 R >>");
    assert_eq!(validate(PDF, &[whole.as_slice(), &[0; 100_000]].concat()), Ok(()));
    assert_eq!(validate(PDF, &[whole.as_slice(), &[b'x'; 900]].concat()), Ok(()));
    assert!(validate(PDF, &[whole.as_slice(), &[b'x'; 2_000]].concat()).is_err());
}

#[test]
fn half_of_a_linearized_file_is_not_a_file() {
    let content = sample("qpdf-linearized.pdf");
    let first_end = memchr::memmem::find(&content, b"%%EOF").unwrap() + 5;
    assert!(first_end < content.len() / 2);
    let invalid_file = validate(PDF, &content[..first_end]).unwrap_err();
    assert_eq!(invalid_file, InvalidFile::damaged(PDF, "it is shorter than it declares"));
}

#[test]
fn hostile_dictionaries_are_given_up_within_bounds() {
    for piece in ["obj<<[", "obj<</A", "trailer<<", "trailer<<(", "obj << /A << ", "trailer<</A<"] {
        let mut content = b"%PDF-1.7\n".to_vec();
        content.extend(piece.bytes().cycle().take(2_000_000));
        content.extend_from_slice(b"\nstartxref\n9\n%%EOF");
        let invalid_file = validate(PDF, &content).unwrap_err();
        assert!(
            matches!(invalid_file, InvalidFile::TooMuch { .. } | InvalidFile::Damaged { .. }),
            "{piece}: {invalid_file}"
        );
    }
}
