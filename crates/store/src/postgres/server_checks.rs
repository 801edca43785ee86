//! Server settings, role privileges and poolers that endanger the gateway's guarantees. Checked at the start and by
//! `doctor`.

use std::time::Duration;

use super::address::{Address, CONNECT_LIMIT};
use super::rows;
use super::session::{LANE, Session, SessionError, within};
use super::statements::{BACKEND_PID, MISSING_PRIVILEGES, SERVER};
use crate::StoreError;

/// The oldest supported version.
const VERSION_MIN: i32 = 14;
/// Connections of one replica: four lanes, eight readers, and some to resolve commits.
const CONNECTIONS_OF_A_REPLICA: i64 = 16;

/// How long a query of the backend's process id may take in an unshared session.
const ANSWER_LIMIT: Duration = Duration::from_secs(1);

/// Warnings for the operator; none if all is well.
pub(crate) async fn server_warnings(address: &Address) -> Result<Vec<String>, SessionError> {
    let session = Session::open(address, LANE).await?;
    let mut server_warnings = server_settings(&session).await?;
    server_warnings.extend(missing_privileges(&session).await?);
    Ok(server_warnings)
}

/// Refuses a session that a pooler shares. Checked before anything is set, prepared or locked: settings would end up
/// in other sessions, and a lane would run without its limits, or with another `synchronous_commit`.
pub(crate) async fn refuse_transaction_pooler(address: &Address) -> Result<(), StoreError> {
    let session = Session::plain(address).await?;
    match within(CONNECT_LIMIT, is_shared(address, &session)).await? {
        true => Err(StoreError::TransactionPooler),
        false => Ok(()),
    }
}

async fn server_settings(session: &Session) -> Result<Vec<String>, SessionError> {
    let Some(row) = session.row(SERVER, &[]).await? else { return Ok(Vec::new()) };
    let mut server_warnings = Vec::new();
    let version: i32 = rows::value(&row, 0)?;
    if version < VERSION_MIN {
        server_warnings
            .push(format!("the database server is PostgreSQL {version}; {VERSION_MIN} or later is needed"));
    }
    for (column, name) in [(1, "fsync"), (2, "full_page_writes")] {
        if rows::value::<&str>(&row, column)? == "off" {
            server_warnings.push(format!(
                "the database server runs with {name} = off: a power failure can lose contests that were answered, or the \
                 whole database. Set it to on"
            ));
        }
    }
    let encoding: &str = rows::value(&row, 3)?;
    if encoding != "UTF8" {
        server_warnings.push(format!(
            "the encoding of the database is {encoding}, which cannot store every name; create it with UTF8"
        ));
    }
    let left: i64 = rows::value(&row, 4)?;
    if left < CONNECTIONS_OF_A_REPLICA {
        server_warnings.push(format!(
            "the database server has {left} free connections, and a gateway needs up to {CONNECTIONS_OF_A_REPLICA}; \
             raise max_connections"
        ));
    }
    Ok(server_warnings)
}

/// Missing privileges, found before the first contest fails because of them.
async fn missing_privileges(session: &Session) -> Result<Option<String>, SessionError> {
    let rows = session.rows(MISSING_PRIVILEGES, &[]).await?;
    let missing =
        rows.iter().map(|row| rows::value(row, 0)).collect::<Result<Vec<String>, SessionError>>()?;
    Ok((!missing.is_empty()).then(|| {
        format!(
            "the database role of the gateway lacks {}; make it the owner of the schema and its tables, or grant it that",
            missing.join(", ")
        )
    }))
}

/// Whether a session changes between two transactions, which shows when a second session is used in between. If the
/// pooler has only one server connection, the first session gets no answer while the second one holds it.
async fn is_shared(address: &Address, session: &Session) -> Result<bool, SessionError> {
    let before = process(session).await?;
    let other = Session::plain(address).await?;
    other.batch("BEGIN").await?;
    let taken = process(&other).await?;
    let after = match within(ANSWER_LIMIT, process(session)).await {
        Err(SessionError::Late(_)) => None,
        after => after?,
    };
    other.batch("ROLLBACK").await?;
    Ok(before == taken || before != after)
}

async fn process(session: &Session) -> Result<Option<i32>, SessionError> {
    // A simple query, because prepared statements may be lost between two transactions.
    let messages = session.client.simple_query(BACKEND_PID).await?;
    Ok(messages.iter().find_map(|message| match message {
        tokio_postgres::SimpleQueryMessage::Row(row) => row.get(0)?.parse().ok(),
        _ => None,
    }))
}
