//! Pictures: what viewers show although it is broken, and what they cannot.

use rebuttal_protocol::{FileFormat, Note};
use rebuttal_testbed::samples::{jpeg, jpeg_of, png_of};

use crate::files::{case, inspect, notes, refusal, sample};

const PNG: FileFormat = FileFormat::Png;
const JPG: FileFormat = FileFormat::Jpg;
const PNG_MAGIC: &[u8] = b"\x89PNG\r\n\x1a\n";

fn chunk(kind: &[u8; 4], data: &[u8]) -> Vec<u8> {
    let mut crc = flate2::Crc::new();
    crc.update(kind);
    crc.update(data);
    let length = u32::try_from(data.len()).unwrap();
    [&length.to_be_bytes()[..], kind, data, &crc.sum().to_be_bytes()].concat()
}

fn png(header: [u8; 13], more: &[Vec<u8>]) -> Vec<u8> {
    [PNG_MAGIC.to_vec(), chunk(b"IHDR", &header), more.concat()].concat()
}

fn header(width: u32, height: u32, rest: [u8; 5]) -> [u8; 13] {
    [&width.to_be_bytes()[..], &height.to_be_bytes(), &rest].concat().try_into().unwrap()
}

/// The data of a grey picture of one pixel.
fn pixel() -> Vec<u8> {
    let whole = png_of(1, 1, &[0, 9], 0);
    let at = memchr::memmem::find(&whole, b"IDAT").unwrap();
    whole[at - 4..whole.len() - 12].to_vec()
}

const GREY: [u8; 5] = [8, 0, 0, 0, 0];

#[test]
fn png_needs_no_end() {
    let end = chunk(b"IEND", b"");
    let mut wrong_checksum = end.clone();
    wrong_checksum[11] ^= 1;
    let cases: [(Vec<u8>, &[Note]); 7] = [
        (end.clone(), &[]),
        (wrong_checksum, &[]),
        (Vec::new(), &[Note::MissingEndMarker]),
        (vec![0; 12], &[Note::MissingEndMarker]),
        (end[..5].to_vec(), &[Note::MissingEndMarker]),
        ([chunk(b"tEXt", b"a\0b"), end[..11].to_vec()].concat(), &[]),
        ([end, b"trailing bytes".to_vec()].concat(), &[Note::BytesAfter]),
    ];
    for (end, noted) in cases {
        assert_eq!(notes(PNG, &png(header(1, 1, GREY), &[pixel(), end.clone()])), noted, "{end:?}");
    }
    // Cut in the checksum of the data.
    let cut = png(header(1, 1, GREY), &[pixel()[..pixel().len() - 2].to_vec()]);
    assert_eq!(notes(PNG, &cut), [Note::MissingEndMarker]);
}

#[test]
fn png_needs_a_header_and_whole_data() {
    let head = header(1, 1, GREY);
    let end = chunk(b"IEND", b"");
    let mut wrong_checksum = sample("pillow.png");
    let at = memchr::memmem::find(&wrong_checksum, b"IDAT").unwrap();
    wrong_checksum[at + 20] ^= 1;
    let cases = [
        ("no data", png(head, std::slice::from_ref(&end))),
        ("garbage", png(head, &[chunk(b"IDAT", b"x"), end.clone()])),
        ("too few rows", png(header(1, 2, GREY), &[pixel(), end.clone()])),
        ("data first", [PNG_MAGIC, &pixel(), &chunk(b"IHDR", &head), &end].concat()),
        ("wrong checksum", wrong_checksum),
        ("cut in the data", png(head, &[pixel()[..12].to_vec()])),
        ("no width", png_of(0, 1, &[0, 1], 0)),
    ];
    for (about, content) in cases {
        assert_eq!(refusal(PNG, &content), "Damaged", "{about}");
    }
    for rest in [
        [3, 0, 0, 0, 0],
        [16, 3, 0, 0, 0],
        [8, 1, 0, 0, 0],
        [8, 0, 1, 0, 0],
        [8, 0, 0, 1, 0],
        [8, 0, 0, 0, 2],
    ] {
        assert_eq!(refusal(PNG, &png(header(1, 1, rest), &[pixel(), end.clone()])), "Damaged", "{rest:?}");
    }
}

#[test]
fn pictures_have_bounded_dimensions() {
    let png = |width, height, rest| refusal(PNG, &png(header(width, height, rest), &[pixel()]));
    // Within the limits, the missing rows are what is wrong.
    assert_eq!(png(30_000, 1_600, GREY), "Damaged");
    assert_eq!(png(30_001, 1, GREY), "TooMuch");
    assert_eq!(png(10_000, 5_001, GREY), "TooMuch");
    assert_eq!(png(u32::MAX, u32::MAX, GREY), "TooMuch");
    assert_eq!(png(10_000, 5_000, [16, 6, 0, 0, 0]), "TooMuch");
    assert_eq!(refusal(JPG, &jpeg_of(30_001, 1)), "TooMuch");
    assert_eq!(refusal(JPG, &jpeg_of(10_000, 5_001)), "TooMuch");
    assert_eq!(refusal(JPG, &jpeg_of(1, 0)), "Damaged");

    let mut progressive = sample("pillow-progressive.jpeg");
    let frame = memchr::memmem::find(&progressive, b"\xff\xc2").unwrap();
    progressive[frame + 5..frame + 9].copy_from_slice(&[20, 0, 20, 0]);
    assert_eq!(refusal(JPG, &progressive), "TooMuch");
}

/// Offsets of the segments of a picture's header, and of its first scan.
fn segments(content: &[u8]) -> Vec<usize> {
    let mut at = 2;
    let mut found = Vec::new();
    while content[at + 1] != 0xda {
        found.push(at);
        at += 2 + usize::from(u16::from_be_bytes([content[at + 2], content[at + 3]]));
    }
    found.push(at);
    found
}

#[test]
fn bytes_between_markers_are_skipped() {
    for name in ["pillow.jpg", "pillow-cmyk.jpg", "pillow-progressive.jpeg", "jpeg-js.jpg"] {
        let whole = sample(name);
        assert_eq!(notes(JPG, &whole), [], "{name}");
        let gaps = segments(&whole);
        for at in &gaps {
            for junk in
                [&b"\0"[..], b"junk", b"\xff\0", b"\xff\0junk\xff\0", b"\0\xff\xff\xff", b"\xff\xee\xff\xff"]
            {
                let content = [&whole[..*at], junk, &whole[*at..]].concat();
                assert_eq!(notes(JPG, &content), [Note::RepairedStructure], "{name} {at} {junk:?}");
            }
            let filled = [&whole[..*at], b"\xff\xff", &whole[*at..]].concat();
            assert_eq!(notes(JPG, &filled), [], "{name} {at}");
        }
        // A segment that decoders do not need, with a length that is too small by one.
        let comment = [&whole[..gaps[1]], b"\xff\xfe\0\x06text!", &whole[gaps[1]..]].concat();
        assert_eq!(notes(JPG, &comment), [Note::RepairedStructure], "{name}");
    }
}

#[test]
fn jpeg_needs_no_end_but_its_whole_picture() {
    for name in ["pillow.jpg", "pillow-cmyk.jpg", "pillow-progressive.jpeg", "jpeg-js.jpg", "simplejpeg.jpg"]
    {
        let whole = sample(name);
        let end = memchr::memmem::rfind(&whole, b"\xff\xd9").unwrap();
        for (rest, noted) in [
            (&b""[..], Note::MissingEndMarker),
            (b"\0\0", Note::MissingEndMarker),
            (&[0; 5_000], Note::MissingEndMarker),
            (b"\xff\xd9trailing bytes", Note::BytesAfter),
            (b"\xff\xd9\xff\xd8\xff\xe1another picture\xff\xd9", Note::BytesAfter),
        ] {
            assert_eq!(notes(JPG, &[&whole[..end], rest].concat()), [noted], "{name} {rest:?}");
        }
        let scan = *segments(&whole).last().unwrap();
        for cut in [scan, scan + 20, scan + (end - scan) / 3, scan + (end - scan) / 2] {
            assert_eq!(refusal(JPG, &whole[..cut]), "Damaged", "{name} {cut}");
        }
    }
}

#[test]
fn jpeg_needs_dimensions_and_decodable_data() {
    let whole = jpeg();
    let frame = memchr::memmem::find(&whole, b"\xff\xc0").unwrap();
    let without_frame = [&whole[..frame], &whole[frame + 13..]].concat();
    let tables = memchr::memmem::find(&whole, b"\xff\xc4").unwrap();
    let scan = memchr::memmem::find(&whole, b"\xff\xda").unwrap();
    let photo = sample("pillow.jpg");
    let data = segments(&photo).last().unwrap() + 14;
    let cases = [
        ("no frame", without_frame),
        ("no scan", [&whole[..scan], b"\xff\xd9"].concat()),
        ("no tables", [&whole[..tables], &whole[scan..]].concat()),
        ("start alone", b"\xff\xd8\xff\xe0\x00\x10".to_vec()),
        ("codes of ones only", [&photo[..data], &b"\xff\0".repeat(900), b"\xff\xd9"].concat()),
    ];
    for (about, content) in cases {
        assert_eq!(refusal(JPG, &content), "Damaged", "{about}");
    }
    assert!(inspect(JPG, &case("accept", "truncated_app14.jpg")).is_ok());

    // Damaged behind its middle, it is shown up to there.
    let end = photo.len() - 2;
    for (share, expected) in [(10, "Damaged"), (70, "taken")] {
        let at = data + (end - data) * share / 100;
        let damaged = [&photo[..at], b"\xff\0\xff\0\xff\0\xff\0", &photo[at..]].concat();
        assert_eq!(refusal(JPG, &damaged), expected, "{share} %");
        assert_eq!(refusal(JPG, &damaged[..damaged.len() - 2]), "Damaged", "{share} %, no end marker");
    }
}
