//! Names the source of an invalid value: clap names the flag, even if the value is from a variable.

use clap::error::{ContextKind, ContextValue};
use clap::{Arg, Command, Error};

/// The error, with the variable's name if the value is from a variable.
pub(crate) fn name_variable(command: &Command, mut error: Error) -> Error {
    let Some(ContextValue::String(shown)) = error.get(ContextKind::InvalidArg) else { return error };
    let Some(ContextValue::String(value)) = error.get(ContextKind::InvalidValue) else { return error };
    // As in `--app-id <ID>`.
    let Some(flag) = shown.split(' ').next().filter(|flag| flag.starts_with("--")) else { return error };
    let is_given = std::env::args_os().any(|word| word.to_string_lossy().split('=').next() == Some(flag));
    let variable = variable_of(command, flag).filter(|_| !is_given);
    let Some(variable) = variable.filter(|name| std::env::var(name).is_ok_and(|is| is == *value)) else {
        return error;
    };
    let tip = format!("the value comes from the variable {variable}");
    error.insert(ContextKind::Suggested, ContextValue::StyledStrs(vec![tip.into()]));
    error
}

/// The variable of a flag, wherever it is defined.
fn variable_of(command: &Command, flag: &str) -> Option<String> {
    let is_it = |argument: &&Arg| argument.get_long() == flag.strip_prefix("--");
    let variable = command.get_arguments().filter(is_it).find_map(|argument| argument.get_env()?.to_str());
    let below = || command.get_subcommands().find_map(|command| variable_of(command, flag));
    variable.map(str::to_owned).or_else(below)
}
