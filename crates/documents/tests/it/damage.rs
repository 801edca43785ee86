//! Samples that are cut short or altered: none of it makes a reader panic, and a file cut in half is not taken.

use proptest::prelude::*;
use rebuttal_protocol::FileFormat;

use crate::files::{inspect, samples};

#[test]
fn a_file_cut_short_is_refused_unless_everything_is_still_there() {
    for (name, format, content) in samples() {
        if inspect(format, &content).is_err() || name == "pypdf-incremental.pdf" {
            continue;
        }
        for length in (0..content.len() * 4 / 5).step_by(content.len() / 61 + 1) {
            let cut = inspect(format, &content[..length]);
            // A document whose pages come first in the file opens with all of them.
            assert!(cut.is_err() || format == FileFormat::Pdf, "{name} cut at {length}: {cut:?}");
        }
    }
}

fn altered() -> impl Strategy<Value = (FileFormat, Vec<u8>)> {
    let files: Vec<_> = samples().into_iter().map(|(_, format, content)| (format, content)).collect();
    let edits = prop::collection::vec((any::<prop::sample::Index>(), any::<u8>(), 0..6_u8), 1..12);
    (prop::sample::select(files), edits).prop_map(|((format, mut content), edits)| {
        for (at, value, kind) in edits {
            if content.is_empty() {
                break;
            }
            let at = at.index(content.len());
            match kind {
                0 => content.truncate(at),
                1 => drop(content.remove(at)),
                2 => content.insert(at, value),
                3 => content.iter_mut().skip(at).take(4).for_each(|byte| *byte = 0xff),
                4 => content.extend_from_within(at..),
                _ => content[at] = value,
            }
        }
        (format, content)
    })
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, failure_persistence: None, ..ProptestConfig::default() })]

    /// Any altered sample is inspected without a panic, and the refusal can be printed.
    #[test]
    fn no_damage_makes_a_reader_panic((format, content) in altered()) {
        if let Err(refusal) = inspect(format, &content) {
            prop_assert!(!refusal.to_string().is_empty());
        }
    }
}
