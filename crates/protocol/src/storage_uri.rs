//! The address of an uploaded file: `s3://uploaded/m/80/open/dispute-evidence/2ace1b345cbb4a09852d7d92e540591a.png`.

use std::collections::BTreeSet;
use std::fmt;
use std::str::FromStr;

use crate::ids::serde_as_text;
use crate::schema::{one_of, pattern, schema};
use crate::{FileFormat, Invalid, MerchantId, Scene, hex_digits};

/// The bucket's name in storageUris; the real bucket may have another name (contract §3).
pub const BUCKET: &str = "uploaded";

const SCHEME: &str = "s3://";
/// Bytes of the longest key.
const KEY_MAX_BYTES: usize = 80;

/// The 16 bytes that identify an uploaded file: a UUID of version 7, and only random bytes in older addresses.
pub type FileId = [u8; 16];

/// The address of an uploaded file: bucket, merchant, the scene's folder, 32 lower-case hex digits, extension (contract
/// §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct StorageUri {
    /// Whose file it is.
    pub merchant_id: MerchantId,
    /// The file's purpose, which limits its size.
    pub scene: Scene,
    /// The file's name.
    pub file_id: FileId,
    /// The format of the file's extension.
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
        write!(to, "m/{}/{}/", self.merchant_id, self.scene.folder())?;
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
        let (folder, name) = rest.rsplit_once('/')?;
        let scene = Scene::ALL.iter().copied().find(|scene| scene.folder() == folder)?;
        let (digits, extension) = name.split_once('.')?;
        let format = scene.format(extension).filter(|format| format.extension() == extension)?;
        Some(Self { merchant_id: merchant.parse().ok()?, scene, file_id: hex_digits::parse(digits)?, format })
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
        "^{SCHEME}{BUCKET}/m/[1-9][0-9]{{0,9}}/({})$",
        Scene::ALL.iter().map(|scene| key_pattern(*scene)).collect::<Vec<_>>().join("|")
    )),
    "The address of an uploaded file."
);

/// The part of a key after the merchant.
fn key_pattern(scene: Scene) -> String {
    let extensions: Vec<_> = scene.formats().iter().map(|format| format.extension()).collect();
    format!("{}/[0-9a-f]{{32}}\\.({})", scene.folder(), extensions.join("|"))
}

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
        assert_eq!((uri.scene, uri.format), (Scene::DisputeEvidence, FileFormat::Png));
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
