//! Workbooks since Excel 2007.

use std::io::{Cursor, Write as _};

use rebuttal_protocol::{FileFormat, InvalidFile, Note};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipWriter};

use crate::files::{inspect, notes, refusal};

const XLSX: FileFormat = FileFormat::Xlsx;
const TYPES: &str = "[Content_Types].xml";
const MAIN: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
const BASE: &str = "http://schemas.microsoft.com/office/2006/relationships/";
const BOOK: &str = r#"<workbook xmlns:r="r"><sheets><sheet name="a" r:id="r1"/></sheets></workbook>"#;
const BOOK_RELS: &str = "xl/_rels/workbook.xml.rels";
const SHEET: &str = "<worksheet><sheetData/></worksheet>";

fn types(more: &str) -> String {
    format!(
        r#"<?xml version="1.0" encoding="UTF-8"?><Types><Override PartName="/xl/workbook.xml" ContentType="{MAIN}"/>{more}</Types>"#
    )
}

fn rels(more: &str) -> String {
    format!(
        r#"<Relationships><Relationship Id="r1" Type="worksheet" Target="sheet1.xml"/>{more}</Relationships>"#
    )
}

pub(crate) fn archive(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
    for (name, content) in parts {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// A workbook of one sheet, its parts replaced by those of the same name, and more parts.
pub(crate) fn workbook(parts: &[(&str, &[u8])]) -> Vec<u8> {
    let usual: [(&str, Vec<u8>); 4] = [
        (TYPES, types("").into()),
        ("xl/workbook.xml", BOOK.into()),
        (BOOK_RELS, rels("").into()),
        ("xl/sheet1.xml", SHEET.into()),
    ];
    let is_replaced = |name: &str| parts.iter().any(|(part, _)| *part == name);
    let usual =
        usual.iter().filter(|(name, _)| !is_replaced(name)).map(|(name, content)| (*name, &content[..]));
    archive(&usual.chain(parts.iter().copied()).collect::<Vec<_>>())
}

fn plain() -> Vec<u8> {
    workbook(&[("xl/styles.xml", b"<styleSheet/>")])
}

/// The offset of a name's entry in the archive's directory.
fn in_directory(content: &[u8], name: &str) -> usize {
    memchr::memmem::rfind(content, name.as_bytes()).unwrap() - 46
}

#[test]
fn a_workbook_needs_its_list_its_main_part_and_a_sheet() {
    assert_eq!(notes(XLSX, &plain()), []);
    let types = types("");
    let word = types.replace("spreadsheetml.sheet", "wordprocessingml.document");
    let other = InvalidFile::OtherKind { format: XLSX, found: "a ZIP archive without a workbook".into() };
    for parts in [
        vec![("readme.txt", b"hello".as_slice())],
        vec![("xl/workbook.xml", BOOK.as_bytes())],
        vec![(TYPES, types.as_bytes())],
        vec![(TYPES, word.as_bytes()), ("xl/workbook.xml", BOOK.as_bytes())],
        vec![(TYPES, b"<Types/>"), ("xl/workbook.xml", BOOK.as_bytes())],
    ] {
        assert_eq!(inspect(XLSX, &archive(&parts)), Err(other.clone()));
    }
    for parts in [("xl/workbook.xml", "<workbook><sheets/></workbook>"), (BOOK_RELS, "<Relationships/>")] {
        assert_eq!(refusal(XLSX, &workbook(&[(parts.0, parts.1.as_bytes())])), "Empty", "{parts:?}");
    }
    let lost = archive(&[
        (TYPES, types.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        (BOOK_RELS, rels("").as_bytes()),
    ]);
    assert_eq!(refusal(XLSX, &lost), "Empty");
}

#[test]
fn the_main_part_may_be_elsewhere_or_declared_by_extension() {
    let elsewhere = types("").replace("/xl/workbook.xml", "/Book.xml");
    let absolute = rels("").replace("sheet1.xml", "/xl/../sheets/Sheet1.xml");
    for name in ["", "/"] {
        let names = [TYPES, "book.xml", "_rels/book.xml.rels", "sheets/sheet1.xml"]
            .map(|part| format!("{name}{part}"));
        let contents = [elsewhere.as_str(), BOOK, &absolute, SHEET];
        let parts: Vec<_> = names.iter().map(String::as_str).zip(contents.map(str::as_bytes)).collect();
        assert_eq!(refusal(XLSX, &archive(&parts)), "taken");
    }
    let by_extension = format!(r#"<Types><Default Extension="xml" ContentType="{MAIN}"/></Types>"#);
    let parts = [
        (TYPES, by_extension.as_str()),
        ("xl\\workbook.xml", BOOK),
        ("XL/_rels/Workbook.xml.rels", &rels("")),
        ("xl/sheet1.xml", SHEET),
    ];
    assert_eq!(refusal(XLSX, &archive(&parts.map(|(name, text)| (name, text.as_bytes())))), "taken");
}

/// A container with a project of these streams; the text of a module is stored as one literal chunk.
fn vba(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_storage("/VBA").unwrap();
    for (name, content) in streams {
        file.create_stream(format!("/VBA/{name}")).unwrap().write_all(content).unwrap();
    }
    file.flush().unwrap();
    file.into_inner().into_inner()
}

/// MS-OVBA compression without compressing: a signature, and chunks of tokens of which all are literal.
fn uncompressed(text: &[u8]) -> Vec<u8> {
    let mut container = vec![1];
    for chunk in text.chunks(3_600) {
        let tokens: Vec<u8> = chunk.chunks(8).flat_map(|eight| [&[0][..], eight].concat()).collect();
        let header = 0xb000 | u16::try_from(tokens.len() + 2 - 3).unwrap();
        container.extend(header.to_le_bytes());
        container.extend(tokens);
    }
    container
}

/// The list of a project with one module, as MS-OVBA lays it out.
fn module_list() -> Vec<u8> {
    let mut list = Vec::new();
    let mut record = |id: u16, data: &[u8]| {
        list.extend(id.to_le_bytes());
        list.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        list.extend(data);
    };
    record(0x01, &1_u32.to_le_bytes());
    record(0x02, &0x409_u32.to_le_bytes());
    record(0x14, &0x409_u32.to_le_bytes());
    record(0x03, &1252_u16.to_le_bytes());
    record(0x04, b"P");
    record(0x05, b"");
    record(0x40, b"");
    record(0x06, b"");
    record(0x3d, b"");
    record(0x07, &0_u32.to_le_bytes());
    record(0x08, &0_u32.to_le_bytes());
    list.extend([9, 0, 4, 0, 0, 0, 1, 0, 0, 0, 1, 0]);
    let mut record = |id: u16, data: &[u8]| {
        list.extend(id.to_le_bytes());
        list.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
        list.extend(data);
    };
    record(0x0c, b"");
    record(0x3c, b"");
    record(0x0f, &1_u16.to_le_bytes());
    record(0x13, &0_u16.to_le_bytes());
    record(0x19, b"M");
    record(0x47, b"M\0");
    record(0x1a, b"M");
    record(0x32, b"M\0");
    record(0x1c, b"");
    record(0x48, b"");
    record(0x31, &0_u32.to_le_bytes());
    record(0x1e, &0_u32.to_le_bytes());
    record(0x2c, &0xffff_u16.to_le_bytes());
    record(0x21, b"");
    record(0x2b, b"");
    record(0x10, b"");
    list
}

#[test]
fn macros_are_refused_where_there_is_a_line_of_code() {
    let list = uncompressed(&module_list());
    let project = |source: &[u8]| vba(&[("dir", &list), ("M", &uncompressed(source))]);
    let attributes = "Attribute VB_Name = \"M\"\r\nOption Explicit\r\n\r\n' a remark\r\n";
    let empty = project(attributes.as_bytes());
    let code = project(format!("{attributes}Sub Auto_Open()\r\nEnd Sub\r\n").as_bytes());
    // The source was removed, the compiled form is there.
    let stomped =
        vba(&[("dir", &list), ("M", &[uncompressed(attributes.as_bytes()), vec![0; 5_000]].concat())]);
    let types =
        types(r#"<Override PartName="/xl/x.bin" ContentType="application/vnd.ms-office.vbaProject"/>"#);
    let related = rels(&format!(r#"<Relationship Id="r2" Type="{BASE}vba&#80;roject" Target="x.bin"/>"#));
    for (about, project, expected) in [
        ("empty", &empty, "taken"),
        ("code", &code, "Macros"),
        ("stomped", &stomped, "Macros"),
        ("no project", &b"code".to_vec(), "Macros"),
    ] {
        for name in [
            "xl/vbaProject.bin",
            "vbaproject.bin",
            "XL/VBAPROJECT.BIN",
            "a/b/VbaProject.Bin",
            "xl\\vbaProject.bin",
        ] {
            assert_eq!(refusal(XLSX, &workbook(&[(name, project)])), expected, "{about} in {name}");
        }
        // By its type, and by the relationship that leads to it.
        assert_eq!(
            refusal(XLSX, &workbook(&[(TYPES, types.as_bytes()), ("xl/x.bin", project)])),
            expected,
            "{about}"
        );
        assert_eq!(
            refusal(XLSX, &workbook(&[(BOOK_RELS, related.as_bytes()), ("xl/x.bin", project)])),
            expected,
            "{about}"
        );
    }
    assert_eq!(notes(XLSX, &workbook(&[("xl/vbaProject.bin", &empty)])), [Note::EmptyMacros]);
    assert_eq!(refusal(XLSX, &workbook(&[("xl/notvbaProject.bin.txt", b"text")])), "taken");
    // SheetJS declares this for an extension that no part has.
    let unused = self::types(
        r#"<Default Extension="bin" ContentType="application/vnd.ms-excel.sheet.binary.macroEnabled.main"/>"#,
    );
    assert_eq!(refusal(XLSX, &workbook(&[(TYPES, unused.as_bytes())])), "taken");
}

#[test]
fn excel_4_macros_are_refused_where_there_is_a_formula() {
    let types =
        types(r#"<Override ContentType='application/vnd.ms-excel.MACROSHEET+xml' PartName='/xl/m.xml'/>"#);
    for kind in ["xlMacrosheet", "xlIntlMacrosheet", "XLMACROSHEET"] {
        let related = rels(&format!(r#"<Relationship Id="r2" Type="{BASE}{kind}" Target="m.xml"/>"#));
        for (list, text) in [(BOOK_RELS, related.as_str()), (TYPES, types.as_str())] {
            let with = |sheet: &str| workbook(&[(list, text.as_bytes()), ("xl/m.xml", sheet.as_bytes())]);
            assert_eq!(
                refusal(XLSX, &with("<macrosheet><c><f>HALT()</f></c></macrosheet>")),
                "Macros",
                "{kind} in {list}"
            );
            assert_eq!(
                refusal(XLSX, &with("<macrosheet><c><v>1</v></c></macrosheet>")),
                "taken",
                "{kind} in {list}"
            );
        }
    }
}

#[test]
fn links_to_programs_are_refused_and_others_noted() {
    let sheet = |formula: &str| format!("<worksheet><c><f>{formula}</f></c></worksheet>");
    for (formula, expected) in [
        ("cmd|'/c calc'!A1", "ActiveContent"),
        ("1+<![CDATA[cmd|'/c calc'!A1]]>", "ActiveContent"),
        ("cmd&#124;'/c calc'!A1", "ActiveContent"),
        ("\"a|b\"", "taken"),
        ("&quot;a|b&quot;", "taken"),
        ("'a|b'!A1", "taken"),
        ("SUM(A1:A9)", "taken"),
    ] {
        assert_eq!(
            refusal(XLSX, &workbook(&[("xl/sheet1.xml", sheet(formula).as_bytes())])),
            expected,
            "{formula}"
        );
    }
    for (element, part) in
        [("definedName", "xl/workbook.xml"), ("formula1", "xl/sheet1.xml"), ("formula", "xl/t.bin")]
    {
        let types = types(r#"<Override PartName="/xl/t.bin" ContentType="application/x+xml"/>"#);
        let hidden = format!("<a><{element}>cmd|'/c calc'!A1</{element}></a>");
        let parts = [(TYPES, types.as_bytes()), (part, hidden.as_bytes())];
        assert_eq!(refusal(XLSX, &workbook(&parts)), "ActiveContent", "{element}");
    }
    let dde = r#"<externalLink><x:ddeLink ddeService="cmd" ddeTopic="/c calc"/></externalLink>"#;
    assert_eq!(
        refusal(XLSX, &workbook(&[("xl/externalLinks/externalLink1.xml", dde.as_bytes())])),
        "ActiveContent"
    );
    let link = rels(
        r#"<Relationship Id="r2" Type="hyperlink" Target="https://shop.example/vbaProject?a=1&#38;b=2" TargetMode="External"/>"#,
    );
    assert_eq!(notes(XLSX, &workbook(&[(BOOK_RELS, link.as_bytes())])), [Note::ExternalLinks]);
}

/// An OLE object with an embedded file of this name.
fn package(name: &str, content: &[u8]) -> Vec<u8> {
    let stream = [&[0; 4][..], &[2, 0], b"label\0", name.as_bytes(), b"\0\0\0\x03\0", content].concat();
    let mut file = cfb::CompoundFile::create(Cursor::new(Vec::new())).unwrap();
    file.create_stream("/\u{1}Ole10Native").unwrap().write_all(&stream).unwrap();
    file.flush().unwrap();
    file.into_inner().into_inner()
}

#[test]
fn embedded_programs_are_refused_and_other_files_noted() {
    let nested = workbook(&[("xl/vbaProject.bin", b"code")]);
    for (name, content, expected) in [
        ("xl/embeddings/oleObject1.bin", package("a.txt", b"text"), Ok(())),
        ("xl/embeddings/sheet.xlsx", plain(), Ok(())),
        ("xl/embeddings/oleObject1.bin", package("a.exe", b"text"), Err("ActiveContent")),
        ("xl/embeddings/oleObject1.bin", package("A.Ps1", b"text"), Err("ActiveContent")),
        ("xl/embeddings/oleObject1.bin", package("a.txt", b"MZ\x90\0\x03"), Err("ActiveContent")),
        ("xl/embeddings/a.bin", b"MZ\x90\0".to_vec(), Err("ActiveContent")),
        ("xl/a.vbs", b"text".to_vec(), Err("ActiveContent")),
        ("xl/embeddings/sheet.xlsm", nested, Err("Macros")),
    ] {
        let content = workbook(&[(name, &content)]);
        match expected {
            Ok(()) => assert_eq!(notes(XLSX, &content), [Note::EmbeddedFiles], "{name}"),
            Err(reason) => assert_eq!(refusal(XLSX, &content), reason, "{name}"),
        }
    }
}

#[test]
fn parts_are_xml_as_office_reads_it() {
    let utf16 =
        |text: &str| [vec![0xff, 0xfe], text.encode_utf16().flat_map(u16::to_le_bytes).collect()].concat();
    let entities = "<!DOCTYPE a [<!ENTITY b 'c'>]><a/>";
    let deep = |levels: usize| format!("{}{}", "<a>".repeat(levels), "</a>".repeat(levels));
    for (content, expected) in [
        (utf16(SHEET), "taken"),
        (SHEET.encode_utf16().flat_map(u16::to_be_bytes).collect(), "taken"),
        ([b"\xef\xbb\xbf", SHEET.as_bytes()].concat(), "taken"),
        (format!("<?xml version='1.0' encoding = 'ISO-8859-1'?>{SHEET}").into(), "taken"),
        (deep(256).into(), "taken"),
        (deep(257).into(), "TooMuch"),
        (format!("<?xml version='1.0' encoding='UTF-7'?>{SHEET}").into(), "Damaged"),
        (entities.into(), "ActiveContent"),
        (utf16(entities), "ActiveContent"),
        (format!("<!-- a --><?b c?>\n{entities}").into(), "ActiveContent"),
        (b"<a><b></a>".to_vec(), "Damaged"),
        (b"<a>".to_vec(), "Damaged"),
        (b"text".to_vec(), "Damaged"),
    ] {
        for part in ["xl/sheet1.xml", "xl/worksheets/_rels/sheet1.xml.rels", "docProps/core.xml"] {
            assert_eq!(refusal(XLSX, &workbook(&[(part, &content)])), expected, "{part}: {content:?}");
        }
    }
    for (content, expected) in
        [("<xml><br></xml>", "taken"), (entities, "ActiveContent"), ("%!<!DOCTYPE", "taken")]
    {
        assert_eq!(
            refusal(XLSX, &workbook(&[("xl/drawings/a.vml", content.as_bytes())])),
            expected,
            "{content}"
        );
    }
    assert_eq!(refusal(XLSX, &workbook(&[(TYPES, &utf16(&types("")))])), "taken");
    assert_eq!(
        refusal(XLSX, &workbook(&[(TYPES, types("").replace("<Types>", "<!DOCTYPE a><Types>").as_bytes())])),
        "ActiveContent"
    );
}

#[test]
fn parts_are_bounded() {
    let names: Vec<_> = (0..4_097).map(|number| format!("p{number}")).collect();
    let many: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    assert_eq!(refusal(XLSX, &archive(&many)), "TooMuch");
    let long = types(&" ".repeat(1024 * 1024));
    assert_eq!(refusal(XLSX, &workbook(&[(TYPES, long.as_bytes())])), "TooMuch");
    let zeros = vec![0; 70 * 1024 * 1024];
    let bomb = workbook(&[("xl/bomb.bin", &zeros)]);
    assert_eq!(refusal(XLSX, &bomb), "TooMuch");
    // A small size in the directory does not hide it.
    let mut forged = bomb;
    let at = in_directory(&forged, "xl/bomb.bin");
    forged[at + 24..at + 28].copy_from_slice(&100_u32.to_le_bytes());
    assert!(matches!(refusal(XLSX, &forged), "TooMuch" | "Damaged"));
    // Nor do bytes that cannot be compressed hide a high ratio.
    let mut noise = vec![0; 400_000];
    getrandom::fill(&mut noise).unwrap();
    let parts: Vec<_> = (0..5).map(|number| format!("xl/{number}.bin")).collect();
    let mut all: Vec<(&str, &[u8])> = vec![("noise", &noise)];
    all.extend(parts.iter().map(|name| (name.as_str(), &zeros[..16 * 1024 * 1024])));
    assert_eq!(refusal(XLSX, &workbook(&all)), "TooMuch");
}

#[test]
fn a_directory_that_contradicts_the_parts_is_refused() {
    let edit = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut content = plain();
        edit(&mut content);
        refusal(XLSX, &content)
    };
    let in_entry = |field: usize, value: &'static [u8]| {
        edit(&move |content: &mut Vec<u8>| {
            let at = in_directory(content, "xl/styles.xml");
            content[at + field..at + field + value.len()].copy_from_slice(value);
        })
    };
    assert_eq!(in_entry(16, b"\0\0\0\0"), "Damaged", "checksum");
    assert_eq!(in_entry(24, b"\x63\0\0\0"), "Damaged", "size");
    assert_eq!(in_entry(42, b"\0\0\0\0"), "Damaged", "the place of another part");
    assert_eq!(in_entry(10, b"\x63"), "Damaged", "compression method");
    assert_eq!(in_entry(8, b"\x01"), "Encrypted", "encryption");
    assert_eq!(edit(&|content| content.truncate(content.len() - 30)), "Damaged", "cut short");
    assert_eq!(edit(&|content| content.extend(b"trailing bytes")), "taken");
    let twice = workbook(&[("XL/sheet1.XML", SHEET.as_bytes())]);
    assert_eq!(refusal(XLSX, &twice), "Damaged");
}
