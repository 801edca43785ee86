//! The committer over a scripted database, in paused time.
