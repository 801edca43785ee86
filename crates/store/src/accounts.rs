//! Merchants, their apps and secrets, and the operators' tokens.

use rebuttal_protocol::operator::{AppSettings, Role, TimeZoneName, TokenName};
use rebuttal_protocol::text::MerchantName;
use rebuttal_protocol::{AppId, Code, MerchantId, Scheme, UnixMillis};
use serde::{Deserialize, Serialize};

/// Random bytes that identify a secret; its encryption is bound to them.
pub type SecretId = [u8; 16];

/// SHA-256 of an operator's token. The token itself is not stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TokenHash(pub [u8; 32]);

/// A value derived from the master key. It is stored, so that a start with another key is refused.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyCheck(pub Vec<u8>);

/// A merchant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MerchantRecord {
    /// Its number.
    pub merchant_id: MerchantId,
    /// Its name.
    pub name: String,
    /// The IANA name of the time zone of its times.
    pub time_zone: String,
    /// When it was created.
    pub created_at: UnixMillis,
}

/// An app, one integration of a merchant, with everything needed to verify and answer its calls.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppRecord {
    /// Its id.
    pub app_id: AppId,
    /// Whose app it is.
    pub merchant_id: MerchantId,
    /// The IANA name of the merchant's time zone.
    pub time_zone: String,
    /// How it must sign.
    pub scheme: Scheme,
    /// Whether it may call.
    pub enabled: bool,
    /// Where notifications go.
    pub notify_url: Option<String>,
    /// When it was created.
    pub created_at: UnixMillis,
    /// Its secrets, the oldest first; expired ones may be among them.
    pub secrets: Vec<EncryptedSecret>,
}

impl AppRecord {
    /// The time up to which the second-newest secret still verifies; `None` unless a rotation's overlap is running.
    pub fn overlap_until(&self, now: UnixMillis) -> Option<UnixMillis> {
        self.secrets.iter().filter_map(|secret| secret.expires_at).filter(|until| *until > now).max()
    }
}

/// An app after a change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ChangedApp {
    /// The app. Of its secrets it has only the one that the change created, encrypted.
    #[serde(flatten)]
    pub app: AppRecord,
    /// The time up to which the second-newest secret still verifies. Answers stored by older versions have none.
    #[serde(default)]
    pub overlap_until: Option<UnixMillis>,
}

/// An encrypted secret with its app and id, which its encryption is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EncryptedAppSecret {
    /// The app.
    pub app_id: AppId,
    /// Its name.
    pub secret_id: SecretId,
    /// The ciphertext.
    pub ciphertext: Vec<u8>,
}

/// An encrypted secret. This crate cannot decrypt it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct EncryptedSecret {
    /// Its name.
    pub secret_id: SecretId,
    /// The ciphertext; `sealed` in stored answers, by which those with a secret are found.
    #[serde(rename = "sealed")]
    pub ciphertext: Vec<u8>,
    /// When it was created.
    pub created_at: UnixMillis,
    /// The time up to which it verifies; `None` for the newest.
    pub expires_at: Option<UnixMillis>,
    /// When it first verified a request.
    pub first_used_at: Option<UnixMillis>,
}

/// An operator's token. Only its hash is stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TokenRecord {
    /// Its name, which history entries show.
    pub name: TokenName,
    /// What its holder may do.
    pub role: Role,
    /// When it was created.
    pub created_at: UnixMillis,
    /// When it was revoked.
    pub revoked_at: Option<UnixMillis>,
}

/// A new token, encrypted so that a retry under the same idempotency key can show it again. The `tokens` table holds
/// only its hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CreatedToken {
    /// Its name.
    pub name: TokenName,
    /// What its holder may do.
    pub role: Role,
    /// SHA-256 of the token.
    pub hash: TokenHash,
    /// The ciphertext of the token; `sealed` in stored answers, by which those with a secret are found.
    #[serde(rename = "sealed")]
    pub ciphertext: Vec<u8>,
}

/// A change of merchants, apps, secrets or tokens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// A new merchant.
    CreateMerchant {
        /// Its name.
        name: MerchantName,
        /// Its time zone.
        time_zone: TimeZoneName,
    },
    /// A field that is `None` is not changed.
    ChangeMerchant {
        /// Which.
        merchant_id: MerchantId,
        /// The new name.
        name: Option<MerchantName>,
        /// The new time zone.
        time_zone: Option<TimeZoneName>,
    },
    /// A new app with its first secret.
    CreateApp {
        /// Whose.
        merchant_id: MerchantId,
        /// Its id.
        app_id: AppId,
        /// A missing field gets its default.
        settings: AppSettings,
        /// The first secret's name.
        secret_id: SecretId,
        /// The first secret.
        ciphertext: Vec<u8>,
    },
    /// A field that is `None` is not changed.
    ChangeApp {
        /// Whose.
        merchant_id: MerchantId,
        /// Which.
        app_id: AppId,
        /// The new settings.
        settings: AppSettings,
    },
    /// A new secret; the old one verifies until the end of the overlap. Refused while another overlap is running. A
    /// rotation without an overlap is not refused, and ends every older secret.
    RotateSecret {
        /// Whose.
        merchant_id: MerchantId,
        /// Which app.
        app_id: AppId,
        /// The new secret's name.
        secret_id: SecretId,
        /// The new secret.
        ciphertext: Vec<u8>,
        /// The time up to which the old one verifies; `None` ends all older ones.
        overlap_until: Option<UnixMillis>,
    },
    /// Every secret but the newest ends with this change.
    EndOverlap {
        /// Whose.
        merchant_id: MerchantId,
        /// Which app.
        app_id: AppId,
    },
    /// A secret verified its first request.
    SecretUsed {
        /// Which.
        secret_id: SecretId,
    },
    /// A new token.
    CreateToken(CreatedToken),
    /// A token is revoked. Its name can be used again.
    RevokeToken {
        /// Which.
        name: TokenName,
    },
    /// Sets an admin's token, and replaces one of the same name.
    PutToken {
        /// Its name.
        name: TokenName,
        /// SHA-256 of the token.
        hash: TokenHash,
    },
    /// Initializes a database: stores the check value of the master key, and the first token. Of several gateways
    /// that start at the same time, the first one initializes it; for the others nothing changes.
    Initialize {
        /// Check value of the master key.
        key_check: KeyCheck,
        /// The first token's name.
        token: TokenName,
        /// SHA-256 of the first token.
        hash: TokenHash,
    },
    /// Gives the installation an identity, unless it has one.
    SetInstallationId {
        /// Random bytes.
        identity: [u8; 16],
    },
    /// Records where the evidence is stored, so that no gateway serves this database with another store, where files
    /// that are missing would count as never uploaded. A compare-and-set: it changes nothing if another location than
    /// `expected` is recorded.
    SetEvidenceLocation {
        /// The folder or bucket.
        location: String,
        /// The recorded location; `None` if none is recorded.
        expected: Option<String>,
    },
}

/// Which cached apps a change invalidates.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AffectedApps {
    /// None.
    NoApp,
    /// One.
    App(AppId),
    /// All of a merchant.
    Merchant(MerchantId),
}

impl AccountChange {
    /// The cached apps that this change invalidates.
    pub const fn affected_apps(&self) -> AffectedApps {
        match self {
            Self::ChangeMerchant { merchant_id, .. } => AffectedApps::Merchant(*merchant_id),
            Self::CreateApp { app_id, .. }
            | Self::ChangeApp { app_id, .. }
            | Self::RotateSecret { app_id, .. }
            | Self::EndOverlap { app_id, .. } => AffectedApps::App(*app_id),
            // The first use does not change how a secret verifies.
            Self::SecretUsed { .. }
            | Self::CreateMerchant { .. }
            | Self::CreateToken(_)
            | Self::RevokeToken { .. }
            | Self::PutToken { .. }
            | Self::Initialize { .. }
            | Self::SetInstallationId { .. }
            | Self::SetEvidenceLocation { .. } => AffectedApps::NoApp,
        }
    }

    /// The name of the token that it creates or changes.
    pub(crate) const fn token_name(&self) -> Option<&TokenName> {
        match self {
            Self::CreateToken(CreatedToken { name, .. })
            | Self::RevokeToken { name }
            | Self::PutToken { name, .. }
            | Self::Initialize { token: name, .. } => Some(name),
            Self::CreateMerchant { .. }
            | Self::ChangeMerchant { .. }
            | Self::CreateApp { .. }
            | Self::ChangeApp { .. }
            | Self::RotateSecret { .. }
            | Self::EndOverlap { .. }
            | Self::SecretUsed { .. }
            | Self::SetInstallationId { .. }
            | Self::SetEvidenceLocation { .. } => None,
        }
    }
}

/// Why an account was not changed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AccountRefusal {
    /// There is no such merchant.
    #[error("there is no such merchant")]
    NoMerchant,
    /// The merchant has no such app.
    #[error("the merchant has no such app")]
    NoApp,
    /// The last rotation's overlap is not over.
    #[error("an overlap is running: the secret before the newest verifies until {}; end the overlap first, or rotate with \
             overlapSeconds 0, which ends all older secrets", .0.to_rfc3339_utc())]
    OverlapRunning(UnixMillis),
    /// Another token has the same value.
    #[error("this token's value is in use under another name; create a new one")]
    TokenInUse,
    /// An active token has this name.
    #[error("a token of this name is in use; choose another name, or revoke that one first")]
    TokenNameInUse,
    /// No token ever had this name.
    #[error("there is no such token")]
    NoToken,
}

impl AccountRefusal {
    /// The code of the answer.
    pub const fn code(&self) -> Code {
        match self {
            Self::NoMerchant | Self::NoApp | Self::NoToken => Code::OperatorNotFound,
            Self::OverlapRunning(_) | Self::TokenInUse | Self::TokenNameInUse => Code::OperatorConflict,
        }
    }
}
