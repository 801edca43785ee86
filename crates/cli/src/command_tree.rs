//! clap's tree of commands and arguments, for modules that need it.

use std::sync::OnceLock;

use clap::Command;

static TREE: OnceLock<Command> = OnceLock::new();

/// Sets the tree; called once, at the start.
pub(crate) fn set(tree: Command) {
    let _ = TREE.set(tree);
}

/// The whole tree.
pub(crate) fn all() -> Command {
    TREE.get().cloned().unwrap_or_default()
}
