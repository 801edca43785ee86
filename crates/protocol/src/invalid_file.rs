//! Why a file cannot be evidence (contract §3).

use std::borrow::Cow;

use serde::{Deserialize, Serialize};

use crate::FileFormat;

/// Why a file is not accepted as evidence. `Display` says what was found, what is accepted, and what to do.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
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
        found: Cow<'static, str>,
    },
    /// It begins like its format, but is damaged or incomplete.
    #[error(
        "The file is named .{wanted}, but {fault}: it is damaged or incomplete. {}",
        repair_advice(*.format),
        wanted = .format.extension()
    )]
    Damaged {
        /// The format of its name.
        format: FileFormat,
        /// What is damaged.
        fault: Cow<'static, str>,
    },
    /// It asks for a password.
    #[error(
        "The .{wanted} file asks for a password. Save it without a password or other protection and upload that.",
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
        found: Cow<'static, str>,
    },
    /// It contains something other than macros that can run programs or attack readers.
    #[error("The .{wanted} file contains {found}. {}", inactive_advice(*.format), wanted = .format.extension())]
    ActiveContent {
        /// The format of its name.
        format: FileFormat,
        /// What it contains.
        found: Cow<'static, str>,
    },
    /// A virus scanner found something in it.
    #[error(
        "A virus scanner found {signature} in the .{wanted} file. Scan the machine that it comes from, and upload a file without it.",
        wanted = .format.extension()
    )]
    Infected {
        /// The format of its name.
        format: FileFormat,
        /// The scanner's name for what it found.
        signature: Cow<'static, str>,
    },
    /// There is nothing to see in it.
    #[error("The .{wanted} file has no {missing}. {}", repair_advice(*.format), wanted = .format.extension())]
    Empty {
        /// The format of its name.
        format: FileFormat,
        /// What it lacks.
        missing: Cow<'static, str>,
    },
    /// It has more bytes than its scene allows.
    #[error("The .{wanted} file has more than {max_bytes} bytes. Upload a smaller one.", wanted = .format.extension())]
    TooLarge {
        /// The format of its name.
        format: FileFormat,
        /// Most bytes.
        max_bytes: u64,
    },
    /// It exceeds a limit, such as pixels or parts.
    #[error("The .{wanted} file has {excess}. {}", simpler_advice(*.format), wanted = .format.extension())]
    TooMuch {
        /// The format of its name.
        format: FileFormat,
        /// What exceeds the limit, with the limit.
        excess: Cow<'static, str>,
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

const fn repair_advice(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Pdf => "Print it to PDF again and upload that.",
        _ => "Open it, save it again and upload that.",
    }
}

const fn inactive_advice(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Pdf => "Print it to PDF again and upload that.",
        _ => "Remove it and save the workbook again, or save it as a PDF, and upload that.",
    }
}

const fn simpler_advice(format: FileFormat) -> &'static str {
    match format {
        FileFormat::Jpg | FileFormat::Jpeg | FileFormat::Png => "Save it smaller and upload that.",
        FileFormat::Pdf => "Print it to PDF again, in parts if it is long, and upload that.",
        FileFormat::Xls | FileFormat::Xlsx => "Save what matters of it as a PDF and upload that.",
    }
}

impl InvalidFile {
    /// [`Self::Damaged`].
    pub const fn damaged(format: FileFormat, fault: &'static str) -> Self {
        Self::Damaged { format, fault: Cow::Borrowed(fault) }
    }

    /// [`Self::Macros`].
    pub const fn macros(format: FileFormat, found: &'static str) -> Self {
        Self::Macros { format, found: Cow::Borrowed(found) }
    }

    /// [`Self::ActiveContent`].
    pub const fn active_content(format: FileFormat, found: &'static str) -> Self {
        Self::ActiveContent { format, found: Cow::Borrowed(found) }
    }

    /// [`Self::Empty`].
    pub const fn empty(format: FileFormat, missing: &'static str) -> Self {
        Self::Empty { format, missing: Cow::Borrowed(missing) }
    }

    /// [`Self::TooMuch`].
    pub const fn too_much(format: FileFormat, excess: &'static str) -> Self {
        Self::TooMuch { format, excess: Cow::Borrowed(excess) }
    }
}
