//! Operator tokens: name and role (contract §8). The form of the token itself is not part of the protocol.

use std::fmt;
use std::str::FromStr;

use serde::Serialize;
use utoipa::ToSchema;

use crate::Invalid;
use crate::body::Object;
use crate::fields::{BadRequest, Fields};
use crate::ids::serde_as_text;
use crate::schema::{pattern, schema};
use crate::wire_enum::wire_enum;

wire_enum! {
    /// The role of a token. Each includes the permissions of the one before it.
    Role (
        "A `viewer` reads everything, an `operator` also opens and changes disputes, and an `admin` also changes \
         merchants, apps and tokens."
    ) {
        /// Reads everything, evidence included, and changes nothing.
        Viewer = "viewer",
        /// Opens disputes and acts on them, too.
        Operator = "operator",
        /// Administers merchants, apps, their secrets, and tokens, too.
        Admin = "admin",
    }
}

/// A token's name, which histories show as the actor: 1 to 64 visible ASCII characters (our choice), so that no two
/// names look alike.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct TokenName(Box<str>);

impl TokenName {
    /// Most characters.
    pub const MAX: usize = 64;

    /// The text itself.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for TokenName {
    type Err = Invalid;

    fn from_str(text: &str) -> Result<Self, Invalid> {
        let visible = text.bytes().all(|byte| byte.is_ascii_graphic());
        // A dot segment cannot be sent as part of a path, however it is encoded (RFC 3986 §5.2.4).
        if !visible || !(1..=Self::MAX).contains(&text.len()) || [".", ".."].contains(&text) {
            let max = Self::MAX;
            return Err(Invalid::new(format!(
                "must have 1 to {max} visible ASCII characters, and not be . or .."
            )));
        }
        Ok(Self(text.into()))
    }
}

impl fmt::Display for TokenName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

serde_as_text!(TokenName);
schema!(
    TokenName,
    // In a name of one or two characters, one is not a dot.
    pattern(format!("^([!-~]{{3,{}}}|[!-\\-/-~][!-~]?|\\.[!-\\-/-~])$", Self::MAX)),
    "A token's name, which the histories of disputes give as the actor."
);

/// The request of `POST /tokens`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateToken {
    /// The token's name, which no other token has.
    pub name: TokenName,
    /// The token's role.
    pub role: Role,
}

impl CreateToken {
    /// Reads the request.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&["name", "role"]);
        let (name, role) = (fields.required("name"), fields.required("role"));
        fields.finish(|| Some(Self { name: name?, role: role? }))
    }
}

/// The request of `POST /tokens/{name}/revoke`, which has no members.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RevokeToken {}

impl RevokeToken {
    /// Reads the request, which has no members.
    pub fn parse(body: &Object<'_>) -> Result<Self, BadRequest> {
        let mut fields = Fields::of(body);
        fields.refuse_unknown(&[]);
        fields.finish(|| Some(Self {}))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn token_name_is_visible_and_valid_in_a_path() {
        for good in ["a", "night-shift", "ci/deploy", "50%", "...", "~!@", &"n".repeat(64)] {
            assert!(good.parse::<TokenName>().is_ok(), "{good}");
        }
        for wrong in ["", ".", "..", "night shift", " a", "a\n", "é", "a\u{7f}", &"n".repeat(65)] {
            let refused = wrong.parse::<TokenName>().unwrap_err().to_string();
            assert_eq!(
                refused, "must have 1 to 64 visible ASCII characters, and not be . or ..",
                "{wrong:?}"
            );
        }
    }

    #[test]
    fn a_role_is_a_word_in_lower_case() {
        assert_eq!(
            Role::ALL.iter().map(|role| role.as_str()).collect::<Vec<_>>(),
            ["viewer", "operator", "admin"]
        );
        assert!("Admin".parse::<Role>().is_err());
    }

    #[test]
    fn a_revocation_has_no_members() {
        assert!(RevokeToken::parse(&Object::parse(b"{}").unwrap()).is_ok());
        assert!(RevokeToken::parse(&Object::parse(br#"{"dryRun":true}"#).unwrap()).is_err());
    }
}
