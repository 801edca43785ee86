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

/// Ends a token: at once on every replica, because each asks the database at each request. The first token stays, or
/// nobody might be left who may make another; it is replaced where it comes from.
pub(crate) async fn revoke(
    State(gateway): State<Arc<Gateway>>,
    change: AuthorizedBody<CanAdmin, TokenPath>,
) -> Result<Json<answers::Token>, Problem> {
    let TokenPath(name) = &change.path;
    let RevokeToken {} = change.parse_if_any(RevokeToken::parse)?;
    if name.as_str() == FIRST_TOKEN {
        let message = "the first token cannot be revoked, so that nobody is left without an admin; to make it invalid, \
                       put another one into its file or variable and start the gateway again";
        return Err(Refusal::new(Code::OperatorConflict, message).into());
    }
    let account = AccountChange::RevokeToken { name: name.clone() };
    let done = change.commit_account(&gateway, account).await?;
    let Outcome::Token(token) = done else { return Err(unexpected(&done).into()) };
    Ok(Json(token_view(token)))
}
