//! Operators' bearer tokens: named, so that history says who acted, and known to the database by their hash alone.
//!
//! A token has at least 128 bits of randomness or is the owner's own choice, so a plain hash is enough: there is no
//! dictionary of them to try. Looking a hash up leaks no timing that would help to find the token.

use std::fs;
use std::marker::PhantomData;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, anyhow};
use axum::extract::FromRequestParts;
use http::header::AUTHORIZATION;
use http::request::Parts;
use rebuttal_protocol::operator::TokenName;
use rebuttal_store::{AccountChange, Operation, Store, Token, WriteRequest};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::auth::keys::write_private;
use crate::auth::permission::Permits;
use crate::clock;
use crate::config::OperatorToken;
use crate::error::Refusal;
use crate::front::{Authenticated, Peer};
use crate::gateway::Gateway;
use crate::operator::problem::Problem;
use crate::unread::unread;

/// The name of the token that a gateway starts with. It is an admin's, and no other token can take its name.
pub(crate) const FIRST_TOKEN: &str = "operator";

/// Who sent a request with a known token, and may do what the handler needs.
#[derive(Debug)]
pub(crate) struct Operator<N> {
    /// The token's name.
    pub(crate) name: TokenName,
    /// What tells this token's idempotency keys from those of all others. A name can be used again by somebody else,
    /// who must not be answered what was answered before; so the hash is in it. Not of the first token, whose value its
    /// owner replaces.
    pub(crate) key_space: String,
    /// SHA-256 of the token: what it asks for is done only if it lets somebody in still when that is committed.
    pub(crate) hash: [u8; 32],
    needs: PhantomData<N>,
}

impl<N> Operator<N> {
    fn of(name: TokenName, hash: [u8; 32]) -> Self {
        let key_space = match name.as_str() {
            FIRST_TOKEN => FIRST_TOKEN.to_owned(),
            // No name has a space.
            other => format!("{other} {}", hex::encode(hash)),
        };
        Self { name, key_space, hash, needs: PhantomData }
    }
}

impl<N: Permits> FromRequestParts<Arc<Gateway>> for Operator<N> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, gateway: &Arc<Gateway>) -> Result<Self, Problem> {
        let mut values = parts.headers.get_all(AUTHORIZATION).iter();
        let token = values.next().and_then(|value| bearer(value.as_bytes()));
        let mut refusal = Refusal::no_token();
        if let (Some(token), None) = (token, values.next()) {
            let hash = hash(token);
            if let Some(known) = gateway.tokens.find(hash).await? {
                Authenticated::note(&parts.extensions);
                return match N::PERMISSION.is_of(known.role) {
                    true => Ok(Self::of(known.name, hash)),
                    false => Err(N::PERMISSION.refuse(known.role).into()),
                };
            }
            refusal = Refusal::strange_token();
        }
        if let Some(peer) = parts.extensions.get::<Peer>() {
            gateway.rates.failure(gateway.rates.origin(peer.0, &parts.headers))?;
        }
        Err(refusal.into())
    }
}

/// The token of a header; the scheme's name counts in either case (RFC 9110 §11.1).
fn bearer(value: &[u8]) -> Option<&[u8]> {
    let (scheme, token) = value.split_at_checked("Bearer ".len())?;
    scheme.eq_ignore_ascii_case(b"Bearer ").then(|| token.trim_ascii()).filter(|token| !token.is_empty())
}

/// What the database would know the token of a file by, if the file holds one.
pub(crate) fn hash_in(file: &Path) -> Option<[u8; 32]> {
    read(file).ok().map(|token| hash(token.as_bytes()))
}

fn hash(token: &[u8]) -> [u8; 32] {
    Sha256::digest(token).into()
}

/// The token of a database that is nobody's yet: the configured one, else that of the file, else a new one that is
/// written to the file.
pub(crate) struct FirstToken<'f> {
    /// What the database is to know of it.
    pub(crate) hash: [u8; 32],
    made: Option<&'f Path>,
}

impl<'f> FirstToken<'f> {
    pub(crate) fn of(configured: Option<&OperatorToken>, file: &'f Path) -> anyhow::Result<Self> {
        let (token, made) = match configured {
            Some(token) => (Zeroizing::new(token.expose().to_owned()), None),
            None if file.exists() => (read(file)?, None),
            None => (create(file)?, Some(file)),
        };
        Ok(Self { hash: hash(token.as_bytes()), made })
    }

    /// Another gateway was first: what was made here opens nothing and goes.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        let Some(file) = self.made else { return Ok(()) };
        tracing::info!(
            "another gateway has made this database its own a moment ago; its operator token counts"
        );
        fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))
    }
}

/// Sees to it that the configured token works, else that of the file.
pub(crate) async fn ensure_token(
    store: &Store,
    configured: Option<&OperatorToken>,
    file: &Path,
) -> anyhow::Result<()> {
    let token = match configured {
        Some(token) => Zeroizing::new(token.expose().to_owned()),
        None if file.exists() => read(file)?,
        None => {
            tracing::info!(
                "there is no {}; the first operator's token works all the same, and a configured one would replace it",
                file.display()
            );
            return Ok(());
        }
    };
    let hash = hash(token.as_bytes());
    if let Some(Token { name, role, .. }) = store.token(hash).await? {
        if name.as_str() != FIRST_TOKEN {
            tracing::warn!(
                "the configured operator token is {name}'s, whose role is {role}; the first token stays as it was"
            );
        }
        return Ok(());
    }
    let operation = Operation::Account(AccountChange::PutToken { name: first_name()?, hash });
    store.commit(WriteRequest::own(clock::now(), operation)).await??;
    Ok(())
}

/// [`FIRST_TOKEN`] as the store takes it.
pub(crate) fn first_name() -> anyhow::Result<TokenName> {
    Ok(FIRST_TOKEN.parse()?)
}

/// The token that a file holds.
pub(crate) fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let shown = file.display();
    let text =
        fs::read_to_string(file).map_err(|error| anyhow!("cannot read {shown}: {}", unread(file, &error)))?;
    let text = Zeroizing::new(text);
    let token: OperatorToken = text.trim().parse().with_context(|| {
        format!("{shown} holds no token: write the one into it that is to be the first operator's, or remove the file, and \
                 the one that the database knows works on")
    })?;
    Ok(Zeroizing::new(token.expose().to_owned()))
}

/// A new token and its hash.
pub(crate) fn make_token() -> anyhow::Result<(Zeroizing<String>, [u8; 32])> {
    let mut random = Zeroizing::new([0; 32]);
    getrandom::fill(&mut *random).context("the system has no randomness")?;
    let token = Zeroizing::new(hex::encode(random.as_slice()));
    let hash = hash(token.as_bytes());
    Ok((token, hash))
}

fn create(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let (token, _) = make_token()?;
    write_private(file, &Zeroizing::new(format!("{}\n", token.as_str())))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(token)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_strictly() {
        assert_eq!(bearer(b"Bearer abc"), Some(b"abc".as_slice()));
        assert_eq!(bearer(b"bearer  abc"), Some(b"abc".as_slice()));
        for wrong in [b"".as_slice(), b"Bearer", b"Bearer ", b"Basic abc", b"Bearerabc"] {
            assert_eq!(bearer(wrong), None);
        }
    }
}
