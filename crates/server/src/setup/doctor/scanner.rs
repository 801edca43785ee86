//! Checks that the virus scanner answers.

use super::Finding;
use crate::scanner::{Scanner, ScannerAddress};

const CHECK: &str = "scanner";

pub(super) async fn examine(address: &ScannerAddress) -> Finding {
    match Scanner::new(address.clone()).answers().await {
        Ok(()) => Finding::ok(CHECK, format!("the virus scanner at {address} answers")),
        Err(error) => Finding::fault(
            CHECK,
            format!(
                "the virus scanner at {address} does not answer: {error}. No evidence file is accepted until it does; start \
                 clamd, or check evidence_scanner_url"
            ),
        ),
    }
}
