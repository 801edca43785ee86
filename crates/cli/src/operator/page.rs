//! Lists, followed from page to page up to a bound. What the API says of an item is passed on as it came.

use anyhow::Result;
use rebuttal_client::protocol::operator::{PAGE_MAX, answers};
use serde::de::DeserializeOwned;
use serde_json::value::RawValue;

use super::client::Client;
use super::tell;
use crate::rerun_command;
use crate::terminal;

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

/// A part of a list, its items as they came.
pub(super) struct Listed(answers::Page<Box<RawValue>>);

impl Part {
    /// The list under a path that may have a query already.
    pub(super) async fn fetch(&self, client: &Client, path: &str) -> Result<Listed> {
        let limit = usize::from(self.limit);
        let (mut items, mut cursor) = (Vec::new(), self.cursor.clone());
        loop {
            let sign = if path.contains('?') { '&' } else { '?' };
            let size = (limit - items.len()).min(PAGE_MAX as usize);
            let mut path = format!("{path}{sign}limit={size}");
            if let Some(cursor) = &cursor {
                path.push_str(&format!("&cursor={}", encoded(cursor)));
            }
            let mut page: answers::Page<Box<RawValue>> = tell::read(&client.fetch(&path).await?)?;
            let stuck = page.items.is_empty();
            items.append(&mut page.items);
            if page.next_cursor.is_none() || stuck || items.len() >= limit {
                return Ok(Listed(answers::Page { items, ..page }));
            }
            cursor = page.next_cursor;
        }
    }
}

impl Listed {
    /// The items, as they are shown to people.
    pub(super) fn shown<T: DeserializeOwned>(&self) -> Result<Vec<T>> {
        self.0.items.iter().map(|item| tell::shown(item.get().as_bytes())).collect()
    }

    /// The list as one JSON object.
    pub(super) fn say_json(&self) -> Result<()> {
        Ok(terminal::print_json_line(&self.0)?)
    }

    /// Tells on standard error how much of the list this was, where it was not all, and the command that goes on.
    /// `fixed` are the options to be given with other values than were typed.
    pub(super) fn tell_rest(&self, fixed: &[(&str, String)]) {
        let answers::Page { items, next_cursor, total, total_exact } = &self.0;
        let Some(cursor) = next_cursor else { return };
        let shown = items.len();
        let of = match (total, total_exact) {
            (Some(total), Some(true)) => format!(" of {total}"),
            (Some(total), _) => format!(" of more than {total}"),
            _ => String::new(),
        };
        let are = if shown == 1 { "is" } else { "are" };
        let fixed = fixed.iter().map(|(name, value)| (*name, value.as_str()));
        let command =
            rerun_command::with_options(&fixed.chain([("--cursor", cursor.as_str())]).collect::<Vec<_>>());
        eprintln!();
        terminal::eprint_hint(&format!("{shown}{of} {are} shown; to go on:\n{command}"));
    }
}

/// Text as it may stand in a query.
pub(super) fn encoded(text: &str) -> String {
    let keep = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.~".contains(&byte);
    text.bytes()
        .map(|byte| if keep(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
