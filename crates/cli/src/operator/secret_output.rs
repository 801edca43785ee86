//! Output of secrets that are shown once (an app's secret, an operator's token): on standard output, or in a file that
//! only this user can read.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;

use anyhow::Result;
use rebuttal_client::protocol::operator::answers::SecretText;
use serde_json::{Map, Value};

use super::failure::SecretWriteError;
use super::output;
use crate::files;
use crate::terminal;

/// The argument for the file of a new secret.
#[derive(Debug, clap::Args)]
pub(super) struct SecretFileArg {
    /// Write the secret to this new file (mode 0600) instead of printing it
    #[arg(long, value_name = "FILE")]
    secret_file: Option<PathBuf>,
}

/// A new file for a secret; opened before the change, so that no secret is lost because the file cannot be created.
pub(super) struct SecretFile {
    path: PathBuf,
    file: std::fs::File,
    is_written: bool,
}

/// An empty file is removed, because it would prevent running the command again.
impl Drop for SecretFile {
    fn drop(&mut self) {
        if !self.is_written {
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

impl SecretFileArg {
    pub(super) fn open(self) -> Result<Option<SecretFile>> {
        let Some(path) = self.secret_file else { return Ok(None) };
        let file = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(&path);
        let file = file.map_err(|error| files::create_error(&path, "--secret-file", &error))?;
        Ok(Some(SecretFile { path, file, is_written: false }))
    }
}

/// The secret in an answer of the API.
pub(super) struct SecretMember<'a> {
    /// The member of the answer.
    pub(super) member: &'static str,
    /// Its name for people.
    pub(super) label: &'static str,
    pub(super) secret: &'a SecretText,
}

/// Prints an answer that contains a secret: what `print` prints, and then the secret, or its file.
pub(super) fn print_answer(
    answer: &[u8],
    json: bool,
    secret_file: Option<SecretFile>,
    SecretMember { member, label, secret }: SecretMember<'_>,
    print: impl FnOnce(),
) -> Result<()> {
    let Some(mut secret_file) = secret_file else {
        if json {
            terminal::print_json_text(String::from_utf8_lossy(answer).trim_end());
        } else {
            print();
            terminal::println(format!("  {}  {}", terminal::dim(label), secret.expose()));
            terminal::println(format!("  {}", terminal::dim("It is shown only once.")));
        }
        let write_error =
            |error| SecretWriteError(format!("the {label} could not be written to standard output: {error}"));
        return Ok(terminal::stdout_result().map_err(write_error)?);
    };
    writeln!(secret_file.file, "{}", secret.expose()).and_then(|()| secret_file.file.sync_all()).map_err(
        |error| {
            SecretWriteError(format!("cannot write the {label} to {}: {error}", secret_file.path.display()))
        },
    )?;
    secret_file.is_written = true;
    if json {
        let mut without_secret: Map<String, Value> = output::parse(answer)?;
        without_secret.remove(member);
        terminal::print_json_line(&without_secret)?;
        return Ok(());
    }
    print();
    terminal::println(format!("  {}  in {}", terminal::dim(label), secret_file.path.display()));
    Ok(())
}
