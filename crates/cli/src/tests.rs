//! What is proven of the whole command line, from clap's own tree, so that no command can be forgotten, and of what the
//! papers say about it.

mod help;
mod papers;
mod patience;
mod reference;
