//! `rebuttal man`: a man page for every command, made from `--help`.

use std::fs;
use std::path::PathBuf;

use anyhow::Result;

use crate::exit::{self, Exit};
use crate::{command_tree, files, outcome, terminal};

/// Write a man page for every command
///
/// The pages are rebuttal.1, rebuttal-serve.1 and so on. `man rebuttal` finds them in /usr/local/share/man/man1.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct ManArgs {
    /// Folder that the pages are written to; created if missing, existing pages are overwritten
    #[arg(long, value_name = "DIR")]
    out: PathBuf,
}

impl ManArgs {
    pub(crate) fn run(self) -> Result<Exit> {
        let out = self.out.display();
        let failed = |error| files::create_error(&self.out, "--out", &error);
        fs::create_dir_all(&self.out).map_err(failed)?;
        let command = command_tree::all().disable_help_subcommand(true);
        clap_mangen::generate_to(command, &self.out).map_err(failed)?;
        terminal::println(format!("{} the man pages are written to {out}", terminal::ok_mark()));
        outcome::finish_output(Exit::Done)
    }
}
