//! The mark by which a gateway knows its own evidence store, folder or bucket: a small file under a fixed name. A store
//! that was not mounted, was replaced, or belongs to another gateway does not bear it, and what is missing there is not
//! taken for absent.

/// The file or object that holds the mark.
pub(crate) const MARK_FILE: &str = "gateway.mark";
/// Most bytes of an object that holds a mark; a longer one is another gateway's.
pub(crate) const MARK_MAX_BYTES: u64 = 1024;

/// Whose a store is, by the mark that was found in it.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Whose {
    /// This gateway's.
    Ours,
    /// Nobody's, and to be marked: it is new, or its mark is empty, which is an operator's word that this is the store,
    /// whatever was in it before.
    Nobodys,
    /// Another gateway's.
    Anothers,
    /// Without a mark, and yet files have been uploaded: not the store that they lie in.
    Lost,
}

impl Whose {
    /// `found` is what the mark file holds, if there is one. Behind the gateway's mark and a hyphen a store may have
    /// something that tells it from the gateway's other stores.
    pub(crate) fn by(found: Option<&[u8]>, mark: &str, holds_files: bool) -> Self {
        match found.map(<[u8]>::trim_ascii) {
            Some([]) => Self::Nobodys,
            Some(found) => match found.strip_prefix(mark.as_bytes()) {
                Some([] | [b'-', ..]) => Self::Ours,
                _ => Self::Anothers,
            },
            None if holds_files => Self::Lost,
            None => Self::Nobodys,
        }
    }
}
