//! The first operator's token: the configured one, or a file in the data directory.

use std::fs;
use std::path::Path;

use anyhow::{Context as _, anyhow};
use rebuttal_protocol::operator::TokenName;
use rebuttal_store::{AccountChange, SingleOperation, Store, TokenHash, TokenRecord, WriteRequest};
use zeroize::Zeroizing;

use crate::auth::keys::write_private;
use crate::auth::operator::{FIRST_TOKEN, generate_token, hash};
use crate::clock;
use crate::io_hints::read_error_reason;
use crate::setup::config::OperatorToken;

/// The token of a database that is nobody's yet: the configured one, else that of the file, else a new one that is
/// written to the file.
pub(crate) struct FirstToken<'f> {
    /// What the database is to know of it.
    pub(crate) hash: TokenHash,
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
    if let Some(TokenRecord { name, role, .. }) = store.token(hash).await? {
        if name.as_str() != FIRST_TOKEN {
            tracing::warn!(
                "the configured operator token is {name}'s, whose role is {role}; the first token stays as it was"
            );
        }
        return Ok(());
    }
    let operation = SingleOperation::Account(AccountChange::PutToken { name: first_name()?, hash });
    store.commit(WriteRequest::internal(clock::now(), operation)).await??;
    Ok(())
}

/// [`FIRST_TOKEN`] as the store takes it.
pub(crate) fn first_name() -> anyhow::Result<TokenName> {
    Ok(FIRST_TOKEN.parse()?)
}

/// The token that a file holds.
pub(crate) fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| anyhow!("cannot read {shown}: {}", read_error_reason(file, &error)))?;
    let text = Zeroizing::new(text);
    let token: OperatorToken = text.trim().parse().with_context(|| {
        format!("{shown} holds no token: write the one into it that is to be the first operator's, or remove the file, and \
                 the one that the database knows works on")
    })?;
    Ok(Zeroizing::new(token.expose().to_owned()))
}

/// What the database would know the token of a file by, if the file holds one.
pub(crate) fn hash_in(file: &Path) -> Option<TokenHash> {
    read(file).ok().map(|token| hash(token.as_bytes()))
}

fn create(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let (token, _) = generate_token()?;
    write_private(file, &Zeroizing::new(format!("{}\n", token.as_str())))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(token)
}
