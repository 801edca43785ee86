//! `POST /pg/v2/file/generateUploadUrl` (contract §3).

use std::sync::Arc;

use axum::extract::State;
use rebuttal_protocol::StorageUri;
use rebuttal_protocol::file::{GenerateUploadUrlRequest, UploadUrlData};
use rebuttal_store::Operation;

use crate::auth::signature::SignedWrite;
use crate::gateway::Gateway;
use crate::gateway::new_id::new_id;
use crate::http::error::Refusal;
use crate::http::paths::UPLOADED;
use crate::merchant::{Reply, Success};

/// Issues an upload form for one file.
///
/// 1. The signature has been verified and the fields parsed.
/// 2. The nonce is used up durably: each form is issued once.
/// 3. The file format follows from name and content type, which must agree.
/// 4. A new storage URI is generated, and a form signed that is valid for it only.
pub(crate) async fn generate_upload_url(
    State(gateway): State<Arc<Gateway>>,
    SignedWrite { call, app, arrived_at, url_index, identity }: SignedWrite<GenerateUploadUrlRequest>,
) -> Reply<UploadUrlData> {
    let (_, used) = identity.commit(&gateway.auth, Operation::UseNonce).await?;

    let format = call.format().map_err(|(code, message)| Refusal::new(code, message))?;

    let file_id = new_id(arrived_at)?;
    let storage_uri = StorageUri { merchant_id: app.merchant_id, scene: call.scene, file_id, format };
    let upload_url = format!("{}{}", gateway.auth.public_url(url_index), UPLOADED);
    let form = gateway.evidence.form(&storage_uri, &upload_url, arrived_at).await;
    let form = form.map_err(Refusal::unavailable)?;

    let data = UploadUrlData {
        upload_url: form.url,
        http_method: "POST".to_owned(),
        form_fields: form.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect(),
        storage_uri,
        expire_time: form.expires_at,
    };
    Ok(Success(data, used))
}
