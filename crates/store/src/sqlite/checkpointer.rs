//! Checkpoints the write-ahead log on a separate thread, so that no commit waits for it.
//!
//! While the thread copies the log into the database, the writer appends to it. So the thread copies again until little
//! is left, and the writer copies that between two commits; the next commit then restarts the log. A log that grows
//! faster than it is copied makes the writer wait at [`LOG_MAX_PAGES`].

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::thread::JoinHandle;

use rusqlite::Connection;

use super::schema;
use super::statements::{CHECKPOINT, COPY_LOG, RESTART_LOG};
use crate::StoreError;

/// Pages of the log, of 4 KiB each, from which on it is copied: 64 MB. A page that changes often is copied once.
const LOG_PAGES: u32 = 16_000;
/// What the writer copies itself: about a millisecond of work.
const LAST_PAGES: u32 = 400;
/// Pages of the log at which the writer waits until it is copied, and until no reader needs it: 256 MB.
const LOG_MAX_PAGES: u32 = 64_000;

/// The log as the writer and the thread see it.
struct Log {
    /// Pages in the log after the last commit.
    pages: AtomicU32,
    /// Pages of it that are in the database.
    copied: AtomicU32,
    /// Pages in the log from which on it is copied. More of them after an error, and while readers of an older state
    /// prevent it.
    copy_at: AtomicU32,
    is_copying: AtomicBool,
}

impl Log {
    fn new() -> Self {
        Self {
            pages: AtomicU32::new(0),
            copied: AtomicU32::new(0),
            copy_at: AtomicU32::new(LOG_PAGES),
            is_copying: AtomicBool::new(false),
        }
    }

    /// A commit has left so many pages in the log.
    fn committed(&self, pages: u32) {
        let is_restarted = self.pages.swap(pages, Ordering::Relaxed) > pages;
        if is_restarted {
            self.copied.store(0, Ordering::Relaxed);
            self.copy_at.store(LOG_PAGES, Ordering::Relaxed);
        }
    }

    fn pages(&self) -> u32 {
        self.pages.load(Ordering::Relaxed)
    }

    fn copied(&self) -> u32 {
        self.copied.load(Ordering::Relaxed)
    }

    fn left(&self) -> u32 {
        self.pages().saturating_sub(self.copied())
    }

    fn copy_later(&self) {
        self.copy_at.store(self.pages().saturating_add(LOG_PAGES), Ordering::Relaxed);
    }
}

/// The writer's side.
pub(super) struct Checkpointer {
    log: Arc<Log>,
    wake: Option<SyncSender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Checkpointer {
    /// Starts the thread, and counts the pages that `writer` appends.
    pub(super) fn start(path: &Path, writer: &mut Connection) -> Result<Self, StoreError> {
        let log = Arc::new(Log::new());
        let counted = Arc::clone(&log);
        // Replaces the checkpoint that SQLite makes within a commit.
        writer.wal_hook(Some(move |_: &mut _, pages: i32| {
            counted.committed(u32::try_from(pages).unwrap_or_default());
            Ok(())
        }))?;
        let connection = schema::open_checkpointer(path)?;
        let (wake, woken) = sync_channel(1);
        let copying = Arc::clone(&log);
        let run = move || {
            while woken.recv().is_ok() {
                copying.is_copying.store(true, Ordering::Release);
                copy_most(&connection, &copying);
                copying.is_copying.store(false, Ordering::Release);
            }
        };
        let thread = std::thread::Builder::new().name("checkpointer".to_owned()).spawn(run)?;
        Ok(Self { log, wake: Some(wake), thread: Some(thread) })
    }

    /// Called between two commits.
    pub(super) fn after_commit(&mut self, writer: &Connection) {
        let pages = self.log.pages();
        let is_too_long = pages >= LOG_MAX_PAGES;
        let is_copying = self.log.is_copying.load(Ordering::Acquire);
        if pages < self.log.copy_at.load(Ordering::Relaxed) || is_copying && !is_too_long {
            return;
        }
        if self.log.left() > LAST_PAGES && !is_too_long {
            match self.wake.as_ref().map(|wake| wake.try_send(())) {
                Some(Ok(()) | Err(TrySendError::Full(()))) => return,
                // Only a panic ends the thread: the writer copies everything.
                Some(Err(TrySendError::Disconnected(()))) | None => {}
            }
        }
        if is_too_long {
            tracing::warn!(
                pages,
                "write-ahead log grows faster than it is copied; commits wait until it is copied"
            );
        }
        copy(writer, if is_too_long { RESTART_LOG } else { COPY_LOG }, &self.log);
        if self.log.left() > 0 {
            self.log.copy_later();
        }
    }

    /// Ends the thread, and copies the whole log into the database, which is then complete: it can be copied, and
    /// opened without the log.
    pub(super) fn close(&mut self, writer: &Connection) {
        drop(self.wake.take());
        if self.thread.take().is_some_and(|thread| thread.join().is_err()) {
            tracing::error!("thread that copies the write-ahead log panicked");
        }
        match writer.query_row(CHECKPOINT, [], |row| row.get(0)) {
            Ok(0) => {}
            Ok(_) => tracing::warn!(
                "write-ahead log not checkpointed because of an open reader; the next start does it"
            ),
            Err(error) => {
                tracing::error!(%error, "write-ahead log could not be checkpointed; the next start tries again")
            }
        }
    }
}

/// Copies until little is left, or until copying again gains nothing.
fn copy_most(connection: &Connection, log: &Log) {
    loop {
        let before = log.copied();
        copy(connection, COPY_LOG, log);
        if log.left() <= LAST_PAGES {
            return;
        }
        if log.copied() <= before {
            return log.copy_later();
        }
    }
}

/// Copies what no reader of an older state prevents.
fn copy(connection: &Connection, sql: &str, log: &Log) {
    let copied =
        connection.prepare_cached(sql).and_then(|mut copy| copy.query_row([], |row| row.get::<_, i64>(2)));
    match copied.map(u32::try_from) {
        // Of the log before a restart.
        Ok(Ok(copied)) if copied > log.pages() => {}
        Ok(Ok(copied)) => log.copied.store(copied, Ordering::Relaxed),
        // -1: another checkpoint is running.
        Ok(Err(_)) => {}
        Err(error) => {
            tracing::error!(%error, "write-ahead log could not be copied into the database; it is tried again");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A writer that commits a page each, and what checkpoints it.
    fn writer() -> (tempfile::TempDir, std::path::PathBuf, Connection, Checkpointer) {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("rebuttal.db");
        let mut writer = schema::open_writer(&path).unwrap();
        writer.pragma_update(None, "synchronous", "OFF").unwrap();
        let checkpointer = Checkpointer::start(&path, &mut writer).unwrap();
        (folder, path, writer, checkpointer)
    }

    fn commit(writer: &Connection, checkpointer: &mut Checkpointer, pages: usize) {
        let sql = "INSERT INTO meta (name, value) VALUES ('test', randomblob(?1)) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        writer.prepare_cached(sql).unwrap().execute([pages * 4096]).unwrap();
        checkpointer.after_commit(writer);
    }

    fn log_pages(path: &Path) -> u64 {
        std::fs::metadata(super::super::file_identity::wal_path(path)).unwrap().len() / 4096
    }

    #[test]
    fn a_log_is_restarted_while_the_writer_goes_on() {
        let (_folder, path, writer, mut checkpointer) = writer();
        for _ in 0..8_000 {
            commit(&writer, &mut checkpointer, 10);
        }
        assert!(log_pages(&path) < u64::from(LOG_MAX_PAGES), "{} pages of 80,000", log_pages(&path));
    }

    #[test]
    fn a_reader_of_an_older_state_prevents_copying_only_while_it_reads() {
        let (_folder, path, writer, mut checkpointer) = writer();
        commit(&writer, &mut checkpointer, 1);
        let reader = schema::open_reader(&path).unwrap();
        reader.execute_batch("BEGIN; SELECT count(*) FROM meta").unwrap();
        for _ in 0..1_000 {
            commit(&writer, &mut checkpointer, 10);
        }
        assert!(log_pages(&path) > 10_000, "the reader still needs its first page");
        reader.execute_batch("COMMIT").unwrap();
        let before = log_pages(&path);
        for _ in 0..5_000 {
            commit(&writer, &mut checkpointer, 10);
        }
        // A restarted log keeps its length.
        assert!(log_pages(&path) < before + 40_000, "{} after {before}", log_pages(&path));
    }

    #[test]
    fn close_leaves_a_database_that_is_whole_without_its_log() {
        let (_folder, path, writer, mut checkpointer) = writer();
        commit(&writer, &mut checkpointer, 100);
        checkpointer.close(&writer);
        assert_eq!(log_pages(&path), 0);
    }
}
