//! What kill -9 cannot see: the order of writes, syncs and answers, read from a trace of the system calls; and what
//! the gateway says when a sync fails or takes its time. Run by `cargo xtask test`, which sees to strace.

mod sync_faults;
mod write_order;
