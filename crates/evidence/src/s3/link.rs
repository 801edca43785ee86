//! Links: requests for sealed copies that are signed ahead, so that people fetch files from the store itself. Whether a
//! copy is still what was recorded is not found out here: a caller reads it first.

use std::time::Duration;

use object_store::signer::{Method, SignedUrlOptions, Signer as _};
use rebuttal_protocol::{StorageUri, UnixMillis};
use zeroize::Zeroizing;

use super::S3Store;
use crate::Error;
use crate::ownership::{MARKER_FILE, Ownership};

/// How long a link to evidence is good for. Whoever has it needs nothing else, and it cannot be taken back: long enough
/// to open it, or to hand it to a program, and no longer. Temporary credentials outlive it, as they outlive a form.
pub const LINK_LIFETIME: Duration = Duration::from_secs(5 * 60);

/// A request for one sealed copy, ready to be made by whoever has it. It is a secret, and cannot be printed.
pub struct DownloadLink {
    /// The address, with all that the store asks for.
    pub url: Zeroizing<String>,
    /// Until this moment the store answers it, and not much longer.
    pub expires_at: UnixMillis,
}

impl DownloadLink {
    /// When a link ends that is signed at this moment or soon after: a store counts from the second that it is dated
    /// with.
    pub fn end(signed_at: UnixMillis) -> UnixMillis {
        UnixMillis(signed_at.0 - signed_at.0.rem_euclid(1000)) + LINK_LIFETIME
    }
}

impl S3Store {
    /// Signs a link to a sealed copy, which comes as an attachment of this name, that nobody on the way keeps. Only for
    /// a copy that was read just now and had this SHA-256.
    ///
    /// The name is of letters, digits, `-`, `_` and `.`: nothing in it ends a header's quoted text.
    ///
    /// # Errors
    /// [`Error::S3`] where there are no credentials to be had.
    pub async fn link(
        &self,
        uri: &StorageUri,
        sha256: &[u8; 32],
        filename: &str,
        now: UnixMillis,
    ) -> Result<DownloadLink, Error> {
        let shared = &self.shared;
        let options = SignedUrlOptions::default().with_query([
            ("response-cache-control", "no-store"),
            ("response-content-disposition", &format!("attachment; filename=\"{filename}\"")),
            ("response-content-type", uri.format.media_type()),
        ]);
        let key = shared.hash_key(uri, sha256);
        let signed = shared.links.signed_url_opts(Method::GET, &key, LINK_LIFETIME, &options).await;
        let url = Zeroizing::new(signed.map_err(Error::s3("give its credentials"))?.into());
        Ok(DownloadLink { url, expires_at: DownloadLink::end(now) })
    }

    /// Signs a request for the gateway's marker, by the address that merchants and operators reach the bucket at: what
    /// comes back tells whether that leads here.
    ///
    /// # Errors
    /// [`Error::S3`] where there are no credentials to be had.
    pub async fn marker_link(&self) -> Result<Zeroizing<String>, Error> {
        let shared = &self.shared;
        let signed = shared.links.signed_url(Method::GET, &shared.key(MARKER_FILE), LINK_LIFETIME).await;
        Ok(Zeroizing::new(signed.map_err(Error::s3("give its credentials"))?.into()))
    }

    /// Whether this is what the marker's object holds in this gateway's bucket.
    pub fn is_marker(&self, content: &[u8]) -> bool {
        Ownership::by(Some(content), &self.shared.marker, true) == Ownership::Ours
    }
}
