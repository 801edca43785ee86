//! Invalid workbooks since Excel 2007.

use std::io::{Cursor, Write};

use ::zip::write::SimpleFileOptions;
use ::zip::{CompressionMethod, ZipWriter};

use super::*;

const XLSX: FileFormat = FileFormat::Xlsx;
const TYPES: &str = "[Content_Types].xml";
const MAIN: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";

fn types(more: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Types><Override PartName="/xl/workbook.xml" ContentType="{MAIN}"/>{more}</Types>"#
    )
}

fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in parts {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook with these content types in addition to its own, and one more part.
fn workbook(more_types: &str, part: (&str, &[u8])) -> Vec<u8> {
    archive(&[(TYPES, types(more_types).as_bytes()), ("xl/workbook.xml", b"<workbook/>"), part])
}

fn plain() -> Vec<u8> {
    workbook("", ("xl/styles.xml", b"<styleSheet/>"))
}

/// The offset of a name in the archive's directory.
fn in_directory(content: &[u8], name: &str) -> usize {
    memchr::memmem::rfind(content, name.as_bytes()).unwrap() - 46
}

#[test]
fn a_workbook_needs_its_list_and_its_main_part() {
    assert_eq!(validate(XLSX, &plain()), Ok(()));
    let other = InvalidFile::OtherKind { format: XLSX, found: "a ZIP archive without a workbook" };
    let list = types("");
    let word = list.replace("spreadsheetml.sheet", "wordprocessingml.document");
    for parts in [
        vec![("readme.txt", b"hello".as_slice())],
        vec![("xl/workbook.xml", b"<workbook/>".as_slice())],
        vec![(TYPES, list.as_bytes())],
        vec![(TYPES, word.as_bytes()), ("xl/workbook.xml", b"<workbook/>")],
        vec![(TYPES, b"<Types/>"), ("xl/workbook.xml", b"<workbook/>")],
    ] {
        assert_eq!(validate(XLSX, &archive(&parts)), Err(other.clone()));
    }
}

#[test]
fn the_main_part_may_be_elsewhere_or_declared_by_extension() {
    let elsewhere = types("").replace("/xl/workbook.xml", "/Book.xml");
    assert_eq!(
        validate(XLSX, &archive(&[(TYPES, elsewhere.as_bytes()), ("book.xml", b"<workbook/>")])),
        Ok(())
    );
    let by_extension = format!(r#"<Types><Default Extension="xml" ContentType="{MAIN}"/></Types>"#);
    let parts: [(&str, &[u8]); 2] = [(TYPES, by_extension.as_bytes()), ("xl\\workbook.xml", b"<workbook/>")];
    assert_eq!(validate(XLSX, &archive(&parts)), Ok(()));
}

#[test]
fn a_vba_project_is_found_in_any_case_and_folder() {
    for name in [
        "xl/vbaProject.bin",
        "vbaproject.bin",
        "XL/VBAPROJECT.BIN",
        "a/b/VbaProject.Bin",
        "xl\\vbaProject.bin",
    ] {
        let invalid_file = validate(XLSX, &workbook("", (name, b"code"))).unwrap_err();
        assert_eq!(invalid_file, InvalidFile::Macros { format: XLSX, found: "vbaProject.bin" }, "{name}");
    }
    assert_eq!(validate(XLSX, &workbook("", ("xl/notvbaProject.bin.txt", b"text"))), Ok(()));
}

#[test]
fn a_macro_content_type_is_found_however_it_is_written() {
    for tag in [
        r#"<Override PartName="/xl/x.bin" ContentType="application/vnd.ms-office.vbaProject"/>"#,
        r#"<Override ContentType='application/vnd.ms-office.VBAPROJECT' PartName='/xl/x.bin'/>"#,
        "<Override\nPartName = \"/xl/x.bin\"\tContentType\n=\n\"application/vnd.ms-office.vbaProject\"/>",
        r#"<Override PartName="/xl/ContentType='a'/x.bin" ContentType="application/vnd.ms-office.vbaProject"/>"#,
        r#"<Default Extension="bin" ContentType="application/vnd.ms-office.vbaProject"/>"#,
        r#"<Override PartName="/a.xml" ContentType="application/vnd.ms-excel.sheet.macroEnabled.main+xml"/>"#,
        r#"<Override PartName="/a.xml" ContentType="application/vnd.ms-excel.macrosheet+xml"/>"#,
        r#"<Default Extension="BIN" ContentType="application/vnd.ms-excel.sheet.macroEnabled.12"/>"#,
    ] {
        let invalid_file = validate(XLSX, &workbook(tag, ("xl/x.bin", b"code"))).unwrap_err();
        assert!(matches!(invalid_file, InvalidFile::Macros { .. }), "{tag}: {invalid_file}");
    }
    // SheetJS declares this for an extension that no part has.
    let unused =
        r#"<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>"#;
    assert_eq!(validate(XLSX, &workbook(unused, ("xl/a.xml", b"<a/>"))), Ok(()));
}

#[test]
fn a_list_that_reads_differently_for_office_is_refused() {
    let utf16: Vec<u8> = types("").encode_utf16().flat_map(u16::to_le_bytes).collect();
    let lists = [
        utf16,
        types("<!DOCTYPE a>").into_bytes(),
        types(r#"<Override PartName="/x" ContentType="application/vnd.ms-office.vba&#80;roject"/>"#)
            .into_bytes(),
        types("").replace("UTF-8", "UTF-7").into_bytes(),
        types("\0").into_bytes(),
    ];
    for list in lists {
        let invalid_file = validate(XLSX, &archive(&[(TYPES, &list), ("xl/workbook.xml", b"")])).unwrap_err();
        assert!(matches!(invalid_file, InvalidFile::Damaged { .. }), "{invalid_file}");
    }
    let long = types(&" ".repeat(1024 * 1024));
    let invalid_file =
        validate(XLSX, &archive(&[(TYPES, long.as_bytes()), ("xl/workbook.xml", b"")])).unwrap_err();
    assert!(matches!(invalid_file, InvalidFile::TooMuch { .. }));
}

#[test]
fn encrypted_parts_are_refused() {
    for (bit, byte) in [(1, 8), (32, 9)] {
        let mut content = plain();
        let at = in_directory(&content, "xl/styles.xml");
        content[at + byte] |= bit;
        assert_eq!(validate(XLSX, &content), Err(InvalidFile::Encrypted { format: XLSX }));
    }
    let mut content = plain();
    let local = memchr::memmem::find(&content, b"xl/styles.xml").unwrap() - 30;
    content[local + 6] |= 1;
    assert_eq!(validate(XLSX, &content), Err(InvalidFile::Encrypted { format: XLSX }));
}

#[test]
fn decompression_bomb_is_stopped_at_the_counted_limit() {
    let zeros = vec![0; 16 * 1024 * 1024];
    let bomb = workbook("", ("xl/bomb.xml", &zeros));
    assert!(bomb.len() < 20_000);
    assert!(matches!(validate(XLSX, &bomb), Err(InvalidFile::TooMuch { .. })));

    // A wrong size in the header is detected.
    let mut liar = bomb;
    let at = in_directory(&liar, "xl/bomb.xml");
    liar[at + 24..at + 28].copy_from_slice(&100_u32.to_le_bytes());
    assert!(matches!(validate(XLSX, &liar), Err(InvalidFile::TooMuch { .. })));

    // So is a high ratio hidden by incompressible bytes.
    let mut noise = vec![0; 400_000];
    getrandom::fill(&mut noise).unwrap();
    let parts: Vec<_> = (0..5).map(|number| format!("xl/{number}.xml")).collect();
    let mut all: Vec<(&str, &[u8])> = vec![("noise", &noise)];
    all.extend(parts.iter().map(|name| (name.as_str(), zeros.as_slice())));
    assert!(matches!(validate(XLSX, &archive(&all)), Err(InvalidFile::TooMuch { .. })));
}

#[test]
fn a_part_has_the_size_and_checksum_of_the_directory() {
    for field in [16, 24] {
        let mut content = plain();
        let at = in_directory(&content, "xl/styles.xml");
        content[at + field] ^= 1;
        assert!(matches!(validate(XLSX, &content), Err(InvalidFile::Damaged { .. })));
    }
}

#[test]
fn a_directory_that_contradicts_the_parts_is_refused() {
    let refused = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut content = plain();
        edit(&mut content);
        let invalid_file = validate(XLSX, &content).unwrap_err();
        assert!(matches!(invalid_file, InvalidFile::Damaged { .. }), "{invalid_file}");
    };
    // Another name in the local header, which some readers use.
    refused(&|content| {
        let at = memchr::memmem::find(content, b"xl/styles.xml").unwrap();
        content[at] = b'X';
    });
    // The local header of another part.
    refused(&|content| {
        let at = in_directory(content, "xl/styles.xml");
        content[at + 42..at + 46].copy_from_slice(&[0; 4]);
    });
    // Wrong counts of parts, disks or bytes.
    for field in [4, 6, 8, 12, 16] {
        refused(&move |content| {
            let end = content.len() - 22;
            content[end + field] += 1;
        });
    }
    refused(&|content| {
        let end = content.len() - 22;
        content[end + 8] -= 1;
        content[end + 10] -= 1;
    });
    refused(&|content| content.push(0));
    refused(&|content| {
        let at = in_directory(content, "xl/styles.xml");
        content[at + 10] = 99;
    });
}

#[test]
fn a_part_must_not_be_there_twice() {
    let parts: [(&str, &[u8]); 3] = [
        (TYPES, types("").as_bytes()),
        ("xl/workbook.xml", b"<workbook/>"),
        ("XL/Workbook.xml", b"<workbook/>"),
    ]
    .map(|(name, content): (&str, &[u8])| (name, content.to_vec().leak() as &[u8]));
    assert_eq!(validate(XLSX, &archive(&parts)), Err(InvalidFile::damaged(XLSX, "a part occurs twice")));
}

#[test]
fn the_number_of_parts_is_bounded() {
    let names: Vec<_> = (0..4_097).map(|number| format!("p{number}")).collect();
    let parts: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), b"".as_slice())).collect();
    assert!(matches!(validate(XLSX, &archive(&parts)), Err(InvalidFile::TooMuch { .. })));
}

#[test]
fn macros_are_found_by_the_relationship_that_leads_to_them() {
    let list = |kind: &str| {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Relationships><Relationship Id="r1" Type="{kind}" Target="foo.bin"/></Relationships>"#
        )
    };
    let types = types(r#"<Override PartName="/xl/foo.bin" ContentType="application/octet-stream"/>"#);
    let with = |name: &str, list: &str| {
        let parts: [(&str, &[u8]); 4] = [
            (TYPES, types.as_bytes()),
            ("xl/workbook.xml", b"<workbook/>"),
            (name, list.as_bytes()),
            ("xl/foo.bin", b"code"),
        ];
        validate(XLSX, &archive(&parts))
    };
    let usual = "xl/_rels/workbook.xml.rels";
    let base = "http://schemas.microsoft.com/office/2006/relationships/";
    for kind in ["vbaProject", "xlMacrosheet", "xlIntlMacrosheet", "VBAPROJECT"] {
        for name in [usual, "/XL/_rels/Workbook.xml.RELS", "_rels/.rels"] {
            let invalid_file = with(name, &list(&format!("{base}{kind}"))).unwrap_err();
            assert!(matches!(invalid_file, InvalidFile::Macros { .. }), "{kind} in {name}: {invalid_file}");
        }
    }
    let hidden = list(&format!("{base}vba&#80;roject"));
    assert!(matches!(with(usual, &hidden), Err(InvalidFile::Damaged { .. })));
    let utf16: Vec<u8> = list("vbaProject").encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert!(matches!(validate(XLSX, &workbook("", (usual, &utf16))), Err(InvalidFile::Damaged { .. })));
    let long = " ".repeat(1024 * 1024 + 1);
    assert!(matches!(with(usual, &long), Err(InvalidFile::TooMuch { .. })));

    let honest = list("http://schemas.openxmlformats.org/officeDocument/2006/relationships/hyperlink")
        .replace("foo.bin", "https://shop.example/vbaProject?a=1&#38;b=2");
    assert_eq!(with(usual, &honest), Ok(()));
}

#[test]
fn names_may_begin_with_a_slash() {
    let list = types("");
    let rooted: [(&str, &[u8]); 2] =
        [("/[Content_Types].xml", list.as_bytes()), ("/xl/workbook.xml", b"<workbook/>")];
    assert_eq!(validate(XLSX, &archive(&rooted)), Ok(()));
    let twice = [rooted[0], rooted[1], ("xl/workbook.xml", b"<workbook/>")];
    assert_eq!(validate(XLSX, &archive(&twice)), Err(InvalidFile::damaged(XLSX, "a part occurs twice")));
}
