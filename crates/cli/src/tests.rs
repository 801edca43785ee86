//! What is proven of the whole command line, from clap's own tree, so that no command can be forgotten.

mod help;
