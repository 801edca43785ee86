//! `rebuttal operator dispute list`.

use anyhow::Result;
use rebuttal_client::protocol::dispute::{Stage, Status};
use rebuttal_client::protocol::{MerchantId, UnixMillis};

use super::view::table;
use crate::gateway_url::percent_encode;
use crate::operator::client::OperatorClient;
use crate::operator::list::ListArgs;
use crate::terminal;
use crate::{enum_arg, time_arg};

#[derive(Debug, clap::Args)]
pub(crate) struct ListDisputes {
    /// Only this merchant's
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: Option<MerchantId>,

    /// In this state
    #[arg(long, value_name = "STATUS", value_parser = enum_arg::parser(Status::ALL, Status::as_str))]
    status: Option<Status>,

    /// In this stage
    #[arg(long = "type", value_name = "STAGE", value_parser = enum_arg::parser(Stage::ALL, Stage::as_str))]
    stage: Option<Stage>,

    /// Due before this: a time with its zone, or a duration from now, such as 24h
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = time_arg::future)]
    deadline_before: Option<UnixMillis>,

    /// Opened after this: a time with its zone, or a duration before now, such as 7d for the last seven days
    #[arg(long, value_name = "TIME", allow_hyphen_values = true, value_parser = time_arg::past)]
    created_after: Option<UnixMillis>,

    /// With a dispute, payment, trade or reference number that starts with this text
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,

    #[command(flatten)]
    list_args: ListArgs,
}

impl ListDisputes {
    pub(super) async fn run(self, client: &OperatorClient, json: bool) -> Result<()> {
        let page = self.list_args.fetch(client, &self.path()).await?;
        if json {
            return page.print_json();
        }
        terminal::print_table(&table(&page.parse_items()?), "No disputes match.");
        // A duration would give another time in the next run, and so another list than the cursor's.
        let times = [("--deadline-before", self.deadline_before), ("--created-after", self.created_after)];
        let times: Vec<_> = times.into_iter().filter_map(|(name, at)| Some((name, time(at?)))).collect();
        page.eprint_next_page(&times);
        Ok(())
    }

    fn path(&self) -> String {
        let filters = [
            self.merchant.map(|merchant| format!("merchantId={merchant}")),
            self.status.map(|status| format!("status={status}")),
            self.stage.map(|stage| format!("type={stage}")),
            self.deadline_before.map(|at| format!("deadlineBefore={}", percent_encode(&time(at)))),
            self.created_after.map(|at| format!("createdAfter={}", percent_encode(&time(at)))),
            self.q.as_ref().map(|text| format!("q={}", percent_encode(text))),
        ];
        let filters: Vec<_> = filters.into_iter().flatten().collect();
        if filters.is_empty() { "/disputes".to_owned() } else { format!("/disputes?{}", filters.join("&")) }
    }
}

fn time(at: UnixMillis) -> String {
    at.to_rfc3339_utc()
}
