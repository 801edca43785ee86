#![no_main]
//! What a worker that was taken over may write.

use rebuttal_documents::worker::Confinement;
use rebuttal_documents::worker::frame::{HEAD_MAX_BYTES, LENGTHS_BYTES, WorkerReply, parse_head, parse_lengths};

libfuzzer_sys::fuzz_target!(|written: &[u8]| {
    let Some((lengths, rest)) = written.split_first_chunk::<LENGTHS_BYTES>() else { return };
    let Ok((head, _)) = parse_lengths(*lengths) else { return };
    assert!(head <= HEAD_MAX_BYTES);
    let _ = parse_head::<WorkerReply>(rest);
    let _ = parse_head::<Confinement>(rest);
});
