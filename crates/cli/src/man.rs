//! `rebuttal man`: a man page for every command, made from `--help`. Pages are ASCII, so that every roff reads them in
//! any encoding.

mod synopsis;

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::exit::{self, Exit};
use crate::{Cli, help, outcome, terminal};

/// The footer of every page.
const SOURCE: &str = concat!("rebuttal ", env!("CARGO_PKG_VERSION"));
/// Longest title: two of them with `(1)`, and what the manual is called, fit into 80 columns.
const TITLE_COLUMNS: usize = 31;

/// Write a man page for every command
///
/// The pages are rebuttal.1, rebuttal-serve.1 and so on. `man rebuttal` finds them in /usr/local/share/man/man1.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct WriteMan {
    /// Folder that the pages are written to, over those of the same names; made if missing
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl WriteMan {
    pub(crate) fn run(self) -> Result<Exit> {
        let shown = self.out.display();
        fs::create_dir_all(&self.out).with_context(|| format!("cannot make the folder {shown}"))?;
        let mut command = help::complete(Cli::command()).disable_help_subcommand(true);
        command.build();
        let count = write(&command, &self.out)?;
        terminal::println(format!("{} {count} pages are written to {shown}", terminal::ok_mark()));
        outcome::finish_output(Exit::Done)
    }
}

/// Writes the pages of a command and its subcommands; returns their number.
fn write(command: &Command, folder: &Path) -> Result<usize> {
    let man = Man::new(command.clone());
    let path = folder.join(man.get_filename());
    let page = page(&man, command).and_then(|page| fs::write(&path, ascii(&page)));
    page.with_context(|| format!("cannot write {}", path.display()))?;
    let subcommands = command.get_subcommands().map(|command| write(command, folder));
    Ok(1 + subcommands.sum::<Result<usize>>()?)
}

/// A page. The library would omit the values of options in the synopsis, and put the endings under one heading, as
/// flowing text.
fn page(man: &Man, command: &Command) -> std::io::Result<String> {
    let name = command.get_display_name().unwrap_or_else(|| command.get_name());
    let mut page = format!(".TH \"{}\" 1 \"\" \"{SOURCE}\" Rebuttal\n", title(name)).into_bytes();
    man.render_name_section(&mut page)?;
    page.extend(synopsis::section(command).bytes());
    man.render_description_section(&mut page)?;
    man.render_options_section(&mut page)?;
    if command.has_subcommands() {
        man.render_subcommands_section(&mut page)?;
    }
    let ending = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    for part in ending.split("\n\n").filter(|part| !part.is_empty()) {
        page.extend(section(part).bytes());
    }
    man.render_version_section(&mut page)?;
    String::from_utf8(page).map_err(std::io::Error::other)
}

/// The name as it fits twice into a line, besides the manual's name: without its middle part, if necessary.
fn title(name: &str) -> String {
    let title = match (name.split_once('-'), name.match_indices('-').nth(2)) {
        (Some((first, _)), Some((at, _))) if name.len() > TITLE_COLUMNS => {
            format!("{first}-…{}", name.get(at..).unwrap_or_default())
        }
        _ => name.to_owned(),
    };
    title.replace('-', "\\-")
}

/// The page in ASCII: other characters by their code points.
fn ascii(page: &str) -> String {
    let roff = |character: char| match character {
        character if character.is_ascii() => character.to_string(),
        character => format!("\\[u{:04X}]", u32::from(character)),
    };
    page.chars().map(roff).collect()
}

/// `Exit codes:`, each with its meaning; or `Example:`, whose lines are kept.
fn section(part: &str) -> String {
    let (heading, lines) = part.split_once(":\n").unwrap_or(("Notes", part));
    let lines: Vec<_> = lines.lines().map(|line| escaped(line.strip_prefix("  ").unwrap_or(line))).collect();
    let codes: Option<Vec<_>> = lines.iter().map(|line| line.split_once("  ")).collect();
    let body = match codes {
        Some(codes) => codes.iter().map(|(code, means)| format!(".IP {code} 3\n{means}\n")).collect(),
        None => format!(".nf\n{}\n.fi\n", lines.join("\n")),
    };
    format!(".SH {}\n{body}", heading.to_uppercase())
}

fn escaped(line: &str) -> String {
    let line = line.replace('\\', "\\e").replace('-', "\\-");
    // Otherwise roff would take it for a request.
    let guard = if line.starts_with(['.', '\'']) { "\\&" } else { "" };
    format!("{guard}{line}")
}
