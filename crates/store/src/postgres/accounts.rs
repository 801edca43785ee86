//! Changes of merchants, apps, secrets and tokens, each in a separate transaction, each once per idempotency key.

use std::collections::BTreeSet;

use rebuttal_protocol::operator::{AppSettings, Role, TokenName};
use rebuttal_protocol::{AppId, MerchantId, Scheme, UnixMillis};

use super::load::{lock_tokens, stored_answer};
use super::save::answer_json;
use super::session::{Session, SessionError};
use super::statements::{
    CHANGE_APP, CHANGE_MERCHANT, CREATE_APP, CREATE_MERCHANT, CREATE_TOKEN, END_OLDER_SECRETS, END_SECRETS,
    FIND_KEYS, HAS_MERCHANT, INSERT_INSTALLATION_ID, INSERT_KEY_CHECK, INSERT_KEYS, INSERT_SECRET, LOCK_APP,
    LOCK_MERCHANT_NUMBERS, LOCK_TOKENS_TO_CHANGE, PUT_TOKEN, REPLACE_META, RETIRE_SECRET, REVOKE_TOKEN,
    RUNNING_OVERLAP, TOKEN_HOLDER, USE_SECRET,
};
use super::{queries, rows};
use crate::accounts::{AccountChange, AccountRefusal, CreatedToken, SecretId, TokenHash};
use crate::batch::RecordedAnswer;
use crate::meta::EVIDENCE_LOCATION;
use crate::write_request::{
    Idempotency, Outcome, Rejection, SingleOperation, WriteRequest, WriteResult, app_answer, merchant_answer,
    no_app, no_merchant,
};

type Result<T> = std::result::Result<T, SessionError>;

/// Applies a change, or repeats the first answer under its idempotency key. A revoked token is refused.
pub(super) async fn apply(
    session: &Session,
    account: &AccountChange,
    request: &WriteRequest<SingleOperation>,
) -> Result<WriteResult> {
    let now = request.arrived_at;
    if !is_active(session, request.token, account.token_name()).await? {
        return Ok(Err(Rejection::TokenRevoked));
    }
    let Idempotency::Key(key) = &request.idempotency else { return change(session, account, now).await };
    if let Some(row) = session.row(FIND_KEYS, &[&vec![&key.token], &vec![&key.key]]).await? {
        let stored = stored_answer(&row)?;
        return Ok(stored.answer_to(key, now));
    }
    let answer = change(session, account, now).await?;
    let kept = answer_json(&RecordedAnswer::of(&answer))?;
    let (tokens, keys) = (vec![&key.token], vec![&key.key]);
    let (requests, answers) = (vec![key.request.0.as_slice()], vec![kept]);
    session.run(INSERT_KEYS, &[&tokens, &keys, &requests, &answers, &vec![now.0]]).await?;
    Ok(answer)
}

/// Whether the caller's token is active, and stays so until the transaction ends. The token that the change names is
/// locked, too.
async fn is_active(session: &Session, token: Option<TokenHash>, named: Option<&TokenName>) -> Result<bool> {
    let Some(named) = named else {
        let token: BTreeSet<_> = token.into_iter().collect();
        return Ok(lock_tokens(session, &token).await?.len() == token.len());
    };
    let asking = token.as_ref().map(|hash| hash.0.as_slice());
    for row in session.rows(LOCK_TOKENS_TO_CHANGE, &[&asking, &named.as_str()]).await? {
        if Some(TokenHash(rows::bytes(&row, 0)?)) == token {
            return rows::value(&row, 1);
        }
    }
    Ok(token.is_none())
}

async fn change(session: &Session, account: &AccountChange, now: UnixMillis) -> Result<WriteResult> {
    match account {
        AccountChange::CreateMerchant { name, time_zone } => {
            session.row(LOCK_MERCHANT_NUMBERS, &[]).await?;
            let values: [super::session::Value<'_>; 3] = [&name.as_str(), &time_zone.as_str(), &now.0];
            match session.row(CREATE_MERCHANT, &values).await? {
                Some(row) => merchant_done(session, rows::merchant_id(&row, 0)?).await,
                None => Ok(no_merchant()),
            }
        }
        AccountChange::ChangeMerchant { merchant_id, name, time_zone } => {
            let name = name.as_ref().map(|name| name.as_str());
            let time_zone = time_zone.as_ref().map(|zone| zone.as_str());
            let changed = session.run(CHANGE_MERCHANT, &[&name, &time_zone, &number(*merchant_id)]).await?;
            if changed == 0 { Ok(no_merchant()) } else { merchant_done(session, *merchant_id).await }
        }
        AccountChange::CreateApp { merchant_id, app_id, settings, secret_id, ciphertext } => {
            if !create_app(session, *merchant_id, *app_id, settings, now).await? {
                return Ok(no_merchant());
            }
            insert_secret(session, *app_id, *secret_id, ciphertext, now).await?;
            app_done(session, *app_id, Some(*secret_id), now).await
        }
        AccountChange::ChangeApp { merchant_id, app_id, settings } => {
            let changed = change_app(session, *merchant_id, *app_id, settings).await?;
            if changed { app_done(session, *app_id, None, now).await } else { Ok(no_app()) }
        }
        AccountChange::RotateSecret { merchant_id, app_id, secret_id, ciphertext, overlap_until } => {
            rotate_secret(session, (*merchant_id, *app_id), (*secret_id, ciphertext), *overlap_until, now)
                .await
        }
        AccountChange::EndOverlap { merchant_id, app_id } => {
            end_overlap(session, *merchant_id, *app_id, now).await
        }
        AccountChange::SecretUsed { secret_id } => {
            session.run(USE_SECRET, &[&now.0, &secret_id.as_slice()]).await?;
            Ok(Ok(Outcome::Nothing))
        }
        AccountChange::CreateToken(new) => create_token(session, new, now).await,
        AccountChange::RevokeToken { name } => revoke_token(session, name, now).await,
        AccountChange::PutToken { name, hash } => put_token(session, name, hash, now).await,
        AccountChange::SetInstallationId { identity } => {
            session.run(INSERT_INSTALLATION_ID, &[&identity.as_slice()]).await?;
            Ok(Ok(Outcome::Nothing))
        }
        AccountChange::SetEvidenceLocation { location, expected } => {
            let expected = expected.as_deref().map(str::as_bytes);
            session.run(REPLACE_META, &[&EVIDENCE_LOCATION, &location.as_bytes(), &expected]).await?;
            Ok(Ok(Outcome::Nothing))
        }
        AccountChange::Initialize { key_check, token, hash } => {
            let inserted = session.run(INSERT_KEY_CHECK, &[&key_check.0]).await?;
            if inserted == 0 { Ok(Ok(Outcome::Nothing)) } else { put_token(session, token, hash, now).await }
        }
    }
}

fn number(merchant_id: MerchantId) -> i64 {
    merchant_id.number().into()
}

fn bytes(app_id: &AppId) -> &[u8] {
    app_id.as_bytes()
}

/// Read within the transaction of the change.
async fn merchant_done(session: &Session, merchant_id: MerchantId) -> Result<WriteResult> {
    Ok(merchant_answer(queries::merchant(session, merchant_id).await?))
}

/// Read within the transaction of the change.
async fn app_done(
    session: &Session,
    app_id: AppId,
    made: Option<SecretId>,
    now: UnixMillis,
) -> Result<WriteResult> {
    Ok(app_answer(queries::app(session, app_id).await?, made, now))
}

/// Creates the app, unless the merchant does not exist.
async fn create_app(
    session: &Session,
    merchant_id: MerchantId,
    app_id: AppId,
    settings: &AppSettings,
    now: UnixMillis,
) -> Result<bool> {
    if session.row(HAS_MERCHANT, &[&number(merchant_id)]).await?.is_none() {
        return Ok(false);
    }
    let scheme = settings.scheme.unwrap_or(Scheme::V2Sha256).as_str();
    let enabled = settings.enabled.unwrap_or(true);
    let url = settings.notify_url.as_ref().and_then(|url| url.as_ref()).map(|url| url.as_str());
    let values: [super::session::Value<'_>; 6] =
        [&bytes(&app_id), &number(merchant_id), &scheme, &enabled, &url, &now.0];
    session.run(CREATE_APP, &values).await?;
    Ok(true)
}

async fn change_app(
    session: &Session,
    merchant_id: MerchantId,
    app_id: AppId,
    settings: &AppSettings,
) -> Result<bool> {
    let scheme = settings.scheme.map(Scheme::as_str);
    let sets_url = settings.notify_url.is_some();
    let url = settings.notify_url.as_ref().and_then(|url| url.as_ref()).map(|url| url.as_str());
    let values: [super::session::Value<'_>; 6] =
        [&scheme, &settings.enabled, &sets_url, &url, &bytes(&app_id), &number(merchant_id)];
    Ok(session.run(CHANGE_APP, &values).await? > 0)
}

async fn rotate_secret(
    session: &Session,
    (merchant_id, app_id): (MerchantId, AppId),
    (secret_id, ciphertext): (SecretId, &[u8]),
    overlap_until: Option<UnixMillis>,
    now: UnixMillis,
) -> Result<WriteResult> {
    if session.row(LOCK_APP, &[&bytes(&app_id), &number(merchant_id)]).await?.is_none() {
        return Ok(no_app());
    }
    if let Some(until) = overlap_until {
        if let Some(running) = running_overlap(session, app_id, now).await? {
            return Ok(Err(AccountRefusal::OverlapRunning(running).into()));
        }
        session.run(RETIRE_SECRET, &[&until.0, &bytes(&app_id)]).await?;
    } else {
        session.run(END_SECRETS, &[&bytes(&app_id)]).await?;
    }
    insert_secret(session, app_id, secret_id, ciphertext, now).await?;
    app_done(session, app_id, Some(secret_id), now).await
}

async fn end_overlap(
    session: &Session,
    merchant_id: MerchantId,
    app_id: AppId,
    now: UnixMillis,
) -> Result<WriteResult> {
    if session.row(LOCK_APP, &[&bytes(&app_id), &number(merchant_id)]).await?.is_none() {
        return Ok(no_app());
    }
    session.run(END_OLDER_SECRETS, &[&bytes(&app_id)]).await?;
    app_done(session, app_id, None, now).await
}

async fn running_overlap(session: &Session, app_id: AppId, now: UnixMillis) -> Result<Option<UnixMillis>> {
    let Some(row) = session.row(RUNNING_OVERLAP, &[&bytes(&app_id), &now.0]).await? else { return Ok(None) };
    Ok(rows::value::<Option<i64>>(&row, 0)?.map(UnixMillis))
}

async fn insert_secret(
    session: &Session,
    app_id: AppId,
    secret_id: SecretId,
    ciphertext: &[u8],
    now: UnixMillis,
) -> Result<()> {
    session.run(INSERT_SECRET, &[&secret_id.as_slice(), &bytes(&app_id), &ciphertext, &now.0]).await.map(drop)
}

async fn put_token(
    session: &Session,
    name: &TokenName,
    hash: &TokenHash,
    now: UnixMillis,
) -> Result<WriteResult> {
    if let Some(row) = session.row(TOKEN_HOLDER, &[&hash.0.as_slice()]).await? {
        let holder: String = rows::value(&row, 0)?;
        return Ok(match holder == name.as_str() {
            true => Ok(Outcome::Nothing),
            false => Err(AccountRefusal::TokenInUse.into()),
        });
    }
    let values: [super::session::Value<'_>; 4] =
        [&name.as_str(), &hash.0.as_slice(), &Role::Admin.as_str(), &now.0];
    session.run(PUT_TOKEN, &values).await?;
    Ok(Ok(Outcome::Nothing))
}

async fn create_token(session: &Session, new: &CreatedToken, now: UnixMillis) -> Result<WriteResult> {
    let CreatedToken { name, role, hash, .. } = new;
    let values: [super::session::Value<'_>; 4] = [&name.as_str(), &hash.0.as_slice(), &role.as_str(), &now.0];
    if session.run(CREATE_TOKEN, &values).await? == 0 {
        return Ok(Err(AccountRefusal::TokenNameInUse.into()));
    }
    Ok(Ok(Outcome::NewToken(new.clone())))
}

async fn revoke_token(session: &Session, name: &TokenName, now: UnixMillis) -> Result<WriteResult> {
    let Some(row) = session.row(REVOKE_TOKEN, &[&now.0, &name.as_str()]).await? else {
        return Ok(Err(AccountRefusal::NoToken.into()));
    };
    Ok(Ok(Outcome::Token(rows::token(&row)?)))
}
