//! A look at the server, and at what stands before it.

use rebuttal_protocol::UnixMillis;

use super::address::Address;
use super::reads::SESSIONS_MAX;
use super::rows;
use super::session::{Error, Session};
use crate::StoreError;
use crate::error::{MOVED_TO, MOVING};
use crate::examine::{Ailment, Examined, ailments_of, number};

/// The oldest server that can detach a partition while others write into the table.
const VERSION_MIN: i32 = 140_000;
/// How often a session is asked who it is while another one is open.
const ASKED: usize = 3;

/// Looks at a database, and at how it is reached.
pub(crate) async fn examine(address: &Address, lanes: usize) -> Result<Examined, StoreError> {
    let session = Session::plain(address).await?;
    let mut examined = Examined { ailments: of_server(&session, lanes).await?, ..Examined::default() };
    if changes_sessions(address, &session).await? {
        examined.ailments.push(Ailment::TransactionPooler);
    }
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

async fn of_server(session: &Session, lanes: usize) -> Result<Vec<Ailment>, Error> {
    let mut ailments = Vec::new();
    let settings = "SELECT name, setting FROM pg_settings WHERE name IN \
                    ('fsync', 'full_page_writes', 'max_connections', 'server_version_num', 'server_version')";
    let needed = u32::try_from(lanes + SESSIONS_MAX).unwrap_or(u32::MAX);
    for row in session.rows(settings, &[]).await? {
        let (name, setting): (&str, &str) = (rows::value(&row, 0)?, rows::value(&row, 1)?);
        let number = setting.parse::<i32>().unwrap_or_default();
        match name {
            "fsync" | "full_page_writes" if setting == "off" => {
                ailments.push(Ailment::Volatile(name.to_owned()));
            }
            "server_version_num" if number < VERSION_MIN => {
                ailments.push(Ailment::OldServer(setting.to_owned()));
            }
            "max_connections" => {
                let allowed = u32::try_from(number).unwrap_or_default();
                if allowed < needed {
                    ailments.push(Ailment::FewConnections { allowed, needed });
                }
            }
            _ => {}
        }
    }
    Ok(ailments)
}

/// Whether a connection is given another session from one transaction to the next. Another one takes whatever is free
/// meanwhile, as a pooler hands out first what was given back last.
async fn changes_sessions(address: &Address, session: &Session) -> Result<bool, Error> {
    const WHO: &str = "SELECT pg_backend_pid()::text";
    let first = simple(session, WHO).await?;
    let other = Session::plain(address).await?;
    for _ in 0..ASKED {
        other.batch("BEGIN").await?;
        simple(&other, WHO).await?;
        let now = simple(session, WHO).await?;
        other.batch("ROLLBACK").await?;
        if now != first {
            return Ok(true);
        }
    }
    Ok(false)
}

/// One text, without a prepared statement: behind the wrong pooler there may be none.
async fn simple(session: &Session, sql: &str) -> Result<Option<String>, Error> {
    use tokio_postgres::SimpleQueryMessage::Row;
    let told = session.client.simple_query(sql).await?;
    Ok(told.iter().find_map(|message| match message {
        Row(row) => row.get(0).map(str::to_owned),
        _ => None,
    }))
}

async fn text(session: &Session, sql: &'static str) -> Result<Option<String>, Error> {
    let row = session.row(sql, &[]).await?;
    row.map(|row| rows::value(&row, 0)).transpose().map(Option::flatten)
}
