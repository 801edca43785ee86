//! `POST /operator/v1/tokens`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use http::StatusCode;
use rebuttal_protocol::operator::{CreateToken, answers};
use rebuttal_store::{AccountChange, CreatedToken, Outcome};

use crate::auth::operator::generate_token;
use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::request::{AuthorizedBody, unexpected};

/// Creates a token. As with an app's secret, a repeated idempotency key returns the first request's token, whether or
/// not it is still valid.
pub(crate) async fn create(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin>,
) -> Result<(StatusCode, Json<answers::NewToken>), Problem> {
    let CreateToken { name, role } = change.parse(CreateToken::parse)?;
    let (token, hash) = generate_token().map_err(Refusal::internal)?;
    let ciphertext = gateway.auth.keys.encrypt_token(&hash, &token).map_err(Refusal::internal)?;
    let account = AccountChange::CreateToken(CreatedToken { name, role, hash, ciphertext });
    let done = change.commit_account(&gateway, account).await?;
    let Outcome::NewToken(CreatedToken { name, role, hash, ciphertext }) = done else {
        return Err(unexpected(&done).into());
    };
    let token = gateway.auth.keys.decrypt_token(&hash, &ciphertext).map_err(Refusal::internal)?;
    let token = (*token).clone().into();
    let made = answers::NewToken { name: name.to_string(), role: role.to_string(), token };
    Ok((StatusCode::CREATED, Json(made)))
}
