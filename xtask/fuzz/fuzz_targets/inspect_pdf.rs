#![no_main]
//! A file that is named .pdf: whatever is in it, it is judged.

use rebuttal_protocol::FileFormat;

libfuzzer_sys::fuzz_target!(|content: &[u8]| {
    let _ = rebuttal_documents::inspect(content, FileFormat::Pdf);
});
