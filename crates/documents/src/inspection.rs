//! What a file turned out to be.

use std::borrow::Cow;
use std::collections::BTreeSet;

use rebuttal_protocol::FileFormat;
use serde::{Deserialize, Serialize};

use crate::Note;

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
    pub(crate) fn new(format: FileFormat, extent: Extent, notes: BTreeSet<Note>) -> Self {
        Self { media_type: format.media_type().into(), extent, notes }
    }
}
