//! The first round trip of a batch: loads everything that it needs, in one pipeline.
//!
//! Locks are taken in one order everywhere: disputes by number, nonces by time, tokens by hash, then new rows. A
//! transaction therefore only waits for one that is further along, and there are no deadlocks.

use std::collections::{BTreeSet, HashMap, HashSet};

use rebuttal_protocol::{AppId, DisputeNo, StorageUri, UnixMillis};
use tokio_postgres::Row;

use super::rows;
use super::session::{Session, SessionError};
use super::statements::{
    BOUND_TRANSACTION_AND_ENTRY, CLAIM_NONCES, FIND_KEYS, FIND_UPLOADS, LOCK_DISPUTES, LOCK_TOKENS,
};
use crate::accounts::TokenHash;
use crate::batch::{KeyName, KeySet, Loaded, StoredAnswer, StoredDispute, StoredUpload};
use crate::write_request::{NonceUse, RequestHash};

/// The loaded rows, and the number of the open transaction.
pub(super) async fn load(session: &Session, names: &KeySet) -> Result<(Loaded, String), SessionError> {
    // Sent together and answered in order; empty queries are left out.
    let (begun, disputes, nonces, tokens, keys, uploads, last) = tokio::join! {
        biased;
        session.batch("BEGIN ISOLATION LEVEL READ COMMITTED"),
        lock_disputes(session, names),
        claim_nonces(session, names),
        lock_tokens(session, &names.tokens),
        find_keys(session, names),
        find_uploads(session, names),
        // Last: nonces are claimed first, and the bound is read after that. Otherwise a purge could raise the bound
        // and drop the partition in between, and a nonce that was used long ago would count as unused.
        session.row(BOUND_TRANSACTION_AND_ENTRY, &[]),
    };
    begun?;
    let mut loaded = Loaded { disputes: disputes?, used_nonces: nonces?, ..Loaded::default() };
    loaded.tokens = tokens?;
    loaded.keys = keys?;
    loaded.uploads = uploads?;
    let last =
        last?.ok_or_else(|| SessionError::Unreadable("a select of values without a row".to_owned()))?;
    loaded.nonce_bound = rows::value(&last, 0)?;
    loaded.next_entry = rows::value(&last, 2)?;
    Ok((loaded, rows::value(&last, 1)?))
}

async fn lock_disputes(
    session: &Session,
    names: &KeySet,
) -> Result<HashMap<DisputeNo, StoredDispute>, SessionError> {
    if names.disputes.is_empty() {
        return Ok(HashMap::new());
    }
    let numbers: Vec<&str> = names.disputes.iter().map(|no| no.as_str()).collect();
    let disputes = session.rows(LOCK_DISPUTES, &[&numbers]).await?;
    let stored =
        |row: &Row| rows::stored_dispute(row).map(|stored| (stored.state.dispute_no.clone(), stored));
    disputes.iter().map(stored).collect()
}

/// Claims every unused nonce, and returns the used ones, among which nonces at or below the bound may be. Those are
/// rejected as stale.
async fn claim_nonces(session: &Session, names: &KeySet) -> Result<HashSet<NonceUse>, SessionError> {
    if names.nonces.is_empty() {
        return Ok(HashSet::new());
    }
    let nonces = &names.nonces;
    let timestamps: Vec<i64> = nonces.iter().map(|nonce| nonce.timestamp.0).collect();
    let apps: Vec<&[u8]> = nonces.iter().map(|nonce| nonce.app_id.as_bytes().as_slice()).collect();
    let texts: Vec<&str> = nonces.iter().map(|nonce| nonce.nonce.as_str()).collect();
    let claimed = session.rows(CLAIM_NONCES, &[&timestamps, &apps, &texts]).await?;
    if claimed.len() == nonces.len() {
        return Ok(HashSet::new());
    }
    let mut used: HashSet<NonceUse> = nonces.iter().cloned().collect();
    for row in &claimed {
        used.remove(&NonceUse {
            timestamp: UnixMillis(rows::value(row, 0)?),
            app_id: AppId::from_bytes(rows::bytes(row, 1)?),
            nonce: rows::parsed(row, 2)?,
        });
    }
    Ok(used)
}

/// The tokens that are active. They cannot be revoked until the transaction ends.
pub(super) async fn lock_tokens(
    session: &Session,
    tokens: &BTreeSet<TokenHash>,
) -> Result<HashSet<TokenHash>, SessionError> {
    if tokens.is_empty() {
        return Ok(HashSet::new());
    }
    let hashes: Vec<&[u8]> = tokens.iter().map(|hash| hash.0.as_slice()).collect();
    session
        .rows(LOCK_TOKENS, &[&hashes])
        .await?
        .iter()
        .map(|row| rows::bytes(row, 0).map(TokenHash))
        .collect()
}

async fn find_keys(
    session: &Session,
    names: &KeySet,
) -> Result<HashMap<KeyName, StoredAnswer>, SessionError> {
    if names.keys.is_empty() {
        return Ok(HashMap::new());
    }
    let (tokens, keys): (Vec<&str>, Vec<&str>) =
        names.keys.iter().map(|KeyName { token, key }| (token.as_str(), key.as_str())).unzip();
    let found = session.rows(FIND_KEYS, &[&tokens, &keys]).await?;
    let answered = |row: &Row| {
        let name = KeyName { token: rows::value(row, 0)?, key: rows::value(row, 1)? };
        Ok((name, stored_answer(row)?))
    };
    found.iter().map(answered).collect()
}

/// Reads request, answer and time of a row of [`FIND_KEYS`].
pub(super) fn stored_answer(row: &Row) -> Result<StoredAnswer, SessionError> {
    let answer = serde_json::from_str(rows::value(row, 3)?);
    let answer = answer.map_err(|error| SessionError::Unreadable(format!("a stored answer: {error}")))?;
    Ok(StoredAnswer { request: RequestHash(rows::bytes(row, 2)?), answer, created_at: rows::millis(row, 4)? })
}

async fn find_uploads(
    session: &Session,
    names: &KeySet,
) -> Result<HashMap<StorageUri, StoredUpload>, SessionError> {
    if names.uploads.is_empty() {
        return Ok(HashMap::new());
    }
    let keys: Vec<String> = names.uploads.iter().map(StorageUri::key).collect();
    let uploads = session.rows(FIND_UPLOADS, &[&keys]).await?;
    let upload = |row: &Row| {
        let file = rows::found_file(row, 1)?;
        let (uploaded_at, marked) = (rows::millis(row, 4)?, rows::value(row, 5)?);
        Ok((rows::url(row, 0)?, StoredUpload { file, uploaded_at, marked }))
    };
    uploads.iter().map(upload).collect()
}
