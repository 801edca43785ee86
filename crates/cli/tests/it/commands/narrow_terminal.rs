//! A terminal of 40 columns: sentences wrap between words, commands and tables stay as they are.

use crate::commands::terminal::Terminal;
use crate::common::{MerchantShell, rebuttal};

const COLUMNS: u16 = 40;

/// Lines that the terminal would break, except those that users copy.
fn broken<'a>(said: &'a str, whole: &[&str]) -> Vec<&'a str> {
    let too_wide = |line: &&str| line.chars().count() > usize::from(COLUMNS);
    said.lines().filter(too_wide).filter(|line| !whole.iter().any(|word| line.contains(word))).collect()
}

#[test]
fn demo_fits_a_narrow_terminal() {
    let terminal = Terminal::run(&rebuttal(&["demo", "--once"]), COLUMNS);
    let (code, said) = terminal.end();
    assert_eq!(code, 0, "{said}");
    let to_be_copied = [
        "rebuttal ",
        "curl ",
        "-H ",
        "-d ",
        "--receipt",
        "--refund",
        "s3://",
        "/tmp/",
        "appId ",
        "sign ",
        "nonce ",
        "\"code\"",
        // Rows of a table.
        "disputed  reason",
        "PA-",
        "CB-",
        "RQ-",
        "AR-",
        "  hours",
        "  days",
    ];
    assert_eq!(broken(&said, &to_be_copied), Vec::<&str>::new(), "{said}");
}

#[test]
fn text_wraps_between_words() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let (code, said) = Terminal::run(&shell.command(&["query", "--dispute-no", &no]), COLUMNS).end();
    assert_eq!((code, broken(&said, &[&no, "MTU-"])), (0, Vec::new()), "{said}");
    let (code, said) = Terminal::run(&shell.command(&["query", "--dispute-no", "NOPE"]), COLUMNS).end();
    assert_eq!((code, broken(&said, &[])), (3, Vec::new()), "{said}");
}

#[test]
fn long_name_does_not_break_the_table() {
    let shell = MerchantShell::start();
    let long = "The Long Established Company of Purveyors of Fine Teas, Coffees and Donaudampfschifffahrten";
    for name in [long, "Tea House"] {
        let made = shell.operator(&["merchant", "create", "--name", name, "--time-zone", "Europe/Oslo"]);
        assert_eq!(made.code, 0, "{made:?}");
    }
    let (code, said) = Terminal::run(&shell.operator_command(&["merchant", "list"]), 80).end();
    assert!(code == 0 && said.starts_with("  merchant  name "), "{said}");
    assert!(said.lines().all(|line| line.chars().count() <= 80), "{said}");
    assert_eq!(said.lines().filter(|line| line.ends_with("  Europe/Oslo")).count(), 2, "{said}");
    assert!(long.split(' ').all(|word| said.contains(word)), "{said}");
}

#[test]
fn columns_are_aligned_after_wide_names() {
    let shell = MerchantShell::start();
    for name in ["東京コーヒー株式会社", "🦀 Crab House", "Cafe\u{301}"] {
        let made = shell.operator(&["merchant", "create", "--name", name, "--time-zone", "Europe/Oslo"]);
        assert_eq!(made.code, 0, "{made:?}");
    }
    let (code, said) = Terminal::run(&shell.operator_command(&["merchant", "list"]), 80).end();
    let before =
        |line: &str| line.split_once("Europe/Oslo").map(|(before, _)| console::measure_text_width(before));
    let columns: Vec<_> = said.lines().filter_map(before).collect();
    assert!(code == 0 && columns.len() == 3 && columns.iter().all(|column| *column == columns[0]), "{said}");
}
