//! The master key and the keys derived from it: those that encrypt app secrets and new tokens, the check value that
//! detects a wrong master key, and the credentials that sign the built-in store's upload forms.
//!
//! Each purpose has a separate key, so that none can be learnt or replayed through another.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::Path;

use aes_gcm::aead::{Aead, Payload};
use aes_gcm::{Aes256Gcm, KeyInit};
use anyhow::{Context as _, anyhow, ensure};
use hkdf::Hkdf;
use rebuttal_protocol::{AppId, AppSecret, hex_digits};
use rebuttal_store::{KeyCheck, SecretId, TokenHash};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::io_hints::read_error_reason;

/// Length of the master key; the key file holds twice as many hex digits.
const MASTER_KEY_BYTES: usize = 32;
/// Length of the nonce that precedes an encrypted secret. Random: one key encrypts far fewer than 2^32 secrets.
const AEAD_NONCE_BYTES: usize = 12;
/// Longest key file that is read: the hex digits and some white space.
const KEY_FILE_MAX_BYTES: u64 = 1024;

/// The key from which all others are derived. Zeroized on drop.
pub(crate) struct MasterKey(Zeroizing<[u8; MASTER_KEY_BYTES]>);

impl MasterKey {
    /// Reads a key file: 64 hex digits, optionally surrounded by white space.
    pub(crate) fn read(path: &Path) -> anyhow::Result<Self> {
        let cannot_read = |error| {
            anyhow!("cannot read the master key in {}: {}", path.display(), read_error_reason(path, &error))
        };
        let metadata = fs::metadata(path).map_err(cannot_read)?;
        if metadata.is_dir() {
            return Err(cannot_read(io::ErrorKind::IsADirectory.into()));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            tracing::warn!("master key file is accessible to other users; run: chmod 600 {}", path.display());
        }
        let size = metadata.len();
        ensure!(size <= KEY_FILE_MAX_BYTES, "{} is too long for a master key", path.display());
        let text = fs::read_to_string(path).map_err(cannot_read)?;
        let key = hex_digits::parse_any_case(Zeroizing::new(text).trim()).with_context(|| {
            let (shown, digits) = (path.display(), 2 * MASTER_KEY_BYTES);
            format!(
                "{shown} is not a master key of {digits} hex digits; replace it with the key of this database"
            )
        })?;
        Ok(Self(Zeroizing::new(key)))
    }

    /// Generates a key and writes it to a new file, readable by its owner only.
    pub(crate) fn create(path: &Path) -> anyhow::Result<Self> {
        let mut key = Zeroizing::new([0; MASTER_KEY_BYTES]);
        getrandom::fill(&mut *key).context("the system's random number generator failed")?;
        let text = Zeroizing::new(format!("{}\n", Zeroizing::new(hex::encode(key.as_slice())).as_str()));
        write_private(path, &text).with_context(|| format!("cannot write {}", path.display()))?;
        Ok(Self(key))
    }

    /// The key for one purpose.
    fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        derive(&self.0, purpose.as_bytes())
    }
}

/// Derives a key for one purpose with HKDF-Expand (RFC 5869). HKDF-Extract is not needed: the input key is uniformly
/// random.
#[expect(clippy::expect_used, reason = "both lengths are constants that HKDF accepts")]
fn derive(key: &[u8; MASTER_KEY_BYTES], purpose: &[u8]) -> Zeroizing<[u8; 32]> {
    let mut derived = Zeroizing::new([0; 32]);
    let hkdf = Hkdf::<Sha256>::from_prk(key).expect("the key is as long as a SHA-256");
    hkdf.expand(purpose, &mut *derived).expect("HKDF expands to up to 255 hashes");
    derived
}

/// Creates a file with mode 0600 atomically and durably; fails if it exists.
///
/// The content is written to a temporary file and then linked: a key file that is incomplete after a crash would
/// prevent every later start.
pub(crate) fn write_private(path: &Path, content: &str) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let mut draft = path.as_os_str().to_owned();
    draft.push(".new");
    match fs::remove_file(&draft) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let written =
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&draft).and_then(|mut file| {
            file.write_all(content.as_bytes())?;
            file.sync_all()?;
            fs::hard_link(&draft, path)
        });
    let removed = fs::remove_file(&draft);
    written.and(removed)?;
    fs::File::open(folder)?.sync_all()
}

/// The keys of a running gateway.
pub(crate) struct Keys {
    secrets: Aes256Gcm,
    tokens: Aes256Gcm,
    check_value: KeyCheck,
    upload: Zeroizing<[u8; 32]>,
    evidence_marker: [u8; 32],
    installation_app_key: Zeroizing<[u8; 32]>,
    master_key_app: (AppId, AppSecret),
}

/// An encrypted token failed to decrypt, for the same reasons as [`DecryptError`].
#[derive(Debug, thiserror::Error)]
#[error(
    "a stored operator token does not decrypt: it was altered, moved, or encrypted with another master key"
)]
pub(crate) struct TokenDecryptError;

/// An encrypted secret failed to decrypt: it was encrypted with another key, copied between rows, or altered.
#[derive(Debug, thiserror::Error)]
#[error(
    "a stored secret of app {0} does not decrypt: it was altered, moved, or encrypted with another master key"
)]
pub(crate) struct DecryptError(AppId);

impl Keys {
    pub(crate) fn derive(master: &MasterKey) -> Self {
        Self {
            secrets: Aes256Gcm::new((&*master.derive("rebuttal app secrets v1")).into()),
            tokens: Aes256Gcm::new((&*master.derive("rebuttal operator tokens v1")).into()),
            check_value: KeyCheck(master.derive("rebuttal check value v1").to_vec()),
            upload: master.derive("rebuttal upload forms v1"),
            evidence_marker: *master.derive("rebuttal evidence folder v1"),
            installation_app_key: master.derive("rebuttal doctor of an installation v1"),
            master_key_app: (
                AppId::from_bytes(half(&master.derive("rebuttal doctor app id v1"))),
                AppSecret::from_bytes(&half(&master.derive("rebuttal doctor app secret v1"))),
            ),
        }
    }

    /// The check value by which a database recognises its master key; reveals nothing about the key.
    pub(crate) const fn check_value(&self) -> &KeyCheck {
        &self.check_value
    }

    /// The secret of the credentials that sign upload forms, as hex digits.
    pub(crate) fn upload_secret(&self) -> Zeroizing<String> {
        Zeroizing::new(hex::encode(self.upload.as_slice()))
    }

    /// The ownership marker of the evidence store, as hex digits; reveals nothing about the key.
    pub(crate) fn evidence_marker(&self) -> String {
        hex::encode(self.evidence_marker)
    }

    /// The credentials with which `doctor` signs, known to every gateway with this master key and to no other. The app
    /// id is not part of the secret, and neither reveals anything about the key.
    pub(crate) const fn master_key_app(&self) -> &(AppId, AppSecret) {
        &self.master_key_app
    }

    /// Like [`Self::master_key_app`], but known only to gateways that serve the installation with this identity.
    pub(crate) fn installation_app(&self, identity: &[u8]) -> (AppId, AppSecret) {
        let derive = |purpose: &[u8]| derive(&self.installation_app_key, &[purpose, identity].concat());
        (AppId::from_bytes(half(&derive(b"id "))), AppSecret::from_bytes(&half(&derive(b"secret "))))
    }

    /// Encrypts an app's secret for the database, bound to its app id and secret id.
    pub(crate) fn encrypt(
        &self,
        app_id: AppId,
        secret_id: SecretId,
        secret: &AppSecret,
    ) -> anyhow::Result<Vec<u8>> {
        encrypt(&self.secrets, secret.expose_ascii(), &associated_data(app_id, secret_id))
    }

    /// Decrypts the output of [`Self::encrypt`] for the same app id and secret id.
    pub(crate) fn decrypt(
        &self,
        app_id: AppId,
        secret_id: SecretId,
        encrypted: &[u8],
    ) -> Result<AppSecret, DecryptError> {
        let decrypted = decrypt(&self.secrets, encrypted, &associated_data(app_id, secret_id));
        decrypted.and_then(|digits| digits.parse().ok()).ok_or(DecryptError(app_id))
    }

    /// Encrypts a new operator token for the answer that is stored under its idempotency key, bound to its hash.
    pub(crate) fn encrypt_token(&self, hash: &TokenHash, token: &str) -> anyhow::Result<Vec<u8>> {
        encrypt(&self.tokens, token.as_bytes(), &hash.0)
    }

    /// Decrypts the output of [`Self::encrypt_token`] for the same hash.
    pub(crate) fn decrypt_token(
        &self,
        hash: &TokenHash,
        encrypted: &[u8],
    ) -> Result<Zeroizing<String>, TokenDecryptError> {
        decrypt(&self.tokens, encrypted, &hash.0).ok_or(TokenDecryptError)
    }
}

/// The first half of a derived key: the length of an app id or a secret.
fn half(key: &[u8; 32]) -> [u8; 16] {
    let mut half = [0; 16];
    half.iter_mut().zip(key).for_each(|(to, from)| *to = *from);
    half
}

/// Encrypts a text with a random nonce, which precedes the ciphertext; `aad` binds it to its row.
fn encrypt(key: &Aes256Gcm, text: &[u8], aad: &[u8]) -> anyhow::Result<Vec<u8>> {
    let mut nonce = [0; AEAD_NONCE_BYTES];
    getrandom::fill(&mut nonce).context("the system's random number generator failed")?;
    let encrypted =
        key.encrypt((&nonce).into(), Payload { msg: text, aad }).ok().context("encryption failed")?;
    Ok([nonce.as_slice(), &encrypted].concat())
}

/// Decrypts the output of [`encrypt`] for the same `aad`.
fn decrypt(key: &Aes256Gcm, encrypted: &[u8], aad: &[u8]) -> Option<Zeroizing<String>> {
    let (nonce, msg) = encrypted.split_first_chunk::<AEAD_NONCE_BYTES>()?;
    let decrypted = Zeroizing::new(key.decrypt(nonce.into(), Payload { msg, aad }).ok()?);
    std::str::from_utf8(&decrypted).ok().map(|text| Zeroizing::new(text.to_owned()))
}

/// Associated data of an encrypted secret: prevents swapping rows by an attacker who can write the database but lacks
/// the key.
fn associated_data(app_id: AppId, secret_id: SecretId) -> Vec<u8> {
    [app_id.as_bytes().as_slice(), &secret_id].concat()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn keys(byte: u8) -> Keys {
        Keys::derive(&MasterKey(Zeroizing::new([byte; MASTER_KEY_BYTES])))
    }

    #[test]
    fn secret_decrypts_only_for_its_app_id_and_key() {
        let (app, other) = (AppId::from_bytes([1; 16]), AppId::from_bytes([2; 16]));
        let secret = AppSecret::from_bytes(&[7; 16]);
        let encrypted = keys(1).encrypt(app, [5; 16], &secret).unwrap();
        assert_eq!(keys(1).decrypt(app, [5; 16], &encrypted).unwrap().expose_ascii(), secret.expose_ascii());
        assert!(keys(1).decrypt(other, [5; 16], &encrypted).is_err());
        assert!(keys(1).decrypt(app, [6; 16], &encrypted).is_err());
        assert!(keys(2).decrypt(app, [5; 16], &encrypted).is_err());
        assert!(keys(1).decrypt(app, [5; 16], &encrypted[..11]).is_err());
        let mut altered = encrypted.clone();
        *altered.last_mut().unwrap() ^= 1;
        assert!(keys(1).decrypt(app, [5; 16], &altered).is_err());
        assert!(!encrypted.windows(8).any(|window| window == &secret.expose_ascii()[..8]));
    }

    #[test]
    fn token_decrypts_only_for_its_hash_and_key() {
        let encrypted = keys(1).encrypt_token(&TokenHash([3; 32]), "a-token-of-mine").unwrap();
        assert_eq!(*keys(1).decrypt_token(&TokenHash([3; 32]), &encrypted).unwrap(), "a-token-of-mine");
        assert!(keys(1).decrypt_token(&TokenHash([4; 32]), &encrypted).is_err());
        assert!(keys(2).decrypt_token(&TokenHash([3; 32]), &encrypted).is_err());
        assert!(keys(1).decrypt_token(&TokenHash([3; 32]), &encrypted[..11]).is_err());
        let as_secret =
            keys(1).encrypt(AppId::from_bytes([3; 16]), [3; 16], &AppSecret::from_bytes(&[7; 16]));
        assert!(
            keys(1).decrypt_token(&TokenHash([3; 32]), &as_secret.unwrap()).is_err(),
            "each purpose has its own key"
        );
    }

    #[test]
    fn each_purpose_has_its_own_key() {
        let keys = keys(1);
        assert_ne!(hex::encode(&keys.check_value().0), *keys.upload_secret());
        let others = [keys.installation_app(&[1; 16]), keys.installation_app(&[2; 16])];
        let apps = [keys.master_key_app()].into_iter().chain(&others);
        let digits = |(app_id, secret): &(AppId, AppSecret)| {
            [app_id.to_string().into_bytes(), secret.expose_ascii().to_vec()]
        };
        let distinct: BTreeSet<_> = apps.flat_map(digits).collect();
        assert_eq!(distinct.len(), 6, "an id or a secret is shared");
    }

    #[test]
    fn created_key_file_is_private_and_never_overwritten() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("master.key");
        let created = MasterKey::create(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(*MasterKey::read(&path).unwrap().0, *created.0);
        assert!(MasterKey::create(&path).is_err());
        assert_eq!(*MasterKey::read(&path).unwrap().0, *created.0);
        assert_eq!(fs::read_dir(&folder).unwrap().count(), 1, "the temporary file was left behind");
    }

    #[test]
    fn invalid_key_file_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("key");
        assert!(MasterKey::read(&path).is_err());
        for wrong in ["", "00", &"g".repeat(64), &"0".repeat(66), &" ".repeat(5000)] {
            fs::write(&path, wrong).unwrap();
            assert!(MasterKey::read(&path).is_err(), "{wrong:?} was accepted");
        }
    }
}
