//! Invalid workbooks before Excel 2007.

use std::io::{Cursor, Read, Write};

use super::*;

const XLS: FileFormat = FileFormat::Xls;
const ENCRYPTED: InvalidFile = InvalidFile::Encrypted { format: XLS };

type File = cfb::CompoundFile<Cursor<Vec<u8>>>;

/// An OLE file written by the cfb crate.
fn container(fill: impl FnOnce(&mut File)) -> Vec<u8> {
    let mut file = File::create(Cursor::new(Vec::new())).unwrap();
    fill(&mut file);
    file.flush().unwrap();
    file.into_inner().into_inner()
}

fn put(file: &mut File, path: &str, content: &[u8]) {
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

/// The positions of the records of a kind.
fn positions(records: &[u8], wanted: u16) -> Vec<usize> {
    let mut found = Vec::new();
    let mut at = 0;
    while let (Some(kind), Some(length)) = (reader::u16_le(records, at), reader::u16_le(records, at + 2)) {
        if kind == wanted {
            found.push(at);
        }
        at += 4 + usize::from(length);
    }
    found
}

fn insert(records: &mut Vec<u8>, at: usize, kind: u16, data: &[u8]) {
    let length = u16::try_from(data.len()).unwrap();
    let record = [&kind.to_le_bytes()[..], &length.to_le_bytes(), data].concat();
    records.splice(at..at, record);
}

#[test]
fn a_workbook_in_a_fresh_container_passes() {
    assert_eq!(validate(XLS, &workbook_of(&records())), Ok(()));
    assert_eq!(validate(XLS, &container(|file| put(file, "/BOOK", &records()))), Ok(()));
}

#[test]
fn other_office_document_is_not_a_workbook() {
    let other = InvalidFile::OtherKind { format: XLS, found: "an older Office document, but no workbook" };
    let word = container(|file| put(file, "/WordDocument", b"text"));
    assert_eq!(validate(XLS, &word), Err(other.clone()));
    // An embedded workbook does not make the file a workbook.
    let embedded = container(|file| {
        put(file, "/WordDocument", b"text");
        file.create_storage("/ObjectPool").unwrap();
        put(file, "/ObjectPool/Workbook", &records());
    });
    assert_eq!(validate(XLS, &embedded), Err(other.clone()));
    let storage = container(|file| file.create_storage("/Workbook").unwrap());
    assert_eq!(validate(XLS, &storage), Err(other));
}

#[test]
fn a_vba_project_is_found_at_any_depth() {
    for path in ["/_VBA_PROJECT_CUR", "/_vba_project_cur", "/Macros", "/VBA", "/MBD0001/VBA"] {
        let content = container(|file| {
            put(file, "/Workbook", &records());
            file.create_storage_all(path).unwrap();
        });
        assert_eq!(
            validate(XLS, &content),
            Err(InvalidFile::Macros { format: XLS, found: "a VBA project" }),
            "{path}"
        );
    }
}

#[test]
fn excel_4_macro_sheets_are_refused() {
    let macro_sheet = Err(InvalidFile::Macros { format: XLS, found: "an Excel 4 macro sheet" });
    let sheet = positions(&records(), 0x0085)[0];
    for kind in [1, 6] {
        let mut declared = records();
        declared[sheet + 4 + 5] = kind;
        assert_eq!(validate(XLS, &workbook_of(&declared)), macro_sheet);
    }
    // Declared as a worksheet, but with a macro sheet's first record.
    for number in [1, 2] {
        let mut disguised = records();
        let begin = positions(&disguised, 0x0809)[number];
        disguised[begin + 4 + 2] = 0x40;
        assert_eq!(validate(XLS, &workbook_of(&disguised)), macro_sheet);
    }
    // In a workbook embedded as an object.
    let mut declared = records();
    declared[sheet + 4 + 5] = 1;
    let embedded = container(|file| {
        put(file, "/Workbook", &records());
        file.create_storage("/MBD0001").unwrap();
        put(file, "/MBD0001/Workbook", &declared);
    });
    assert_eq!(validate(XLS, &embedded), macro_sheet);
}

#[test]
fn encryption_is_refused_in_every_form() {
    let mut records = records();
    let globals = positions(&records, 0x0809)[0];
    let behind = globals + 4 + usize::from(reader::u16_le(&records, globals + 2).unwrap());
    insert(&mut records, behind, 0x002f, &[0; 6]);
    assert_eq!(validate(XLS, &workbook_of(&records)), Err(ENCRYPTED));
    for name in ["/EncryptedPackage", "/EncryptionInfo", "/\u{9}DRMContent"] {
        let content = container(|file| put(file, name, b"secret"));
        assert_eq!(validate(XLS, &content), Err(ENCRYPTED));
    }
    // The same container under the newer name.
    let newer = validate(FileFormat::Xlsx, &container(|file| put(file, "/EncryptedPackage", b"secret")));
    assert_eq!(newer, Err(InvalidFile::Encrypted { format: FileFormat::Xlsx }));
    let older = validate(FileFormat::Xlsx, &sample("xlwt.xls")).unwrap_err();
    assert!(matches!(older, InvalidFile::OtherKind { found: "an older Office document", .. }));
}

#[test]
fn records_that_are_damaged_are_refused() {
    let whole = records();
    let sheets = positions(&whole, 0x0085);
    let globals_end = positions(&whole, 0x000a)[0];
    let refused = |records: &[u8], fault| {
        assert_eq!(validate(XLS, &workbook_of(records)), Err(InvalidFile::damaged(XLS, fault)));
    };
    refused(&whole[..globals_end], "a sheet is missing");
    refused(&whole[..sheets[0]], "its workbook is cut short");
    refused(&whole[4..], "its workbook has no valid first record");
    let mut moved = whole.clone();
    moved[sheets[0] + 4] ^= 1;
    refused(&moved, "a sheet is missing");
    let without: Vec<u8> = [&whole[..sheets[0]], &[0x0a, 0, 0, 0]].concat();
    refused(&without, "its workbook has no sheets");
}

/// The bytes of the allocation table's first sector.
fn fat_at(content: &[u8]) -> usize {
    (reader::index(reader::u32_le(content, 76).unwrap()) + 1) * (1 << reader::u16_le(content, 30).unwrap())
}

#[test]
fn chains_that_go_in_circles_or_astray_end() {
    let honest = sample("xlwt.xls");
    let fat = fat_at(&honest);
    let mut refused = 0;
    for entry in 0..honest.len() / 512 {
        for target in [0, 1, 5, u32::try_from(entry).unwrap(), 0x00ff_ffff, 0xffff_ffff] {
            let mut content = honest.clone();
            content[fat + entry * 4..][..4].copy_from_slice(&target.to_le_bytes());
            refused += u32::from(validate(XLS, &content).is_err());
        }
    }
    assert!(refused > 20);
    // The table of tables has a cycle, or is longer than the file.
    let mut content = honest;
    content[68..76].copy_from_slice(&[0, 0, 0, 0, 5, 0, 0, 0]);
    content[512 + 508..512 + 512].copy_from_slice(&[0; 4]);
    assert_eq!(validate(XLS, &content), Ok(()));
    content[72..76].copy_from_slice(&[0xff; 4]);
    assert!(matches!(validate(XLS, &content), Err(InvalidFile::Damaged { .. })));
}

#[test]
fn entries_after_a_missing_directory_part_are_not_hidden() {
    let content = container(|file| {
        put(file, "/Workbook", &records());
        for number in 0..5 {
            file.create_storage(format!("/{number}")).unwrap();
        }
        file.create_storage("/_VBA_PROJECT_CUR").unwrap();
    });
    assert!(matches!(validate(XLS, &content), Err(InvalidFile::Macros { .. })));
    // The allocation table covers more sectors than the file has, so a chain can lead through one of them.
    let start = reader::u32_le(&content, 48).unwrap();
    let mut hiding = content;
    let next = reader::u32_le(&hiding, fat_at(&hiding) + reader::index(start) * 4).unwrap();
    let mut link = |from: u32, to: u32| {
        let at = fat_at(&hiding) + reader::index(from) * 4;
        hiding[at..at + 4].copy_from_slice(&to.to_le_bytes());
    };
    link(start, 120);
    link(120, next);
    assert_eq!(validate(XLS, &hiding), Err(InvalidFile::damaged(XLS, "its OLE directory is cut short")));
}

#[test]
fn unused_header_slots_are_ignored() {
    let mut content = sample("xlwt.xls");
    content[60..64].copy_from_slice(&[0; 4]);
    content[68..72].copy_from_slice(&[0; 4]);
    content[80..512].fill(0);
    assert_eq!(validate(XLS, &content), Ok(()));
}

#[test]
fn a_directory_of_many_streams_over_the_same_bytes_is_cut_off() {
    // One long workbook, and a directory in which hundreds of entries point at it.
    let mut long = records();
    long.resize(1_500_000, 0);
    let content = container(|file| {
        put(file, "/Workbook", &long);
        for number in 0..800 {
            file.create_storage(format!("/{number}")).unwrap();
            put(file, &format!("/{number}/Workbook"), b"x");
        }
    });
    let name: Vec<u8> = "Workbook\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let entries: Vec<usize> = memchr::memmem::find_iter(&content, &name).collect();
    let original = content[entries[0] + 116..entries[0] + 128].to_vec();
    let mut hostile = content.clone();
    for at in &entries {
        hostile[at + 116..at + 128].copy_from_slice(&original);
    }
    assert!(entries.len() > 700);
    assert_eq!(validate(XLS, &hostile), Err(InvalidFile::damaged(XLS, "its OLE directory is broken")));
}

#[test]
fn siblings_that_go_in_circles_end() {
    let mut content = workbook_of(&records());
    let name: Vec<u8> = "Workbook\0".encode_utf16().flat_map(u16::to_le_bytes).collect();
    let entry = memchr::memmem::find(&content, &name).unwrap();
    content[entry + 68..entry + 76].copy_from_slice(&[1, 0, 0, 0, 1, 0, 0, 0]);
    assert!(matches!(validate(XLS, &content), Err(InvalidFile::Damaged { .. })));
}
