//! `rebuttal completions`: what a shell needs to complete our commands.

use anyhow::Result;
use clap::CommandFactory as _;
use clap_complete::Shell;

use crate::exit::{self, Exit};
use crate::{Cli, help, look, outcome};

/// Print what a shell needs to complete commands and flags
///
/// For bash, save it as rebuttal in /usr/share/bash-completion/completions; for zsh, as _rebuttal in a folder of $fpath;
/// for fish, as rebuttal.fish in ~/.config/fish/completions.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::SAYING)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl Completions {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut help::complete(Cli::command()), "rebuttal", &mut script);
        look::say(String::from_utf8(script)?.trim_end());
        outcome::said(Exit::Done)
    }
}
