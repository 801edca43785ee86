//! Lower-case hexadecimal of a fixed width, parsed strictly: what identifies apps and files has one spelling only.

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
