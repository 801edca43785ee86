//! Tests of the whole command line, from clap's tree, so that no command can be forgotten, and of what the docs say
//! about it.

mod docs;
mod help;
mod reference;
mod timeouts;
