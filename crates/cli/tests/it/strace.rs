//! What kill -9 cannot show: the order of writes, syncs and responses, read from a system call trace; and what the
//! gateway returns when a sync fails or is slow. Run by `cargo xtask test`, which installs strace.

mod sync_faults;
mod write_order;
