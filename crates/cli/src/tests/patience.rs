//! Clients wait longer than a gateway takes at worst: one that gave up before would send again what is still being
//! done.

use rebuttal_client::limits::{ATTEMPT_TIMEOUT, CALL_TIMEOUT};

use crate::operator;

#[test]
fn a_client_waits_longer_for_an_answer_than_a_gateway_takes() {
    let longest = rebuttal_server::ANSWER_LIMIT;
    assert!(ATTEMPT_TIMEOUT > longest && operator::ATTEMPT_TIMEOUT > longest, "{longest:?}");
    assert!(CALL_TIMEOUT > 2 * ATTEMPT_TIMEOUT, "there is time to send again");
}

#[test]
fn the_papers_tell_how_long_to_wait() {
    let page = include_str!("../../../../docs/integrate/retry.md");
    let sentence = format!("Wait {} s for an answer.", ATTEMPT_TIMEOUT.as_secs());
    assert!(page.contains(&sentence), "docs/integrate/retry.md does not say: {sentence}");
}
