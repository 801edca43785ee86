//! Files whose content does not match their name, or that contain what evidence must not (contract §3): each is small
//! enough to be uploaded, and none may be accepted.

use crate::samples::{jpeg, jpeg_of, ole_of, pdf, pdf_of, png, png_of, xls, xlsx, zip_of};

/// A file and what is wrong with it.
#[derive(Clone, Debug)]
pub struct InvalidFile {
    pub about: &'static str,
    pub filename: &'static str,
    pub bytes: Vec<u8>,
}

/// Decompresses to a hundred times the size of a workbook of 2 MB.
const BOMB_BYTES: usize = 200 * 1024 * 1024;
const BOMB_ENTRIES: usize = 15_000;
/// The record of an old workbook after which everything is encrypted.
const FILEPASS: u16 = 0x002f;

#[must_use]
pub fn all() -> Vec<InvalidFile> {
    [other_kinds(), broken(), hidden(), pictures(), documents(), workbooks(), old_workbooks()].concat()
}

fn invalid(about: &'static str, filename: &'static str, bytes: impl Into<Vec<u8>>) -> InvalidFile {
    InvalidFile { about, filename, bytes: bytes.into() }
}

fn other_kinds() -> Vec<InvalidFile> {
    let page = "<!DOCTYPE html><html><script>alert(1)</script></html>";
    let program = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00";
    vec![
        invalid("a PNG called JPEG", "a.jpg", png(1)),
        invalid("a PNG called JPEG, the longer way", "a.jpeg", png(1)),
        invalid("a JPEG called PNG", "a.png", jpeg()),
        invalid("a PDF called PNG", "a.png", pdf(1)),
        invalid("a PNG called PDF", "a.pdf", png(1)),
        invalid("a web page called PDF", "a.pdf", page),
        invalid("a web page called PNG", "a.png", page),
        invalid("an SVG called PNG", "a.png", "<svg xmlns=\"http://www.w3.org/2000/svg\"/>"),
        invalid("a GIF called PNG", "a.png", b"GIF89a\x01\x00\x01\x00\x00\x00\x00;"),
        invalid("a program called XLS", "a.xls", program),
        invalid("a program called XLSX", "a.xlsx", program),
        invalid("text called XLS", "a.xls", "order,amount\r\n1,100.05\r\n"),
        invalid("a new workbook called XLS", "a.xls", xlsx(&[])),
        invalid("an old workbook called XLSX", "a.xlsx", xls(&[], &[])),
        invalid("one byte called PNG", "a.png", "x"),
        invalid("zeros called PDF", "a.pdf", vec![0; 4096]),
    ]
}

/// Each kind truncated in its header: only the magic bytes are right.
fn broken() -> Vec<InvalidFile> {
    vec![
        invalid("a PNG that ends after its magic", "a.png", &png(1)[..8]),
        invalid("a PNG cut off in its header", "a.png", &png(1)[..20]),
        invalid("a JPEG that ends after its magic", "a.jpg", &jpeg()[..3]),
        invalid("a JPEG without a frame", "a.jpg", &jpeg()[..20]),
        invalid("a PDF that ends after its header", "a.pdf", &pdf(1)[..9]),
        invalid("a PDF without its trailer", "a.pdf", &pdf(1)[..100]),
        invalid("a workbook that ends after its magic", "a.xlsx", &xlsx(&[])[..4]),
        invalid("a workbook without its directory", "a.xlsx", &xlsx(&[])[..300]),
        invalid("an old workbook that ends after its magic", "a.xls", &xls(&[], &[])[..8]),
        invalid("an old workbook cut off after its head", "a.xls", &xls(&[], &[])[..512]),
    ]
}

/// Other content first, and the named format after it, where a lenient reader would find it.
fn hidden() -> Vec<InvalidFile> {
    let program = b"MZ\x90\x00\x03\x00\x00\x00\x04\x00\x00\x00\xff\xff\x00\x00";
    let page = b"<!DOCTYPE html><html><script>alert(1)</script></html>\n";
    vec![
        invalid("a program with a workbook behind it", "a.xlsx", [program, &*xlsx(&[])].concat()),
        invalid("a program with a document behind it", "a.pdf", [program, &*pdf(1)].concat()),
        invalid("a web page with a picture behind it", "a.png", [&page[..], &*png(1)].concat()),
        invalid("a picture with a workbook behind it", "a.xlsx", [png(1), xlsx(&[])].concat()),
        invalid("a program with an old workbook behind it", "a.xls", [program, &*xls(&[], &[])].concat()),
    ]
}

fn pictures() -> Vec<InvalidFile> {
    vec![
        invalid("a PNG of no width", "a.png", png_of(0, 1, &[0, 1], 0)),
        invalid("a PNG of no height", "a.png", png_of(1, 0, &[0, 1], 0)),
        invalid(
            "a PNG of two thousand million columns and rows",
            "a.png",
            png_of(0x7fff_ffff, 0x7fff_ffff, &[0, 1], 0),
        ),
        invalid("a JPEG of no width", "a.jpg", jpeg_of(0, 1)),
        invalid("a JPEG of no height", "a.jpg", jpeg_of(1, 0)),
    ]
}

fn documents() -> Vec<InvalidFile> {
    vec![
        invalid("an encrypted PDF", "a.pdf", pdf_of("", "/Encrypt 3 0 R ")),
        invalid("an encrypted PDF, its name written in escapes", "a.pdf", pdf_of("", "/#45ncrypt 3 0 R ")),
    ]
}

fn workbooks() -> Vec<InvalidFile> {
    let zeros = vec![0_u8; BOMB_BYTES];
    let names: Vec<String> = (0..BOMB_ENTRIES).map(|number| format!("x/{number}")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    let encrypted = ole_of(&[("/EncryptionInfo", &[4, 0, 4, 0]), ("/EncryptedPackage", &[7; 5000])]);
    vec![
        invalid("an archive without a workbook", "a.xlsx", zip_of(&[("hello.txt", b"hello")])),
        invalid("an empty archive", "a.xlsx", zip_of(&[])),
        invalid(
            "a text document",
            "a.xlsx",
            zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/document.xml", b"<w/>")]),
        ),
        invalid("a workbook with macros", "a.xlsx", xlsx(&[("xl/vbaProject.bin", b"\xd0\xcf\x11\xe0macro")])),
        invalid("macros in another case", "a.xlsx", xlsx(&[("xl/VBAPROJECT.BIN", b"\xd0\xcf\x11\xe0macro")])),
        invalid(
            "macros in another folder",
            "a.xlsx",
            xlsx(&[("customs/vbaProject.bin", b"\xd0\xcf\x11\xe0macro")]),
        ),
        invalid("an archive that unpacks without end", "a.xlsx", xlsx(&[("xl/media/big.xml", &zeros)])),
        invalid("an archive of very many entries", "a.xlsx", xlsx(&many)),
        invalid("an encrypted workbook", "a.xlsx", encrypted),
    ]
}

fn old_workbooks() -> Vec<InvalidFile> {
    let vba: (&str, &[u8]) = ("/_VBA_PROJECT_CUR/VBA/dir", b"macro");
    let encrypted = xls(&[(FILEPASS, &[1, 0, 1, 0, 1, 0])], &[]);
    vec![
        invalid("a container without a workbook", "a.xls", ole_of(&[("/WordDocument", &[0; 5000])])),
        invalid("an old workbook with macros", "a.xls", xls(&[], &[vba])),
        invalid("an encrypted old workbook", "a.xls", encrypted),
    ]
}
