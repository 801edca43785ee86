//! What an evidence file turned out to be.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::FileFormat;
use crate::wire_enum::wire_enum;

/// What a file turned out to be. It is stored with the upload, and read with notes that are any words: a newer version
/// may have written others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase", bound(deserialize = "N: Ord + Deserialize<'de>"))]
pub struct FileInspection<N = Note> {
    /// The registered media type of the content.
    pub media_type: Cow<'static, str>,
    /// How much there is to see.
    #[serde(flatten)]
    pub extent: Extent,
    /// What an operator should know before opening it.
    pub notes: BTreeSet<N>,
}

/// How much of a file there is to see.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum Extent {
    /// Pages of a document.
    Pages(usize),
    /// Sheets of a workbook.
    Sheets(usize),
    /// The size of a picture, as stored.
    Pixels {
        /// From left to right.
        width: u32,
        /// From top to bottom.
        height: u32,
    },
}

impl FileInspection {
    /// What a file of a format is.
    pub fn new(format: FileFormat, extent: Extent, notes: BTreeSet<Note>) -> Self {
        Self { media_type: format.media_type().into(), extent, notes }
    }
}

wire_enum! {
    /// Something in a file that operators should know before they open it. The words are stored and never change.
    Note ("Something in a file that operators should know before they open it.") {
        /// A PDF with JavaScript.
        JavaScript = "JAVASCRIPT",
        /// Other files are embedded in it.
        EmbeddedFiles = "EMBEDDED_FILES",
        /// A PDF with a form of the XML Forms Architecture.
        Xfa = "XFA",
        /// It refers to addresses or files elsewhere.
        ExternalLinks = "EXTERNAL_LINKS",
        /// A PDF whose permissions are protected by a password; it opens without one.
        OwnerPassword = "OWNER_PASSWORD",
        /// A VBA project without a line of code.
        EmptyMacros = "EMPTY_MACROS",
        /// Its structure is broken; readers repair it.
        RepairedStructure = "REPAIRED_STRUCTURE",
        /// It lacks the marker at its end.
        MissingEndMarker = "MISSING_END_MARKER",
        /// Other bytes come before it.
        BytesBefore = "BYTES_BEFORE",
        /// Other bytes follow it.
        BytesAfter = "BYTES_AFTER",
    }
}

impl Note {
    /// The note in a few words, of which the file is the subject.
    pub const fn phrase(self) -> &'static str {
        match self {
            Self::JavaScript => "opens with JavaScript in it",
            Self::EmbeddedFiles => "has other files embedded",
            Self::Xfa => "has an XFA form",
            Self::ExternalLinks => "links to addresses or files elsewhere",
            Self::OwnerPassword => "has permissions that a password protects",
            Self::EmptyMacros => "has a macro project without code",
            Self::RepairedStructure => "has a broken structure, which readers repair",
            Self::MissingEndMarker => "lacks the marker at its end",
            Self::BytesBefore => "has other bytes before its beginning",
            Self::BytesAfter => "has other bytes after its end",
        }
    }
}
