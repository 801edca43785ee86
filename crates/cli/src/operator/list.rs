//! Lists, fetched page by page up to a limit. Items are printed as the API returns them.

use anyhow::Result;
use rebuttal_client::protocol::operator::{PAGE_MAX, answers};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::client::OperatorClient;
use super::output;
use crate::gateway_url::percent_encode;
use crate::terminal;

/// The part of a list to fetch.
#[derive(Debug, clap::Args)]
pub(super) struct ListArgs {
    /// Most that are listed, 1 to 10000
    #[arg(long, value_name = "NUMBER", default_value_t = 100, value_parser = clap::value_parser!(u16).range(1..=10_000))]
    limit: u16,

    /// Continue from the nextCursor of an earlier list
    #[arg(long, value_name = "CURSOR")]
    cursor: Option<String>,
}

/// A part of a list, with its items as raw JSON.
pub(super) struct ListedItems(answers::ListPage<Box<RawValue>>);

impl ListArgs {
    /// Fetches the list at a path, which may have a query.
    pub(super) async fn fetch(&self, client: &OperatorClient, path: &str) -> Result<ListedItems> {
        let limit = usize::from(self.limit);
        let (mut items, mut cursor) = (Vec::new(), self.cursor.clone());
        loop {
            let separator = if path.contains('?') { '&' } else { '?' };
            let size = (limit - items.len()).min(PAGE_MAX as usize);
            let mut path = format!("{path}{separator}limit={size}");
            if let Some(cursor) = &cursor {
                path.push_str(&format!("&cursor={}", percent_encode(cursor)));
            }
            let mut page: answers::ListPage<Box<RawValue>> = output::parse(&client.fetch(&path).await?)?;
            items.append(&mut page.items);
            // A page may be empty although another one follows; one that leads to itself would never end.
            if page.next_cursor.is_none() || page.next_cursor == cursor || items.len() >= limit {
                return Ok(ListedItems(answers::ListPage { items, ..page }));
            }
            cursor = page.next_cursor;
        }
    }
}

impl ListedItems {
    /// The items, parsed and sanitized for people.
    pub(super) fn parse_items<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.0.items.iter().map(|item| output::parse_sanitized(item.get().as_bytes())).collect()
    }

    /// Prints the list as one JSON object.
    pub(super) fn print_json(&self) -> Result<()> {
        Ok(terminal::print_json_line(&self.0)?)
    }

    /// Prints on standard error how many items of an incomplete list were shown, and the options that continue it.
    /// `fixed` are options that must replace the typed ones.
    pub(super) fn eprint_next_page(&self, fixed: &[(&str, String)]) {
        let answers::ListPage { items, next_cursor, total, total_exact } = &self.0;
        let Some(cursor) = next_cursor else { return };
        let shown = items.len();
        let of = match (total, total_exact) {
            (Some(total), Some(true)) => format!(" of {total}"),
            (Some(total), _) => format!(" of {total} or more"),
            _ => String::new(),
        };
        let are = if shown == 1 { "is" } else { "are" };
        let fixed: String = fixed.iter().map(|(name, value)| format!("{name} {value} ")).collect();
        eprintln!();
        terminal::eprint_hint(&format!(
            "{shown}{of} {are} shown; for the next ones, add {fixed}--cursor {}",
            terminal::shell_quote(cursor)
        ));
    }
}
