//! The value of a constant's expression, formatted for people.

/// The value of a constant, with its unit; the expression itself if it refers to another constant.
pub(crate) fn formatted(name: &str, expression: &str) -> String {
    if let Some(list) = expression.strip_prefix('[').and_then(|list| list.strip_suffix(']')) {
        let items = list.split(',').map(str::trim).filter(|item| !item.is_empty());
        let items = items.map(|item| formatted(name, item));
        return items.collect::<Vec<_>>().join(", ");
    }
    if let Some((from, to)) = expression.split_once("..=") {
        return format!("{} to {}", formatted(name, from), formatted(name, to));
    }
    let (inner, unit) = match expression {
        span if span.starts_with("Duration::from_secs(") => (within(span), Some(1_000)),
        span if span.starts_with("Duration::from_millis(") => (within(span), Some(1)),
        number if number.starts_with("NonZero") => (within(number), None),
        plain => (plain, None),
    };
    let Some(number) = product(inner) else {
        // If it refers to another constant, its last word is that name.
        let is_path = expression.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:".contains(&byte));
        let short = expression.rsplit("::").next().filter(|_| is_path).unwrap_or(expression);
        return format!("`{short}`");
    };
    let named = |word: &str| name.split('_').any(|part| part == word);
    match unit {
        Some(millis) => span(number * millis),
        None if named("BYTES") => bytes(number),
        None if named("MS") || named("MILLIS") => span(number),
        None if named("SECONDS") && !named("PER") => span(number * 1_000),
        None if named("KIB") => bytes(number * 1_024),
        None => grouped(number),
    }
}

/// The text between the first bracket and its closing one.
fn within(expression: &str) -> &str {
    let inner = expression.split_once('(').map_or(expression, |(_, rest)| rest);
    inner.trim_end_matches(".unwrap()").trim_end_matches(')')
}

/// A number, or several multiplied or shifted.
fn product(expression: &str) -> Option<u64> {
    if let Some((one, other)) = expression.split_once(" << ") {
        return product(one)?.checked_shl(product(other)?.try_into().ok()?);
    }
    let factors = expression.split(" * ").map(|factor| factor.trim().replace('_', "").parse::<u64>().ok());
    factors.reduce(|one, other| one?.checked_mul(other?)).flatten()
}

/// `5 s`, `10 min`, `7 days`; the largest unit without a remainder.
fn span(millis: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400_000, "days"), (3_600_000, "h"), (60_000, "min"), (1_000, "s")];
    let unit = UNITS.iter().find(|(unit, _)| millis >= *unit && millis.is_multiple_of(*unit));
    match unit {
        Some((unit, "days")) if millis == *unit => "1 day".to_owned(),
        Some((unit, word)) => format!("{} {word}", grouped(millis / unit)),
        None => format!("{} ms", grouped(millis)),
    }
}

/// `64 KiB`; plain bytes if they are not a multiple of 1,024.
fn bytes(number: u64) -> String {
    const UNITS: [(u64, &str); 3] = [(1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    let unit = UNITS.iter().find(|(unit, _)| number >= *unit && number.is_multiple_of(*unit));
    unit.map_or_else(
        || format!("{} bytes", grouped(number)),
        |(unit, word)| format!("{} {word}", number / unit),
    )
}

/// `2,097,152`.
fn grouped(number: u64) -> String {
    let digits = number.to_string();
    let comma = |index: usize| index > 0 && (digits.len() - index).is_multiple_of(3);
    digits
        .char_indices()
        .map(|(index, digit)| if comma(index) { format!(",{digit}") } else { digit.to_string() })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_formatted_with_units() {
        for (name, expression, value) in [
            ("ITEMS_MAX", "20", "20"),
            ("CAPACITY", "2_000_000", "2,000,000"),
            ("BODY_MAX_BYTES", "64 * 1024", "64 KiB"),
            ("FILE_MAX_BYTES", "2_097_152", "2 MiB"),
            ("KEY_BYTES", "1000", "1,000 bytes"),
            ("ROOM_BYTES", "2 << 30", "2 GiB"),
            ("LIMIT", "Duration::from_secs(5 * 60)", "5 min"),
            ("LIMIT", "Duration::from_secs(7 * 24 * 3600)", "7 days"),
            ("LIMIT", "Duration::from_millis(250)", "250 ms"),
            ("KEPT_MS", "24 * 3600 * 1000", "1 day"),
            ("OVERLAP_MAX_SECONDS", "90 * 24 * 3600", "90 days"),
            ("FAILURES_PER_SECOND", "NonZeroU32::new(100).unwrap()", "100"),
            (
                "WAIT",
                "OTHER.saturating_sub(Duration::from_secs(1))",
                "`OTHER.saturating_sub(Duration::from_secs(1))`",
            ),
            ("NAMES_MAX", "other::EVIDENCE_MAX", "`EVIDENCE_MAX`"),
            ("PAUSES", "[ Duration::from_millis(0), Duration::from_secs(1), ]", "0 ms, 1 s"),
            ("LENGTHS", "3..=63", "3 to 63"),
        ] {
            assert_eq!(formatted(name, expression), value, "{expression}");
        }
    }
}
