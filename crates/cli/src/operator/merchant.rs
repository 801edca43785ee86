//! `rebuttal operator merchant`.

use anyhow::Result;
use rebuttal_client::protocol::MerchantId;
use rebuttal_client::protocol::operator::{ChangeMerchant, CreateMerchant, TimeZoneName, answers};
use rebuttal_client::protocol::text::MerchantName;

use super::client::OperatorClient;
use super::idempotency_key::IdempotencyKeyArg;
use super::list::ListArgs;
use super::output;
use crate::terminal::{self, Table};

#[derive(Debug, clap::Subcommand)]
pub(super) enum MerchantCommand {
    /// Register a merchant
    Create {
        /// Its name
        #[arg(long, value_name = "NAME")]
        name: MerchantName,

        /// Time zone of the times in its answers, such as Asia/Shanghai or UTC
        #[arg(long, value_name = "ZONE")]
        time_zone: TimeZoneName,

        #[command(flatten)]
        key: IdempotencyKeyArg,
    },
    /// List the merchants, by number
    List(ListArgs),
    /// Change a merchant's name or time zone
    Change {
        /// The merchant's number
        #[arg(value_name = "MERCHANT_ID")]
        merchant_id: MerchantId,

        #[command(flatten)]
        changes: MerchantChanges,
    },
}

/// The changes, of which one is needed.
#[derive(Debug, clap::Args)]
#[group(required = true, multiple = true)]
pub(super) struct MerchantChanges {
    /// The new name
    #[arg(long, value_name = "NAME")]
    name: Option<MerchantName>,

    /// The new time zone
    #[arg(long, value_name = "ZONE")]
    time_zone: Option<TimeZoneName>,
}

impl MerchantCommand {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        match self {
            Self::Create { name, time_zone, key } => {
                let answer = client.post("/merchants", &CreateMerchant { name, time_zone }, &key).await?;
                output::print_answer(&answer, json, |merchant| print_merchant(&merchant, "is registered as"))
            }
            Self::List(list_args) => {
                let page = list_args.fetch(client, "/merchants").await?;
                if json {
                    return page.print_json();
                }
                let mut table = Table::new(["merchant", "name", "time zone"]).numbers(&[0]).names(&[1]);
                for merchant in page.parse_items::<answers::Merchant>()? {
                    table.row([merchant.merchant_id.to_string(), merchant.name, merchant.time_zone]);
                }
                terminal::print_table(&table, "There are no merchants.");
                page.eprint_next_page(&[]);
                Ok(())
            }
            Self::Change { merchant_id, changes: MerchantChanges { name, time_zone } } => {
                let path = format!("/merchants/{merchant_id}");
                let answer = client.patch(&path, &ChangeMerchant { name, time_zone }).await?;
                output::print_answer(&answer, json, |merchant| print_merchant(&merchant, "is now"))
            }
        }
    }
}

fn print_merchant(merchant: &answers::Merchant, how: &str) {
    let answers::Merchant { merchant_id, name, time_zone } = merchant;
    let number = terminal::bold(merchant_id);
    terminal::print_wrapped(
        &format!("{} ", terminal::ok_mark()),
        &format!("{name} {how} merchant {number}, in {time_zone}."),
        2,
    );
}
