//! The marker by which a gateway knows its own evidence store, folder or bucket: a small file under a fixed name. A store
//! that was not mounted, was replaced, or belongs to another gateway does not bear it, and what is missing there is not
//! taken for absent.

/// The file or object that holds the marker.
pub(crate) const MARKER_FILE: &str = "gateway.mark";
/// Most bytes of an object that holds a marker; a longer one is another gateway's.
pub(crate) const MARKER_MAX_BYTES: u64 = 1024;

/// Whose a store is, by the marker that was found in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// This gateway's.
    Ours,
    /// Nobody's, and to be marked: it is new, or its marker is empty, which is an operator's word that this is the store,
    /// whatever was in it before.
    Unclaimed,
    /// Another gateway's.
    Foreign,
    /// Without a marker, and yet files have been uploaded: not the store that they are stored in.
    MarkerMissing,
}

impl Ownership {
    /// `found` is what the marker file holds, if there is one. Behind the gateway's marker and a hyphen a store may have
    /// something that tells it from the gateway's other stores.
    pub(crate) fn by(found: Option<&[u8]>, marker: &str, holds_files: bool) -> Self {
        match found.map(<[u8]>::trim_ascii) {
            Some([]) => Self::Unclaimed,
            Some(found) => match found.strip_prefix(marker.as_bytes()) {
                Some([] | [b'-', ..]) => Self::Ours,
                _ => Self::Foreign,
            },
            None if holds_files => Self::MarkerMissing,
            None => Self::Unclaimed,
        }
    }
}
