//! The ownership marker of an evidence store, folder or bucket: a small file under a fixed name. A store that was not
//! mounted, was replaced, or belongs to another gateway does not have it; then a missing file does not count as absent.

/// The file or object that holds the marker.
pub(crate) const MARKER_FILE: &str = "gateway.mark";
/// Most bytes of an object that holds a marker; a longer one is another gateway's.
pub(crate) const MARKER_MAX_BYTES: u64 = 1024;

/// The owner of a store, by its marker.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Ownership {
    /// This gateway's.
    Ours,
    /// No owner yet: the store is new, or an operator put an empty marker there to claim it for this gateway, whatever
    /// was in it before.
    Unclaimed,
    /// It belongs to another gateway.
    Foreign,
    /// No marker, although files have been uploaded: another store than the one that has them.
    MarkerMissing,
}

impl Ownership {
    /// `found` is the content of the marker file, if there is one. After the gateway's marker and a hyphen it may have
    /// an id of the store among the gateway's stores.
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
