//! The upload form: an S3 POST policy, AWS Signature Version 4, the same for the built-in store and a real S3
//! (contract §3). [`sign_form`] issues it; [`check`] verifies it for the built-in store, and refuses any difference.

mod check;
mod document;
mod sigv4;

use std::fmt;
use std::time::Duration;

use rebuttal_protocol::UnixMillis;
use zeroize::Zeroizing;

pub use check::{Grant, check};
use document::PolicyDocument;

/// How long an upload form is valid (contract §3).
pub const UPLOAD_URL_LIFETIME: Duration = Duration::from_secs(10 * 60);

const KEY: &str = "key";
const CONTENT_TYPE: &str = "Content-Type";
const POLICY: &str = "policy";
const ALGORITHM: &str = "x-amz-algorithm";
const CREDENTIAL: &str = "x-amz-credential";
const DATE: &str = "x-amz-date";
const SIGNATURE: &str = "x-amz-signature";
const SECURITY_TOKEN: &str = "x-amz-security-token";
/// The condition on the bucket, which is not a field of the form.
const BUCKET: &str = "bucket";

/// The key pair that forms are signed with.
#[derive(Clone)]
pub struct Credentials {
    /// The public half, without `/`.
    pub access_key_id: String,
    /// The secret half, wiped from memory when dropped.
    pub secret_access_key: Zeroizing<String>,
    /// The token of temporary credentials; it becomes a field of the form.
    pub session_token: Option<String>,
    /// The region of the credential scope.
    pub region: String,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credentials")
            .field("access_key_id", &self.access_key_id)
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

/// What a form is for.
#[derive(Debug, Clone)]
pub struct UploadTarget<'a> {
    /// The address that the form is sent to.
    pub url: String,
    /// The store's own name for the bucket, which need not be the one that merchants see in a storageUri.
    pub bucket: &'a str,
    /// The one key that a file may be stored under.
    pub key: String,
    /// The content type of the file.
    pub content_type: &'a str,
    /// Most bytes of the file.
    pub max_bytes: u64,
}

/// A form to upload one file with.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UploadForm {
    /// The address to send it to.
    pub url: String,
    /// Names and values, in the recommended order; the file follows them.
    pub fields: Vec<(&'static str, String)>,
    /// When the form expires.
    pub expires_at: UnixMillis,
}

/// Issues the form for uploading one file of at least one byte until `expires_at`.
pub fn sign_form(
    credentials: &Credentials,
    target: UploadTarget<'_>,
    now: UnixMillis,
    expires_at: UnixMillis,
) -> UploadForm {
    let date = sigv4::basic_date(now);
    let day = sigv4::day(&date);
    let mut fields = vec![
        (KEY, target.key),
        (CONTENT_TYPE, target.content_type.to_owned()),
        (ALGORITHM, sigv4::ALGORITHM.to_owned()),
        (CREDENTIAL, sigv4::credential(credentials, day)),
        (DATE, date.clone()),
    ];
    if let Some(token) = &credentials.session_token {
        fields.push((SECURITY_TOKEN, token.clone()));
    }
    let policy = PolicyDocument::write(target.bucket, &fields, target.max_bytes, expires_at);
    let signature = sigv4::signature(credentials, day, &policy);
    fields.push((POLICY, policy));
    fields.push((SIGNATURE, hex::encode(signature)));
    UploadForm { url: target.url, fields, expires_at }
}

#[cfg(test)]
mod tests;
