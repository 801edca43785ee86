//! `rebuttal operator`: the operator API on the command line, with a module for each of its subcommands.

mod access;
mod app;
mod client;
mod dispute;
mod failure;
mod idempotency_key;
mod list;
mod merchant;
mod output;
mod retry;
mod secret_output;
mod token;

use anyhow::Result;

use crate::exit::Exit;
use crate::signals;
use access::OperatorAccess;
pub(crate) use access::SourcedToken;
#[cfg(test)]
pub(crate) use client::ATTEMPT_TIMEOUT;
pub(crate) use client::OperatorClient;
pub(crate) use idempotency_key::IdempotencyKeyArg;

/// The exit codes, for `--help`.
const EXIT_CODES: &str = "\
Exit codes:
  0  done
  1  a local file or setting is invalid, or the confirmation was declined; nothing was changed
  2  usage error; nothing was changed
  3  refused by the gateway
  4  unknown: it may or may not have taken effect; the output has the command that finds out
  5  the gateway cannot be reached or is busy; nothing was changed
  7  success, but the answer could not be written to standard output";

/// Manage merchants, apps, tokens and disputes as an operator
///
/// Every change is safe to send again. A change that creates or does something has an Idempotency-Key and takes effect
/// once; `change` needs none, because it only sets values. With --idempotency-key, a deadline must be a time: a
/// duration from now gives another one in each run.
#[derive(Debug, clap::Args)]
#[command(after_help = EXIT_CODES)]
pub(crate) struct OperatorArgs {
    #[command(subcommand)]
    subcommand: OperatorSubcommand,

    #[command(flatten)]
    access: OperatorAccess,
}

#[derive(Debug, clap::Subcommand)]
enum OperatorSubcommand {
    /// Merchants: the sellers whose payments are disputed
    #[command(subcommand)]
    Merchant(merchant::MerchantCommand),
    /// Apps: the ids and secrets that merchants sign with
    #[command(subcommand)]
    App(app::AppCommand),
    /// Tokens of operators, with their roles
    #[command(subcommand)]
    Token(token::TokenCommand),
    /// Disputes, from their opening to their end
    #[command(subcommand)]
    Dispute(Box<dispute::DisputeCommand>),
}

impl OperatorArgs {
    pub(crate) async fn run(self) -> Result<Exit> {
        let Self { subcommand, access } = self;
        let client = match access.client() {
            Ok(client) => client,
            Err(error) => return output::finish(Err(error), access.json, None),
        };
        let stop = signals::stop()?;
        let result = tokio::select! {
            result = subcommand.run(&client, access.json) => result,
            () = stop => Err(client.interrupted_error()),
        };
        output::finish(result, access.json, client.again())
    }
}

impl OperatorSubcommand {
    async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        match self {
            Self::Merchant(merchant) => merchant.run(client, json).await,
            Self::App(app) => app.run(client, json).await,
            Self::Token(token) => token.run(client, json).await,
            Self::Dispute(dispute) => dispute.run(client, json).await,
        }
    }
}
