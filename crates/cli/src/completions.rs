//! `rebuttal completions`: completion scripts for shells. The scripts are clap's; for names of profiles, they call the
//! program. clap's own dynamic completion is unstable.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Command, ValueHint};
use clap_complete::Shell;

use crate::exit::{self, Exit};
use crate::{command_tree, outcome, terminal};

/// Print what a shell needs to complete commands and flags
///
/// For bash, save it as rebuttal in /usr/share/bash-completion/completions; for zsh, as _rebuttal in a folder of
/// $fpath; for fish, as rebuttal.fish in ~/.config/fish/completions. These three complete the names of profiles, too,
/// as far as they find rebuttal in $PATH.
#[derive(Debug, clap::Args)]
#[command(after_help = exit::HELP_OUTPUT_ONLY)]
pub(crate) struct Completions {
    /// The shell
    #[arg(value_name = "SHELL")]
    shell: Shell,
}

/// The id of every argument that names an existing profile.
const PROFILE: &str = "profile";
/// A placeholder in a script for the names of profiles; no other text has it.
const PLACEHOLDER: &str = "rebuttal_names_of_profiles";
/// Prints the names. Errors are discarded: a shell shows none during completion.
const NAMES: &str = "rebuttal profile list --names 2>/dev/null";

impl Completions {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut command = command_tree::all();
        if matches!(self.shell, Shell::Bash | Shell::Zsh | Shell::Fish) {
            command = with_placeholder(command);
        }
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "rebuttal", &mut script);
        let script = String::from_utf8(script)?;
        terminal::println(with_profiles(self.shell, &script).trim_end());
        outcome::finish_output(Exit::Done)
    }
}

/// The command with the placeholder as the only name of a profile.
fn with_placeholder(command: Command) -> Command {
    let command = command.mut_args(|argument| match argument.get_id() == PROFILE {
        true => {
            argument.value_parser(PossibleValuesParser::new([PLACEHOLDER])).value_hint(ValueHint::Unknown)
        }
        false => argument,
    });
    command.mut_subcommands(with_placeholder)
}

/// The script, with a call for the names instead of the placeholder.
fn with_profiles(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => script.replace(PLACEHOLDER, &format!("$({NAMES})")),
        Shell::Zsh => {
            let asking = script.replace(&format!("({PLACEHOLDER})"), "_rebuttal_profiles");
            // Before the rest, which ends in a call of a function.
            let function = format!(
                "\n_rebuttal_profiles() {{\n    local -a names\n    names=(${{(f)\"$({NAMES})\"}})\n    compadd \"$@\" -a \
                 names\n}}\n"
            );
            asking.replacen('\n', &function, 1)
        }
        Shell::Fish => {
            // The empty description after it stays: otherwise each name would have that of its option.
            let asking = script.replace(PLACEHOLDER, &format!("({NAMES})"));
            // clap's script for fish knows no arguments but options.
            format!(
                "{asking}complete -c rebuttal -n \"__fish_rebuttal_using_subcommand profile; and \
                 __fish_seen_subcommand_from remove\" -f -a \"({NAMES})\"\n"
            )
        }
        _ => script.to_owned(),
    }
}
