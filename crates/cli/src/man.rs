//! `rebuttal man`: a man page for every command, made of what `--help` tells.

use std::fs;
use std::path::{Path, PathBuf};

use anyhow::{Context as _, Result};
use clap::{Command, CommandFactory as _};
use clap_mangen::Man;

use crate::exit::{self, Exit};
use crate::{Cli, help, look, outcome};

/// What the foot of every page names.
const SOURCE: &str = concat!("rebuttal ", env!("CARGO_PKG_VERSION"));

/// Write a man page for every command
///
/// The pages are rebuttal.1, rebuttal-serve.1 and so on. `man rebuttal` finds them in /usr/local/share/man/man1.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::SAYING)]
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
        look::say(format!("{} {count} pages are written to {shown}", look::tick()));
        outcome::said(Exit::Done)
    }
}

/// Writes the pages of a command and of those below it; gives their number.
fn write(command: &Command, folder: &Path) -> Result<usize> {
    let man = Man::new(command.clone()).manual("Rebuttal").source(SOURCE);
    let path = folder.join(man.get_filename());
    let page = page(&man, command).and_then(|page| fs::write(&path, page));
    page.with_context(|| format!("cannot write {}", path.display()))?;
    let below = command.get_subcommands().map(|command| write(command, folder));
    Ok(1 + below.sum::<Result<usize>>()?)
}

/// A page. The library would put our endings under one heading, as flowing text.
fn page(man: &Man, command: &Command) -> std::io::Result<Vec<u8>> {
    let mut page = Vec::new();
    man.render_title(&mut page)?;
    man.render_name_section(&mut page)?;
    man.render_synopsis_section(&mut page)?;
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
    Ok(page)
}

/// `Example:` and the lines under it, which stay as they are.
fn section(part: &str) -> String {
    let (heading, lines) = part.split_once(":\n").unwrap_or(("Notes", part));
    let lines = lines.lines().map(|line| {
        let text = line.trim_start_matches("  ").replace('\\', "\\e").replace('-', "\\-");
        // Else roff would take it for one of its requests.
        let guard = if text.starts_with(['.', '\'']) { "\\&" } else { "" };
        format!("{guard}{text}\n")
    });
    format!(".SH {}\n.nf\n{}.fi\n", heading.to_uppercase(), lines.collect::<String>())
}
