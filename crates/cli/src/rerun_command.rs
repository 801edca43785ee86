//! The command line that repeats a request with an unknown outcome, so that it takes effect once. It is for the same
//! shell: values of variables and profiles are not repeated, and secrets are masked.

use std::ffi::OsString;
use std::os::unix::ffi::OsStrExt as _;

use crate::terminal::shell_quote;

/// Options whose value is a secret.
const SECRET_OPTIONS: [&str; 2] = ["--app-secret", "--operator-token"];

/// The command line that was typed, with these options replacing those with the same names.
pub(crate) fn with_options(options: &[(&str, &str)]) -> String {
    render(std::env::args_os().skip(1), options)
}

/// A sentence about the command, and the command on a line that can be pasted.
pub(crate) fn after_sentence(sentence: &str, command: &str) -> String {
    let masked = if command.contains('…') { " (replace … with the secret)" } else { "" };
    format!("{sentence}. In this shell, run{masked}:\n{command}")
}

fn render(mut words: impl Iterator<Item = OsString>, options: &[(&str, &str)]) -> String {
    let mut command = vec!["rebuttal".to_owned()];
    let mut operands = Vec::new();
    while let Some(word) = words.next() {
        if word == "--" {
            operands.push(word);
            operands.extend(words.by_ref());
            break;
        }
        let text = word.to_string_lossy();
        let name = text.split('=').next().unwrap_or_default();
        let is_secret = SECRET_OPTIONS.contains(&name);
        if !is_secret && options.iter().all(|(option, _)| *option != name) {
            command.push(shell_quote(&word));
            continue;
        }
        if !word.as_bytes().contains(&b'=') {
            words.next();
        }
        if is_secret {
            command.push(format!("{name} …"));
        }
    }
    command.extend(options.iter().map(|(name, value)| format!("{name} {}", shell_quote(value))));
    command.extend(operands.iter().map(shell_quote));
    command.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_replaced_and_secrets_masked() {
        for (line, options, expected) in [
            ("accept D --url=http://a", vec![], "rebuttal accept D --url=http://a"),
            (
                "extend D --deadline=3d --yes",
                vec![("--deadline", "2027")],
                "rebuttal extend D --yes --deadline 2027",
            ),
            ("extend --deadline 3d D", vec![("--deadline", "a b")], "rebuttal extend D --deadline 'a b'"),
            ("show -- -1", vec![("--trust", "x")], "rebuttal show --trust x -- -1"),
            ("accept D --app-secret hunter2", vec![], "rebuttal accept D --app-secret …"),
            ("operator --operator-token=hunter2 list", vec![], "rebuttal operator --operator-token … list"),
        ] {
            assert_eq!(render(line.split(' ').map(OsString::from), &options), expected);
        }
    }
}
