//! `rebuttal operator token`.

use anyhow::Result;
use rebuttal_client::protocol::operator::{CreateToken, RevokeToken, Role, TokenName, answers};

use super::client::OperatorClient;
use super::idempotency_key::IdempotencyKeyArg;
use super::list::ListArgs;
use super::output;
use super::secret_output::{self, SecretFileArg};
use crate::enum_arg;
use crate::gateway_url::percent_encode;
use crate::prompt::ConfirmArg;
use crate::terminal::{self, Table};

#[derive(Debug, clap::Subcommand)]
pub(super) enum TokenCommand {
    /// Create a token; it is shown only once
    Create {
        /// The token's name, which histories show as the actor
        #[arg(long, value_name = "NAME")]
        name: TokenName,

        /// The token's role: viewer reads, operator also acts on disputes, admin does everything
        #[arg(long, value_name = "ROLE", value_parser = enum_arg::parser(Role::ALL, Role::as_str))]
        role: Role,

        #[command(flatten)]
        secret_file: SecretFileArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// List the tokens that are not revoked, by name
    List(ListArgs),
    /// Revoke a token, immediately and on every replica
    Revoke {
        /// The token's name
        #[arg(value_name = "NAME")]
        name: TokenName,

        #[command(flatten)]
        confirm: ConfirmArg,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
}

impl TokenCommand {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        match self {
            Self::Create { name, role, secret_file, key } => {
                let secret_file = secret_file.open()?;
                let answer = client.post("/tokens", &CreateToken { name, role }, &key).await?;
                let answers::NewToken { name, role, token } = output::parse_sanitized(&answer)?;
                let member = secret_output::SecretMember { member: "token", label: "token", secret: &token };
                secret_output::print_answer(&answer, json, secret_file, member, || {
                    print_token(&name, &format!("is created with the role {role}"))
                })
            }
            Self::List(list_args) => {
                let page = list_args.fetch(client, "/tokens").await?;
                if json {
                    return page.print_json();
                }
                let mut table = Table::new(["token", "role", "created"]);
                for token in page.parse_items::<answers::Token>()? {
                    table.row([token.name, token.role, terminal::short_time(&token.created_time)]);
                }
                terminal::print_table(&table, "There are no tokens.");
                page.eprint_next_page(&[]);
                Ok(())
            }
            Self::Revoke { name, confirm, key } => {
                let question = format!("Revoke {name}? It stops working immediately. This cannot be undone.");
                confirm.ask(&question, "revoked").await?;
                let path = format!("/tokens/{}/revoke", percent_encode(name.as_str()));
                let answer = client.post(&path, &RevokeToken {}, &key).await?;
                output::print_answer(&answer, json, |token: answers::Token| {
                    print_token(&token.name, "is revoked")
                })
            }
        }
    }
}

fn print_token(name: &str, how: &str) {
    let text = format!("token {} {how}.", terminal::bold(name));
    terminal::print_wrapped(&format!("{} ", terminal::ok_mark()), &text, 2);
}
