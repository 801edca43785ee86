//! What an evidence file turned out to be.

use std::borrow::Cow;
use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::FileFormat;

/// What a file turned out to be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct FileInspection {
    /// The registered media type of the content.
    pub media_type: Cow<'static, str>,
    /// How much there is to see.
    #[serde(flatten)]
    pub extent: Extent,
    /// What an operator should know before opening it.
    pub notes: BTreeSet<Note>,
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

/// Something in a file that operators should know before they open it. The words are stored and never change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
#[non_exhaustive]
pub enum Note {
    /// A PDF with JavaScript.
    #[serde(rename = "JAVASCRIPT")]
    JavaScript,
    /// Other files are embedded in it.
    EmbeddedFiles,
    /// A PDF with a form of the XML Forms Architecture.
    Xfa,
    /// It refers to addresses or files elsewhere.
    ExternalLinks,
    /// A PDF whose permissions are protected by a password; it opens without one.
    OwnerPassword,
    /// A VBA project without a line of code.
    EmptyMacros,
    /// Its structure is broken; readers repair it.
    RepairedStructure,
    /// It lacks the marker at its end.
    MissingEndMarker,
    /// Other bytes come before it.
    BytesBefore,
    /// Other bytes follow it.
    BytesAfter,
}
