//! Progress messages on a terminal while a gateway does not answer; scripts get the result only.

use std::pin::pin;
use std::time::Duration;

use crate::terminal;

/// How long a call may take before a message is printed.
const NOTICE_DELAY: Duration = Duration::from_secs(2);

/// Waits for an answer from `url`; prints a message if that takes long.
pub(crate) async fn with_wait_notice<T>(url: &str, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        result = &mut answer => return result,
        () = tokio::time::sleep(NOTICE_DELAY) => {}
    }
    terminal::eprint_status(&format!("waiting for {url}"));
    answer.await
}

/// Prints why an attempt failed that is being retried.
pub(crate) fn print_retry(why: &str, attempts: u32, attempts_max: u32) {
    terminal::eprint_status(&format!("{why}; tried {attempts} of {attempts_max} times"));
}
