//! Where an evidence file lies: `s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::ids::serde_as_text;
use crate::schema::{one_of, pattern, schema};
use crate::{Invalid, MerchantId, hex_digits};

/// The bucket's name as merchants see it; the bucket behind it may be called otherwise (contract §3).
pub const BUCKET: &str = "uploaded";
/// Largest evidence file, in bytes: 2 MB (contract §3).
pub const FILE_MAX_BYTES: u64 = 2_097_152;

const SCHEME: &str = "s3://";
/// Bytes of the longest key.
const KEY_MAX_BYTES: usize = 80;
const FOLDER: &str = "open/dispute-evidence";

/// The 16 random bytes that name an uploaded file.
pub type FileId = [u8; 16];

/// What an evidence file may be; the extension in lower case is the format's name (contract §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
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
    /// Every format of the scene `DISPUTE_EVIDENCE`.
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

    /// The format that an extension names, in either case.
    pub fn from_extension(extension: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|format| format.extension().eq_ignore_ascii_case(extension))
    }

    /// Whether a declared content type belongs to this format; `image/jpg` is tolerated (contract §1).
    pub fn accepts(self, content_type: &str) -> bool {
        content_type.eq_ignore_ascii_case(self.media_type())
            || (matches!(self, Self::Jpg | Self::Jpeg) && content_type.eq_ignore_ascii_case("image/jpg"))
    }
}

/// The address of an uploaded evidence file: bucket, merchant, scene, 32 lower-case hex digits, extension (contract
/// §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageUri {
    /// Whose file it is.
    pub merchant_id: MerchantId,
    /// The file's random name.
    pub file_id: FileId,
    /// What the file claims to be.
    pub format: FileFormat,
}

impl StorageUri {
    /// The object's key within the bucket: the address without `s3://uploaded/`.
    pub fn key(&self) -> String {
        let mut key = String::with_capacity(KEY_MAX_BYTES);
        // Writing to a String cannot fail.
        let _ = self.write_key(&mut key);
        key
    }

    fn write_key(&self, to: &mut impl fmt::Write) -> fmt::Result {
        write!(to, "m/{}/{FOLDER}/", self.merchant_id)?;
        hex_digits::write(&self.file_id, to)?;
        to.write_char('.')?;
        to.write_str(self.format.extension())
    }

    /// The address that a key within the bucket belongs to.
    pub fn from_key(key: &str) -> Result<Self, Invalid> {
        Self::parse_key(key).ok_or_else(malformed)
    }

    fn parse_key(key: &str) -> Option<Self> {
        let (merchant, rest) = key.strip_prefix("m/")?.split_once('/')?;
        let name = rest.strip_prefix(FOLDER)?.strip_prefix('/')?;
        let (digits, extension) = name.split_once('.')?;
        let format =
            FileFormat::from_extension(extension).filter(|format| format.extension() == extension)?;
        Some(Self { merchant_id: merchant.parse().ok()?, file_id: hex_digits::parse(digits)?, format })
    }
}

impl FromStr for StorageUri {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let key = text.strip_prefix(SCHEME).and_then(|rest| rest.strip_prefix(BUCKET)?.strip_prefix('/'));
        key.and_then(Self::parse_key).ok_or_else(malformed)
    }
}

fn malformed() -> Invalid {
    Invalid::new("must be a storageUri as generateUploadUrl returned it")
}

impl fmt::Display for StorageUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{SCHEME}{BUCKET}/")?;
        self.write_key(f)
    }
}

serde_as_text!(StorageUri);
schema!(
    StorageUri,
    pattern(format!(
        "^{SCHEME}{BUCKET}/m/[1-9][0-9]{{0,9}}/{FOLDER}/[0-9a-f]{{32}}\\.({})$",
        FileFormat::ALL.map(FileFormat::extension).join("|")
    )),
    "The address of an uploaded file."
);

/// The schema of the media type of a stored file.
pub(crate) enum MediaType {}

schema!(
    MediaType,
    one_of(BTreeSet::from(FileFormat::ALL.map(FileFormat::media_type))),
    "A registered media type."
);

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &str = "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png";

    #[test]
    fn the_seeds_address_survives_a_round_trip() {
        let uri: StorageUri = SEED.parse().unwrap();
        assert_eq!(uri.merchant_id.number(), 80);
        assert_eq!(uri.format, FileFormat::Png);
        assert_eq!(uri.to_string(), SEED);
        assert_eq!(StorageUri::from_key(&uri.key()).unwrap(), uri);
    }

    #[test]
    fn an_address_has_one_spelling() {
        for wrong in [
            "",
            "s3://uploaded/",
            "S3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://other/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://uploaded/m/080/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://uploaded/m/+80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://uploaded/m/0/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://uploaded/m/80/open/other-scene/2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://uploaded/m/80/open/dispute-evidence/../2ace1b345cbb4a09852d7d92e540591a.png",
            "s3://uploaded/m/80/open/dispute-evidence/2ACE1B345CBB4A09852D7D92E540591A.png",
            "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591.png",
            "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.PNG",
            "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.exe",
            "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png.exe",
            "s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png ",
        ] {
            assert!(wrong.parse::<StorageUri>().is_err(), "{wrong:?} was taken");
        }
    }
}
