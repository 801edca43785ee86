//! Rows to types, written once for the lanes and the readers.

use std::fmt::Display;
use std::str::FromStr;

use rebuttal_disputes::{ChainedEntry, Dispute, Fingerprint, FoundFile, Submission};
use rebuttal_protocol::operator::OpenDispute;
use rebuttal_protocol::{Amount, AppId, Currency, FileInspection, MerchantId, StorageUri, UnixMillis};
use tokio_postgres::Row;
use tokio_postgres::types::FromSql;

use super::session::SessionError;
use crate::accounts::{AppRecord, EncryptedSecret, MerchantRecord, TokenRecord};
use crate::batch::StoredDispute;
use crate::stored_submission::{SubmissionColumns, parse_evidence};
use crate::views::DisputeRecord;

type Result<T> = std::result::Result<T, SessionError>;

/// A column's value.
pub(super) fn value<'r, T: FromSql<'r>>(row: &'r Row, column: usize) -> Result<T> {
    row.try_get(column).map_err(|error| unreadable(column, error))
}

fn unreadable(column: usize, error: impl Display) -> SessionError {
    SessionError::Unreadable(format!("column {column}: {error}"))
}

/// Parses a text column into its type.
pub(super) fn parsed<T: FromStr<Err: Display>>(row: &Row, column: usize) -> Result<T> {
    value::<&str>(row, column)?.parse().map_err(|error| unreadable(column, error))
}

fn parsed_option<T: FromStr<Err: Display>>(row: &Row, column: usize) -> Result<Option<T>> {
    let text: Option<&str> = value(row, column)?;
    text.map(|text| text.parse().map_err(|error| unreadable(column, error))).transpose()
}

pub(super) fn millis(row: &Row, column: usize) -> Result<UnixMillis> {
    value(row, column).map(UnixMillis)
}

/// A number that is never negative, as its Rust type.
pub(super) fn number<T: TryFrom<i64, Error: Display>>(row: &Row, column: usize) -> Result<T> {
    T::try_from(value(row, column)?).map_err(|error| unreadable(column, error))
}

/// A fixed number of bytes.
pub(super) fn bytes<const N: usize>(row: &Row, column: usize) -> Result<[u8; N]> {
    value::<&[u8]>(row, column)?.try_into().map_err(|error| unreadable(column, error))
}

fn fingerprint(row: &Row, column: usize) -> Result<Fingerprint> {
    bytes(row, column).map(Fingerprint)
}

pub(super) fn merchant_id(row: &Row, column: usize) -> Result<MerchantId> {
    MerchantId::try_from(number::<u32>(row, column)?).map_err(|error| unreadable(column, error))
}

/// Reads the columns of state.
pub(super) fn dispute(row: &Row) -> Result<Dispute> {
    let submission = SubmissionColumns {
        number: number(row, 7)?,
        stage: parsed(row, 8)?,
        fingerprint: fingerprint(row, 9)?,
    };
    Ok(Dispute {
        dispute_no: parsed(row, 0)?,
        merchant_id: merchant_id(row, 1)?,
        status: parsed(row, 2)?,
        stage: parsed(row, 3)?,
        deadline: millis(row, 4)?,
        sequence: number(row, 5)?,
        head: fingerprint(row, 6)?,
        submission: submission.last_submission(),
        opening: fingerprint(row, 10)?,
    })
}

/// Reads the columns of state, dispute_id, last_entry.
pub(super) fn stored_dispute(row: &Row) -> Result<StoredDispute> {
    Ok(StoredDispute { id: value(row, 11)?, last_entry: value(row, 12)?, state: dispute(row)? })
}

/// Reads the columns of state and of the facts after them.
pub(super) fn record(row: &Row) -> Result<DisputeRecord> {
    let state = dispute(row)?;
    let currency: Currency = parsed(row, 15)?;
    let facts = OpenDispute {
        dispute_no: Some(state.dispute_no.clone()),
        merchant_id: state.merchant_id,
        payment_no: parsed(row, 11)?,
        merchant_trade_no: parsed(row, 12)?,
        payment_amount: Amount::from_minor_units(value(row, 13)?, currency),
        dispute_amount: Amount::from_minor_units(value(row, 14)?, currency),
        dispute_reason: parsed(row, 16)?,
        reason_code: parsed_option(row, 17)?,
        stage: state.stage,
        rrn: parsed_option(row, 18)?,
        deadline: state.deadline,
    };
    Ok(DisputeRecord { state, facts, created_at: millis(row, 19)? })
}

/// Reads sequence, at, event, actor, detail, hash.
pub(super) fn entry(row: &Row) -> Result<ChainedEntry> {
    Ok(ChainedEntry {
        sequence: number(row, 0)?,
        at: millis(row, 1)?,
        event: parsed(row, 2)?,
        actor: value(row, 3)?,
        detail: value(row, 4)?,
        hash: fingerprint(row, 5)?,
    })
}

/// Reads number, stage, submitted_at, fingerprint, evidence after the columns of [`entry`]; null in an entry without a
/// submission.
pub(super) fn submission(row: &Row) -> Result<Option<Submission>> {
    if value::<Option<i64>>(row, 6)?.is_none() {
        return Ok(None);
    }
    let evidence = parse_evidence(value(row, 10)?);
    Ok(Some(Submission {
        number: number(row, 6)?,
        stage: parsed(row, 7)?,
        submitted_at: millis(row, 8)?,
        fingerprint: fingerprint(row, 9)?,
        evidence: evidence.map_err(|error| unreadable(10, error))?,
    }))
}

/// Reads sha256, size, media_type from a column on.
pub(super) fn found_file(row: &Row, first: usize) -> Result<FoundFile> {
    Ok(FoundFile {
        sha256: fingerprint(row, first)?,
        size: number(row, first + 1)?,
        media_type: value(row, first + 2)?,
    })
}

/// What the inspection of an upload found.
pub(super) fn inspection(row: &Row, column: usize) -> Result<FileInspection<String>> {
    serde_json::from_str(value(row, column)?).map_err(|error| unreadable(column, error))
}

/// Reads a url, which is stored as the key within the bucket.
pub(super) fn url(row: &Row, column: usize) -> Result<StorageUri> {
    StorageUri::from_key(value(row, column)?).map_err(|error| unreadable(column, error))
}

/// Reads merchant_id, name, time_zone, created_at.
pub(super) fn merchant(row: &Row) -> Result<MerchantRecord> {
    Ok(MerchantRecord {
        merchant_id: merchant_id(row, 0)?,
        name: value(row, 1)?,
        time_zone: value(row, 2)?,
        created_at: millis(row, 3)?,
    })
}

/// Reads app_id, merchant_id, time_zone, scheme, enabled, notify_url, created_at; the secrets are in another table.
pub(super) fn app(row: &Row) -> Result<AppRecord> {
    Ok(AppRecord {
        app_id: AppId::from_bytes(bytes(row, 0)?),
        merchant_id: merchant_id(row, 1)?,
        time_zone: value(row, 2)?,
        scheme: parsed(row, 3)?,
        enabled: value(row, 4)?,
        notify_url: value(row, 5)?,
        created_at: millis(row, 6)?,
        secrets: Vec::new(),
    })
}

/// Reads secret_id, sealed, created_at, expires_at, first_used_at.
pub(super) fn secret(row: &Row) -> Result<EncryptedSecret> {
    Ok(EncryptedSecret {
        secret_id: bytes(row, 0)?,
        ciphertext: value(row, 1)?,
        created_at: millis(row, 2)?,
        expires_at: value::<Option<i64>>(row, 3)?.map(UnixMillis),
        first_used_at: value::<Option<i64>>(row, 4)?.map(UnixMillis),
    })
}

/// Reads the columns of a token.
pub(super) fn token(row: &Row) -> Result<TokenRecord> {
    Ok(TokenRecord {
        name: parsed(row, 0)?,
        role: parsed(row, 1)?,
        created_at: millis(row, 2)?,
        revoked_at: value::<Option<i64>>(row, 3)?.map(UnixMillis),
    })
}
