//! The one question before what cannot be undone.

use std::io::{self, BufRead as _, IsTerminal as _, Write as _};

use anyhow::{Result, bail};
use tokio::sync::oneshot;

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

/// A line from standard input. Read in a thread of its own, which nobody waits for: whoever stops waiting, as Ctrl-C
/// does, must not be held up by a read that never ends.
async fn line() -> io::Result<String> {
    let (tell, told) = oneshot::channel();
    std::thread::spawn(move || {
        let mut line = String::new();
        let read = io::stdin().lock().read_line(&mut line);
        // Nobody listens any more where the process is about to end.
        let _ = tell.send(read.map(|_| line));
    });
    told.await.map_err(|_| io::Error::from(io::ErrorKind::UnexpectedEof))?
}
