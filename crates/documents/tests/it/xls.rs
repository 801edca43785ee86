//! Workbooks before Excel 2007.

use std::io::{Cursor, Read as _, Write as _};

use rebuttal_protocol::{FileFormat, Note};

use crate::files::{inspect, notes, refusal, sample};

const XLS: FileFormat = FileFormat::Xls;

type OleFile = cfb::CompoundFile<Cursor<Vec<u8>>>;

/// An OLE file written by the cfb crate.
fn container(fill: impl FnOnce(&mut OleFile)) -> Vec<u8> {
    let mut file = OleFile::create(Cursor::new(Vec::new())).unwrap();
    fill(&mut file);
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn put(file: &mut OleFile, path: &str, content: &[u8]) {
    file.create_stream(path).unwrap().write_all(content).unwrap();
}

/// The records of a real workbook.
fn records() -> Vec<u8> {
    let mut file = cfb::CompoundFile::open(Cursor::new(sample("xlwt.xls"))).unwrap();
    let mut records = Vec::new();
    file.open_stream("/Workbook").unwrap().read_to_end(&mut records).unwrap();
    records
}

fn workbook_of(records: &[u8]) -> Vec<u8> {
    container(|file| put(file, "/Workbook", records))
}

fn u16_at(content: &[u8], at: usize) -> u16 {
    u16::from_le_bytes([content[at], content[at + 1]])
}

/// The positions of the records of a kind.
fn positions(records: &[u8], wanted: u16) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while at + 4 <= records.len() {
        if u16_at(records, at) == wanted {
            found.push(at);
        }
        at += 4 + usize::from(u16_at(records, at + 2));
    }
    found
}

/// The records with one more behind the first.
fn with_record(kind: u16, data: &[u8]) -> Vec<u8> {
    let mut records = records();
    let at = 4 + usize::from(u16_at(&records, 2));
    let length = u16::try_from(data.len()).unwrap();
    let record = [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat();
    for sheet in positions(&records, 0x0085) {
        let begin = u32::from_le_bytes(records[sheet + 4..sheet + 8].try_into().unwrap());
        let begin = begin + u32::try_from(record.len()).unwrap();
        records[sheet + 4..sheet + 8].copy_from_slice(&begin.to_le_bytes());
    }
    records.splice(at..at, record);
    records
}

#[test]
fn workbooks_in_fresh_containers_pass() {
    assert_eq!(notes(XLS, &workbook_of(&records())), []);
    assert_eq!(notes(XLS, &container(|file| put(file, "/BOOK", &records()))), []);
}

#[test]
fn other_office_documents_are_no_workbooks() {
    let word = container(|file| put(file, "/WordDocument", b"text"));
    assert_eq!(refusal(XLS, &word), "OtherKind");
    // An embedded workbook does not make the file a workbook.
    let embedded = container(|file| {
        put(file, "/WordDocument", b"text");
        file.create_storage("/ObjectPool").unwrap();
        put(file, "/ObjectPool/Workbook", &records());
    });
    assert_eq!(refusal(XLS, &embedded), "OtherKind");
    let storage = container(|file| file.create_storage("/Workbook").unwrap());
    assert_eq!(refusal(XLS, &storage), "OtherKind");
    assert_eq!(refusal(FileFormat::Xlsx, &sample("xlwt.xls")), "OtherKind");
}

#[test]
fn vba_projects_are_found_at_any_depth() {
    for path in ["/_VBA_PROJECT_CUR", "/_vba_project_cur", "/Macros", "/VBA", "/MBD0001/VBA"] {
        let with = |streams: &[&str]| {
            container(|file| {
                put(file, "/Workbook", &records());
                file.create_storage_all(path).unwrap();
                streams.iter().for_each(|stream| put(file, &format!("{path}/{stream}"), b"macro"));
            })
        };
        assert_eq!(refusal(XLS, &with(&[])), "taken", "{path}");
        for streams in [&["dir"][..], &["Module1"], &["dir", "Module1"]] {
            assert_eq!(refusal(XLS, &with(streams)), "Macros", "{path} {streams:?}");
        }
    }
}

#[test]
fn excel_4_macro_sheets_are_refused_where_there_is_a_formula() {
    let sheet = positions(&records(), 0x0085)[0];
    let begin = positions(&records(), 0x0809)[1];
    let behind = begin + 4 + usize::from(u16_at(&records(), begin + 2));
    let formula = [&[6, 0, 22, 0][..], &[0; 22]].concat();
    let edited = |kind: u8, substream: u8, formula: &[u8]| {
        let mut records = records();
        records[sheet + 4 + 5] = kind;
        records[begin + 4 + 2] = substream;
        records.splice(behind..behind, formula.iter().copied());
        // The sheet behind it has moved.
        let moved = positions(&records, 0x0085)[1];
        let at = u32::try_from(positions(&records, 0x0809)[2]).unwrap();
        records[moved + 4..moved + 8].copy_from_slice(&at.to_le_bytes());
        records
    };
    for (kind, substream, formula, expected) in [
        (0, 0x10, &formula[..], "taken"),
        (1, 0x10, &[], "taken"),
        (1, 0x10, &formula, "Macros"),
        (0, 0x40, &formula, "Macros"),
        (6, 0x10, &[], "Macros"),
        (0, 0x06, &[], "Macros"),
    ] {
        let records = edited(kind, substream, formula);
        assert_eq!(refusal(XLS, &workbook_of(&records)), expected, "{kind} {substream}");
        // In a workbook embedded as an object.
        let embedded = container(|file| {
            put(file, "/Workbook", &self::records());
            file.create_storage("/MBD0001").unwrap();
            put(file, "/MBD0001/Workbook", &records);
        });
        assert_eq!(refusal(XLS, &embedded), expected, "{kind} {substream}, embedded");
    }
}

#[test]
fn encryption_is_refused_in_every_form() {
    assert_eq!(refusal(XLS, &workbook_of(&with_record(0x002f, &[0; 6]))), "Encrypted");
    for name in ["/EncryptedPackage", "/EncryptionInfo", "/\u{9}DRMContent"] {
        let content = container(|file| put(file, name, b"secret"));
        assert_eq!(refusal(XLS, &content), "Encrypted");
        assert_eq!(refusal(FileFormat::Xlsx, &content), "Encrypted");
    }
}

#[test]
fn links_are_noted_and_refused_where_they_start_programs() {
    let book = |name: &[u8]| {
        let length = u16::try_from(name.len() - 1).unwrap().to_le_bytes();
        workbook_of(&with_record(0x01ae, &[&[1, 0], &length[..], name].concat()))
    };
    assert_eq!(notes(XLS, &book(b"\0\x01other.xls")), [Note::ExternalLinks]);
    assert_eq!(refusal(XLS, &book(b"\0cmd\x03/c calc")), "ActiveContent");
    assert_eq!(notes(XLS, &workbook_of(&with_record(0x01ae, &[1, 0, 1, 4]))), []);
    assert_eq!(notes(XLS, &workbook_of(&with_record(0x01b8, &[0; 32]))), [Note::ExternalLinks]);
}

#[test]
fn records_that_are_damaged_are_refused() {
    let whole = records();
    let sheets = positions(&whole, 0x0085);
    let globals_end = positions(&whole, 0x000a)[0];
    let mut moved = whole.clone();
    moved[sheets[0] + 4] ^= 1;
    for (records, expected) in [
        (&whole[..globals_end], "Damaged"),
        (&whole[..sheets[0]], "Damaged"),
        (&whole[4..], "Damaged"),
        (&moved, "Damaged"),
        (&[&whole[..sheets[0]], &[0x0a, 0, 0, 0]].concat(), "Empty"),
    ] {
        assert_eq!(refusal(XLS, &workbook_of(records)), expected, "{}", records.len());
    }
}

#[test]
fn what_writers_leave_in_unused_places_is_ignored() {
    let mut content = sample("xlwt.xls");
    content[80..512].fill(0);
    assert_eq!(refusal(XLS, &content), "taken");
    content.truncate(content.len() - 100);
    assert_eq!(refusal(XLS, &content), "taken");
}

#[test]
fn chains_that_go_in_circles_or_astray_end() {
    let honest = sample("xlwt.xls");
    let fat = (usize::from(u16_at(&honest, 76)) + 1) * 512;
    let mut refused = 0;
    for entry in 0..honest.len() / 512 {
        for target in [0, 1, 5, u32::try_from(entry).unwrap(), 0x00ff_ffff, 0xffff_ffff] {
            let mut content = honest.clone();
            content[fat + entry * 4..][..4].copy_from_slice(&target.to_le_bytes());
            refused += usize::from(inspect(XLS, &content).is_err());
        }
    }
    assert!(refused > 20);
    // Siblings in the directory.
    let mut content = workbook_of(&records());
    let name: Vec<u8> = "Workbook\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let entry = memchr::memmem::find(&content, &name).unwrap();
    content[entry + 68..entry + 76].copy_from_slice(&[1, 0, 0, 0, 1, 0, 0, 0]);
    assert_eq!(refusal(XLS, &content), "Damaged");
}
