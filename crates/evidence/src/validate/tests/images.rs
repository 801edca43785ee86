//! Invalid pictures.

use super::*;

const PNG: FileFormat = FileFormat::Png;
const JPG: FileFormat = FileFormat::Jpg;

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

fn header(width: u32, height: u32, rest: [u8; 5]) -> Vec<u8> {
    chunk(b"IHDR", &[&width.to_be_bytes()[..], &height.to_be_bytes(), &rest].concat())
}

fn png(chunks: &[Vec<u8>]) -> Vec<u8> {
    [sniff::PNG.to_vec(), chunks.concat()].concat()
}

const GREY: [u8; 5] = [8, 0, 0, 0, 0];

#[test]
fn a_png_needs_a_header_data_and_an_end() {
    let head = header(10, 10, GREY);
    let data = chunk(b"IDAT", b"x");
    let end = chunk(b"IEND", b"");
    let whole = png(&[head.clone(), data.clone(), end.clone()]);
    assert_eq!(validate(PNG, &whole), Ok(()));
    assert_eq!(validate(PNG, &[whole.as_slice(), b"trailing bytes"].concat()), Ok(()));
    for (chunks, fault) in [
        (vec![head.clone(), end.clone()], "it has no picture data"),
        (vec![data.clone(), head.clone(), end.clone()], "its header is not at its beginning"),
        (vec![head.clone(), head.clone(), data.clone(), end.clone()], "its header is not at its beginning"),
        (vec![head.clone(), data.clone()], "it ends before its last chunk"),
    ] {
        assert_eq!(validate(PNG, &png(&chunks)), Err(InvalidFile::damaged(PNG, fault)));
    }
}

#[test]
fn damaged_png_is_refused() {
    let mut content = sample("pillow.png");
    let data = memchr::memmem::find(&content, b"IDAT").unwrap();
    content[data + 20] ^= 1;
    assert_eq!(validate(PNG, &content), Err(InvalidFile::damaged(PNG, "a checksum is wrong")));
}

#[test]
fn a_png_header_must_make_sense() {
    for rest in [
        [3, 0, 0, 0, 0],
        [16, 3, 0, 0, 0],
        [8, 1, 0, 0, 0],
        [8, 0, 1, 0, 0],
        [8, 0, 0, 1, 0],
        [8, 0, 0, 0, 2],
    ] {
        let content = png(&[header(1, 1, rest), chunk(b"IDAT", b"x"), chunk(b"IEND", b"")]);
        assert_eq!(validate(PNG, &content), Err(InvalidFile::damaged(PNG, "its header is invalid")));
    }
}

#[test]
fn a_picture_has_bounded_dimensions() {
    let validated = |width, height| {
        validate(PNG, &png(&[header(width, height, GREY), chunk(b"IDAT", b"x"), chunk(b"IEND", b"")]))
    };
    assert_eq!(validated(30_000, 3_000), Ok(()));
    assert!(matches!(validated(30_001, 1), Err(InvalidFile::TooMuch { .. })));
    assert!(matches!(validated(11_000, 10_001), Err(InvalidFile::TooMuch { .. })));
    assert!(matches!(validated(u32::MAX, u32::MAX), Err(InvalidFile::TooMuch { .. })));
    assert!(matches!(validated(0, 1), Err(InvalidFile::Damaged { .. })));
    assert!(matches!(validated(1, 0), Err(InvalidFile::Damaged { .. })));

    let mut jpeg = sample("simplejpeg.jpg");
    let frame = memchr::memmem::find(&jpeg, b"\xff\xc0").unwrap();
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0xff, 0xff, 0, 1]);
    assert!(matches!(validate(JPG, &jpeg), Err(InvalidFile::TooMuch { .. })));
    jpeg[frame + 5..frame + 9].copy_from_slice(&[0; 4]);
    assert!(matches!(validate(JPG, &jpeg), Err(InvalidFile::Damaged { .. })));
}

#[test]
fn a_jpeg_needs_dimensions_before_its_picture() {
    let scan = b"\xff\xda\x00\x02picture\xff\xd9";
    let frame = b"\xff\xc0\x00\x0b\x08\x00\x10\x00\x10\x01\x01\x11\x00";
    let whole = [b"\xff\xd8".as_slice(), frame, b"\xff\xff\xff", &scan[1..]].concat();
    assert_eq!(validate(JPG, &whole), Ok(()));
    for (content, fault) in [
        ([b"\xff\xd8".as_slice(), scan].concat(), "its header lacks the dimensions"),
        ([b"\xff\xd8".as_slice(), frame, b"\xff\xd9"].concat(), "it has no picture data"),
        (
            [b"\xff\xd8".as_slice(), frame, b"\xff\xda\x00\x02picture"].concat(),
            "it ends before its end marker",
        ),
        (b"\xff\xd8\xff\xe0\x00\x01".to_vec(), "a field of its header is invalid"),
        (b"\xff\xd8\xff\xe0\x00\x10".to_vec(), "it ends within its header"),
    ] {
        assert_eq!(validate(JPG, &content), Err(InvalidFile::damaged(JPG, fault)));
    }
}
