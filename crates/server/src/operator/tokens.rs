//! Operators' tokens (contract §8), and their representation in answers.

pub(crate) mod create;
pub(crate) mod list;
pub(crate) mod revoke;

use std::sync::Arc;

use axum::extract::{FromRequestParts, Path};
use http::request::Parts;
use rebuttal_protocol::Code;
use rebuttal_protocol::operator::{TokenName, answers};
use rebuttal_store::TokenRecord;

use crate::gateway::Gateway;
use crate::http::error::Refusal;
use crate::http::problem::Problem;

/// A token in an answer. The secret part is returned only by the request that created it.
pub(crate) fn token_view(token: TokenRecord) -> answers::Token {
    let TokenRecord { name, role, created_at, revoked_at } = token;
    answers::Token {
        name: name.to_string(),
        role: role.to_string(),
        created_time: created_at.to_rfc3339_utc(),
        revoked_time: revoked_at.map(|at| at.to_rfc3339_utc()),
    }
}

/// The token name in a path. Unlike other path parameters it may be percent-encoded, and some characters must be.
pub(crate) struct TokenPath(pub(crate) TokenName);

impl FromRequestParts<Arc<Gateway>> for TokenPath {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let not_found = || Refusal::new(Code::OperatorNotFound, "there is no such token");
        let Path(name) = Path::from_request_parts(parts, gateway).await.map_err(|_| not_found())?;
        Ok(Self(name))
    }
}
