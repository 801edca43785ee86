//! `rebuttal operator merchant`.

use anyhow::Result;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::TimeZoneName;
use rebuttal_client::protocol::text::MerchantName;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::client::Client;
use super::key::Key;
use super::page::Part;
use super::tell;
use crate::look::{self, Table};

#[derive(Debug, clap::Subcommand)]
pub(super) enum Merchant {
    /// Register a merchant
    Create {
        /// Its name
        #[arg(long, value_name = "NAME")]
        name: MerchantName,

        /// In which zone its times are told, such as Asia/Shanghai or UTC
        #[arg(long, value_name = "ZONE")]
        time_zone: TimeZoneName,

        #[command(flatten)]
        key: Key,
    },
    /// List the merchants, by number
    List(Part),
    /// Change a merchant's name or time zone; what is not given stays
    Change {
        /// The merchant's number
        #[arg(value_name = "MERCHANT_ID")]
        merchant_id: MerchantId,

        #[command(flatten)]
        changes: Changes,
    },
}

/// What is to change; one at least.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct Changes {
    /// Its new name
    #[arg(long, value_name = "NAME")]
    name: Option<MerchantName>,

    /// Its new time zone
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<TimeZoneName>,
}

/// A merchant as the API tells it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Told {
    merchant_id: u32,
    name: String,
    time_zone: String,
}

impl Merchant {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        match self {
            Self::Create { name, time_zone, key } => {
                let body = body(Some(&name), Some(&time_zone));
                let answer = client.post("/merchants", &body, &key).await?;
                tell::answer(&answer, json, |told: Told| say(&told, "is registered as"))
            }
            Self::List(part) => {
                let page = part.fetch(client, "/merchants").await?;
                if json {
                    return page.say_json();
                }
                let mut table = Table::new(["merchant", "name", "time zone"]).numbers(&[0]);
                for item in &page.items {
                    let told: Told = tell::shown(item.get().as_bytes())?;
                    table.row([told.merchant_id.to_string(), told.name, told.time_zone]);
                }
                look::say_table(&table, "There are no merchants.");
                page.tell_rest(&[]);
                Ok(())
            }
            Self::Change { merchant_id, changes: Changes { name, time_zone } } => {
                let body = body(name.as_ref(), time_zone.as_ref());
                let answer = client.patch(&format!("/merchants/{merchant_id}"), &body).await?;
                tell::answer(&answer, json, |told: Told| say(&told, "is now"))
            }
        }
    }
}

fn body(name: Option<&MerchantName>, time_zone: Option<&TimeZoneName>) -> Value {
    let name = name.map(|name| ("name".to_owned(), name.as_str().into()));
    let time_zone = time_zone.map(|zone| ("timeZone".to_owned(), zone.as_str().into()));
    Value::Object([name, time_zone].into_iter().flatten().collect::<Map<_, _>>())
}

fn say(told: &Told, how: &str) {
    let Told { merchant_id, name, time_zone } = told;
    let number = look::strong(merchant_id);
    look::say_after(
        &format!("{} ", look::tick()),
        &format!("{name} {how} merchant {number}, in {time_zone}."),
        2,
    );
}
