//! Small valid files of all six kinds, generated so that a test knows their content, and padded to an exact size where
//! a limit is tested. Invalid files are in [`crate::invalid_files`].

use std::io::{Cursor, Write as _};

use flate2::{Compression, Crc, write::ZlibEncoder};
use zip::write::SimpleFileOptions;

/// A file of a merchant.
#[derive(Clone, Debug)]
pub struct Sample {
    pub filename: &'static str,
    pub media_type: &'static str,
    pub bytes: Vec<u8>,
}

const XLSX_TYPE: &str = "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet";
const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

/// One of each kind.
#[must_use]
pub fn all() -> Vec<Sample> {
    let sample = |filename, media_type, bytes| Sample { filename, media_type, bytes };
    vec![
        sample("receipt.png", "image/png", png(1)),
        sample("receipt.jpg", "image/jpeg", jpeg()),
        sample("receipt.jpeg", "image/jpeg", jpeg()),
        sample("refund.pdf", "application/pdf", pdf(1)),
        sample("orders.xlsx", XLSX_TYPE, xlsx(&[])),
        sample("orders.xls", "application/vnd.ms-excel", xls(&[], &[])),
    ]
}

/// A picture; each seed generates other bytes.
#[must_use]
pub fn receipt(seed: u8) -> Sample {
    Sample { filename: "receipt.png", media_type: "image/png", bytes: png(seed) }
}

/// A document; each seed generates other bytes.
#[must_use]
pub fn refund(seed: u8) -> Sample {
    Sample { filename: "refund.pdf", media_type: "application/pdf", bytes: pdf(seed) }
}

/// A grey picture of one pixel with this value.
#[must_use]
pub fn png(grey: u8) -> Vec<u8> {
    png_of(1, 1, &[0, grey], 0)
}

/// A picture of exactly this many bytes, padded by a chunk that viewers skip.
#[must_use]
pub fn png_of_size(bytes: usize) -> Vec<u8> {
    let bare = png_of(1, 1, &[0, 9], 0).len();
    let chunk_overhead = 12;
    png_of(1, 1, &[0, 9], bytes - bare - chunk_overhead)
}

/// A picture that declares these dimensions and contains these rows.
#[must_use]
pub fn png_of(width: u32, height: u32, rows: &[u8], padding: usize) -> Vec<u8> {
    let mut header = Vec::from(width.to_be_bytes());
    header.extend(height.to_be_bytes());
    header.extend([8, 0, 0, 0, 0]);
    let mut packed = ZlibEncoder::new(Vec::new(), Compression::default());
    packed.write_all(rows).expect("memory takes it");
    let mut png = PNG_MAGIC.to_vec();
    png_chunk(&mut png, b"IHDR", &header);
    if padding > 0 {
        png_chunk(&mut png, b"prVt", &vec![0x5a; padding]);
    }
    png_chunk(&mut png, b"IDAT", &packed.finish().expect("memory takes it"));
    png_chunk(&mut png, b"IEND", &[]);
    png
}

fn png_chunk(png: &mut Vec<u8>, kind: &[u8; 4], content: &[u8]) {
    png.extend(u32::try_from(content.len()).expect("a small chunk").to_be_bytes());
    let mut crc = Crc::new();
    crc.update(kind);
    crc.update(content);
    png.extend(kind);
    png.extend(content);
    png.extend(crc.sum().to_be_bytes());
}

/// A grey baseline picture of one pixel: one quantisation table, one code in each of two Huffman tables.
#[must_use]
pub fn jpeg() -> Vec<u8> {
    jpeg_of(1, 1)
}

/// A baseline picture that declares these dimensions.
#[must_use]
pub fn jpeg_of(width: u16, height: u16) -> Vec<u8> {
    let mut jpeg = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00\x01\x01\x01\x00\x48\x00\x48\x00\x00".to_vec();
    jpeg.extend(b"\xff\xdb\x00\x43\x00");
    jpeg.extend([16_u8; 64]);
    jpeg.extend(b"\xff\xc0\x00\x0b\x08");
    jpeg.extend(height.to_be_bytes());
    jpeg.extend(width.to_be_bytes());
    jpeg.extend(b"\x01\x01\x11\x00");
    for class in [0x00, 0x10] {
        jpeg.extend(b"\xff\xc4\x00\x14");
        jpeg.extend([class, 1]);
        jpeg.extend([0_u8; 15 + 1]);
    }
    jpeg.extend(b"\xff\xda\x00\x08\x01\x01\x00\x00\x3f\x00\x3f\xff\xd9");
    jpeg
}

/// A document of one empty page.
#[must_use]
pub fn pdf(seed: u8) -> Vec<u8> {
    pdf_of(&format!("% refund {seed}\n"), "")
}

/// A document with this comment after its header and these entries in its trailer.
#[must_use]
pub fn pdf_of(comment: &str, trailer: &str) -> Vec<u8> {
    let objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] >>",
    ];
    let mut pdf = format!("%PDF-1.4\n{comment}");
    let mut table = format!("xref\n0 {}\n0000000000 65535 f \n", objects.len() + 1);
    for (index, object) in objects.iter().enumerate() {
        table.push_str(&format!("{:010} 00000 n \n", pdf.len()));
        pdf.push_str(&format!("{} 0 obj\n{object}\nendobj\n", index + 1));
    }
    let start = pdf.len();
    let size = objects.len() + 1;
    pdf.push_str(&format!(
        "{table}trailer\n<< /Size {size} /Root 1 0 R {trailer}>>\nstartxref\n{start}\n%%EOF\n"
    ));
    pdf.into_bytes()
}

/// A workbook of one empty sheet, with further entries.
#[must_use]
pub fn xlsx(further: &[(&str, &[u8])]) -> Vec<u8> {
    const TYPES: &str = "<?xml version=\"1.0\"?><Types xmlns=\"http://schemas.openxmlformats.org/package/2006/\
        content-types\"><Default Extension=\"rels\" ContentType=\"application/vnd.openxmlformats-package.\
        relationships+xml\"/><Override PartName=\"/xl/workbook.xml\" ContentType=\"application/vnd.openxmlformats-\
        officedocument.spreadsheetml.sheet.main+xml\"/><Override PartName=\"/xl/worksheets/sheet1.xml\" \
        ContentType=\"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml\"/></Types>";
    const RELS: &str = "<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/\
        relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
        relationships/officeDocument\" Target=\"xl/workbook.xml\"/></Relationships>";
    const BOOK: &str = "<?xml version=\"1.0\"?><workbook xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/2006/\
        main\" xmlns:r=\"http://schemas.openxmlformats.org/officeDocument/2006/relationships\"><sheets><sheet \
        name=\"Orders\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>";
    const BOOK_RELS: &str = "<?xml version=\"1.0\"?><Relationships xmlns=\"http://schemas.openxmlformats.org/package/\
        2006/relationships\"><Relationship Id=\"rId1\" Type=\"http://schemas.openxmlformats.org/officeDocument/2006/\
        relationships/worksheet\" Target=\"worksheets/sheet1.xml\"/></Relationships>";
    const SHEET: &str = "<?xml version=\"1.0\"?><worksheet xmlns=\"http://schemas.openxmlformats.org/spreadsheetml/\
        2006/main\"><sheetData/></worksheet>";
    let mut entries: Vec<(&str, &[u8])> = vec![
        ("[Content_Types].xml", TYPES.as_bytes()),
        ("_rels/.rels", RELS.as_bytes()),
        ("xl/workbook.xml", BOOK.as_bytes()),
        ("xl/_rels/workbook.xml.rels", BOOK_RELS.as_bytes()),
        ("xl/worksheets/sheet1.xml", SHEET.as_bytes()),
    ];
    entries.extend_from_slice(further);
    zip_of(&entries)
}

/// Any archive.
#[must_use]
pub fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        archive.start_file(*name, SimpleFileOptions::default()).expect("memory takes it");
        archive.write_all(content).expect("memory takes it");
    }
    archive.finish().expect("memory takes it").into_inner()
}

/// An old workbook of one empty sheet, with further records in its head and further streams next to it.
#[must_use]
pub fn xls(records: &[(u16, &[u8])], streams: &[(&str, &[u8])]) -> Vec<u8> {
    const BOF: u16 = 0x0809;
    const BOUNDSHEET: u16 = 0x0085;
    const EOF: u16 = 0x000a;
    let bof = |kind: u8| [0, 6, kind, 0, 0xbb, 0x0d, 0xcc, 0x07, 0, 0, 0, 0, 6, 0, 0, 0];
    let record = |kind: u16, content: &[u8]| {
        let mut record = Vec::from(kind.to_le_bytes());
        record.extend(u16::try_from(content.len()).expect("a short record").to_le_bytes());
        record.extend_from_slice(content);
        record
    };
    let mut head = record(BOF, &bof(5));
    for (kind, content) in records {
        head.extend(record(*kind, content));
    }
    let name = b"\x06\x00Orders";
    let sheet_at = u32::try_from(head.len() + 4 + 6 + name.len() + 4).expect("a small book");
    let mut sheet = Vec::from(sheet_at.to_le_bytes());
    sheet.extend([0, 0]);
    sheet.extend(name);
    head.extend(record(BOUNDSHEET, &sheet));
    head.extend(record(EOF, &[]));
    head.extend(record(BOF, &bof(0x10)));
    head.extend(record(EOF, &[]));
    let mut all: Vec<(&str, &[u8])> = vec![("/Workbook", &head)];
    all.extend_from_slice(streams);
    ole_of(&all)
}

/// Any OLE container; missing parent folders are created.
#[must_use]
pub fn ole_of(streams: &[(&str, &[u8])]) -> Vec<u8> {
    let mut container = cfb::CompoundFile::create(Cursor::new(Vec::new())).expect("memory takes it");
    for (path, content) in streams {
        if let Some(at) = path.rfind('/').filter(|at| *at > 0) {
            container.create_storage_all(&path[..at]).expect("memory takes it");
        }
        container
            .create_stream(path)
            .and_then(|mut stream| stream.write_all(content))
            .expect("memory takes it");
    }
    container.flush().expect("memory takes it");
    container.into_inner().into_inner()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grow_to_the_byte() {
        for size in [1_000, 99_999, 100_000, 2 * 1024 * 1024, 2 * 1024 * 1024 + 1] {
            assert_eq!(png_of_size(size).len(), size);
        }
    }
}
