//! The purpose of an uploaded file, which determines formats, size limit and folder (contract §3).

use crate::wire_enum::wire_enum;
use serde::{Deserialize, Serialize};

/// Most bytes of an evidence file: 2 MB (contract §3).
pub const DISPUTE_EVIDENCE_MAX_BYTES: u64 = 2_097_152;

wire_enum! {
    /// The purpose of a file, which determines its formats, its size limit and its folder (contract §3).
    Scene (
        "The purpose of a file, which decides the formats that it may have: jpg, jpeg, png, pdf, xls or xlsx."
    ) {
        /// Evidence in a dispute.
        DisputeEvidence = "DISPUTE_EVIDENCE",
    }
}

impl Scene {
    /// The formats that a file may have.
    pub const fn formats(self) -> &'static [FileFormat] {
        match self {
            Self::DisputeEvidence => &FileFormat::ALL,
        }
    }

    /// Largest file, in bytes.
    pub const fn max_bytes(self) -> u64 {
        match self {
            Self::DisputeEvidence => DISPUTE_EVIDENCE_MAX_BYTES,
        }
    }

    /// Largest file of any scene, in bytes: the limit while the scene is unknown.
    pub fn max_bytes_of_any() -> u64 {
        Self::ALL.iter().map(|scene| scene.max_bytes()).max().unwrap_or_default()
    }

    /// Whether a contest may name the files as evidence (contract §4).
    pub const fn is_evidence(self) -> bool {
        match self {
            Self::DisputeEvidence => true,
        }
    }

    /// The folder of the files, below the merchant's folder.
    pub const fn folder(self) -> &'static str {
        match self {
            Self::DisputeEvidence => "open/dispute-evidence",
        }
    }

    /// The format of a file name's extension, in either case.
    pub fn format(self, extension: &str) -> Option<FileFormat> {
        self.formats().iter().copied().find(|format| format.extension().eq_ignore_ascii_case(extension))
    }

    /// The extensions that a file name may have, as error messages list them.
    pub fn extensions(self) -> String {
        let extensions = self.formats().iter().map(|format| format.extension());
        extensions.collect::<Vec<_>>().join(", ")
    }
}

/// The format of a file; its name is the extension in lower case (contract §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum FileFormat {
    /// JPEG, extension `jpg`.
    Jpg,
    /// JPEG, extension `jpeg`.
    Jpeg,
    /// PNG.
    Png,
    /// PDF.
    Pdf,
    /// Excel 97–2003, an OLE container.
    Xls,
    /// Excel since 2007, a ZIP container.
    Xlsx,
}

impl FileFormat {
    /// Every format of any scene.
    pub const ALL: [Self; 6] = [Self::Jpg, Self::Jpeg, Self::Png, Self::Pdf, Self::Xls, Self::Xlsx];

    /// The file name extension, in lower case.
    pub const fn extension(self) -> &'static str {
        match self {
            Self::Jpg => "jpg",
            Self::Jpeg => "jpeg",
            Self::Png => "png",
            Self::Pdf => "pdf",
            Self::Xls => "xls",
            Self::Xlsx => "xlsx",
        }
    }

    /// The registered media type.
    pub const fn media_type(self) -> &'static str {
        match self {
            Self::Jpg | Self::Jpeg => "image/jpeg",
            Self::Png => "image/png",
            Self::Pdf => "application/pdf",
            Self::Xls => "application/vnd.ms-excel",
            Self::Xlsx => "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet",
        }
    }

    /// Whether a declared content type belongs to this format; `image/jpg` is tolerated (contract §1).
    pub fn accepts(self, content_type: &str) -> bool {
        content_type.eq_ignore_ascii_case(self.media_type())
            || (matches!(self, Self::Jpg | Self::Jpeg) && content_type.eq_ignore_ascii_case("image/jpg"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers are those of contract §3.
    #[test]
    fn evidence_has_at_most_2_097_152_bytes_in_six_formats() {
        let scene = Scene::DisputeEvidence;
        assert_eq!(scene.max_bytes(), 2_097_152);
        assert_eq!(scene.extensions(), "jpg, jpeg, png, pdf, xls, xlsx");
        assert_eq!(scene.folder(), "open/dispute-evidence");
        assert_eq!(Scene::max_bytes_of_any(), 2_097_152);
        assert_eq!(scene.format("XlsX"), Some(FileFormat::Xlsx));
        assert_eq!(scene.format("exe"), None);
    }
}
