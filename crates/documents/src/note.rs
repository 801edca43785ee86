//! What is worth knowing about a file that was taken.

use serde::{Deserialize, Serialize};

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
