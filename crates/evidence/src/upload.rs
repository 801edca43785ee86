//! An upload from its first byte to its last: form, policy, folder, in this order.

use bytes::Bytes;
use futures_util::Stream;
use rebuttal_protocol::UnixMillis;

use crate::form::FormReader;
use crate::{ArrivedFile, BodyError, Credentials, EvidenceError, FolderStore, InvalidUpload, policy};

/// Receives the one file of an upload form. `length` is that of the body, if it is known. `now` is when the request
/// arrived; the form may finish after its expiry if it began before, as in S3.
///
/// When it returns `Ok`, nothing is durable yet: [store](ArrivedFile::store) the file, record it, then
/// [confirm](FolderStore::confirm) it, then answer 204. After a refusal the rest of the body is unread.
pub async fn receive<S>(
    store: &FolderStore,
    credentials: &Credentials,
    bucket: &str,
    content_type: &str,
    length: Option<u64>,
    body: S,
    now: UnixMillis,
) -> Result<ArrivedFile, EvidenceError>
where
    S: Stream<Item = Result<Bytes, BodyError>> + Send + 'static,
{
    let mut form = FormReader::new(content_type, body)?;
    let arrived = async {
        let fields = form.fields().await?;
        let grant = policy::check(credentials, bucket, &fields, now)?;
        // Issued by a version with another limit.
        if grant.max_bytes != grant.uri.scene.max_bytes() {
            return Err(InvalidUpload::PolicyUnknown.into());
        }
        store.receive(grant.uri, length, form.file()).await
    };
    match arrived.await {
        Err(EvidenceError::Refused(refusal)) => Err(form.explain(refusal).await.into()),
        received => received,
    }
}

#[cfg(test)]
mod tests;
