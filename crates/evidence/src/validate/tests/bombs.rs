//! Small files that are made to keep a processor busy. The time of a validation depends on the file's size alone.

use std::io::{Cursor, Write};
use std::time::Duration;

use ::zip::ZipWriter;
use ::zip::write::SimpleFileOptions;
use rustix::time::{ClockId, clock_gettime};

use super::*;

const XLS: FileFormat = FileFormat::Xls;
const XLSX: FileFormat = FileFormat::Xlsx;

/// Processor time limit for one file in a debug build: many times what each takes, and a fraction of what quadratic
/// work takes.
const LIMIT: Duration = Duration::from_secs(2);

/// The result of a validation, and its processor time on this thread, which other threads do not affect.
fn timed(format: FileFormat, content: &[u8]) -> (Result<(), InvalidFile>, Duration) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = now();
    let validated = validate(format, content);
    (validated, now() - before)
}

#[test]
fn no_file_keeps_the_processor_busy() {
    let shared = || Err(InvalidFile::damaged(XLS, "its OLE chains have a cycle or share sectors"));
    let broken = || Err(InvalidFile::damaged(XLS, "its OLE allocation table is broken"));
    let types = || Err(InvalidFile::too_much(XLSX, "more than 8,192 content types"));
    let lists = || Err(InvalidFile::too_much(XLSX, "lists of parts of more than 4 MB together"));
    let overlap = || Err(InvalidFile::damaged(XLSX, "its directory contradicts its parts"));
    let long = "x".repeat(200);
    let cases = [
        ("mini chains", XLS, Ole::new(LARGEST).mini_chains(), shared()),
        ("mini chains, 512 KiB", XLS, Ole::new(512 * 1024).mini_chains(), shared()),
        ("chains", XLS, Ole::new(LARGEST).chains(), shared()),
        ("short chains in a long mini stream", XLS, Ole::new(LARGEST).short_mini_chains(), Ok(())),
        ("a circle of streams", XLS, Ole::new(LARGEST).circle(), shared()),
        ("a circle of the directory", XLS, Ole::new(LARGEST).directory_circle(), shared()),
        ("a circle of the mini table", XLS, Ole::new(LARGEST).mini_table_circle(), shared()),
        ("a circle of tables of tables", XLS, Ole::new(LARGEST).lists_circle(), broken()),
        ("content types", XLSX, content_types(20_900, 4_085, "z"), types()),
        ("content types, fewer", XLSX, content_types(8_000, 4_085, "z"), Ok(())),
        ("content types, long extensions", XLSX, content_types(4_000, 4_085, &long), Ok(())),
        ("content types, attributes", XLSX, attributes(), Ok(())),
        ("relationships of empty tags", XLSX, relationships(58, 1_048_500, "<"), lists()),
        (
            "relationships of attributes",
            XLSX,
            relationships(58, 1_048_500, "<r a='&amp;' type='t'/>"),
            lists(),
        ),
        ("many relationships", XLSX, relationships(4_000, 15_000, "<r/>"), lists()),
        ("parts that share their bytes", XLSX, overlapping(1_500, 1_900_000), overlap()),
    ];
    for (name, format, content, expected) in cases {
        assert!(content.len() <= LARGEST, "{name}: {} bytes", content.len());
        let (validated, took) = timed(format, &content);
        assert_eq!(validated, expected, "{name}");
        assert!(took < LIMIT, "{name}: {took:?}");
    }
}

/// The smallest workbook: a beginning, a sheet with the same beginning, an end.
const WORKBOOK: [u8; 20] = [9, 8, 4, 0, 0, 6, 5, 0, 0x85, 0, 4, 0, 0, 0, 0, 0, 10, 0, 0, 0];
const SECTOR: usize = 512;
const END_OF_CHAIN: u32 = 0xffff_fffe;

/// An OLE file of which half is a directory of workbooks, and half one chain of sectors with workbooks in them.
struct Ole {
    content: Vec<u8>,
    /// How many sectors each has: the allocation table, the mini table, the directory, the stream.
    parts: [usize; 4],
    mini_cutoff: u32,
}

impl Ole {
    fn new(bytes: usize) -> Self {
        let sectors = bytes / SECTOR - 1;
        let [fat, mini_fat] = [sectors.div_ceil(128), (sectors / 2 * 8).div_ceil(128)];
        let directory = (sectors - fat - mini_fat) / 2;
        let parts = [fat, mini_fat, directory, sectors - fat - mini_fat - directory];
        let mut content = vec![0; bytes];
        content[..8].copy_from_slice(sniff::OLE);
        let mut ole = Self { content, parts, mini_cutoff: 4_096 };
        let fat = ole.parts[0];
        for (at, value) in [(26, 3), (28, 0xfffe), (30, 9), (32, 6)] {
            ole.content[at..at + 2].copy_from_slice(&u16::to_le_bytes(value));
        }
        ole.long(44, fat);
        ole.long(64, ole.parts[1]);
        ole.content[76..SECTOR].fill(0xff);
        (0..fat).for_each(|sector| ole.long(76 + sector * 4, sector));
        // Each part is a chain, from one sector to the next.
        let mut at = 0;
        for sectors in ole.parts {
            at += sectors;
            (at - sectors..at).for_each(|sector| ole.link(sector, sector + 1));
            ole.link_to(at - 1, END_OF_CHAIN);
        }
        for mini in 0..ole.parts[3] * 8 {
            let end = mini + 1 == ole.parts[3] * 8;
            let next = if end { END_OF_CHAIN } else { u32::try_from(mini + 1).unwrap() };
            let at = ole.sector(1) + mini * 4;
            ole.content[at..at + 4].copy_from_slice(&next.to_le_bytes());
        }
        let stream = ole.sector(3);
        ole.content[stream..].chunks_exact_mut(64).for_each(|mini| mini[..20].copy_from_slice(&WORKBOOK));
        ole
    }

    fn first(&self, part: usize) -> usize {
        self.parts[..part].iter().sum()
    }

    /// Where a part begins in the file.
    fn sector(&self, part: usize) -> usize {
        (self.first(part) + 1) * SECTOR
    }

    fn long(&mut self, at: usize, value: usize) {
        self.content[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
    }

    fn link(&mut self, from: usize, to: usize) {
        self.link_to(from, u32::try_from(to).unwrap());
    }

    fn link_to(&mut self, from: usize, to: u32) {
        self.content[SECTOR + from * 4..][..4].copy_from_slice(&to.to_le_bytes());
    }

    /// The file, with the root's entry and then a workbook in every other one, each beginning at the given place.
    fn finish(mut self, start: impl Fn(usize) -> usize) -> Vec<u8> {
        let [mini_fat, directory, stream] = [1, 2, 3].map(|part| self.first(part));
        for (at, value) in [(48, directory), (56, self.mini_cutoff as usize), (60, mini_fat)] {
            self.long(at, value);
        }
        self.content[68..72].copy_from_slice(&END_OF_CHAIN.to_le_bytes());
        let at = self.sector(2);
        for number in 0..self.parts[2] * 4 {
            let entry = at + number * 128;
            let (name, kind, start) =
                if number == 0 { ("R", 5, stream) } else { ("Workbook", 2, start(number)) };
            let units: Vec<u8> = name.encode_utf16().flat_map(u16::to_le_bytes).collect();
            self.content[entry..entry + units.len()].copy_from_slice(&units);
            self.content[entry + 64] = u8::try_from(units.len() + 2).unwrap();
            self.content[entry + 66] = kind;
            self.content[entry + 68..entry + 80].fill(0xff);
            self.long(entry + 116, start);
            self.long(entry + 120, WORKBOOK.len());
        }
        self.long(at + 76, 1);
        self.content
    }

    fn mini_chains(self) -> Vec<u8> {
        self.finish(|_| 0)
    }

    fn short_mini_chains(self) -> Vec<u8> {
        let last = self.parts[3] * 8 - 1;
        self.finish(|_| last)
    }

    fn chains(mut self) -> Vec<u8> {
        self.mini_cutoff = 0;
        let stream = self.first(3);
        self.finish(|_| stream)
    }

    fn circle(mut self) -> Vec<u8> {
        let [stream, end] = [self.first(3), self.first(4) - 1];
        self.link(end, stream);
        self.chains()
    }

    fn directory_circle(mut self) -> Vec<u8> {
        let [directory, stream] = [self.first(2), self.first(3)];
        self.link(stream - 1, directory);
        self.finish(|_| 0)
    }

    fn mini_table_circle(mut self) -> Vec<u8> {
        let [mini_fat, directory] = [self.first(1), self.first(2)];
        self.link(directory - 1, mini_fat);
        self.finish(|_| 0)
    }

    /// The table of tables has as many pieces as the file has sectors, all of them the same.
    fn lists_circle(self) -> Vec<u8> {
        let sectors = self.content.len() / SECTOR;
        let stream = self.first(3);
        let mut content = self.finish(|_| 0);
        for (at, value) in [(68, stream), (72, sectors + 2), ((stream + 2) * SECTOR - 4, stream)] {
            content[at..at + 4].copy_from_slice(&u32::try_from(value).unwrap().to_le_bytes());
        }
        content
    }
}

const TYPES: &str = "[Content_Types].xml";
const PART: &str = r#"<Override PartName="/xl/workbook.xml" ContentType="application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>"#;

fn workbook(types: &str, parts: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    let own =
        [(TYPES, format!("<Types>{PART}{types}</Types>")), ("xl/workbook.xml", "<workbook/>".to_owned())];
    let own = own.map(|(name, content)| (name.to_owned(), content.into_bytes()));
    for (name, content) in own.into_iter().chain(parts) {
        writer.start_file(name, SimpleFileOptions::default()).unwrap();
        writer.write_all(&content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Macros declared many times for an extension that no part has, and many parts, each with a different extension.
fn content_types(declared: usize, parts: usize, extension: &str) -> Vec<u8> {
    let tag = format!(r#"<Default Extension="{extension}!" ContentType="vbaproject"/>"#);
    workbook(&tag.repeat(declared), (0..parts).map(|number| (format!("p.{extension}{number:x}"), Vec::new())))
}

/// One tag of many attributes, and many tags that are never closed.
fn attributes() -> Vec<u8> {
    let types = format!("<Default {} {}", "a='' ".repeat(100_000), "<Default a = ".repeat(40_000));
    workbook(&types, std::iter::empty())
}

fn relationships(parts: usize, bytes: usize, tag: &str) -> Vec<u8> {
    let list = tag.repeat(bytes / tag.len()).into_bytes();
    // What cannot be packed lets the rest be packed all the more.
    let mut noise = vec![0; 400_000];
    getrandom::fill(&mut noise).unwrap();
    let lists = (0..parts).map(|number| (format!("r/{number}.rels"), list.clone()));
    workbook("", std::iter::once(("noise".to_owned(), noise)).chain(lists))
}

/// An archive whose parts are all the same bytes: each local header declares that the headers after it belong to it,
/// and the bytes are empty DEFLATE blocks.
fn overlapping(parts: usize, bytes: usize) -> Vec<u8> {
    let mut blocks = [0, 0, 0, 0xff, 0xff].repeat(bytes / 5);
    blocks.extend([1, 0, 0, 0xff, 0xff]);
    let names: Vec<_> = (0..parts).map(|number| format!("p{number:05}")).collect();
    let short = |value: usize| u16::try_from(value).unwrap().to_le_bytes();
    let long = |value: usize| u32::try_from(value).unwrap().to_le_bytes();
    let header_bytes = 30 + 6;
    // Both headers say alike: version, flags, method, time, checksum and sizes.
    let common = |name: &str| {
        [&[20, 0, 0, 0, 8, 0, 0, 0, 0, 0, 0, 0, 0, 0][..], &long(blocks.len()), &long(0), &short(name.len())]
            .concat()
    };
    let mut content = Vec::new();
    for (number, name) in names.iter().enumerate() {
        let behind = short((parts - 1 - number) * header_bytes);
        content.extend([b"PK\x03\x04", &common(name)[..], &behind, name.as_bytes()].concat());
    }
    content.extend(&blocks);
    let directory_at = content.len();
    for (number, name) in names.iter().enumerate() {
        let place = [&[0; 12][..], &long(number * header_bytes)].concat();
        content.extend([b"PK\x01\x02\x14\0", &common(name)[..], &place, name.as_bytes()].concat());
    }
    let directory_bytes = content.len() - directory_at;
    let counts = [short(parts), short(parts)].concat();
    let end = [b"PK\x05\x06\0\0\0\0", &counts[..], &long(directory_bytes), &long(directory_at), &[0, 0]];
    content.extend(end.concat());
    content
}
