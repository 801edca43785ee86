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

/// The token of a new database: the configured one, or that of the file, or a new one that is written to the file.
pub(crate) struct FirstToken<'f> {
    /// The hash that the database stores.
    pub(crate) hash: TokenHash,
    created: Option<&'f Path>,
}

impl<'f> FirstToken<'f> {
    pub(crate) fn new(configured: Option<&OperatorToken>, file: &'f Path) -> anyhow::Result<Self> {
        let (token, created) = match configured_or_stored(configured, file)? {
            Some(token) => (token, None),
            None => (create(file)?, Some(file)),
        };
        Ok(Self { hash: hash(token.as_bytes()), created })
    }

    /// Removes a created file: another gateway initialized the database first, so that this token is not valid.
    pub(crate) fn discard(self) -> anyhow::Result<()> {
        let Some(file) = self.created else { return Ok(()) };
        tracing::info!(
            "another gateway initialized the database; the valid operator token is that gateway's"
        );
        fs::remove_file(file).with_context(|| format!("cannot remove {}", file.display()))
    }
}

/// The configured token, or that of the file, if it exists.
fn configured_or_stored(
    configured: Option<&OperatorToken>,
    file: &Path,
) -> anyhow::Result<Option<Zeroizing<String>>> {
    match configured {
        Some(token) => Ok(Some(Zeroizing::new(token.expose().to_owned()))),
        None if file.exists() => read(file).map(Some),
        None => Ok(None),
    }
}

/// Stores the configured token, or that of the file, as the first operator's.
pub(crate) async fn ensure_token(
    store: &Store,
    configured: Option<&OperatorToken>,
    file: &Path,
) -> anyhow::Result<()> {
    let Some(token) = configured_or_stored(configured, file)? else {
        tracing::info!(
            "no operator token is configured, and {} does not exist; the first operator's token stays valid",
            file.display()
        );
        return Ok(());
    };
    let hash = hash(token.as_bytes());
    if let Some(TokenRecord { name, role, .. }) = store.token(hash).await? {
        if name.as_str() != FIRST_TOKEN {
            tracing::warn!(
                "configured operator token belongs to {name} with the role {role}; the first operator's token is unchanged"
            );
        }
        return Ok(());
    }
    let operation = SingleOperation::Account(AccountChange::PutToken { name: first_name()?, hash });
    store.commit(WriteRequest::internal(clock::now(), operation)).await??;
    Ok(())
}

/// [`FIRST_TOKEN`] as a token name.
pub(crate) fn first_name() -> anyhow::Result<TokenName> {
    Ok(FIRST_TOKEN.parse()?)
}

/// Reads the token in a file.
pub(crate) fn read(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let shown = file.display();
    let text = fs::read_to_string(file)
        .map_err(|error| anyhow!("cannot read {shown}: {}", read_error_reason(file, &error)))?;
    let text = Zeroizing::new(text);
    let token: OperatorToken = text.trim().parse().with_context(|| {
        format!("{shown} has no valid token: write the first operator token into it, or remove the file to keep the one in \
                 the database")
    })?;
    Ok(Zeroizing::new(token.expose().to_owned()))
}

/// The hash of the token in a file, if there is one.
pub(crate) fn hash_in(file: &Path) -> Option<TokenHash> {
    read(file).ok().map(|token| hash(token.as_bytes()))
}

fn create(file: &Path) -> anyhow::Result<Zeroizing<String>> {
    let (token, _) = generate_token()?;
    write_private(file, &Zeroizing::new(format!("{}\n", token.as_str())))
        .with_context(|| format!("cannot write {}", file.display()))?;
    Ok(token)
}
