//! `rebuttal operator token`.

use anyhow::Result;
use rebuttal_client::protocol::operator::{Role, TokenName};
use serde::Deserialize;
use serde_json::json;

use super::client::Client;
use super::keep::{self, Keep};
use super::key::Key;
use super::page::{Part, encoded};
use super::tell;
use crate::ask;
use crate::look::{self, Table};
use crate::settings::Secret;
use crate::words;

#[derive(Debug, clap::Subcommand)]
pub(super) enum Token {
    /// Make a token; it is shown this once
    Create {
        /// Its name, which histories tell beside what its holder does
        #[arg(long, value_name = "NAME")]
        name: TokenName,

        /// What its holder may do: viewer reads, operator acts on disputes too, admin does everything
        #[arg(long, value_name = "ROLE", value_parser = words::of(Role::ALL, Role::as_str))]
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

/// A token as the API tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    name: String,
    role: String,
    created_time: Option<String>,
    /// Only in the answer of what made it.
    token: Option<Secret>,
}

impl Token {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Create { name, role, keep, key } => {
                let place = keep.open()?;
                let answer = client.post("/tokens", &json!({ "name": name, "role": role }), &key).await?;
                let told: Told = tell::shown(&answer)?;
                let once = keep::Once { member: "token", word: "token", secret: told.token.as_ref() };
                keep::tell(&answer, json, place, once, || say(&told, &format!("is made, as {}", told.role)))
            }
            Self::List(part) => {
                let page = part.fetch(client, "/tokens").await?;
                if json {
                    return page.say_json();
                }
                let mut table = Table::new(["token", "role", "made"]);
                for item in &page.items {
                    let told: Told = tell::shown(item.get().as_bytes())?;
                    let made = told.created_time.as_deref().map(look::moment).unwrap_or_default();
                    table.row([told.name, told.role, made]);
                }
                look::say_table(&table, "There are no tokens.");
                page.tell_rest(&[]);
                Ok(())
            }
            Self::Revoke { name, yes, key } => {
                if !yes {
                    let question =
                        format!("Revoke {name}? Nobody is let in by it from then on. There is no way back.");
                    ask::confirm(&question, "revoked").await?;
                }
                let path = format!("/tokens/{}/revoke", encoded(name.as_str()));
                let answer = client.post(&path, &json!({}), &key).await?;
                tell::answer(&answer, json, |told: Told| say(&told, "is revoked"))
            }
        }
    }
}

fn say(told: &Told, how: &str) {
    let text = format!("token {} {how}.", look::strong(&told.name));
    look::say_after(&format!("{} ", look::tick()), &text, 2);
}
