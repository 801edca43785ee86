//! What `doctor` reads from a server: settings, privileges, schema and data.

use std::time::Instant;

use rebuttal_protocol::UnixMillis;

use super::address::Address;
use super::server_checks::{refuse_transaction_pooler, server_warnings};
use super::session::Session;
use super::statements::NEWEST_ENTRY;
use super::{queries, rows, schema};
use crate::examined::{Defect, ENCRYPTED_SECRETS_MAX, Examined, is_behind, meta_defects};
use crate::meta::{
    DATA_MIGRATION, EVIDENCE_LOCATION, IDENTITY, KEY_CHECK, MIGRATED_TO, MIN_BINARY, NONCE_BOUND,
    SWEEP_FENCE, number, text,
};
use crate::{KeyCheck, StoreError, TokenHash};

/// Examines a database and its server.
///
/// Data that cannot be read because of a warning, such as a role without the privilege to read the tables, is reported
/// after the warning.
pub(crate) async fn examine(address: &Address, token: Option<TokenHash>) -> Result<Examined, StoreError> {
    refuse_transaction_pooler(address).await?;
    let server_warnings = server_warnings(address).await?;
    let mut examined = Examined {
        defects: server_warnings.into_iter().map(Defect::Server).collect(),
        ..Examined::default()
    };
    let session = Session::plain(address).await?;
    let has_defects = !examined.defects.is_empty();
    match inspect(&session, token, &mut examined).await {
        Err(error) if has_defects => examined.defects.push(Defect::Unreadable(error.to_string())),
        inspected => inspected?,
    }
    Ok(examined)
}

async fn inspect(
    session: &Session,
    token: Option<TokenHash>,
    examined: &mut Examined,
) -> Result<(), StoreError> {
    examined.server_time = queries::server_time(session).await?.map(|time| (time, Instant::now()));
    let schema = schema::defects(session).await?;
    let hides = schema.iter().any(Defect::hides);
    // An older schema has other columns of tokens and of history.
    let is_behind = is_behind(&schema);
    let token = token.filter(|_| !is_behind);
    examined.defects.extend(schema);
    if hides {
        return Ok(());
    }
    // Read before the check value, which the first start writes with the first token: it may be running.
    let has_accounts = queries::has_accounts(session).await?;
    let mut values = Vec::new();
    for name in [
        MIN_BINARY,
        MIGRATED_TO,
        DATA_MIGRATION,
        KEY_CHECK,
        IDENTITY,
        NONCE_BOUND,
        EVIDENCE_LOCATION,
        SWEEP_FENCE,
    ] {
        values.push(queries::meta(session, name).await?);
    }
    let mut values = values.into_iter();
    let mut next = || values.next().flatten();
    let marks = [next(), next(), next()];
    examined.key_check = next().map(KeyCheck);
    examined.identity = next();
    examined.nonce_bound = next().as_deref().and_then(number).map(UnixMillis);
    let is_there = [examined.nonce_bound.is_some(), examined.key_check.is_some() || !has_accounts];
    examined.defects.extend(meta_defects(marks, is_there));
    examined.evidence_location = next().as_deref().map(text);
    examined.sweep_fence = next().as_deref().map(text);
    if !is_behind {
        let newest = session.row(NEWEST_ENTRY, &[]).await?;
        examined.newest_entry_at = newest.map(|row| rows::millis(&row, 0)).transpose()?;
    }
    examined.has_uploads = queries::has_uploads(session).await?;
    if let Some(hash) = token {
        examined.knows_token = Some(queries::token(session, hash).await?.is_some());
    }
    examined.encrypted_secrets = queries::encrypted_secrets(session, ENCRYPTED_SECRETS_MAX).await?;
    Ok(())
}
