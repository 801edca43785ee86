//! `POST /operator/v1/tokens/{name}/revoke`.

use std::sync::Arc;

use axum::Json;
use axum::extract::State;
use rebuttal_protocol::Code;
use rebuttal_protocol::operator::{RevokeToken, answers};
use rebuttal_store::{AccountChange, Outcome};

use crate::auth::operator::FIRST_TOKEN;
use crate::auth::permission::CanAdmin;
use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::operator::request::{AuthorizedBody, unexpected};
use crate::operator::tokens::{TokenPath, token_view};

/// Revokes a token, immediately on every replica, because each request checks it in the database. The first token
/// cannot be revoked, so that there is always an admin; it is replaced in its file or variable.
pub(crate) async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, TokenPath>,
) -> Result<Json<answers::Token>, Problem> {
    let TokenPath(name) = &change.path;
    let RevokeToken {} = change.parse_if_any(RevokeToken::parse)?;
    if name.as_str() == FIRST_TOKEN {
        let message = "the first token cannot be revoked, so that there is always an admin; to replace it, write another \
                       one into its file or variable and restart the gateway";
        return Err(Refusal::new(Code::OperatorConflict, message).into());
    }
    let account = AccountChange::RevokeToken { name: name.clone() };
    let done = change.commit_account(&gateway, account).await?;
    let Outcome::Token(token) = done else { return Err(unexpected(&done).into()) };
    Ok(Json(token_view(token)))
}
