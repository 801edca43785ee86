//! Small files that are made to keep a processor busy, or to fill its memory. What one takes depends on its size alone.

use std::io::Write as _;
use std::time::Duration;

use flate2::Compression;
use flate2::write::ZlibEncoder;
use rebuttal_protocol::FileFormat;
use rebuttal_protocol::scene::DISPUTE_EVIDENCE_MAX_BYTES;
use rebuttal_testbed::samples::png_of;
use rustix::time::{ClockId, clock_gettime};

use crate::files::{refusal, sample};
use crate::workbooks::workbook;

const XLS: FileFormat = FileFormat::Xls;
const XLSX: FileFormat = FileFormat::Xlsx;
const PDF: FileFormat = FileFormat::Pdf;
const LARGEST: usize = DISPUTE_EVIDENCE_MAX_BYTES as usize;
const OLE: &[u8] = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1";

/// Processor time limit for one file in a debug build: many times what each takes, and a fraction of what quadratic
/// work takes.
const LIMIT: Duration = Duration::from_secs(4);

/// Why a file is refused, and the processor time on this thread, which other threads do not affect.
fn timed(format: FileFormat, content: &[u8]) -> (&'static str, Duration) {
    let now = || Duration::try_from(clock_gettime(ClockId::ThreadCPUTime)).unwrap();
    let before = now();
    let refused = refusal(format, content);
    (refused, now() - before)
}

fn all_within_limit(cases: impl IntoIterator<Item = (&'static str, FileFormat, Vec<u8>, &'static str)>) {
    for (name, format, content, expected) in cases {
        assert!(content.len() <= LARGEST, "{name}: {} bytes", content.len());
        let (refused, took) = timed(format, &content);
        println!("{name}: {refused}, {took:?}");
        assert_eq!(refused, expected, "{name}");
        assert!(took < LIMIT, "{name}: {took:?}");
    }
}

#[test]
fn no_old_workbook_keeps_the_processor_busy() {
    all_within_limit([
        ("mini chains", XLS, Ole::new(LARGEST).mini_chains(), "Damaged"),
        ("mini chains, 512 KiB", XLS, Ole::new(512 * 1024).mini_chains(), "Damaged"),
        ("chains", XLS, Ole::new(LARGEST).chains(), "Damaged"),
        ("short chains in a long mini stream", XLS, Ole::new(LARGEST).short_mini_chains(), "Damaged"),
        ("a circle of streams", XLS, Ole::new(LARGEST).circle(), "Damaged"),
        ("a circle of the directory", XLS, Ole::new(LARGEST).directory_circle(), "Damaged"),
        ("a circle of the mini table", XLS, Ole::new(LARGEST).mini_table_circle(), "Damaged"),
        ("a circle of tables of tables", XLS, Ole::new(LARGEST).lists_circle(), "Damaged"),
    ]);
}

#[test]
fn no_workbook_keeps_the_processor_busy() {
    let long = "x".repeat(200);
    let sheet = |piece: &str, bytes: usize| {
        let cells = piece.repeat(bytes / piece.len());
        workbook(&[
            ("xl/sheet1.xml", format!("<worksheet>{cells}</worksheet>").as_bytes()),
            ("noise", &noise()),
        ])
    };
    all_within_limit([
        ("content types", XLSX, content_types(20_900, 4_085, "z"), "TooMuch"),
        ("content types, fewer", XLSX, content_types(8_000, 4_085, "z"), "taken"),
        ("content types, long extensions", XLSX, content_types(4_000, 4_085, &long), "taken"),
        ("content types, attributes", XLSX, attributes(), "Damaged"),
        ("relationships of empty tags", XLSX, relationships(58, 1_048_000, "<"), "Damaged"),
        (
            "relationships of attributes",
            XLSX,
            relationships(58, 1_048_000, "<r a='&amp;' Type='t'/>"),
            "TooMuch",
        ),
        ("many relationships", XLSX, relationships(4_000, 15_000, "<r/>"), "TooMuch"),
        ("parts that share their bytes", XLSX, overlapping(1_500, 1_900_000), "Damaged"),
        ("cells", XLSX, sheet("<c/>", 15_000_000), "taken"),
        ("formulas", XLSX, sheet("<f>a</f>", 15_000_000), "taken"),
        ("sheets", XLSX, sheet("<sheet id='a'/>", 15_000_000), "TooMuch"),
        ("attributes", XLSX, sheet("<c a='b' c='d' e='f' g='h'/>", 15_000_000), "taken"),
        ("references", XLSX, sheet("&amp;", 15_000_000), "taken"),
    ]);
}

fn noise() -> Vec<u8> {
    let mut noise = vec![0; 400_000];
    getrandom::fill(&mut noise).unwrap();
    noise
}

/// A document of this piece, as often as it fits.
fn repeated(piece: &str) -> Vec<u8> {
    let mut content = b"%PDF-1.7\n".to_vec();
    content.extend(piece.bytes().cycle().take(LARGEST - 100));
    content.extend_from_slice(b"\nstartxref\n9\n%%EOF");
    content
}

fn deflated(bytes: usize, piece: &[u8]) -> Vec<u8> {
    let mut encoder = ZlibEncoder::new(Vec::new(), Compression::best());
    for _ in 0..bytes / piece.len() {
        encoder.write_all(piece).unwrap();
    }
    encoder.finish().unwrap()
}

/// A document that has a page, and this stream as the one that its catalogue is said to be packed in.
fn packed(dictionary: &str, data: &[u8]) -> Vec<u8> {
    let head = "%PDF-1.7\n1 0 obj<</Type/Catalog/Pages 2 0 R>>endobj\n2 0 obj<</Type/Pages/Kids[3 0 R]/Count 1>>endobj\n3 0 obj<</Type/Page>>endobj\n";
    let stream = format!("4 0 obj<<{dictionary}/Length {}>>stream\n", data.len());
    let tail = "\nendstream endobj\ntrailer<</Root 1 0 R>>\nstartxref\n9\n%%EOF";
    [head.as_bytes(), stream.as_bytes(), data, tail.as_bytes()].concat()
}

#[test]
fn no_document_keeps_the_processor_busy() {
    let pieces = [
        "obj<<[",
        "obj<</A",
        "trailer<<",
        "trailer<<(",
        "obj << /A << ",
        "trailer<</A<",
        "1 0 obj(",
        "1 0 obj[",
        "1 0 obj<",
        "<< ",
        " <</A(",
        "1 0 obj<<>>stream\n",
        "1 0 obj<</Length 9>>stream\n",
        " [ ",
        "1 0 R ",
        "%",
        "%\n",
        "/A#41 ",
        "9 0 obj ",
    ];
    for piece in pieces {
        let (refused, took) = timed(PDF, &repeated(piece));
        println!("{piece}: {refused}, {took:?}");
        assert!(refused != "taken" && took < LIMIT, "{piece}: {refused}, {took:?}");
    }
    let nested = format!("1 0 obj{}{}", "<</A".repeat(200_000), ">>".repeat(200_000));
    let flate = "/Type/ObjStm/N 100/First 500/Filter/FlateDecode";
    all_within_limit([
        ("nested dictionaries", PDF, repeated(&nested), "Damaged"),
        ("packed objects", PDF, packed(flate, &deflated(100_000_000, &[0; 10_000])), "TooMuch"),
        ("packed twice", PDF, packed("/Type/ObjStm/N 1/First 5/Filter[/Fl/Fl]", &[b'x'; 70_000]), "TooMuch"),
        ("many packed objects", PDF, packed("/Type/ObjStm/N 600000/First 5", b"1 0 2 1"), "TooMuch"),
        (
            "references",
            PDF,
            packed("/Type/XRef/W[1 1 0]/Size 9/Filter/FlateDecode", &deflated(100_000_000, &[1; 10_000])),
            "TooMuch",
        ),
        (
            "an image",
            PDF,
            packed("/Subtype/Image/Filter/FlateDecode", &deflated(100_000_000, &[0; 10_000])),
            "taken",
        ),
    ]);
}

#[test]
fn no_picture_keeps_the_processor_busy() {
    let rows = |width: u32, height: u32| {
        let row = vec![0; width as usize + 1];
        png_of(width, height, &row.repeat(height as usize), 0)
    };
    let scan = {
        let whole = sample("pillow-progressive.jpeg");
        let first = memchr::memmem::find(&whole, b"\xff\xda").unwrap();
        let second = first + 2 + memchr::memmem::find(&whole[first + 2..], b"\xff\xda").unwrap();
        let mut picture = whole[..second].to_vec();
        let frame = memchr::memmem::find(&picture, b"\xff\xc2").unwrap();
        picture[frame + 5..frame + 9].copy_from_slice(&[0x13, 0x88, 0x13, 0x88]);
        picture.extend(whole[first..second].iter().cycle().take(1_900_000));
        picture.extend(b"\xff\xd9");
        picture
    };
    let markers = [&b"\xff\xd8"[..], &b"\xff\xfe\0\x02".repeat(LARGEST / 4 - 10)].concat();
    let stray = [&b"\xff\xd8"[..], &b"\xff\0".repeat(LARGEST / 2 - 10)].concat();
    all_within_limit([
        ("the most pixels", FileFormat::Png, rows(10_000, 5_000), "taken"),
        ("progressive scans", FileFormat::Jpg, scan, "Damaged"),
        ("markers", FileFormat::Jpg, markers, "Damaged"),
        ("stray bytes", FileFormat::Jpg, stray, "Damaged"),
    ]);
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
        content[..8].copy_from_slice(OLE);
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

/// A workbook with these content types in addition to its own, and these parts.
fn with_types(types: &str, parts: impl Iterator<Item = (String, Vec<u8>)>) -> Vec<u8> {
    const MAIN: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml";
    let types =
        format!(r#"<Types><Override PartName="/xl/workbook.xml" ContentType="{MAIN}"/>{types}</Types>"#);
    let parts: Vec<_> = parts.collect();
    let mut all: Vec<(&str, &[u8])> = vec![("[Content_Types].xml", types.as_bytes())];
    all.extend(parts.iter().map(|(name, content)| (name.as_str(), content.as_slice())));
    workbook(&all)
}

/// Macros declared many times for an extension that no part has, and many parts, each with a different extension.
fn content_types(declared: usize, parts: usize, extension: &str) -> Vec<u8> {
    let tag = format!(r#"<Default Extension="{extension}!" ContentType="vbaproject"/>"#);
    with_types(
        &tag.repeat(declared),
        (0..parts).map(|number| (format!("p.{extension}{number:x}"), Vec::new())),
    )
}

/// One tag of many attributes, and many tags that are never closed.
fn attributes() -> Vec<u8> {
    let types = format!("<Default {} {}", "a='' ".repeat(100_000), "<Default a = ".repeat(40_000));
    with_types(&types, std::iter::empty())
}

fn relationships(parts: usize, bytes: usize, tag: &str) -> Vec<u8> {
    let list = format!("<Relationships>{}</Relationships>", tag.repeat(bytes / tag.len())).into_bytes();
    // What cannot be packed lets the rest be packed all the more.
    let noise = noise();
    let lists = (0..parts).map(|number| (format!("r/{number}.rels"), list.clone()));
    with_types("", std::iter::once(("noise".to_owned(), noise)).chain(lists))
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
