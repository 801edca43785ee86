//! Lists that are longer than one page.

use rebuttal_testbed::operator::in_days;

use crate::common::{CommandOutput, MerchantShell};

/// The sentence on standard error and the options that it names.
fn next_page(output: &CommandOutput) -> (&str, Vec<&str>) {
    let (sentence, options) = output.stderr.trim().split_once("; for the next ones, add ").unwrap();
    (sentence, options.split_whitespace().collect())
}

#[test]
fn next_page_is_named_by_its_options() {
    let shell = MerchantShell::start();
    let mut numbers: Vec<String> = (0..4).map(|_| shell.fixture.dispute()).collect();
    numbers.sort_unstable();
    let id = shell.fixture.merchant_id.to_string();
    let filters =
        ["--merchant", &id, "--created-after", "1h", "--deadline-before=30d", "--status", "NEEDS_RESPONSE"];
    let first = [&["dispute", "list", "--limit", "1"], &filters[..]].concat();
    let mut page = shell.operator(&first);
    let mut seen = Vec::new();
    loop {
        assert_eq!(page.code, 0, "{page:?}");
        seen.extend(numbers.iter().filter(|no| page.stdout.contains(*no)).cloned());
        if page.stderr.is_empty() {
            break;
        }
        let (sentence, options) = next_page(&page);
        assert_eq!(sentence, "1 of 4 is shown");
        let [_, at, _, _, "--cursor", cursor] = options[..] else { panic!("{page:?}") };
        assert!(at.starts_with("20"), "a duration would move on: {page:?}");
        let words = ["dispute", "list", "--limit", "1", "--merchant", &id, "--status", "NEEDS_RESPONSE"];
        let times = options[..4].to_vec();
        let next = [&words[..], &times, &["--cursor", cursor]].concat();
        page = shell.operator(&next);
    }
    seen.sort_unstable();
    assert_eq!(seen, numbers, "each once");
    let two = shell.operator(&["dispute", "list", "--limit", "3"]);
    assert_eq!(next_page(&two).0, "3 of 4 are shown");
    let all = shell.operator(&["dispute", "list", "--limit", "4"]);
    assert_eq!((all.code, all.stderr.as_str()), (0, ""), "nothing is left: {all:?}");
    let json = shell.operator(&["dispute", "list", "--limit", "1", "--json"]);
    assert_eq!((json.code, json.stderr.as_str()), (0, ""), "{json:?}");
}

#[test]
fn disputes_are_listed_since_a_relative_time() {
    let shell = MerchantShell::start();
    let no = shell.fixture.dispute();
    let listed = |after: &str| shell.operator(&["dispute", "list", "--created-after", after]);
    assert!(listed("7d").stdout.contains(&no));
    assert!(listed(&in_days(-1)).stdout.contains(&no));
    assert_eq!(listed("0s").stdout, "No disputes match.\n");
    let wrong = listed("yesterday");
    assert!(wrong.code == 2 && wrong.stderr.contains("a duration before now, such as 7d"), "{wrong:?}");
}
