//! Why a file's content does not match its name.

use rebuttal_protocol::FileFormat;

/// Why a file is not accepted as evidence. `Display` says what was found, what is accepted, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidFile {
    /// It is another kind of file.
    #[error(
        "The file is named .{wanted}, but its content is {found}. {}",
        other_kind_advice(*.format, found),
        wanted = .format.extension()
    )]
    OtherKind {
        /// The format of its name.
        format: FileFormat,
        /// The kind that its first bytes indicate.
        found: &'static str,
    },
    /// It begins like its format, but is damaged or incomplete.
    #[error(
        "The file is named .{wanted}, but {fault}: it is damaged or incomplete. Open it, save it again and upload that.",
        wanted = .format.extension()
    )]
    Damaged {
        /// The format of its name.
        format: FileFormat,
        /// What is damaged.
        fault: &'static str,
    },
    /// It is encrypted, so it cannot be read.
    #[error(
        "The .{wanted} file is encrypted. Save it without a password or other protection and upload that.",
        wanted = .format.extension()
    )]
    Encrypted {
        /// The format of its name.
        format: FileFormat,
    },
    /// It contains macros.
    #[error(
        "The .{wanted} file contains macros ({found}). Save it as a workbook without macros (.xlsx), or as a PDF, and upload that.",
        wanted = .format.extension()
    )]
    Macros {
        /// The format of its name.
        format: FileFormat,
        /// Where the macros are.
        found: &'static str,
    },
    /// It has more bytes than its scene allows.
    #[error("The .{wanted} file has more than {max_bytes} bytes. Upload a smaller one.", wanted = .format.extension())]
    TooLarge {
        /// The format of its name.
        format: FileFormat,
        /// Most bytes.
        max_bytes: u64,
    },
    /// It exceeds another limit, such as pixels or entries.
    #[error("The .{wanted} file has {excess}. Upload a simpler one.", wanted = .format.extension())]
    TooMuch {
        /// The format of its name.
        format: FileFormat,
        /// What exceeds the limit, with the limit.
        excess: &'static str,
    },
}

fn other_kind_advice(format: FileFormat, found: &str) -> String {
    let wanted = format.extension();
    match found {
        "a PNG image" | "a JPEG image" | "a PDF document" => {
            format!("Upload it with the extension of its content, or save it as {wanted}.")
        }
        _ => format!("Save it as {wanted} with the program that made it, or choose another file."),
    }
}

impl InvalidFile {
    pub(super) const fn damaged(format: FileFormat, fault: &'static str) -> Self {
        Self::Damaged { format, fault }
    }

    pub(super) const fn too_much(format: FileFormat, excess: &'static str) -> Self {
        Self::TooMuch { format, excess }
    }
}
