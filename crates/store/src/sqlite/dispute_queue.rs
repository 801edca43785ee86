//! The table `dispute_queue`, and the rows of it that are deleted later.
//!
//! Contests come in any order, so each deletes a row from another page of the queue. Where many commit together, the
//! rows stay: [`DisputeQueue::delete_stale`] deletes them in the order of the table, many on each page. Until then a
//! stale row names a dispute that has another status, and readers check the dispute's row.

use std::collections::BTreeSet;

use rebuttal_protocol::dispute::Status;
use rusqlite::{Connection, Error, params};

use super::statements::{
    DELETE_META, DELETE_STALE_ROWS, ENTER_QUEUE, LEAVE_QUEUE, META, PUT_META, SEARCH_QUEUE,
};
use crate::batch::{Before, ChangedDispute, Changes, QueuePosition};
use crate::meta::STALE_QUEUE_ROWS;
use crate::views::EntryId;

/// Disputes that change in one transaction from which on rows are deleted later: with fewer, it saves little.
const CHANGES_MIN: usize = 4;
/// Most rows that are deleted later, 4 MB of memory. With so many, a transaction deletes its own.
const STALE_ROWS_MAX: usize = 131_072;
/// Rows of the queue that one step examines after a start: each is a lookup of its dispute, perhaps from disk.
const EXAMINED_MAX: usize = 200;

/// A row in `NEEDS_RESPONSE`: its position, which is the deadline, and its dispute.
type Row = (i64, EntryId);

/// Before every row.
const START: Row = (i64::MIN, EntryId::MIN);

/// What becomes true if the transaction commits.
struct Pending {
    left: Vec<Row>,
    /// Rows that are deleted, or valid again.
    settled: Vec<Row>,
    is_marked: bool,
}

/// The writer's view of the queue.
pub(super) struct DisputeQueue {
    stale: BTreeSet<Row>,
    /// After which row the search for stale rows of an earlier process goes on.
    search_after: Option<Row>,
    /// Whether the database says that there may be stale rows. The next process then searches for them.
    is_marked: bool,
    pending: Option<Pending>,
}

impl DisputeQueue {
    /// The queue as an earlier process left it.
    pub(super) fn open(connection: &Connection) -> Result<Self, Error> {
        let is_marked = connection.prepare_cached(META)?.exists([STALE_QUEUE_ROWS])?;
        let search_after = is_marked.then_some(START);
        Ok(Self { stale: BTreeSet::new(), search_after, is_marked, pending: None })
    }

    /// Moves changed disputes within the queue.
    pub(super) fn save(&mut self, connection: &Connection, changes: &Changes) -> Result<(), Error> {
        let mut pending = self.pending();
        let is_deferring = changes.disputes.len() >= CHANGES_MIN && self.stale.len() < STALE_ROWS_MAX;
        let mut leave = connection.prepare_cached(LEAVE_QUEUE)?;
        let mut enter = connection.prepare_cached(ENTER_QUEUE)?;
        for ChangedDispute { before, after } in changes.disputes.values() {
            let to = after.queue_position();
            if let Before::Stored(before) = before {
                let from = before.queue_position();
                match from.status {
                    _ if from == to => continue,
                    Status::NeedsResponse if is_deferring => {
                        pending.left.push((from.position, from.dispute_id));
                    }
                    _ => drop(leave.execute(columns(from))?),
                }
            }
            if to.status == Status::NeedsResponse {
                pending.settled.push((to.position, to.dispute_id));
            }
            enter.execute(columns(to))?;
        }
        if !pending.left.is_empty() && !self.is_marked {
            connection.prepare_cached(PUT_META)?.execute(params![STALE_QUEUE_ROWS, b""])?;
            pending.is_marked = true;
        }
        self.pending = Some(pending);
        Ok(())
    }

    /// Deletes at most `limit` stale rows, and searches for those of an earlier process. Returns how many it deleted,
    /// `limit` while the search goes on.
    pub(super) fn delete_stale(&mut self, connection: &Connection, limit: usize) -> Result<u64, Error> {
        let mut pending = self.pending();
        if let Some(after) = self.search_after {
            self.search(connection, after)?;
        }
        let mut leave = connection.prepare_cached(LEAVE_QUEUE)?;
        for &(position, dispute_id) in self.stale.iter().take(limit) {
            leave.execute(columns(QueuePosition { status: Status::NeedsResponse, position, dispute_id }))?;
            pending.settled.push((position, dispute_id));
        }
        let is_searching = self.search_after.is_some();
        if self.is_marked && !is_searching && pending.settled.len() == self.stale.len() {
            connection.prepare_cached(DELETE_META)?.execute([STALE_QUEUE_ROWS])?;
            pending.is_marked = false;
        }
        let deleted = pending.settled.len();
        self.pending = Some(pending);
        Ok(if is_searching { limit } else { deleted } as u64)
    }

    /// Examines the next rows of the queue.
    fn search(&mut self, connection: &Connection, (position, dispute_id): Row) -> Result<(), Error> {
        let mut select = connection.prepare_cached(SEARCH_QUEUE)?;
        let examined = select.query_map(params![position, dispute_id, EXAMINED_MAX as i64], |row| {
            Ok(((row.get(0)?, row.get(1)?), row.get::<_, bool>(2)?))
        })?;
        let examined = examined.collect::<Result<Vec<_>, _>>()?;
        self.stale.extend(examined.iter().filter(|(_, is_stale)| *is_stale).map(|(row, _)| row));
        self.search_after = examined.last().map(|(row, _)| *row);
        Ok(())
    }

    fn pending(&self) -> Pending {
        Pending { left: Vec::new(), settled: Vec::new(), is_marked: self.is_marked }
    }

    /// A transaction begins.
    pub(super) fn begin(&mut self) {
        self.pending = None;
    }

    /// The transaction is committed.
    pub(super) fn committed(&mut self) {
        let Some(Pending { left, settled, is_marked }) = self.pending.take() else { return };
        for row in settled {
            self.stale.remove(&row);
        }
        self.stale.extend(left);
        self.is_marked = is_marked;
    }

    /// The transaction may or may not be committed: what it would have changed is searched for.
    pub(super) fn uncertain(&mut self) {
        if self.pending.take().is_some() {
            self.stale.clear();
            self.search_after = Some(START);
            // Stored again with the next rows that are left.
            self.is_marked = false;
        }
    }
}

/// Deletes all stale rows: nothing else waits for the database.
pub(super) fn delete_all_stale(connection: &Connection) -> Result<(), Error> {
    connection.execute(DELETE_STALE_ROWS, []).map(drop)
}

fn columns(QueuePosition { status, position, dispute_id }: QueuePosition) -> (&'static str, i64, EntryId) {
    (status.as_str(), position, dispute_id)
}
