//! The built-in store's check of a form that was sent. It is stricter than S3: it refuses every field that was not
//! issued (contract §3).

use rebuttal_protocol::{StorageUri, UnixMillis, hex_digits};
use subtle::ConstantTimeEq;

use super::document::PolicyDocument;
use super::{
    ALGORITHM, BUCKET, CONTENT_TYPE, CREDENTIAL, Credentials, DATE, KEY, POLICY, SECURITY_TOKEN, SIGNATURE,
    sigv4,
};
use crate::InvalidUpload;

/// What a valid form allows: one file at one address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// The file's address.
    pub uri: StorageUri,
    /// The content type in the form.
    pub content_type: String,
    /// Most bytes of the file.
    pub max_bytes: u64,
    /// When the form expires.
    pub expires_at: UnixMillis,
}

/// Checks the fields that came before the file against what these credentials sign.
///
/// Names are compared case-insensitively, as in S3. In this order: every field is present once, the credential scope
/// is this gateway's and matches the date, the signature is valid, the form has not expired, every value is the one
/// issued, there are no other fields. So only a caller with a valid signature learns anything about the policy.
pub fn check(
    credentials: &Credentials,
    bucket: &str,
    fields: &[(String, String)],
    now: UnixMillis,
) -> Result<Grant, InvalidUpload> {
    let declared = declared_fields(credentials);
    for (at, (name, _)) in fields.iter().enumerate() {
        if fields.iter().skip(at + 1).any(|(other, _)| other.eq_ignore_ascii_case(name)) {
            return Err(InvalidUpload::FieldRepeated(name.clone()));
        }
    }
    for name in &declared {
        value_of(fields, name)?;
    }
    let policy = value_of(fields, POLICY)?;
    check_signature(credentials, fields, policy)?;
    let document = PolicyDocument::read(policy).ok_or(InvalidUpload::PolicyUnknown)?;
    if now >= document.expires_at {
        return Err(InvalidUpload::Expired);
    }
    check_conditions(&document, bucket, fields, &declared)?;
    let undeclared = |name: &String| !declared.iter().any(|declared| declared.eq_ignore_ascii_case(name));
    if let Some((name, _)) = fields.iter().find(|(name, _)| undeclared(name)) {
        return Err(InvalidUpload::FieldUndeclared(name.clone()));
    }
    let uri = StorageUri::from_key(value_of(fields, KEY)?).map_err(|_| InvalidUpload::FieldAltered(KEY))?;
    Ok(Grant {
        uri,
        content_type: value_of(fields, CONTENT_TYPE)?.to_owned(),
        max_bytes: document.max_bytes,
        expires_at: document.expires_at,
    })
}

fn declared_fields(credentials: &Credentials) -> Vec<&'static str> {
    let mut names = vec![KEY, CONTENT_TYPE, POLICY, ALGORITHM, CREDENTIAL, DATE, SIGNATURE];
    names.extend(credentials.session_token.as_ref().map(|_| SECURITY_TOKEN));
    names
}

fn value_of<'a>(fields: &'a [(String, String)], name: &'static str) -> Result<&'a str, InvalidUpload> {
    let field = fields.iter().find(|(other, _)| other.eq_ignore_ascii_case(name));
    field.map(|(_, value)| value.as_str()).ok_or(InvalidUpload::FieldMissing(name))
}

/// The scope must be this gateway's and match the date, because the signing key is derived from it.
fn check_signature(
    credentials: &Credentials,
    fields: &[(String, String)],
    policy: &str,
) -> Result<(), InvalidUpload> {
    if value_of(fields, ALGORITHM)? != sigv4::ALGORITHM {
        return Err(InvalidUpload::FieldAltered(ALGORITHM));
    }
    let day = sigv4::day(value_of(fields, DATE)?);
    if value_of(fields, CREDENTIAL)? != sigv4::credential(credentials, day) {
        return Err(InvalidUpload::FieldAltered(CREDENTIAL));
    }
    let signature: Option<[u8; 32]> = hex_digits::parse(value_of(fields, SIGNATURE)?);
    let ours = sigv4::signature(credentials, day, policy);
    match signature {
        Some(theirs) if bool::from(theirs.ct_eq(&ours)) => Ok(()),
        _ => Err(InvalidUpload::SignatureMismatch),
    }
}

fn check_conditions(
    document: &PolicyDocument,
    bucket: &str,
    fields: &[(String, String)],
    declared: &[&'static str],
) -> Result<(), InvalidUpload> {
    let holds = |name: &str, value: &str| {
        let wanted = document.exact.get(&name.to_ascii_lowercase());
        wanted.is_some_and(|wanted| bool::from(wanted.as_bytes().ct_eq(value.as_bytes())))
    };
    if !holds(BUCKET, bucket) {
        return Err(InvalidUpload::PolicyUnknown);
    }
    let conditioned = declared.iter().filter(|name| **name != POLICY && **name != SIGNATURE);
    let mut conditions = 1;
    for &name in conditioned {
        if !holds(name, value_of(fields, name)?) {
            return Err(InvalidUpload::FieldAltered(name));
        }
        conditions += 1;
    }
    // A further condition would not be checked.
    if document.exact.len() != conditions {
        return Err(InvalidUpload::PolicyUnknown);
    }
    Ok(())
}
