//! The migration to version 6: copies disputes with everything that belongs to them from the tables of older versions.
//! Page by page, each in its own transaction, so that an interrupted one continues where it stopped.

use rusqlite::{Connection, OptionalExtension as _, params};

use super::statements::LAST_ENTRY;
use crate::StoreError;
use crate::layout_progress::LayoutProgress;

// The version whose tables are filled here.
pub(super) const FILLED_AFTER: i32 = 4;

const PAGE: i64 = 2_000;

/// The disputes of a page with their entries, numbered after the last one. A dispute without entries has a number, too.
const PAGE_ENTRIES: &str = "INSERT INTO temp.page \
     SELECT dispute_no, sequence, ?1 + row_number() OVER (ORDER BY created_at, dispute_no, sequence) \
     FROM (SELECT created_at, dispute_no FROM old_disputes WHERE (created_at, dispute_no) > (?2, ?3) \
     ORDER BY created_at, dispute_no LIMIT ?4) LEFT JOIN old_history USING (dispute_no)";

const COPY: [&str; 4] = [
    "INSERT INTO history SELECT entry_id, first_value(entry_id) OVER entries, lag(entry_id) OVER entries, sequence, at, \
     event, actor, detail, hash FROM temp.page JOIN old_history USING (dispute_no, sequence) \
     WINDOW entries AS (PARTITION BY dispute_no ORDER BY sequence) ORDER BY entry_id",
    "INSERT INTO submissions SELECT entry_id, number, stage, submitted_at, fingerprint, \
     (SELECT json_group_array(json_object('type', type, 'name', name, 'url', url, 'sha256', lower(hex(sha256)), \
     'size', size, 'mediaType', media_type) ORDER BY position) FROM old_evidence \
     WHERE old_evidence.dispute_no = old_submissions.dispute_no AND submission = number) \
     FROM temp.page JOIN old_history USING (dispute_no, sequence) JOIN old_submissions USING (dispute_no) \
     WHERE number = CASE WHEN json_valid(detail) THEN detail ->> '$.submission.number' END ORDER BY entry_id",
    "INSERT INTO disputes SELECT min(entry_id), dispute_no, merchant_id, status, stage, deadline, d.sequence, head, \
     max(entry_id), coalesce(submission_number, 0), coalesce(submission_stage, stage), \
     coalesce(submission_fingerprint, zeroblob(32)), opening, payment_no, merchant_trade_no, payment_amount, \
     dispute_amount, currency, dispute_reason, reason_code, rrn, created_at \
     FROM temp.page JOIN old_disputes AS d USING (dispute_no) GROUP BY dispute_no ORDER BY 1",
    "INSERT INTO dispute_queue SELECT status, iif(status = 'NEEDS_RESPONSE', deadline, last_entry), dispute_id \
     FROM disputes WHERE dispute_id IN (SELECT entry_id FROM temp.page)",
];

/// What is wrong where rows are left over, which only a manual edit causes.
const LEFT_OVER: &str = "a history entry or submission has no dispute, or a submission has no history entry: start the version \
                         of rebuttal that served this database, and run `rebuttal doctor --histories`";

/// Copies what is not copied yet.
pub(super) fn run(connection: &mut Connection) -> Result<(), StoreError> {
    let (done, of) = (count(connection, "disputes")?, count(connection, "old_disputes")?);
    let mut progress = LayoutProgress::new(done, of);
    connection.execute_batch(
        "CREATE TEMP TABLE IF NOT EXISTS page (dispute_no TEXT NOT NULL, sequence INTEGER, entry_id INTEGER PRIMARY KEY)",
    )?;
    loop {
        match copy_page(connection)? {
            0 => break,
            copied => progress.add(copied),
        }
    }
    connection.execute_batch("DROP TABLE temp.page")?;
    for table in ["disputes", "history", "submissions"] {
        if count(connection, table)? != count(connection, &format!("old_{table}"))? {
            return Err(StoreError::Damaged(LEFT_OVER.to_owned()));
        }
    }
    Ok(())
}

/// Copies the next disputes in the order of opening, and returns how many.
fn copy_page(connection: &mut Connection) -> Result<i64, StoreError> {
    let page = connection.transaction()?;
    let last = "SELECT created_at, dispute_no FROM disputes ORDER BY dispute_id DESC LIMIT 1";
    let last = page.query_row(last, [], |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    let (created_at, dispute_no): (i64, String) = last.unwrap_or((i64::MIN, String::new()));
    let last_entry: i64 = page.query_row(LAST_ENTRY, [], |row| row.get(0))?;
    page.prepare_cached(PAGE_ENTRIES)?.execute(params![last_entry, created_at, dispute_no, PAGE])?;
    for sql in COPY {
        page.prepare_cached(sql)?.execute([])?;
    }
    let copied = page.query_row("SELECT count(DISTINCT dispute_no) FROM temp.page", [], |row| row.get(0))?;
    page.execute("DELETE FROM temp.page", [])?;
    page.commit()?;
    Ok(copied)
}

fn count(connection: &Connection, table: &str) -> Result<i64, StoreError> {
    Ok(connection.query_row(&format!("SELECT count(*) FROM {table}"), [], |row| row.get(0))?)
}
