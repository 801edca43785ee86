//! Uploads one file: gets a form, posts it, and gets another form if that failed (contract §3).
//!
//! The store's answers are not signed. This is safe: an upload has no effect until a contest names it, and the
//! contest's signed answer says whether the file is stored and valid.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::stream;
use rebuttal_protocol::StorageUri;
use rebuttal_protocol::file::{GenerateUploadUrlRequest, UploadUrlData};
use reqwest::multipart::{Form, Part};
use reqwest::{Body, Response};
use tokio::time::Instant;

use crate::attempts::Retry;
use crate::client::Client;
use crate::error::{Cause, Error};
use crate::exchange::{foreign_response, no_answer_cause, read_bounded};
use crate::file::EvidenceFile;
use crate::limits::{PAUSE, PROGRESS_STEP_BYTES, STORE_ANSWER_MAX_BYTES, UPLOAD_ATTEMPTS, UPLOAD_TIMEOUT};
use crate::random;
use crate::verify::plain;

/// The progress of an upload. After a failure it starts again from 0.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// The index of the evidence item, from 0.
    pub index: usize,
    /// Bytes of the file that were written to the connection.
    pub sent_bytes: u64,
    /// Bytes of the file.
    pub total_bytes: u64,
}

/// The callback for progress. It must not block.
pub(crate) type Watch = Arc<dyn Fn(Progress) + Send + Sync>;

impl Client {
    /// Uploads a file as evidence and returns the address to name in a contest.
    ///
    /// Every attempt uses a new address, so that nothing is written twice; the gateway deletes files that no contest
    /// refers to.
    ///
    /// # Errors
    /// [`Error::UploadRefused`] if the store refuses the file; [`Error::Unavailable`] if it cannot be reached;
    /// otherwise as [`Client::generate_upload_url`].
    pub async fn upload(&self, file: &EvidenceFile) -> Result<StorageUri, Error> {
        self.upload_watched(file, 0, None).await
    }

    pub(crate) async fn upload_watched(
        &self,
        file: &EvidenceFile,
        index: usize,
        watch: Option<Watch>,
    ) -> Result<StorageUri, Error> {
        let request =
            GenerateUploadUrlRequest { filename: file.wire_name()?, content_type: None, scene: file.scene() };
        let mut pause = PAUSE;
        let mut attempts = 1;
        let began = Instant::now();
        loop {
            let target = self.generate_upload_url(&request).await?.data;
            let form = form(&target, file, index, watch.clone());
            let cause = match self.post(&target, file, form).await? {
                Posted::Stored => return Ok(target.storage_uri),
                Posted::Failed(cause) => cause,
            };
            let lasting =
                matches!(cause, Cause::Unreadable(_) | Cause::Untrusted(_) | Cause::NotTls | Cause::NotHttp);
            if attempts >= UPLOAD_ATTEMPTS || lasting {
                let waited = began.elapsed();
                return Err(Error::Unavailable { attempts, waited, cause, retry_after: None });
            }
            if let Some(on_retry) = &self.inner.on_retry {
                on_retry.call(Retry { why: &cause.to_string(), attempts, attempts_max: UPLOAD_ATTEMPTS });
            }
            attempts += 1;
            tokio::time::sleep(random::jittered(pause)).await;
            pause = pause.saturating_mul(2);
        }
    }

    async fn post(&self, target: &UploadUrlData, file: &EvidenceFile, form: Form) -> Result<Posted, Error> {
        match self.inner.http.post(&target.upload_url).multipart(form).timeout(UPLOAD_TIMEOUT).send().await {
            Err(error) if error.is_builder() => {
                let why = format!("the upload address cannot be used: {}", error.without_url());
                Ok(Posted::Failed(Cause::Unreadable(why)))
            }
            Err(error) => Ok(Posted::Failed(no_answer_cause(error))),
            Ok(response) if response.status().is_success() => Ok(Posted::Stored),
            Ok(response) => refused(response, file).await,
        }
    }
}

enum Posted {
    Stored,
    /// Another attempt may succeed.
    Failed(Cause),
}

/// A store's refusal. Errors of the store are retried; errors of the file are final.
async fn refused(response: Response, file: &EvidenceFile) -> Result<Posted, Error> {
    let (status, foreign_response) = (response.status(), foreign_response(&response));
    let body = match read_bounded(response, STORE_ANSWER_MAX_BYTES).await {
        Ok(body) => body.unwrap_or_default(),
        Err(error) => return Ok(Posted::Failed(no_answer_cause(error))),
    };
    let text = String::from_utf8_lossy(&body);
    let (code, message) = match element(&text, "Code") {
        Some(code) => (code, element(&text, "Message").unwrap_or_default()),
        None => (foreign_response.to_string(), "probably a proxy's answer, not the file store's".to_owned()),
    };
    if status.is_server_error() || matches!(status.as_u16(), 408 | 409 | 429) {
        return Ok(Posted::Failed(Cause::Answered { code: code.as_str().into(), message, finality: None }));
    }
    Err(Error::UploadRefused { filename: file.name().to_owned(), code, message })
}

/// The text of the first XML element of that name: enough for S3's errors, which have no attributes and no nesting.
fn element(xml: &str, name: &str) -> Option<String> {
    let (_, rest) = xml.split_once(&format!("<{name}>"))?;
    let (text, _) = rest.split_once(&format!("</{name}>"))?;
    let text =
        [("&lt;", "<"), ("&gt;", ">"), ("&quot;", "\""), ("&apos;", "'"), ("&#39;", "'"), ("&amp;", "&")]
            .iter()
            .fold(text.to_owned(), |text, (escape, character)| text.replace(escape, character));
    Some(plain(&text))
}

/// Every form field as it was given, then the file, which must come last.
fn form(target: &UploadUrlData, file: &EvidenceFile, index: usize, watch: Option<Watch>) -> Form {
    let form = target
        .form_fields
        .iter()
        // Field names and values are sent as they are; the store compares them byte for byte.
        .fold(Form::new().percent_encode_noop(), |form, (name, value)| {
            form.text(name.clone(), value.clone())
        });
    let content = file.content().clone();
    let total_bytes = content.len() as u64;
    let chunks = stream::unfold(0, move |start| {
        let (content, watch) = (content.clone(), watch.clone());
        async move {
            if let Some(watch) = watch {
                watch(Progress { index, sent_bytes: start as u64, total_bytes });
            }
            let end = content.len().min(start + PROGRESS_STEP_BYTES);
            (start < end).then(|| (Ok::<Bytes, std::io::Error>(content.slice(start..end)), end))
        }
    });
    let part = Part::stream_with_length(Body::wrap_stream(chunks), total_bytes);
    form.part("file", part.file_name(format!("evidence.{}", file.format().extension())))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stores_error_is_read() {
        let xml = "<?xml version=\"1.0\"?><Error><Code>EntityTooLarge</Code><Message>over &lt;2 MB&gt;\u{7}</Message>";
        assert_eq!(element(xml, "Code").as_deref(), Some("EntityTooLarge"));
        assert_eq!(element(xml, "Message").as_deref(), Some("over <2 MB>"));
        assert_eq!(element(xml, "Resource"), None);
        assert_eq!(element("<Code>", "Code"), None);
    }
}
