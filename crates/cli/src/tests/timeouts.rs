//! Clients wait longer than a gateway takes at most: a shorter timeout would resend requests that are still being
//! processed.

use rebuttal_client::limits::{ATTEMPT_TIMEOUT, CALL_TIMEOUT};

use crate::operator;

#[test]
fn client_timeouts_exceed_the_gateways_answer_limit() {
    let longest = rebuttal_server::ANSWER_LIMIT;
    assert!(ATTEMPT_TIMEOUT > longest && operator::ATTEMPT_TIMEOUT > longest, "{longest:?}");
    assert!(CALL_TIMEOUT > 2 * ATTEMPT_TIMEOUT, "there is time to send again");
}

#[test]
fn the_docs_state_the_attempt_timeout() {
    let page = include_str!("../../../../docs/integrate/retry.md");
    let sentence = format!("Wait {} s for an answer.", ATTEMPT_TIMEOUT.as_secs());
    assert!(page.contains(&sentence), "docs/integrate/retry.md does not say: {sentence}");
}
