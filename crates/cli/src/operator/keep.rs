//! What is shown once (an app's secret, an operator's token): on standard output, or in a file that nobody else may
//! read.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::{Context as _, Result};
use rebuttal_client::protocol::operator::answers::SecretText;
use serde_json::{Map, Value};

use super::failure::Unkept;
use super::tell;
use crate::files;
use crate::terminal;

/// Where a new secret goes.
#[derive(Debug, clap::Args)]
pub(super) struct Keep {
    /// Write the secret to this new file, which nobody else may read, in the place of showing it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// A new file for a secret; open before anything is changed, so that no secret is lost for want of a place.
pub(super) struct Place {
    path: PathBuf,
    file: std::fs::File,
    is_filled: bool,
}

/// A file that holds nothing would be in the way when the command is run again.
impl Drop for Place {
    fn drop(&mut self) {
        if !self.is_filled {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl Keep {
    pub(super) fn open(self) -> Result<Option<Place>> {
        let Some(path) = self.secret_file else { return Ok(None) };
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| files::unmade(&path, "--secret-file", &error))?;
        Ok(Some(Place { path, file, is_filled: false }))
    }
}

/// A secret in an answer of the API.
pub(super) struct Once<'a> {
    /// The answer's member that holds it.
    pub(super) member: &'static str,
    /// What people call it.
    pub(super) word: &'static str,
    pub(super) secret: Option<&'a SecretText>,
}

/// Tells an answer that holds a secret: what `say` tells, and then the secret, or where it went.
pub(super) fn tell(
    answer: &[u8],
    json: bool,
    place: Option<Place>,
    Once { member, word, secret }: Once<'_>,
    say: impl FnOnce(),
) -> Result<()> {
    let secret = secret.with_context(|| {
        format!("the gateway's answer has no {word}; is it of another version than this program?")
    })?;
    let Some(mut place) = place else {
        if json {
            terminal::print_json_text(String::from_utf8_lossy(answer).trim_end());
        } else {
            say();
            terminal::println(format!("  {}  {}", terminal::dim(word), secret.expose()));
            terminal::println(format!("  {}", terminal::dim("It is shown this once.")));
        }
        let lost = |error| Unkept(format!("the {word} could not be written to standard output: {error}"));
        return Ok(terminal::stdout_result().map_err(lost)?);
    };
    writeln!(place.file, "{}", secret.expose())
        .and_then(|()| place.file.sync_all())
        .map_err(|error| Unkept(format!("cannot write the {word} to {}: {error}", place.path.display())))?;
    place.is_filled = true;
    if json {
        let mut without: Map<String, Value> = tell::read(answer)?;
        without.remove(member);
        terminal::print_json_line(&without)?;
        return Ok(());
    }
    say();
    terminal::println(format!("  {}  in {}", terminal::dim(word), place.path.display()));
    Ok(())
}
