//! `rebuttal completions`: completion scripts for shells, as clap generates them.

use anyhow::Result;
use clap_complete::Shell;

use crate::exit::{self, Exit};
use crate::{command_tree, outcome, terminal};

/// Print the completion script of a shell
///
/// For bash, save it as rebuttal in /usr/share/bash-completion/completions; for zsh, as _rebuttal in a folder of
/// $fpath; for fish, as rebuttal.fish in ~/.config/fish/completions.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct CompletionsArgs {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

impl CompletionsArgs {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command_tree::all(), "rebuttal", &mut script);
        terminal::println(String::from_utf8(script)?.trim_end());
        outcome::finish_output(Exit::Done)
    }
}
