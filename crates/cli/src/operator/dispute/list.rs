//! `rebuttal operator dispute list`.

use anyhow::Result;
use rebuttal_client::protocol::dispute::{Stage, Status};
use rebuttal_client::protocol::{MerchantId, UnixMillis};

use super::view::{Summary, table};
use crate::look;
use crate::operator::client::Client;
use crate::operator::page::{Part, encoded};
use crate::operator::tell;
use crate::span;

#[derive(Debug, clap::Args)]
pub(crate) struct List {
    /// Of this merchant
    #[arg(long, value_name = "MERCHANT_ID")]
    merchant: Option<MerchantId>,

    /// In this state, such as NEEDS_RESPONSE or UNDER_REVIEW
    #[arg(long, value_name = "STATUS")]
    status: Option<Status>,

    /// In this stage, such as CHARGEBACK
    #[arg(long = "type", value_name = "STAGE")]
    stage: Option<Stage>,

    /// Due before this: a time with its zone, or a span from now, such as 24h
    #[arg(long, value_name = "TIME", value_parser = span::moment)]
    deadline_before: Option<UnixMillis>,

    /// Opened after this: a time with its zone
    #[arg(long, value_name = "TIME", value_parser = opened)]
    created_after: Option<UnixMillis>,

    /// With this text at the beginning of one of its numbers
    #[arg(long, value_name = "TEXT")]
    q: Option<String>,

    #[command(flatten)]
    part: Part,
}

/// What has passed is no span from now.
fn opened(text: &str) -> Result<UnixMillis, String> {
    UnixMillis::from_rfc3339(text).map_err(|error| error.to_string())
}

impl List {
    pub(super) async fn run(self, client: &Client, json: bool) -> Result<()> {
        let page = self.part.fetch(client, &self.path()).await?;
        if json {
            return page.say_json();
        }
        let disputes: Result<Vec<Summary>> =
            page.items.iter().map(|item| tell::read(item.get().as_bytes())).collect();
        look::say_table(&table(&disputes?), "There are no such disputes.");
        page.say_rest();
        Ok(())
    }

    fn path(&self) -> String {
        let time = |at: UnixMillis| encoded(&at.to_rfc3339(&jiff::tz::TimeZone::UTC));
        let filters = [
            self.merchant.map(|merchant| format!("merchantId={merchant}")),
            self.status.map(|status| format!("status={status}")),
            self.stage.map(|stage| format!("type={stage}")),
            self.deadline_before.map(|at| format!("deadlineBefore={}", time(at))),
            self.created_after.map(|at| format!("createdAfter={}", time(at))),
            self.q.as_ref().map(|text| format!("q={}", encoded(text))),
        ];
        let filters: Vec<_> = filters.into_iter().flatten().collect();
        if filters.is_empty() { "/disputes".to_owned() } else { format!("/disputes?{}", filters.join("&")) }
    }
}
