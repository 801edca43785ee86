//! Previews: a PNG of the wished width for every kind of file.

use rebuttal_documents::{PREVIEW_MAX_PIXELS, preview};
use rebuttal_protocol::{FileFormat, InvalidFile};

use crate::files::{cases, sample, samples};

/// Width and height of a PNG, and whether any of its pixels is dark.
fn look(png: &[u8]) -> (u32, u32, bool) {
    let picture = image::load_from_memory_with_format(png, image::ImageFormat::Png).unwrap().into_luma8();
    (picture.width(), picture.height(), picture.iter().any(|brightness| *brightness < 128))
}

#[test]
fn every_valid_file_has_a_preview() {
    let valid = samples().into_iter().chain(cases("accept"));
    for (name, format, content) in
        valid.filter(|(_, format, content)| rebuttal_documents::inspect(content, *format).is_ok())
    {
        let png = preview(&content, format, 0, 600).unwrap_or_else(|refusal| panic!("{name}: {refusal}"));
        let (width, height, _) = look(&png);
        assert!(
            (1..=600).contains(&width) && height <= PREVIEW_MAX_PIXELS.into(),
            "{name}: {width} × {height}"
        );
    }
}

#[test]
fn pages_and_sheets_are_drawn() {
    for (name, page, expected) in [
        ("reportlab.pdf", 0, Some(400)),
        ("reportlab.pdf", 1, Some(400)),
        ("reportlab.pdf", 2, None),
        ("openpyxl.xlsx", 0, Some(400)),
        ("openpyxl.xlsx", 2, None),
        ("xlwt.xls", 0, Some(400)),
        ("xlwt.xls", 2, None),
    ] {
        let format = crate::files::format_of(name.as_ref()).unwrap();
        let drawn = preview(&sample(name), format, page, 400).ok().map(|png| look(&png));
        let drawn = drawn.map(|(width, _, is_dark)| {
            assert!(is_dark, "{name} {page} is white");
            width
        });
        // A narrow table is enlarged four times at most.
        assert!(drawn.is_some() == expected.is_some() && drawn <= expected, "{name} {page}: {drawn:?}");
    }
}

#[test]
fn photos_are_shown_upright() {
    let photo = sample("pillow.jpg");
    let (width, height, _) = look(&preview(&photo, FileFormat::Jpg, 0, 2_000).unwrap());
    assert_eq!((width, height), (160, 80));
    // Orientation 6: the camera was turned, so that the picture is to be turned by 90 degrees.
    let exif = b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0";
    let length = u16::try_from(exif.len() + 2).unwrap().to_be_bytes();
    let turned = [&photo[..2], b"\xff\xe1", &length, exif, &photo[2..]].concat();
    assert_eq!(look(&preview(&turned, FileFormat::Jpg, 0, 2_000).unwrap()).0, 80);
    assert_eq!(look(&preview(&turned, FileFormat::Jpg, 0, 40).unwrap()).1, 80);
}

#[test]
fn cells_far_apart_do_not_fill_the_memory() {
    let mut content = sample("xlwt.xls");
    // A record of a cell with a shared text, moved to the last row and column.
    let record = memchr::memmem::find(&content, &[0xfd, 0, 10, 0]).unwrap();
    assert!(preview(&content, FileFormat::Xls, 0, 400).is_ok());
    content[record + 4..record + 8].copy_from_slice(&[0xff; 4]);
    assert!(rebuttal_documents::inspect(&content, FileFormat::Xls).is_ok());
    assert!(matches!(preview(&content, FileFormat::Xls, 0, 400), Err(InvalidFile::TooMuch { .. })));
}
