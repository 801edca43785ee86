//! `rebuttal operator`: the operator API from a shell. Each file below is one noun of it, or one verb of a dispute.

mod access;
mod app;
mod client;
mod dispute;
mod failure;
mod keep;
mod key;
mod merchant;
mod page;
mod tell;
mod token;
mod tries;

use anyhow::Result;

use crate::exit::Exit;
use crate::signals;
use access::Access;
pub(crate) use access::Token;
#[cfg(test)]
pub(crate) use client::ATTEMPT_TIMEOUT;
pub(crate) use client::Client;
pub(crate) use key::Key;

/// The codes, as `--help` tells them.
const EXITS: &str = "\
Exit codes:
  0  done
  1  a file or a setting on this side, or a no or Ctrl-C at the question; nothing was changed
  2  wrong usage; nothing was changed
  3  refused by the gateway
  4  unknown: it may or may not have taken effect; the command that makes sure is told
  5  the gateway cannot be reached or is busy; nothing was changed
  7  done as with 0, but the answer could not be written to standard output";

/// Do an operator's work: merchants, apps, tokens and disputes
///
/// Every change is safe to send again. What makes or does something goes under an Idempotency-Key and counts once;
/// `change` needs none, for it sets values, and setting them twice is setting them once. Beside a key of your own, a
/// deadline must be a time: a span from now is another one whenever it is sent.
#[derive(Debug, clap::Args)]
#[command(after_help = EXITS)]
pub(crate) struct Operator {
    #[command(subcommand)]
    noun: Noun,

    #[command(flatten)]
    access: Access,
}

#[derive(Debug, clap::Subcommand)]
enum Noun {
    /// Merchants: those who are paid, and whose payments are disputed
    #[command(subcommand)]
    Merchant(merchant::Merchant),
    /// Apps: what a merchant signs with
    #[command(subcommand)]
    App(app::App),
    /// Tokens: what operators are let in by, and as whom
    #[command(subcommand)]
    Token(token::Token),
    /// Disputes, from their opening to their end
    #[command(subcommand)]
    Dispute(Box<dispute::Dispute>),
}

impl Operator {
    pub(crate) async fn run(self) -> Result<Exit> {
        let Self { noun, access } = self;
        let client = match access.client() {
            Ok(client) => client,
            Err(error) => return tell::end(Err(error), access.json, None),
        };
        let stop = signals::stop()?;
        let result = tokio::select! {
            result = noun.run(&client, access.json) => result,
            () = stop => Err(client.interrupted()),
        };
        tell::end(result, access.json, client.again())
    }
}

impl Noun {
    async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Merchant(merchant) => merchant.run(client, json).await,
            Self::App(app) => app.run(client, json).await,
            Self::Token(token) => token.run(client, json).await,
            Self::Dispute(dispute) => dispute.run(client, json).await,
        }
    }
}
