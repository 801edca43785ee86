//! Lower-case hexadecimal of a fixed width, parsed strictly: identifiers of apps and files have only one spelling.

use std::fmt;

/// Writes lower-case hex digits, at most 64 of them at a time, without a heap allocation.
pub fn write(bytes: &[u8], to: &mut impl fmt::Write) -> fmt::Result {
    let mut digits = [0; 64];
    for chunk in bytes.chunks(32) {
        let digits = digits.get_mut(..2 * chunk.len()).ok_or(fmt::Error)?;
        hex::encode_to_slice(chunk, digits).map_err(|_| fmt::Error)?;
        to.write_str(std::str::from_utf8(digits).map_err(|_| fmt::Error)?)?;
    }
    Ok(())
}

/// Parses exactly `2 * N` lower-case hex digits.
pub fn parse<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.bytes().any(|byte| byte.is_ascii_uppercase()) {
        return None;
    }
    parse_any_case(text)
}

/// Parses exactly `2 * N` hex digits in either case.
pub fn parse_any_case<const N: usize>(text: &str) -> Option<[u8; N]> {
    let mut bytes = [0; N];
    hex::decode_to_slice(text, &mut bytes).ok()?;
    Some(bytes)
}
