//! The confirmation of irreversible actions, and the prompt for a secret.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Result, bail};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::signals;

/// Whether to ask before an irreversible action.
#[derive(Debug, clap::Args)]
pub(crate) struct ConfirmArg {
    /// Skip the confirmation; required without a terminal
    #[arg(long)]
    yes: bool,
}

impl ConfirmArg {
    pub(crate) async fn ask(&self, question: &str, done: &str) -> Result<()> {
        if self.yes { Ok(()) } else { confirm(question, done).await }
    }
}

/// Asks for a confirmation on a terminal; without a terminal, the answer is no. `done` names in the error what was not
/// done.
pub(crate) async fn confirm(question: &str, done: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        bail!("nothing was {done}: confirmation needs a terminal; pass --yes to continue without it");
    }
    let mut stderr = io::stderr();
    write!(stderr, "\n  {question} [y/N] ")?;
    stderr.flush()?;
    let answer = read_line().await?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        writeln!(stderr)?;
        return Ok(());
    }
    bail!("nothing was {done}: not confirmed")
}

/// Asks for a secret on a terminal without echo, and restores the terminal's modes in any case. `done` as in the
/// confirmation.
pub(crate) async fn secret(question: &str, done: &str) -> Result<Zeroizing<String>> {
    let before = tcgetattr(io::stdin())?;
    let stop = signals::stop()?;
    eprint!("  {question}: ");
    tokio::select! {
        line = on_thread(|| console::Term::stderr().read_secure_line()) => Ok(Zeroizing::new(line?)),
        () = stop => {
            // The reading thread does not restore the modes.
            tcsetattr(io::stdin(), OptionalActions::Flush, &before)?;
            eprintln!();
            bail!("interrupted: nothing was {done}")
        }
    }
}

/// A line from standard input.
async fn read_line() -> io::Result<String> {
    on_thread(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    })
    .await
}

/// Reads on a detached thread: after Ctrl-C, the process must not wait for a read that never ends.
async fn on_thread(read: impl FnOnce() -> io::Result<String> + Send + 'static) -> io::Result<String> {
    let (sender, receiver) = oneshot::channel();
    std::thread::spawn(move || {
        // The receiver is dropped when the process is about to end.
        let _ = sender.send(read());
    });
    receiver.await.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?
}
