//! What `doctor` reads of a database, without serving from it and without changing it.

use std::path::Path;

use rebuttal_protocol::UnixMillis;

use crate::examined::{Defect, ENCRYPTED_SECRETS_MAX, Examined, is_behind, meta_defects};
use crate::location::{Location, PostgresAddress};
use crate::meta::{
    DATA_MIGRATION, EVIDENCE_LOCATION, IDENTITY, KEY_CHECK, MIGRATED_TO, MIN_BINARY, NONCE_BOUND,
    SWEEP_FENCE, number, text,
};
use crate::{KeyCheck, StoreError, TokenHash, postgres, sqlite};

/// Examines a database, which a gateway may be serving. `token` is the hash of a token to look up.
///
/// # Errors
/// Where it cannot be reached or read.
pub async fn examine(location: &Location, token: Option<TokenHash>) -> Result<Examined, StoreError> {
    match location {
        Location::Sqlite(path) => examine_file(path, token),
        Location::Postgres(PostgresAddress(address)) => postgres::examine(address, token).await,
    }
}

fn examine_file(path: &Path, token: Option<TokenHash>) -> Result<Examined, StoreError> {
    let Some(inspector) = sqlite::Inspector::at(path)? else {
        return Ok(Examined { defects: vec![Defect::Empty], ..Examined::default() });
    };
    let schema = inspector.schema()?;
    if schema.iter().any(Defect::hides) {
        return Ok(Examined { defects: schema, ..Examined::default() });
    }
    // An older schema has other columns of tokens and of history.
    let is_behind = is_behind(&schema);
    let token = token.filter(|_| !is_behind);
    // Read before the check value, which the first start writes with the first token: it may be running.
    let has_accounts = inspector.read().has_accounts()?;
    let mut examined = Examined {
        key_check: inspector.meta(KEY_CHECK)?.map(KeyCheck),
        identity: inspector.meta(IDENTITY)?,
        nonce_bound: inspector.meta(NONCE_BOUND)?.as_deref().and_then(number).map(UnixMillis),
        newest_entry_at: if is_behind { None } else { inspector.newest_entry_at()? },
        server_time: None,
        evidence_location: inspector.meta(EVIDENCE_LOCATION)?.as_deref().map(text),
        sweep_fence: inspector.meta(SWEEP_FENCE)?.as_deref().map(text),
        has_uploads: inspector.read().has_uploads()?,
        knows_token: token.map(|hash| inspector.read().token(hash)).transpose()?.map(|found| found.is_some()),
        encrypted_secrets: inspector.read().encrypted_secrets(ENCRYPTED_SECRETS_MAX)?,
        defects: inspector.damage()?.map(Defect::Damaged).into_iter().collect(),
    };
    examined.defects.extend(schema);
    let marks = [inspector.meta(MIN_BINARY)?, inspector.meta(MIGRATED_TO)?, inspector.meta(DATA_MIGRATION)?];
    let is_there = [examined.nonce_bound.is_some(), examined.key_check.is_some() || !has_accounts];
    examined.defects.extend(meta_defects(marks, is_there));
    Ok(examined)
}
