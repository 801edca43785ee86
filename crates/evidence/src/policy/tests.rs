use rebuttal_protocol::StorageUri;

use super::*;
use crate::{InvalidUpload, S3Code};
use serde::Deserialize;

/// Computed by botocore's signer and by a few lines of Python, which agreed.
const VECTORS: &str = include_str!("../../../../testdata/evidence/post-policy.json");

/// The length limit in the policies of the vectors, whatever the limit of their scene is now.
const MAX_BYTES: u64 = 2_097_152;

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Vector {
    credentials: VectorCredentials,
    bucket: String,
    storage_uri: StorageUri,
    content_type: String,
    now: UnixMillis,
    fields: Vec<(String, String)>,
    expires_at: UnixMillis,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct VectorCredentials {
    access_key_id: String,
    secret_access_key: String,
    session_token: Option<String>,
    region: String,
}

impl Vector {
    fn all() -> Vec<Self> {
        serde_json::from_str(VECTORS).unwrap()
    }

    fn credentials(&self) -> Credentials {
        Credentials {
            access_key_id: self.credentials.access_key_id.clone(),
            secret_access_key: Zeroizing::new(self.credentials.secret_access_key.clone()),
            session_token: self.credentials.session_token.clone(),
            region: self.credentials.region.clone(),
        }
    }

    fn check(&self, fields: &[(String, String)]) -> Result<Grant, InvalidUpload> {
        check(&self.credentials(), &self.bucket, fields, self.now)
    }
}

#[test]
fn a_form_is_signed_as_an_independent_implementation_signs_it() {
    for vector in Vector::all() {
        let target = UploadTarget {
            url: "https://store.example/uploaded".into(),
            bucket: &vector.bucket,
            key: vector.storage_uri.key(),
            content_type: &vector.content_type,
            max_bytes: MAX_BYTES,
        };
        let form = sign_form(&vector.credentials(), target, vector.now, vector.now + UPLOAD_URL_LIFETIME);
        let fields: Vec<_> = form.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        assert_eq!(fields, vector.fields);
        assert_eq!(form.expires_at, vector.expires_at);
    }
}

#[test]
fn form_sent_as_issued_is_accepted() {
    for vector in Vector::all() {
        let grant = vector.check(&vector.fields).unwrap();
        assert_eq!(grant.uri, vector.storage_uri);
        assert_eq!(grant.content_type, vector.content_type);
        assert_eq!((grant.max_bytes, grant.expires_at), (MAX_BYTES, vector.expires_at));
    }
}

#[test]
fn field_names_match_in_either_case_and_any_order() {
    for vector in Vector::all() {
        let mut fields = vector.fields.clone();
        fields.reverse();
        for (name, _) in &mut fields {
            *name = name.to_uppercase();
        }
        assert!(vector.check(&fields).is_ok());
    }
}

#[test]
fn every_field_must_be_sent() {
    for vector in Vector::all() {
        for at in 0..vector.fields.len() {
            let mut fields = vector.fields.clone();
            let (name, _) = fields.remove(at);
            let refusal = vector.check(&fields).unwrap_err();
            assert!(matches!(refusal, InvalidUpload::FieldMissing(missing) if missing == name), "{name}");
            assert_eq!(refusal.code(), S3Code::AccessDenied);
        }
    }
}

#[test]
fn no_field_may_be_altered() {
    for vector in Vector::all() {
        for at in 0..vector.fields.len() {
            for alter in [
                |value: &str| format!("{value}0"),
                |value: &str| value[1..].to_owned(),
                |value: &str| value[..value.len() - 1].to_owned() + "!",
                |_: &str| String::new(),
            ] {
                let mut fields = vector.fields.clone();
                fields[at].1 = alter(&fields[at].1);
                let name = fields[at].0.clone();
                let refusal = vector.check(&fields).unwrap_err();
                let code = match name.as_str() {
                    "policy" | "x-amz-signature" => S3Code::SignatureDoesNotMatch,
                    _ => S3Code::AccessDenied,
                };
                assert_eq!(refusal.code(), code, "{name}: {refusal}");
            }
        }
    }
}

#[test]
fn a_signature_has_one_spelling() {
    let vector = &Vector::all()[0];
    let mut fields = vector.fields.clone();
    let signature = fields.last_mut().unwrap();
    signature.1 = signature.1.to_uppercase();
    assert_eq!(vector.check(&fields), Err(InvalidUpload::SignatureMismatch));
}

#[test]
fn nothing_may_be_added() {
    for vector in Vector::all() {
        for name in ["acl", "success_action_status", "x-ignore-this", "bucket", "x-amz-meta-a"] {
            let mut fields = vector.fields.clone();
            fields.push((name.into(), "uploaded".into()));
            assert_eq!(vector.check(&fields), Err(InvalidUpload::FieldUndeclared(name.into())));
        }
        let mut fields = vector.fields.clone();
        fields.push(("KEY".into(), fields[0].1.clone()));
        assert_eq!(vector.check(&fields), Err(InvalidUpload::FieldRepeated("key".into())));
    }
}

#[test]
fn a_form_is_good_for_ten_minutes() {
    let vector = &Vector::all()[0];
    let at = |now| check(&vector.credentials(), &vector.bucket, &vector.fields, now);
    let last = UnixMillis(vector.now.0 + 10 * 60 * 1000 - 1);
    assert!(at(last).is_ok());
    let refusal = at(vector.expires_at).unwrap_err();
    assert_eq!(refusal, InvalidUpload::Expired);
    assert_eq!(refusal.code(), S3Code::AccessDenied);
}

#[test]
fn a_form_of_other_credentials_or_another_bucket_is_refused() {
    let vector = &Vector::all()[0];
    let with =
        |credentials: &Credentials, bucket: &str| check(credentials, bucket, &vector.fields, vector.now);
    let ours = vector.credentials();
    assert_eq!(with(&ours, "elsewhere"), Err(InvalidUpload::PolicyUnknown));
    let mut other = ours.clone();
    other.region = "us-east-1".into();
    assert_eq!(with(&other, &vector.bucket), Err(InvalidUpload::FieldAltered("x-amz-credential")));
    let mut other = ours.clone();
    other.access_key_id = "AKIDOTHER".into();
    assert_eq!(with(&other, &vector.bucket), Err(InvalidUpload::FieldAltered("x-amz-credential")));
    let mut other = ours;
    other.secret_access_key = Zeroizing::new("another secret".into());
    assert_eq!(with(&other, &vector.bucket), Err(InvalidUpload::SignatureMismatch));
}

#[test]
fn a_signed_policy_of_another_form_is_refused() {
    let vector = &Vector::all()[0];
    let credentials = vector.credentials();
    let document = |edit: &dyn Fn(String) -> String| {
        use base64::Engine;
        let engine = base64::engine::general_purpose::STANDARD;
        let mut fields = vector.fields.clone();
        let policy = fields.iter().position(|(name, _)| name == "policy").unwrap();
        let json = String::from_utf8(engine.decode(&fields[policy].1).unwrap()).unwrap();
        fields[policy].1 = engine.encode(edit(json));
        let signature = sigv4::signature(&credentials, "20260306", &fields[policy].1);
        fields[policy + 1].1 = hex::encode(signature);
        vector.check(&fields)
    };
    assert!(document(&|json| json).is_ok());
    for (from, to) in [
        (r#",["content-length-range",1,2097152]"#, ""),
        (r#"{"bucket":"uploaded"}"#, r#"["starts-with","$bucket",""]"#),
        (r#"{"bucket":"uploaded"}"#, r#"{"bucket":"uploaded"},{"acl":"private"}"#),
        (r#"{"bucket":"uploaded"}"#, r#"{"bucket":"uploaded"},{"Bucket":"uploaded"}"#),
        (r#"{"bucket":"uploaded"}"#, r#"{"bucket":"uploaded","acl":"private"}"#),
        (r#"},{"x-amz-algorithm""#, r#","x-amz-algorithm""#),
        (r#"["content-length-range",1,"#, r#"["content-length",1,"#),
        (
            r#"["content-length-range",1,2097152]"#,
            r#"["content-length-range",1,2097152],["content-length-range",1,2097152]"#,
        ),
        (r#"{"expiration""#, r#"{"other":1,"expiration""#),
        (r#""expiration":"2"#, r#""expiration":"x"#),
        ("]}", "]"),
    ] {
        let refused = document(&|json| {
            assert!(json.contains(from), "{from}");
            json.replacen(from, to, 1)
        });
        assert_eq!(refused, Err(InvalidUpload::PolicyUnknown), "{from} -> {to}");
    }
}

#[test]
fn credentials_print_no_secret() {
    let printed = format!("{:?}", Vector::all()[1].credentials());
    assert!(printed.contains("AKIDEXAMPLE"));
    assert!(!printed.contains("wJalr") && !printed.contains("FwoG"), "{printed}");
}
