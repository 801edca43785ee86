//! Operator bearer tokens. Each has a name, so that the history records who acted; the database stores only its hash.
//!
//! A plain hash is enough: a token has at least 128 bits of randomness or was chosen by its owner, so there is no
//! dictionary to try. Looking up a hash leaks no timing that would help to find the token.

use std::marker::PhantomData;

use anyhow::Context as _;
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use rebuttal_protocol::operator::TokenName;
use rebuttal_store::TokenHash;
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::auth::HasAuth;
use crate::auth::permission::Permits;
use crate::http::error::Refusal;
use crate::http::problem::Problem;
use crate::http::service::{Authenticated, Peer};

/// The name of the token that a gateway creates at its first start. It has the role admin; no other token can have this
/// name.
pub(crate) const FIRST_TOKEN: &str = "operator";

/// The caller of an operator request: a valid token with the permission that the handler requires.
#[derive(Debug)]
pub(crate) struct Operator<N> {
    /// The token's name.
    pub(crate) name: TokenName,
    /// Scope of this token's idempotency keys. It includes the token's hash, because a name can be reused by another
    /// person, who must not receive answers stored for the first one. Not for the first token, whose value its owner
    /// replaces.
    pub(crate) key_space: String,
    /// SHA-256 of the token. A change is committed only if the token is still valid in the same transaction.
    pub(crate) hash: TokenHash,
    needs: PhantomData<N>,
}

impl<N> Operator<N> {
    fn of(name: TokenName, hash: TokenHash) -> Self {
        let key_space = match name.as_str() {
            FIRST_TOKEN => FIRST_TOKEN.to_owned(),
            // Names contain no space, so key spaces cannot collide.
            other => format!("{other} {}", hex::encode(hash.0)),
        };
        Self { name, key_space, hash, needs: PhantomData }
    }
}

impl<S: HasAuth, N: Permits> FromRequestParts<S> for Operator<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let auth = state.auth();
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let token = values.next().and_then(|value| bearer(value.as_bytes()));
        let mut refusal = Refusal::missing_token();
        if let (Some(token), None) = (token, values.next()) {
            let hash = hash(token);
            if let Some(known) = auth.tokens.find(hash).await? {
                Authenticated::note(&parts.extensions);
                return match N::PERMISSION.is_granted_to(known.role) {
                    true => Ok(Self::of(known.name, hash)),
                    false => Err(N::PERMISSION.refuse(known.role).into()),
                };
            }
            refusal = Refusal::unknown_token();
        }
        if let Some(peer) = parts.extensions.get::<Peer>() {
            auth.rate_limits.failure(auth.rate_limits.origin(peer.0, &parts.headers))?;
        }
        Err(refusal.into())
    }
}

/// The token of a header; the scheme name is case-insensitive (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii()).filter(|token| !token.is_empty())
}

/// The hash under which the database stores a token.
pub(crate) fn hash(token: &[u8]) -> TokenHash {
    TokenHash(Sha256::digest(token).into())
}

/// Generates a token; returns it with its hash.
pub(crate) fn generate_token() -> anyhow::Result<(Zeroizing<String>, TokenHash)> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).context("the system's random number generator failed")?;
    let token = Zeroizing::new(hex::encode(random.as_slice()));
    let hash = hash(token.as_bytes());
    Ok((token, hash))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bearer_token_is_parsed_strictly() {
        assert_eq!(bearer(b"Bearer abc"), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"bearer  abc"), Some(b"abc".as_slice()));
        for wrong in [b"".as_slice(), b"Bearer", b"Bearer ", b"Basic abc", b"Bearerabc"] {
            assert_eq!(bearer(wrong), None);
        }
    }
}
