//! Gathers what is wrong with several values, so that all of it is told at once.

use anyhow::{Result, ensure};

use crate::look;

/// What was wrong so far, a sentence each.
#[derive(Debug, Default)]
pub(super) struct Faults(Vec<String>);

impl Faults {
    /// The value, if nothing is wrong with it.
    pub(super) fn take<T>(&mut self, value: Result<T>) -> Option<T> {
        value.map_err(|error| self.0.push(look::causes(&error))).ok()
    }

    /// Every fault, a line each, if there is one.
    pub(super) fn told(self) -> Result<()> {
        ensure!(self.0.is_empty(), "{}", self.0.join("\n"));
        Ok(())
    }
}
