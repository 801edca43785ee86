//! False refusals and acceptances among files that `tests/producers/produce.py` made, by producer. Run it with
//! `REBUTTAL_PRODUCED=folder cargo nextest run -p rebuttal-documents --no-capture producers`.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::files;

#[derive(Default)]
struct Tally {
    files: usize,
    wrongly_refused: usize,
    wrongly_accepted: usize,
    slowest: Duration,
}

/// A folder for each producer; what must be refused has a name that begins with `refuse-`.
#[test]
fn produced_files_are_judged_right() {
    let Ok(folder) = std::env::var("REBUTTAL_PRODUCED") else {
        return println!("REBUTTAL_PRODUCED names no folder; nothing was judged");
    };
    let mut tallies = BTreeMap::<String, Tally>::new();
    for producer in std::fs::read_dir(Path::new(&folder)).unwrap().map(|entry| entry.unwrap()) {
        let tally = tallies.entry(producer.file_name().into_string().unwrap()).or_default();
        for (name, format, content) in files::files(&producer.path()) {
            let start = Instant::now();
            let inspected = files::inspect(format, &content);
            tally.slowest = tally.slowest.max(start.elapsed());
            tally.files += 1;
            match (inspected, name.starts_with("refuse-")) {
                (Err(refusal), false) => {
                    println!("refused {}/{name}: {refusal}", producer.path().display());
                    tally.wrongly_refused += 1;
                }
                (Ok(inspection), true) => {
                    println!("accepted {}/{name}: {inspection:?}", producer.path().display());
                    tally.wrongly_accepted += 1;
                }
                _ => {}
            }
        }
    }
    println!("| producer | files | wrongly refused | wrongly accepted | slowest |\n|---|---|---|---|---|");
    for (producer, Tally { files, wrongly_refused, wrongly_accepted, slowest }) in &tallies {
        let slowest = slowest.as_millis();
        println!("| {producer} | {files} | {wrongly_refused} | {wrongly_accepted} | {slowest} ms |");
    }
    let wrong: usize = tallies.values().map(|tally| tally.wrongly_refused + tally.wrongly_accepted).sum();
    assert_eq!(wrong, 0, "of {} files", tallies.values().map(|tally| tally.files).sum::<usize>());
}
