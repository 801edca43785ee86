//! The markers behind a JPEG's first scan, for what a decoder does not say: whether the end is there.

use super::{END, Header};

const COEFFICIENTS: usize = 64;

/// Where the picture's end marker ends. Coded data cannot contain one.
pub(super) fn end_marker(scan: &[u8]) -> Option<usize> {
    memchr::memmem::find(scan, END).map(|at| at + END.len())
}

/// Whether the scans of a progressive picture bring every coefficient to its last bit. If they do, only the last scan
/// may be cut short.
pub(super) fn cover_all(header: &Header<'_>) -> bool {
    let mut missing_bits = vec![[u8::MAX; COEFFICIENTS]; header.components.len()];
    for start in memchr::memmem::find_iter(header.scan, b"\xff\xda") {
        // Marker, length, count, two bytes for each component, first and last coefficient, bits.
        let Some([_, _, count, rest @ ..]) = header.scan.get(start + 2..) else { break };
        let Some((components, [first, last, bits, ..])) = rest.split_at_checked(usize::from(*count) * 2)
        else {
            break;
        };
        for component in components.chunks_exact(2).filter_map(|component| component.first()) {
            let known = header.components.iter().position(|known| known == component);
            let coefficients = known.and_then(|known| missing_bits.get_mut(known));
            let covered = usize::from(*first)..=usize::from(*last).min(COEFFICIENTS - 1);
            if let Some(coefficients) = coefficients.and_then(|all| all.get_mut(covered)) {
                coefficients.fill(bits & 0x0f);
            }
        }
    }
    missing_bits.iter().flatten().all(|bits| *bits == 0)
}
