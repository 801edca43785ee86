#![no_main]
//! The body of an upload, in chunks of any size.

use bytes::Bytes;
use futures_executor::block_on;
use futures_util::{StreamExt as _, stream};
use rebuttal_evidence::form::FormReader;

libfuzzer_sys::fuzz_target!(|input: (u8, &[u8])| {
    let (chunk, body) = input;
    let chunks: Vec<_> = body.chunks(usize::from(chunk) + 1).map(|chunk| Ok(Bytes::copy_from_slice(chunk))).collect();
    let content_type = "multipart/form-data; boundary=b";
    block_on(async {
        let Ok(mut form) = FormReader::new(content_type, stream::iter(chunks)) else { return };
        if form.fields().await.is_ok() {
            let received = form.file().fold(0, async |sum, chunk| sum + chunk.map_or(0, |chunk| chunk.len())).await;
            assert!(received <= body.len());
        }
    });
});
