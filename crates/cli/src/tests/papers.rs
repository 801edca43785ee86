//! What the papers say about the command line is understood by it.

use clap::error::{ContextKind, ErrorKind};
use rebuttal_testbed::{Page, page::Block};

use super::help::understood;

/// What a reader fills in: 32 digits do for everything that the papers leave open.
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
fn every_command_line_of_the_papers_is_understood() {
    let mut count = 0;
    for page in Page::all() {
        for line in typed(&page) {
            count += 1;
            let understood = understood(&line);
            assert!(understood.is_ok(), "{}: {line}\n{understood:?}", page.path);
        }
    }
    assert!(count > 10, "{count} is fewer than the papers ever had");
}

/// A sentence may leave out what it is not about, but what it names must exist.
#[test]
fn every_command_that_the_papers_mention_exists() {
    let mut count = 0;
    for page in Page::all() {
        for line in mentioned(&page) {
            count += 1;
            let Err(error) = understood(&line.replace(" …", "")) else { continue };
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
    assert!(count > 10, "{count} is fewer than the papers ever had");
}
