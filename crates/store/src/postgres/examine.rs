//! A look at the server, at what stands before it, and at what it holds.

use rebuttal_protocol::UnixMillis;

use super::address::Address;
use super::hazards::hazards;
use super::rows;
use super::session::{Error, Session};
use crate::StoreError;
use crate::error::{MOVED_TO, MOVING};
use crate::examine::{Ailment, Examined, ailments_of, number};

/// Looks at a database, and at how it is reached.
pub(crate) async fn examine(address: &Address) -> Result<Examined, StoreError> {
    let hazards = hazards(address).await?;
    let mut examined =
        Examined { ailments: hazards.into_iter().map(Ailment::Hazard).collect(), ..Examined::default() };
    let session = Session::plain(address).await?;
    let time = text(&session, "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint::text").await?;
    examined.server_time = time.and_then(|time| time.parse().ok()).map(UnixMillis);
    if text(&session, "SELECT to_regclass('meta')::text").await?.is_none() {
        examined.ailments.push(Ailment::Empty);
        return Ok(examined);
    }
    let mut values = Vec::new();
    for name in ["min_binary", MOVED_TO, MOVING, "key_check", "nonce_bound"] {
        let row = session.row("SELECT value FROM meta WHERE name = $1", &[&name]).await?;
        values.push(row.map(|row| rows::value::<Vec<u8>>(&row, 0)).transpose()?);
    }
    let mut values = values.into_iter();
    let mut next = || values.next().flatten();
    examined.ailments.extend(ailments_of([next(), next(), next()]));
    examined.key_check = next();
    examined.nonce_bound = next().as_deref().and_then(number).map(UnixMillis);
    let newest =
        text(&session, "SELECT created_at::text FROM outbox ORDER BY outbox_id DESC LIMIT 1").await?;
    examined.newest_entry_at = newest.and_then(|at| at.parse().ok()).map(UnixMillis);
    examined.has_uploads = text(&session, "SELECT url FROM uploads LIMIT 1").await?.is_some();
    Ok(examined)
}

async fn text(session: &Session, sql: &'static str) -> Result<Option<String>, Error> {
    let row = session.row(sql, &[]).await?;
    row.map(|row| rows::value(&row, 0)).transpose().map(Option::flatten)
}
