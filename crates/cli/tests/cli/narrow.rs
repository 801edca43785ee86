//! A terminal of 40 columns: sentences break between words, tables become records, commands stay whole.

use crate::ground::{Shell, rebuttal};
use crate::terminal::Terminal;

const COLUMNS: u16 = 40;

/// Lines that the terminal would break, but for those that are to be copied.
fn broken<'a>(said: &'a str, whole: &[&str]) -> Vec<&'a str> {
    let too_wide = |line: &&str| line.chars().count() > usize::from(COLUMNS);
    said.lines().filter(too_wide).filter(|line| !whole.iter().any(|word| line.contains(word))).collect()
}

#[test]
fn the_demo_fits_a_narrow_terminal() {
    let terminal = Terminal::run(&rebuttal(&["demo", "--once"]), COLUMNS);
    let (code, said) = terminal.end();
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("\n       PA-20102\n       disputed  42.750 KWD\n"), "{said}");
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
    ];
    assert_eq!(broken(&said, &to_be_copied), Vec::<&str>::new(), "{said}");
}

#[test]
fn errors_and_facts_break_between_words() {
    let shell = Shell::start();
    let no = shell.scene.dispute();
    let (code, said) = Terminal::run(&shell.command(&["query", "--dispute-no", &no]), COLUMNS).end();
    assert_eq!((code, broken(&said, &[&no, "MTU-"])), (0, Vec::new()), "{said}");
    let (code, said) = Terminal::run(&shell.command(&["query", "--dispute-no", "NOPE"]), COLUMNS).end();
    assert_eq!((code, broken(&said, &[])), (3, Vec::new()), "{said}");
}

#[test]
fn what_operators_see_fits_a_narrow_terminal() {
    let shell = Shell::start();
    let no = shell.scene.dispute();
    for words in [["dispute", "list"].as_slice(), &["dispute", "show", &no], &["merchant", "list"]] {
        let (code, said) = Terminal::run(&shell.operator_command(words), COLUMNS).end();
        assert_eq!((code, broken(&said, &[&no, "MTU-"])), (0, Vec::new()), "{said}");
    }
}

#[test]
fn columns_stay_in_line_behind_wide_names() {
    let shell = Shell::start();
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
