//! The one question before what cannot be undone, and the one for a secret.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Result, bail};
use rustix::termios::{OptionalActions, tcgetattr, tcsetattr};
use tokio::sync::oneshot;
use zeroize::Zeroizing;

use crate::signals;

/// Asks on a terminal; without one, silence is a "no". `done` is the word for what then was not done.
pub(crate) async fn confirm(question: &str, done: &str) -> Result<()> {
    if !io::stdin().is_terminal() {
        bail!("nothing was {done}: there is no terminal to ask on; pass --yes to go on without a question");
    }
    let mut stderr = io::stderr();
    write!(stderr, "\n  {question} [y/N] ")?;
    stderr.flush()?;
    let answer = line().await?;
    if matches!(answer.trim().to_ascii_lowercase().as_str(), "y" | "yes") {
        writeln!(stderr)?;
        return Ok(());
    }
    bail!("nothing was {done}: not confirmed")
}

/// Asks for a secret on a terminal, which does not show it and is left as it was, whatever happens. `kept` is the word
/// for what is not done when the user does not go on.
pub(crate) async fn secret(question: &str, kept: &str) -> Result<Zeroizing<String>> {
    let before = tcgetattr(io::stdin())?;
    let stop = signals::stop()?;
    eprint!("  {question}: ");
    tokio::select! {
        line = aside(|| console::Term::stderr().read_secure_line()) => Ok(Zeroizing::new(line?)),
        () = stop => {
            // The thread that reads will not come to it any more.
            tcsetattr(io::stdin(), OptionalActions::Flush, &before)?;
            eprintln!();
            bail!("interrupted: nothing was {kept}")
        }
    }
}

/// A line from standard input.
async fn line() -> io::Result<String> {
    aside(|| {
        let mut line = String::new();
        io::stdin().lock().read_line(&mut line).map(|_| line)
    })
    .await
}

/// Reads in a thread of its own, which nobody waits for: whoever stops waiting, as Ctrl-C does, must not be held up by
/// a read that never ends.
async fn aside(read: impl FnOnce() -> io::Result<String> + Send + 'static) -> io::Result<String> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        // Nobody listens any more where the process is about to end.
        let _ = tell.send(read());
    });
    told.await.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?
}
