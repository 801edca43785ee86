//! An upload from its first byte to a durable file: form, policy, folder, in this order.

use bytes::Bytes;
use futures_util::Stream;
use rebuttal_protocol::UnixMillis;

use crate::form::FormReader;
use crate::{BodyError, Credentials, EvidenceError, FolderStore, InvalidUpload, ReceivedFile, policy};

/// Receives the one file of an upload form. `now` is when the request arrived; the form may finish after its
/// expiry if it began before, as in S3.
///
/// When it returns `Ok`, the file is durable but not yet recorded: record it, then
/// [confirm](FolderStore::confirm) it, then answer 204. On a refusal the rest of the body has been read within
/// bounds, so that the client receives the answer.
pub async fn receive<S>(
    store: &FolderStore,
    credentials: &Credentials,
    bucket: &str,
    content_type: &str,
    body: S,
    now: UnixMillis,
) -> Result<ReceivedFile, EvidenceError>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
{
    let mut form = FormReader::new(content_type, body)?;
    match receive_form(store, credentials, bucket, &mut form, now).await {
        Err(EvidenceError::Refused(refusal)) => Err(form.refuse(refusal).await.into()),
        outcome => outcome,
    }
}

async fn receive_form(
    store: &FolderStore,
    credentials: &Credentials,
    bucket: &str,
    form: &mut FormReader,
    now: UnixMillis,
) -> Result<ReceivedFile, EvidenceError> {
    let fields = form.fields().await?;
    let grant = policy::check(credentials, bucket, &fields, now)?;
    // Issued by a version with another limit.
    if grant.max_bytes != grant.uri.scene.max_bytes() {
        return Err(InvalidUpload::PolicyUnknown.into());
    }
    store.receive(grant.uri, form.file()).await
}

#[cfg(test)]
mod tests;
