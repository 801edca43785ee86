#![no_main]
//! The fields of an upload form: those that were issued, one of them altered.

use rebuttal_evidence::policy::{Credentials, UploadTarget, check, sign_form};
use rebuttal_protocol::UnixMillis;

const NOW: UnixMillis = UnixMillis(1_714_128_828_114);

libfuzzer_sys::fuzz_target!(|input: (u8, &str, &str)| {
    let (at, name, value) = input;
    let credentials = Credentials {
        access_key_id: "REBUTTAL".to_owned(),
        secret_access_key: "a secret of this gateway".to_owned().into(),
        session_token: None,
        region: "rebuttal".to_owned(),
    };
    let target = UploadTarget {
        url: "https://gateway.example/uploaded".to_owned(),
        bucket: "uploaded",
        key: "m/80/open/dispute-evidence/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa.png".to_owned(),
        content_type: "image/png",
        max_bytes: 2 * 1024 * 1024,
    };
    let form = sign_form(&credentials, target, NOW, UnixMillis(NOW.0 + 600_000));
    let mut fields: Vec<(String, String)> =
        form.fields.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    let issued = fields.clone();
    let index = usize::from(at) % (fields.len() + 1);
    fields.splice(index..(index + 1).min(issued.len()), [(name.to_owned(), value.to_owned())]);
    let is_issued = fields.len() == issued.len()
        && fields.iter().zip(&issued).all(|(one, other)| one.0.eq_ignore_ascii_case(&other.0) && one.1 == other.1);
    assert_eq!(check(&credentials, "uploaded", &fields, NOW).is_ok(), is_issued);
});
