//! The command lines in the docs are accepted, and the times that the docs state are those of the code.

use std::time::Duration;

use clap::error::{ContextKind, ErrorKind};
use rebuttal_client::protocol::FRESHNESS_WINDOW;
use rebuttal_evidence::s3::{LINK_LIFETIME, TEMPORARY_FORM_LIFETIME};
use rebuttal_testbed::{Page, page, page::Block};

use super::help::parse;

/// Replaces … in a command: 32 digits fit everywhere.
const FILLED_IN: &str = "00000000000000000000000000000000";

/// The command lines of a page's blocks, with the page's name.
fn typed(page: &Page) -> Vec<String> {
    let lines: Vec<_> = page.blocks().iter().flat_map(Block::commands).collect();
    let call = |line: &String| {
        let line = line
            .split_once(" -- rebuttal ")
            .map_or_else(|| line.clone(), |(_, rest)| format!("rebuttal {rest}"));
        line.starts_with("rebuttal ").then(|| line.replace('…', FILLED_IN))
    };
    lines.iter().filter_map(call).collect()
}

/// The calls that a page makes in its sentences, such as `rebuttal doctor`.
fn mentioned(page: &Page) -> Vec<String> {
    let spans = page.text.split('`').skip(1).step_by(2);
    spans.filter(|span| span.starts_with("rebuttal ") && !span.contains('\n')).map(str::to_owned).collect()
}

#[test]
fn every_command_line_in_the_docs_is_accepted() {
    let mut count = 0;
    for page in Page::all() {
        for line in typed(&page) {
            count += 1;
            let parsed = parse(&line);
            assert!(parsed.is_ok(), "{}: {line}\n{parsed:?}", page.path);
        }
    }
    assert!(count > 10, "{count} is fewer than the docs ever had");
}

/// A sentence may omit options, but those that it names must exist.
#[test]
fn every_command_that_the_docs_mention_exists() {
    let mut count = 0;
    for page in Page::all() {
        for line in mentioned(&page) {
            count += 1;
            let Err(error) = parse(&line.replace(" …", "")) else { continue };
            let left_out = matches!(
                error.kind(),
                ErrorKind::MissingRequiredArgument
                    | ErrorKind::MissingSubcommand
                    | ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand
                    | ErrorKind::DisplayHelp
            );
            // An option that is named without its value.
            let value_left_out =
                error.get(ContextKind::InvalidValue).is_some_and(|value| value.to_string().is_empty());
            assert!(left_out || value_left_out, "{}: {line}\n{error}", page.path);
        }
    }
    assert!(count > 10, "{count} is fewer than the docs ever had");
}

/// Sentences that state a time, and the constant of the code.
const TIMES: [(&str, &str, Duration); 12] = [
    ("SECURITY.md", "good for one file, for reading and for {} minutes", LINK_LIFETIME),
    ("CHANGELOG.md", "good for one file and {} minutes", LINK_LIFETIME),
    ("docs/operate/evidence-on-s3.md", "anyone with the link, for {} minutes", LINK_LIFETIME),
    ("docs/integrate/contract.md", "token, for {} minutes", LINK_LIFETIME),
    ("docs/reference/cli.md", "anyone with a link can download the file for {} minutes", LINK_LIFETIME),
    ("docs/operate/evidence-on-s3.md", "with temporary ones, for {}, because", TEMPORARY_FORM_LIFETIME),
    ("docs/integrate/contract.md", "expires earlier, after {} minutes", TEMPORARY_FORM_LIFETIME),
    ("docs/integrate/contract.md", "may differ from the gateway's clock by {} minutes", FRESHNESS_WINDOW),
    ("docs/integrate/retry.md", "A timestamp may be {} minutes away", FRESHNESS_WINDOW),
    ("docs/start.md", "your clock and the gateway's are {} minutes apart", FRESHNESS_WINDOW),
    ("docs/operate/growth.md", "two windows of {} minutes", FRESHNESS_WINDOW),
    ("docs/reference/openapi.json", "{} minutes of the gateway's clock", FRESHNESS_WINDOW),
];

#[test]
fn times_in_the_docs_are_those_of_the_code() {
    for (path, sentence, time) in TIMES {
        let minutes = usize::try_from(time.as_secs() / 60).unwrap();
        let words = ["no", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten"];
        let text = page::file(path).split_whitespace().collect::<Vec<_>>().join(" ");
        let contains = |expected: &str| text.contains(&sentence.replace("{}", expected));
        assert!(contains(words[minutes]) || contains(&minutes.to_string()), "{path}: {sentence}: {minutes}");
    }
}
