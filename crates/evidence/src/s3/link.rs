//! Links: presigned requests for content-addressed copies. The caller checks first that a copy still matches its
//! record.

use std::time::Duration;

use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use rebuttal_protocol::{StorageUri, UnixMillis};
use zeroize::Zeroizing;

use super::S3Store;
use crate::EvidenceError;
use crate::ownership::{MARKER_FILE, Ownership};

/// How long a link to evidence is valid. It needs no token and cannot be revoked: long enough to open it or to pass it
/// to a program. Temporary credentials outlive it, as they outlive a form.
pub const LINK_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// A presigned request for one content-addressed copy. It is a secret, and has no `Debug`.
pub struct DownloadLink {
    /// The address, with the signature.
    pub url: Zeroizing<String>,
    /// When it expires.
    pub expires_at: UnixMillis,
}

impl DownloadLink {
    /// When a link signed at `signed_at` expires: a store counts from the signature's time in whole seconds.
    pub fn end(signed_at: UnixMillis) -> UnixMillis {
        UnixMillis(signed_at.0 - signed_at.0.rem_euclid(1000)) + LINK_LIFETIME
    }
}

impl S3Store {
    /// Signs a link to a content-addressed copy, which the store returns as an attachment of this name and uncached.
    /// Only for a copy that was read for this request and had this SHA-256.
    ///
    /// The name has letters, digits, `-`, `_` and `.` only: nothing in it ends a header's quoted text.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where there are no credentials.
    pub async fn link(
        &self,
        uri: &StorageUri,
        sha256: &[u8; 32],
        filename: &str,
        now: UnixMillis,
    ) -> Result<DownloadLink, EvidenceError> {
        let shared = &self.shared;
        let options = SignedUrlOptions::default().with_query([
            ("response-cache-control", "no-store"),
            ("response-content-disposition", &format!("attachment; filename=\"{filename}\"")),
            ("response-content-type", uri.format.media_type()),
        ]);
        let key = shared.hash_key(uri, sha256);
        let signed = shared.links.signed_url_opts(Method::GET, &key, LINK_LIFETIME, &options).await;
        let url = Zeroizing::new(signed.map_err(EvidenceError::s3("get credentials"))?.into());
        Ok(DownloadLink { url, expires_at: DownloadLink::end(now) })
    }

    /// Signs a request for the ownership marker at the public endpoint, to check that it leads to this bucket.
    ///
    /// # Errors
    /// [`EvidenceError::S3`] where there are no credentials.
    pub async fn marker_link(&self) -> Result<Zeroizing<String>, EvidenceError> {
        let shared = &self.shared;
        let signed = shared.links.signed_url(Method::GET, &shared.key(MARKER_FILE), LINK_LIFETIME).await;
        Ok(Zeroizing::new(signed.map_err(EvidenceError::s3("get credentials"))?.into()))
    }

    /// Whether this is the content of this gateway's marker.
    pub fn is_marker(&self, content: &[u8]) -> bool {
        Ownership::by(Some(content), &self.shared.marker, true) == Ownership::Ours
    }
}
