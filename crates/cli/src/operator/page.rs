//! Lists, followed from page to page up to a bound. What the API says of an item is passed on as it came.

use anyhow::Result;
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

use super::client::Client;
use super::tell;
use crate::look;
use crate::typed;

/// Most items of one page (contract §8).
const PAGE_MAX: usize = 200;

/// Which part of a list.
#[derive(Debug, clap::Args)]
pub(super) struct Part {
    /// Most that are listed, 1 to 10000
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,

    /// Where to go on: the nextCursor of the list before
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// A page as the API gives it, and all of them together.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Page {
    pub(super) items: Vec<Box<RawValue>>,
    next_cursor: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total: Option<u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    total_exact: Option<bool>,
}

impl Part {
    /// The list under a path that may have a query already.
    pub(super) async fn fetch(&self, client: &Client, path: &str) -> Result<Page> {
        let mut all = Page { next_cursor: self.cursor.clone(), ..Page::default() };
        let limit = usize::from(self.limit);
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let size = (limit - all.items.len()).min(PAGE_MAX);
            let mut path = format!("{path}{sign}limit={size}");
            if let Some(cursor) = &all.next_cursor {
                path.push_str(&format!("&cursor={}", encoded(cursor)));
            }
            let mut page: Page = tell::read(&client.fetch(&path).await?)?;
            let stuck = page.items.is_empty();
            all.items.append(&mut page.items);
            all = Page { items: all.items, ..page };
            if all.next_cursor.is_none() || stuck || all.items.len() >= limit {
                return Ok(all);
            }
        }
    }
}

impl Page {
    /// The list as one JSON object.
    pub(super) fn say_json(&self) -> Result<()> {
        look::say(serde_json::to_string(self)?);
        Ok(())
    }

    /// Tells on standard error how much of the list this was, where it was not all, and the command that goes on.
    /// `fixed` are the options to be given with other values than were typed.
    pub(super) fn tell_rest(&self, fixed: &[(&str, String)]) {
        let Some(cursor) = &self.next_cursor else { return };
        let shown = self.items.len();
        let of = match (self.total, self.total_exact) {
            (Some(total), Some(true)) => format!(" of {total}"),
            (Some(total), _) => format!(" of more than {total}"),
            _ => String::new(),
        };
        let are = if shown == 1 { "is" } else { "are" };
        let fixed = fixed.iter().map(|(name, value)| (*name, value.as_str()));
        let command = typed::with(&fixed.chain([("--cursor", cursor.as_str())]).collect::<Vec<_>>());
        eprintln!();
        look::remedy(&format!("{shown}{of} {are} shown; to go on:\n{command}"));
    }
}

/// Text as it may stand in a query.
pub(super) fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
