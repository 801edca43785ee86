//! Checks that evidence files can be opened in processes that can do nothing else.

use super::Finding;
use crate::workers::Workers;

const CHECK: &str = "workers";

pub(crate) async fn examine() -> Finding {
    let confinement = match Workers::of_this_program() {
        Ok(workers) => workers.start_one().await,
        Err(error) => Err(error),
    };
    match confinement.map(|confinement| confinement.missing()) {
        Ok(None) => Finding::ok(CHECK, "evidence files are opened by confined processes"),
        Ok(Some(missing)) => Finding::warning(
            CHECK,
            format!(
                "processes that open evidence files are not confined by {missing}: a file that takes one over can do what \
                 the gateway's user can. Use a Linux kernel of 5.13 or newer that has Landlock and seccomp, and a service \
                 or container that allows their system calls"
            ),
        ),
        Err(error) => Finding::fault(
            CHECK,
            format!(
                "no process can be started to open evidence files, so none would be accepted: {error}. Allow the user of \
                 the gateway another process, and the program to start itself"
            ),
        ),
    }
}
