//! Rows to types and back, written once for the writer and the readers.

use std::fmt::Display;
use std::str::FromStr;

use rebuttal_disputes::{ChainedEntry, Dispute, Fingerprint, FoundFile, Submission};
use rebuttal_protocol::operator::OpenDispute;
use rebuttal_protocol::{Amount, AppId, Currency, FileInspection, MerchantId, StorageUri, UnixMillis};
use rusqlite::types::Type;
use rusqlite::{Error, Result, Row};

use crate::accounts::{AppRecord, EncryptedSecret, MerchantRecord, TokenRecord};
use crate::batch::StoredDispute;
use crate::stored_submission::{SubmissionColumns, parse_evidence};
use crate::views::DisputeRecord;

/// Parses a text column into its type.
pub(super) fn parsed<T: FromStr<Err: Display>>(row: &Row<'_>, column: usize) -> Result<T> {
    parse(row.get_ref(column)?.as_str()?, column)
}

fn parsed_option<T: FromStr<Err: Display>>(row: &Row<'_>, column: usize) -> Result<Option<T>> {
    row.get_ref(column)?.as_str_or_null()?.map(|text| parse(text, column)).transpose()
}

fn parse<T: FromStr<Err: Display>>(text: &str, column: usize) -> Result<T> {
    text.parse().map_err(|error: T::Err| unreadable(column, error))
}

fn unreadable(column: usize, error: impl Display) -> Error {
    Error::FromSqlConversionFailure(column, Type::Text, error.to_string().into())
}

pub(super) fn millis(row: &Row<'_>, column: usize) -> Result<UnixMillis> {
    row.get(column).map(UnixMillis)
}

fn fingerprint(row: &Row<'_>, column: usize) -> Result<Fingerprint> {
    row.get(column).map(Fingerprint)
}

fn merchant_id(row: &Row<'_>, column: usize) -> Result<MerchantId> {
    MerchantId::try_from(row.get::<_, u32>(column)?).map_err(|error| unreadable(column, error))
}

/// Reads what `statements::state!` names.
pub(super) fn dispute(row: &Row<'_>) -> Result<Dispute> {
    let submission =
        SubmissionColumns { number: row.get(7)?, stage: parsed(row, 8)?, fingerprint: fingerprint(row, 9)? };
    Ok(Dispute {
        dispute_no: parsed(row, 0)?,
        merchant_id: merchant_id(row, 1)?,
        status: parsed(row, 2)?,
        stage: parsed(row, 3)?,
        deadline: millis(row, 4)?,
        sequence: row.get(5)?,
        head: fingerprint(row, 6)?,
        submission: submission.last_submission(),
        opening: fingerprint(row, 10)?,
    })
}

/// Reads what `statements::state!` names, dispute_id, last_entry.
pub(super) fn stored_dispute(row: &Row<'_>) -> Result<StoredDispute> {
    Ok(StoredDispute { id: row.get(11)?, last_entry: row.get(12)?, state: dispute(row)? })
}

/// Reads what `statements::record!` names.
pub(super) fn record(row: &Row<'_>) -> Result<DisputeRecord> {
    let state = dispute(row)?;
    let currency: Currency = parsed(row, 15)?;
    let facts = OpenDispute {
        dispute_no: Some(state.dispute_no.clone()),
        merchant_id: state.merchant_id,
        payment_no: parsed(row, 11)?,
        merchant_trade_no: parsed(row, 12)?,
        payment_amount: Amount::from_minor_units(row.get(13)?, currency),
        dispute_amount: Amount::from_minor_units(row.get(14)?, currency),
        dispute_reason: parsed(row, 16)?,
        reason_code: parsed_option(row, 17)?,
        stage: state.stage,
        rrn: parsed_option(row, 18)?,
        deadline: state.deadline,
    };
    Ok(DisputeRecord { state, facts, created_at: millis(row, 19)? })
}

/// Reads sequence, at, event, actor, detail, hash.
pub(super) fn entry(row: &Row<'_>) -> Result<ChainedEntry> {
    Ok(ChainedEntry {
        sequence: row.get(0)?,
        at: millis(row, 1)?,
        event: parsed(row, 2)?,
        actor: row.get(3)?,
        detail: row.get(4)?,
        hash: fingerprint(row, 5)?,
    })
}

/// Reads number, stage, submitted_at, fingerprint, evidence after the columns of [`entry`]; null in an entry without a
/// submission.
pub(super) fn submission(row: &Row<'_>) -> Result<Option<Submission>> {
    let Some(number) = row.get(6)? else { return Ok(None) };
    let evidence = parse_evidence(row.get_ref(10)?.as_str()?);
    Ok(Some(Submission {
        number,
        stage: parsed(row, 7)?,
        submitted_at: millis(row, 8)?,
        fingerprint: fingerprint(row, 9)?,
        evidence: evidence.map_err(|error| unreadable(10, error))?,
    }))
}

/// Reads sha256, size, media_type from a column on.
pub(super) fn found_file(row: &Row<'_>, first: usize) -> Result<FoundFile> {
    Ok(FoundFile {
        sha256: fingerprint(row, first)?,
        size: row.get(first + 1)?,
        media_type: row.get(first + 2)?,
    })
}

/// What the inspection of an upload found.
pub(super) fn inspection(row: &Row<'_>, column: usize) -> Result<FileInspection<String>> {
    serde_json::from_str(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

/// Reads a url, which is stored as the key within the bucket.
pub(super) fn url(row: &Row<'_>, column: usize) -> Result<StorageUri> {
    StorageUri::from_key(row.get_ref(column)?.as_str()?).map_err(|error| unreadable(column, error))
}

/// Reads merchant_id, name, time_zone, created_at.
pub(super) fn merchant(row: &Row<'_>) -> Result<MerchantRecord> {
    Ok(MerchantRecord {
        merchant_id: merchant_id(row, 0)?,
        name: row.get(1)?,
        time_zone: row.get(2)?,
        created_at: millis(row, 3)?,
    })
}

/// Reads app_id, merchant_id, time_zone, scheme, enabled, notify_url, created_at; the secrets are in another table.
pub(super) fn app(row: &Row<'_>) -> Result<AppRecord> {
    Ok(AppRecord {
        app_id: AppId::from_bytes(row.get(0)?),
        merchant_id: merchant_id(row, 1)?,
        time_zone: row.get(2)?,
        scheme: parsed(row, 3)?,
        enabled: row.get(4)?,
        notify_url: row.get(5)?,
        created_at: millis(row, 6)?,
        secrets: Vec::new(),
    })
}

/// Reads secret_id, sealed, created_at, expires_at, first_used_at.
pub(super) fn secret(row: &Row<'_>) -> Result<EncryptedSecret> {
    Ok(EncryptedSecret {
        secret_id: row.get(0)?,
        ciphertext: row.get(1)?,
        created_at: millis(row, 2)?,
        expires_at: row.get::<_, Option<i64>>(3)?.map(UnixMillis),
        first_used_at: row.get::<_, Option<i64>>(4)?.map(UnixMillis),
    })
}

/// Reads the columns of a token.
pub(super) fn token(row: &Row<'_>) -> Result<TokenRecord> {
    Ok(TokenRecord {
        name: parsed(row, 0)?,
        role: parsed(row, 1)?,
        created_at: millis(row, 2)?,
        revoked_at: row.get::<_, Option<i64>>(3)?.map(UnixMillis),
    })
}
