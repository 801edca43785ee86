//! `rebuttal operator token`.

use anyhow::Result;
use rebuttal_client::protocol::operator::{CreateToken, RevokeToken, Role, TokenName, answers};

use super::client::Client;
use super::keep::{self, Keep};
use super::key::Key;
use super::page::{Part, encoded};
use super::tell;
use crate::enum_arg;
use crate::prompt;
use crate::terminal::{self, Table};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Token {
    /// Make a token; it is shown this once
    Create {
        /// Its name, which histories tell beside what its holder does
        #[arg(long, value_name = "NAME")]
        name: TokenName,

        /// What its holder may do: viewer reads, operator acts on disputes too, admin does everything
        #[arg(long, value_name = "ROLE", value_parser = enum_arg::parser(Role::ALL, Role::as_str))]
        role: Role,

        #[command(flatten)]
        keep: Keep,

        #[command(flatten)]
        key: Key,
    },
    /// List the tokens that are not revoked, by name
    List(Part),
    /// Let nobody in by a token any more, from now on and everywhere
    Revoke {
        /// The token's name
        #[arg(value_name = "NAME")]
        name: TokenName,

        /// Do not ask before; needed where there is no terminal
        #[arg(long)]
        yes: bool,

        #[command(flatten)]
        key: Key,
    },
}

impl Token {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Create { name, role, keep, key } => {
                let place = keep.open()?;
                let answer = client.post("/tokens", &CreateToken { name, role }, &key).await?;
                let answers::NewToken { name, role, token } = tell::shown(&answer)?;
                let once = keep::Once { member: "token", word: "token", secret: Some(&token) };
                keep::tell(&answer, json, place, once, || say(&name, &format!("is made, as {role}")))
            }
            Self::List(part) => {
                let page = part.fetch(client, "/tokens").await?;
                if json {
                    return page.say_json();
                }
                let mut table = Table::new(["token", "role", "made"]);
                for token in page.shown::<answers::Token>()? {
                    table.row([token.name, token.role, terminal::short_time(&token.created_time)]);
                }
                terminal::print_table(&table, "There are no tokens.");
                page.tell_rest(&[]);
                Ok(())
            }
            Self::Revoke { name, yes, key } => {
                if !yes {
                    let question =
                        format!("Revoke {name}? Nobody is let in by it from then on. There is no way back.");
                    prompt::confirm(&question, "revoked").await?;
                }
                let path = format!("/tokens/{}/revoke", encoded(name.as_str()));
                let answer = client.post(&path, &RevokeToken {}, &key).await?;
                tell::answer(&answer, json, |token: answers::Token| say(&token.name, "is revoked"))
            }
        }
    }
}

fn say(name: &str, how: &str) {
    let text = format!("token {} {how}.", terminal::bold(name));
    terminal::print_wrapped(&format!("{} ", terminal::ok_mark()), &text, 2);
}
