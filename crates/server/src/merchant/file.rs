//! The merchant call on files (contract §3).

pub(crate) mod generate_upload_url;
