//! Reads integers and slices from untrusted bytes; out of bounds is `None`, never a panic.

pub(super) fn slice(content: &[u8], at: usize, length: usize) -> Option<&[u8]> {
    content.get(at..at.checked_add(length)?)
}

pub(super) fn array<const N: usize>(content: &[u8], at: usize) -> Option<[u8; N]> {
    slice(content, at, N)?.try_into().ok()
}

pub(super) fn byte(content: &[u8], at: usize) -> Option<u8> {
    content.get(at).copied()
}

pub(super) fn u16_le(content: &[u8], at: usize) -> Option<u16> {
    array(content, at).map(u16::from_le_bytes)
}

pub(super) fn u32_le(content: &[u8], at: usize) -> Option<u32> {
    array(content, at).map(u32::from_le_bytes)
}

pub(super) fn u64_le(content: &[u8], at: usize) -> Option<u64> {
    array(content, at).map(u64::from_le_bytes)
}

pub(super) fn u16_be(content: &[u8], at: usize) -> Option<u16> {
    array(content, at).map(u16::from_be_bytes)
}

pub(super) fn u32_be(content: &[u8], at: usize) -> Option<u32> {
    array(content, at).map(u32::from_be_bytes)
}

/// A 32-bit length or offset as an index.
pub(super) fn index(value: u32) -> usize {
    usize::try_from(value).unwrap_or(usize::MAX)
}
