//! Changes of merchants, apps, secrets and tokens, each in a separate transaction, each once per idempotency key.

use rebuttal_protocol::operator::{AppSettings, Role, TokenName};
use rebuttal_protocol::{AppId, MerchantId, Scheme, UnixMillis};
use rusqlite::{Connection, OptionalExtension, Result, params};

use super::read_pool::Reader;
use super::rows;
use super::statements::{
    CHANGE_APP, CHANGE_MERCHANT, CREATE_APP, CREATE_MERCHANT, CREATE_TOKEN, END_OLDER_SECRETS, END_SECRETS,
    HAS_APP, HAS_MERCHANT, INSERT_INSTALLATION_ID, INSERT_KEY_CHECK, INSERT_SECRET, PUT_TOKEN, REPLACE_META,
    RETIRE_SECRET, REVOKE_TOKEN, RUNNING_OVERLAP, TOKEN_HOLDER, USE_SECRET,
};
use super::writer::{insert_answer, stored_answer};
use crate::accounts::{AccountChange, AccountRefusal, CreatedToken, SecretId, TokenHash};
use crate::batch::RecordedAnswer;
use crate::meta::EVIDENCE_LOCATION;
use crate::write_request::{
    Idempotency, Outcome, Rejection, SingleOperation, WriteRequest, WriteResult, app_answer, merchant_answer,
    no_app, no_merchant,
};

/// Applies a change, or repeats the first answer under its idempotency key. A revoked token is refused.
pub(super) fn apply(
    connection: &Connection,
    account: &AccountChange,
    request: &WriteRequest<SingleOperation>,
) -> Result<WriteResult> {
    let now = request.arrived_at;
    if let Some(token) = request.token
        && Reader::on(connection).token(token)?.is_none()
    {
        return Ok(Err(Rejection::TokenRevoked));
    }
    let Idempotency::Key(key) = &request.idempotency else { return change(connection, account, now) };
    if let Some(stored) = stored_answer(connection, &key.token, &key.key)? {
        return Ok(stored.answer_to(key, now));
    }
    let answer = change(connection, account, now)?;
    insert_answer(connection, key, &RecordedAnswer::of(&answer), now)?;
    Ok(answer)
}

fn change(connection: &Connection, account: &AccountChange, now: UnixMillis) -> Result<WriteResult> {
    match account {
        AccountChange::CreateMerchant { name, time_zone } => {
            connection.prepare_cached(CREATE_MERCHANT)?.execute(params![
                name.as_str(),
                time_zone.as_str(),
                now.0
            ])?;
            let number = u32::try_from(connection.last_insert_rowid()).unwrap_or(u32::MAX);
            match MerchantId::try_from(number) {
                Ok(merchant_id) => merchant_done(connection, merchant_id),
                Err(_) => Ok(no_merchant()),
            }
        }
        AccountChange::ChangeMerchant { merchant_id, name, time_zone } => {
            let changed = connection.prepare_cached(CHANGE_MERCHANT)?.execute(params![
                name.as_ref().map(|name| name.as_str()),
                time_zone.as_ref().map(|zone| zone.as_str()),
                merchant_id.number(),
            ])?;
            if changed == 0 { Ok(no_merchant()) } else { merchant_done(connection, *merchant_id) }
        }
        AccountChange::CreateApp { merchant_id, app_id, settings, secret_id, ciphertext } => {
            create_app(connection, *merchant_id, *app_id, settings, now)?.map_or_else(
                || Ok(no_merchant()),
                |()| {
                    insert_secret(connection, *app_id, *secret_id, ciphertext, now)?;
                    app_done(connection, *app_id, Some(*secret_id), now)
                },
            )
        }
        AccountChange::ChangeApp { merchant_id, app_id, settings } => {
            let changed = change_app(connection, *merchant_id, *app_id, settings)?;
            if changed { app_done(connection, *app_id, None, now) } else { Ok(no_app()) }
        }
        AccountChange::RotateSecret { merchant_id, app_id, secret_id, ciphertext, overlap_until } => {
            rotate_secret(connection, (*merchant_id, *app_id), (*secret_id, ciphertext), *overlap_until, now)
        }
        AccountChange::EndOverlap { merchant_id, app_id } => {
            end_overlap(connection, *merchant_id, *app_id, now)
        }
        AccountChange::SecretUsed { secret_id } => {
            connection.prepare_cached(USE_SECRET)?.execute(params![now.0, secret_id])?;
            Ok(Ok(Outcome::Nothing))
        }
        AccountChange::CreateToken(new) => create_token(connection, new, now),
        AccountChange::RevokeToken { name } => revoke_token(connection, name, now),
        AccountChange::PutToken { name, hash } => put_token(connection, name, hash, now),
        AccountChange::SetInstallationId { identity } => {
            connection.prepare_cached(INSERT_INSTALLATION_ID)?.execute([identity])?;
            Ok(Ok(Outcome::Nothing))
        }
        AccountChange::SetEvidenceLocation { location, expected } => {
            let expected = expected.as_deref().map(str::as_bytes);
            connection.prepare_cached(REPLACE_META)?.execute(params![
                EVIDENCE_LOCATION,
                location.as_bytes(),
                expected
            ])?;
            Ok(Ok(Outcome::Nothing))
        }
        AccountChange::Initialize { key_check, token, hash } => {
            let inserted = connection.prepare_cached(INSERT_KEY_CHECK)?.execute([&key_check.0])?;
            if inserted == 0 { Ok(Ok(Outcome::Nothing)) } else { put_token(connection, token, hash, now) }
        }
    }
}

/// Read within the transaction of the change.
fn merchant_done(connection: &Connection, merchant_id: MerchantId) -> Result<WriteResult> {
    Ok(merchant_answer(Reader::on(connection).merchant(merchant_id)?))
}

/// Read within the transaction of the change.
fn app_done(
    connection: &Connection,
    app_id: AppId,
    made: Option<SecretId>,
    now: UnixMillis,
) -> Result<WriteResult> {
    Ok(app_answer(Reader::on(connection).app(app_id)?, made, now))
}

fn create_app(
    connection: &Connection,
    merchant_id: MerchantId,
    app_id: AppId,
    settings: &AppSettings,
    now: UnixMillis,
) -> Result<Option<()>> {
    if !connection.prepare_cached(HAS_MERCHANT)?.exists([merchant_id.number()])? {
        return Ok(None);
    }
    connection.prepare_cached(CREATE_APP)?.execute(params![
        app_id.as_bytes(),
        merchant_id.number(),
        settings.scheme.unwrap_or(Scheme::V2Sha256).as_str(),
        settings.enabled.unwrap_or(true),
        settings.notify_url.as_ref().and_then(|url| url.as_ref()).map(|url| url.as_str()),
        now.0,
    ])?;
    Ok(Some(()))
}

fn change_app(
    connection: &Connection,
    merchant_id: MerchantId,
    app_id: AppId,
    settings: &AppSettings,
) -> Result<bool> {
    let changed = connection.prepare_cached(CHANGE_APP)?.execute(params![
        settings.scheme.map(Scheme::as_str),
        settings.enabled,
        settings.notify_url.is_some(),
        settings.notify_url.as_ref().and_then(|url| url.as_ref()).map(|url| url.as_str()),
        app_id.as_bytes(),
        merchant_id.number(),
    ])?;
    Ok(changed > 0)
}

fn has_app(connection: &Connection, merchant_id: MerchantId, app_id: AppId) -> Result<bool> {
    connection.prepare_cached(HAS_APP)?.exists(params![app_id.as_bytes(), merchant_id.number()])
}

fn rotate_secret(
    connection: &Connection,
    (merchant_id, app_id): (MerchantId, AppId),
    (secret_id, ciphertext): (SecretId, &[u8]),
    overlap_until: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<WriteResult> {
    if !has_app(connection, merchant_id, app_id)? {
        return Ok(no_app());
    }
    if let Some(until) = overlap_until {
        if let Some(running) = running_overlap(connection, app_id, now)? {
            return Ok(Err(AccountRefusal::OverlapRunning(running).into()));
        }
        connection.prepare_cached(RETIRE_SECRET)?.execute(params![until.0, app_id.as_bytes()])?;
    } else {
        connection.prepare_cached(END_SECRETS)?.execute([app_id.as_bytes()])?;
    }
    insert_secret(connection, app_id, secret_id, ciphertext, now)?;
    app_done(connection, app_id, Some(secret_id), now)
}

fn end_overlap(
    connection: &Connection,
    merchant_id: MerchantId,
    app_id: AppId,
    now: UnixMillis,
) -> Result<WriteResult> {
    if !has_app(connection, merchant_id, app_id)? {
        return Ok(no_app());
    }
    connection.prepare_cached(END_OLDER_SECRETS)?.execute([app_id.as_bytes()])?;
    app_done(connection, app_id, None, now)
}

fn running_overlap(connection: &Connection, app_id: AppId, now: UnixMillis) -> Result<Option<UnixMillis>> {
    connection
        .prepare_cached(RUNNING_OVERLAP)?
        .query_row(params![app_id.as_bytes(), now.0], |row| row.get::<_, Option<i64>>(0))
        .map(|until| until.map(UnixMillis))
}

fn insert_secret(
    connection: &Connection,
    app_id: AppId,
    secret_id: SecretId,
    ciphertext: &[u8],
    now: UnixMillis,
) -> Result<()> {
    connection
        .prepare_cached(INSERT_SECRET)?
        .execute(params![secret_id, app_id.as_bytes(), ciphertext, now.0])
        .map(drop)
}

fn put_token(
    connection: &Connection,
    name: &TokenName,
    hash: &TokenHash,
    now: UnixMillis,
) -> Result<WriteResult> {
    let holder: Option<String> =
        connection.prepare_cached(TOKEN_HOLDER)?.query_row([hash.0], |row| row.get(0)).optional()?;
    match holder {
        Some(holder) if holder == name.as_str() => return Ok(Ok(Outcome::Nothing)),
        Some(_) => return Ok(Err(AccountRefusal::TokenInUse.into())),
        None => {}
    }
    connection.prepare_cached(PUT_TOKEN)?.execute(params![
        name.as_str(),
        hash.0,
        Role::Admin.as_str(),
        now.0
    ])?;
    Ok(Ok(Outcome::Nothing))
}

fn create_token(connection: &Connection, new: &CreatedToken, now: UnixMillis) -> Result<WriteResult> {
    let CreatedToken { name, role, hash, .. } = new;
    let values = params![name.as_str(), hash.0, role.as_str(), now.0];
    if connection.prepare_cached(CREATE_TOKEN)?.execute(values)? == 0 {
        return Ok(Err(AccountRefusal::TokenNameInUse.into()));
    }
    Ok(Ok(Outcome::NewToken(new.clone())))
}

fn revoke_token(connection: &Connection, name: &TokenName, now: UnixMillis) -> Result<WriteResult> {
    let mut revoke = connection.prepare_cached(REVOKE_TOKEN)?;
    let Some(token) = revoke.query_row(params![now.0, name.as_str()], rows::token).optional()? else {
        return Ok(Err(AccountRefusal::NoToken.into()));
    };
    Ok(Ok(Outcome::Token(token)))
}
