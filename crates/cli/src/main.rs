//! The binary `rebuttal`: parses the command line and runs the command's module.

mod accept;
mod access;
mod command_tree;
mod completions;
mod config;
mod contest;
mod demo;
mod doctor;
mod enum_arg;
mod escape;
mod exit;
mod files;
mod gateway_url;
mod help;
mod log;
mod man;
mod migrate;
mod nearest;
mod operator;
mod outcome;
mod profile;
mod profiles;
mod prompt;
mod query;
mod rerun_command;
mod serve;
mod settings;
mod sign;
mod signals;
mod signing;
mod summary;
mod terminal;
mod time_arg;
mod toml_file;
mod upload;
mod usage;
mod verify;
mod wait_notice;

use std::process::ExitCode;

use clap::{CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use rebuttal_server::worker;

use crate::exit::Exit;
use crate::outcome::OutcomeJson;

/// With it, a contest takes a tenth less processor time than with the system's allocator.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// A self-hosted gateway for payment disputes
#[derive(Debug, Parser)]
#[command(
    name = "rebuttal",
    version,
    propagate_version = true,
    arg_required_else_help = true,
    after_help = "Begin with `rebuttal demo`. `rebuttal COMMAND --help` describes a command, with an example."
)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Demo(demo::DemoArgs),
    // For operators of a gateway.
    Serve(Box<serve::ServeArgs>),
    Operator(Box<operator::OperatorArgs>),
    Config(config::ConfigCommand),
    Migrate(Box<migrate::MigrateArgs>),
    Doctor(Box<doctor::DoctorArgs>),
    // For merchants and their developers.
    Upload(Box<upload::UploadArgs>),
    Contest(Box<contest::ContestArgs>),
    Accept(Box<accept::AcceptArgs>),
    Query(Box<query::QueryArgs>),
    Profile(profile::ProfileCommand),
    Sign(Box<sign::SignArgs>),
    Verify(Box<verify::VerifyArgs>),
    // For installation.
    Completions(completions::CompletionsArgs),
    Man(man::ManArgs),
}

impl Command {
    /// Whether the command itself reports unknown variables.
    const fn reports_unknown_variables(&self) -> bool {
        match self {
            Self::Serve(_) | Self::Doctor(_) => true,
            Self::Config(config) => config.reports_unknown_variables(),
            _ => false,
        }
    }
}

fn main() -> ExitCode {
    if std::env::args_os().nth(1).is_some_and(|argument| argument == worker::ARGUMENT) {
        return worker::run();
    }
    command_tree::set(help::complete(Cli::command()));
    let cli = match parse_args() {
        Ok(cli) => cli,
        Err(error) => return usage::report(&error).into(),
    };
    run(cli).or_else(report_error).unwrap_or(Exit::Local).into()
}

/// Reports the error of a command that did not report it.
fn report_error(error: anyhow::Error) -> anyhow::Result<Exit> {
    let result = Err::<(), _>(error);
    let json =
        result.as_ref().err().filter(|_| usage::wants_json()).map(|error| OutcomeJson::failed(error, None));
    let print_error = |error: &anyhow::Error| match error.downcast_ref::<settings::SettingErrors>() {
        Some(faults) => faults.each().for_each(terminal::eprint_error),
        None => terminal::eprint_error(&terminal::causes(error)),
    };
    outcome::finish(&result, json, |()| {}, print_error, |_| {})
}

/// Parses the command line and the variables that no flag overrides.
fn parse_args() -> Result<Cli, clap::Error> {
    let command = command_tree::all();
    let matches = |preferring: clap::Command| {
        let matches = preferring.try_get_matches();
        matches.map_err(|error| usage::sanitize_error(settings::name_variable(&command, error)))
    };
    let matches = matches(settings::prefer_flags(command.clone(), &matches(command.clone())?))?;
    Cli::from_arg_matches(&matches)
}

fn run(cli: Cli) -> anyhow::Result<Exit> {
    // `serve` logs them in its log's format; `config check` and `doctor` list them as findings.
    if !cli.command.reports_unknown_variables() {
        settings::unknown_variables(&command_tree::all())
            .iter()
            .for_each(|unknown| terminal::eprint_warning(&unknown.to_string()));
    }
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        match cli.command {
            Command::Demo(demo) => demo.run().await,
            Command::Serve(serve) => serve.run().await,
            Command::Contest(contest) => contest.run().await,
            Command::Config(config) => config.run(),
            Command::Migrate(migration) => migration.run().await,
            Command::Doctor(doctor) => doctor.run().await,
            Command::Accept(accept) => accept.run().await,
            Command::Query(query) => query.run().await,
            Command::Upload(upload) => upload.run().await,
            Command::Profile(profile) => profile.run().await,
            Command::Sign(sign) => sign.run(),
            Command::Verify(verify) => verify.run(),
            Command::Operator(operator) => operator.run().await,
            Command::Completions(completions) => completions.run(),
            Command::Man(man) => man.run(),
        }
    })
}

#[cfg(test)]
mod tests;
