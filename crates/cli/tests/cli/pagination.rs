//! Lists that are longer than one page.

use rebuttal_testbed::operator::in_days;

use crate::common::{CommandOutput, MerchantShell};

fn rest(output: &CommandOutput) -> (String, String) {
    let printed: Vec<_> = output.stderr.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    let [sentence, command] = printed[..] else { panic!("{output:?}") };
    (sentence.to_owned(), command.to_owned())
}

#[test]
fn the_rest_of_a_list_is_one_pasted_command_away() {
    let shell = MerchantShell::start();
    let mut numbers: Vec<String> = (0..4).map(|_| shell.fixture.dispute()).collect();
    numbers.sort_unstable();
    let id = shell.fixture.merchant_id.to_string();
    let filters =
        ["--merchant", &id, "--created-after", "1h", "--deadline-before=30d", "--status", "NEEDS_RESPONSE"];
    let mut page = shell.operator(&[&["dispute", "list", "--limit", "1"], &filters[..]].concat());
    let mut seen = Vec::new();
    loop {
        assert_eq!(page.code, 0, "{page:?}");
        seen.extend(numbers.iter().filter(|no| page.stdout.contains(*no)).cloned());
        if page.stderr.is_empty() {
            break;
        }
        let (sentence, command) = rest(&page);
        assert_eq!(sentence, "1 of 4 is shown; to go on:");
        let kept =
            [format!(" --merchant {id}"), " --status NEEDS_RESPONSE".to_owned(), " --limit 1".to_owned()];
        assert!(kept.iter().all(|kept| command.contains(kept)), "{command}");
        assert!(!command.contains(" 1h") && !command.contains("30d"), "a span moves on: {command}");
        page = shell.paste_operator(&command);
    }
    seen.sort_unstable();
    assert_eq!(seen, numbers, "each once");
    let two = shell.operator(&["dispute", "list", "--limit", "3"]);
    assert_eq!(rest(&two).0, "3 of 4 are shown; to go on:");
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
    assert_eq!(listed("0s").stdout, "There are no such disputes.\n");
    let wrong = listed("yesterday");
    assert!(wrong.code == 2 && wrong.stderr.contains("a span back from now, such as 7d"), "{wrong:?}");
}
