//! `rebuttal completions`: what a shell needs to complete our commands. The scripts are clap's; where the name of a
//! profile belongs, they ask the program which there are. clap's own engine for such questions is called unstable by
//! clap itself.

use anyhow::Result;
use clap::builder::PossibleValuesParser;
use clap::{Command, CommandFactory as _, ValueHint};
use clap_complete::Shell;

use crate::exit::{self, Exit};
use crate::{Cli, help, outcome, terminal};

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

/// The id of every argument that names a profile that is there.
const PROFILE: &str = "profile";
/// Stands in a script as if it were the only profile; no other text has it.
const STANDS_IN: &str = "rebuttal_names_of_profiles";
/// Prints the names. Without a complaint: a shell that completes has nobody to read it.
const NAMES: &str = "rebuttal profile list --names 2>/dev/null";

impl Completions {
    pub(crate) fn run(self) -> Result<Exit> {
        let mut command = help::complete(Cli::command());
        if matches!(self.shell, Shell::Bash | Shell::Zsh | Shell::Fish) {
            command = standing_in(command);
        }
        let mut script = Vec::new();
        clap_complete::generate(self.shell, &mut command, "rebuttal", &mut script);
        let script = String::from_utf8(script)?;
        terminal::println(with_profiles(self.shell, &script).trim_end());
        outcome::finish_output(Exit::Done)
    }
}

/// With one word that a profile's name can be.
fn standing_in(command: Command) -> Command {
    let command = command.mut_args(|argument| match argument.get_id() == PROFILE {
        true => argument.value_parser(PossibleValuesParser::new([STANDS_IN])).value_hint(ValueHint::Unknown),
        false => argument,
    });
    command.mut_subcommands(standing_in)
}

/// The script, with the question for the names where the word stands in.
fn with_profiles(shell: Shell, script: &str) -> String {
    match shell {
        Shell::Bash => script.replace(STANDS_IN, &format!("$({NAMES})")),
        Shell::Zsh => {
            let asks = script.replace(&format!("({STANDS_IN})"), "_rebuttal_profiles");
            // Before the rest, which ends in a call.
            let function = format!(
                "\n_rebuttal_profiles() {{\n    local -a names\n    names=(${{(f)\"$({NAMES})\"}})\n    compadd \"$@\" -a \
                 names\n}}\n"
            );
            asks.replacen('\n', &function, 1)
        }
        Shell::Fish => {
            // The empty description behind it stays: else each name would have that of its option.
            let asks = script.replace(STANDS_IN, &format!("({NAMES})"));
            // clap's script for fish knows no arguments but options.
            format!(
                "{asks}complete -c rebuttal -n \"__fish_rebuttal_using_subcommand profile; and \
                 __fish_seen_subcommand_from remove\" -f -a \"({NAMES})\"\n"
            )
        }
        _ => script.to_owned(),
    }
}
