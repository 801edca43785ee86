//! What whoever sits before a terminal is told while a gateway does not answer; scripts are told at the end only.

use std::pin::pin;
use std::time::Duration;

use crate::terminal;

/// How long nothing is said.
const SILENCE: Duration = Duration::from_secs(2);

/// Waits for an answer from there, and tells that this is what is done.
pub(crate) async fn patiently<T>(url: &str, answer: impl Future<Output = T>) -> T {
    let mut answer = pin!(answer);
    tokio::select! {
        ended = &mut answer => return ended,
        () = tokio::time::sleep(SILENCE) => {}
    }
    terminal::eprint_status(&format!("waiting for {url}"));
    answer.await
}

/// Tells what an attempt met that is made again.
pub(crate) fn again(why: &str, attempts: u32, attempts_max: u32) {
    terminal::eprint_status(&format!("{why}; tried {attempts} of {attempts_max} times"));
}
