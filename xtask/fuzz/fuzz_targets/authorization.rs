#![no_main]
//! The signature header.

use rebuttal_protocol::Authorization;

libfuzzer_sys::fuzz_target!(|value: &[u8]| {
    let Ok(authorization) = Authorization::parse(value) else { return };
    let written = authorization.to_string();
    assert_eq!(Authorization::parse(written.as_bytes()).map(|again| again.to_string()), Ok(written));
});
