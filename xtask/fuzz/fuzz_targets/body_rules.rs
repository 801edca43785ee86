#![no_main]
//! The body of a call.

use rebuttal_protocol::body::Object;

libfuzzer_sys::fuzz_target!(|body: &[u8]| {
    let signed = Object::parse_signed(body).is_ok();
    assert!(!signed || Object::parse(body).is_ok());
});
