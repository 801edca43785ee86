//! The synopsis of a man page: the usage line of `--help` in the notation of man pages. Literals are bold, placeholders
//! italic, alternatives in braces.

use clap::Command;

/// The section.
pub(super) fn section(command: &Command) -> String {
    let usage = command.clone().render_usage().to_string();
    let usage = usage.strip_prefix("Usage: ").unwrap_or(&usage).trim_end();
    let name = command.get_bin_name().unwrap_or_else(|| command.get_name());
    let rest = usage.strip_prefix(name).unwrap_or(usage).trim_start();
    // No hyphens or spaces may be added: it is to be typed. Following lines are indented.
    format!(".SH SYNOPSIS\n.nh\n.ad l\n.HP 4\n\\fB{}\\fR {}\n.ad b\n.hy\n", dashes(name), marked(rest))
}

fn dashes(text: &str) -> String {
    text.replace('-', "\\-")
}

/// `--deadline <TIME> <--a <A>|--b>` with its fonts: `--deadline TIME {--a A|--b}`.
fn marked(usage: &str) -> String {
    let mut roff = String::new();
    let mut rest = usage;
    while let Some(first) = rest.chars().next() {
        let (text, after) = match first {
            '<' if rest.starts_with("<-") => ("{".to_owned(), 1),
            '<' => {
                let end = rest.find('>').unwrap_or(rest.len());
                (italic(rest.get(1..end).unwrap_or_default()), end + 1)
            }
            '>' => ("}".to_owned(), 1),
            '-' => {
                let end = rest.find([' ', '|', '>', ']', '=']).unwrap_or(rest.len());
                (format!("\\fB{}\\fR", dashes(rest.get(..end).unwrap_or_default())), end)
            }
            first if first.is_ascii_uppercase() => {
                let end = rest.find([' ', '|', '>', ']']).unwrap_or(rest.len());
                (italic(rest.get(..end).unwrap_or_default()), end)
            }
            first => (first.to_string(), first.len_utf8()),
        };
        roff.push_str(&text);
        rest = rest.get(after..).unwrap_or_default();
    }
    roff
}

fn italic(text: &str) -> String {
    format!("\\fI{}\\fR", dashes(text))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_usage_line_keeps_its_order_and_what_its_options_take() {
        assert_eq!(
            marked("[OPTIONS] --merchant <MERCHANT_ID> <--name <NAME>|--no-url> <FILE>..."),
            "[\\fIOPTIONS\\fR] \\fB\\-\\-merchant\\fR \\fIMERCHANT_ID\\fR {\\fB\\-\\-name\\fR \\fINAME\\fR|\\fB\\-\\-no\\-url\\fR} \
             \\fIFILE\\fR..."
        );
    }
}
