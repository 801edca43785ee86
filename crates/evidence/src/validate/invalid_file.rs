//! What a file was found to be instead of what its name says.

use rebuttal_protocol::FileFormat;

/// Why a file is not accepted as evidence. `Display` says what was found, what is wanted, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFile {
    /// It is another kind of file.
    #[error(
        "The file is named .{wanted}, but its content is {found}. Upload it under the extension of what it is, or save it as {wanted}.",
        wanted = .format.extension()
    )]
    OtherKind {
        /// What its name says.
        format: FileFormat,
        /// What it begins like.
        found: &'static str,
    },
    /// It begins like the right kind, but is not whole.
    #[error(
        "The file is named .{wanted}, but {fault}: it is damaged or cut short. Open it, save it again and upload that.",
        wanted = .format.extension()
    )]
    Damaged {
        /// What its name says.
        format: FileFormat,
        /// What is wrong with it.
        fault: &'static str,
    },
    /// It is encrypted, so that nobody here can read it.
    #[error(
        "The .{wanted} file is encrypted. Save it without a password or other protection and upload that.",
        wanted = .format.extension()
    )]
    Encrypted {
        /// What its name says.
        format: FileFormat,
    },
    /// It carries macros.
    #[error(
        "The .{wanted} file contains macros ({found}). Save it as a workbook without macros (.xlsx), or as a PDF, and upload that.",
        wanted = .format.extension()
    )]
    Macros {
        /// What its name says.
        format: FileFormat,
        /// Where the macros are.
        found: &'static str,
    },
    /// It has more bytes than its scene allows.
    #[error("The .{wanted} file has more than {max_bytes} bytes. Upload a smaller one.", wanted = .format.extension())]
    TooLarge {
        /// What its name says.
        format: FileFormat,
        /// Most bytes.
        max_bytes: u64,
    },
    /// It is larger inside than a piece of evidence may be.
    #[error("The .{wanted} file has {excess}. Upload a simpler one.", wanted = .format.extension())]
    TooMuch {
        /// What its name says.
        format: FileFormat,
        /// What there is too much of, with the limit.
        excess: &'static str,
    },
}

impl InvalidFile {
    pub(super) const fn damaged(format: FileFormat, fault: &'static str) -> Self {
        Self::Damaged { format, fault }
    }

    pub(super) const fn too_much(format: FileFormat, excess: &'static str) -> Self {
        Self::TooMuch { format, excess }
    }
}
