//! The statements of SQLite, in addition to the shared ones. Where the statement of the same name in PostgreSQL
//! handles many rows, the one here is run for each of them.

use crate::views::DisputeFilter;

pub(super) use crate::statements::*;

statements! {
    // Transactions.

    /// Takes the write lock first: otherwise another transaction could write between this one's read and write.
    BEGIN = "BEGIN IMMEDIATE";
    COMMIT = "COMMIT";
    ROLLBACK = "ROLLBACK";

    // A batch loads.

    NONCE_BOUND = "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = 'nonce_bound'";
    LOAD_DISPUTES = concat!("SELECT ", state!(), " FROM disputes WHERE dispute_no = ?1");
    FIND_NONCES = "SELECT 1 FROM nonces WHERE timestamp = ?1 AND app_id = ?2 AND nonce = ?3";
    FIND_KEYS = "SELECT request, answer, created_at FROM idempotency_keys WHERE token = ?1 AND key = ?2";
    FIND_UPLOADS = "SELECT sha256, size, media_type, referenced, swept_at IS NOT NULL FROM uploads WHERE url = ?1";

    // A batch saves.

    INSERT_NONCES = "INSERT INTO nonces (timestamp, app_id, nonce) VALUES (?1, ?2, ?3)";
    INSERT_KEYS = "INSERT INTO idempotency_keys (token, key, request, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    /// The empty columns are set by the update that follows.
    INSERT_DISPUTES = "INSERT INTO disputes (dispute_no, merchant_id, status, stage, deadline, sequence, head, opening, \
         payment_no, merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, reason_code, rrn, \
         created_at) VALUES (?1, ?2, '', '', 0, 0, x'', ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)";
    UPDATE_DISPUTES = "UPDATE disputes SET status = ?2, stage = ?3, deadline = ?4, sequence = ?5, head = ?6, \
         submission_number = ?7, submission_stage = ?8, submission_fingerprint = ?9 WHERE dispute_no = ?1";
    INSERT_HISTORY = "INSERT INTO history (dispute_no, sequence, at, event, actor, detail, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)";
    INSERT_OUTBOX = "INSERT INTO outbox (dispute_no, sequence, created_at) VALUES (?1, ?2, ?3)";
    INSERT_SUBMISSIONS = "INSERT INTO submissions (dispute_no, number, stage, submitted_at, fingerprint) \
         VALUES (?1, ?2, ?3, ?4, ?5)";
    INSERT_EVIDENCE = "INSERT INTO evidence (dispute_no, submission, position, type, name, url, sha256, size, \
         media_type) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    INSERT_UPLOADS = "INSERT INTO uploads (url, sha256, size, media_type, uploaded_at, referenced) \
         VALUES (?1, ?2, ?3, ?4, ?5, 0)";
    REFER_TO_UPLOADS = "UPDATE uploads SET referenced = 1 WHERE url = ?1";

    // Accounts.

    CREATE_MERCHANT = "INSERT INTO merchants (name, time_zone, created_at) VALUES (?1, ?2, ?3)";
    HAS_APP = "SELECT 1 FROM apps WHERE app_id = ?1 AND merchant_id = ?2";
    SECRETS_OF_APPS = "SELECT secret_id, sealed, created_at, expires_at, first_used_at FROM secrets \
         WHERE app_id = ?1 ORDER BY expires_at IS NULL, created_at";

    // Maintenance.

    RAISE_NONCE_BOUND = "UPDATE meta SET value = CAST(CAST(?1 AS TEXT) AS BLOB) \
         WHERE name = 'nonce_bound' AND CAST(CAST(value AS TEXT) AS INTEGER) < ?1";
    PURGE_NONCES = "DELETE FROM nonces WHERE (timestamp, app_id, nonce) IN (SELECT timestamp, app_id, nonce FROM nonces \
         WHERE timestamp <= ?1 ORDER BY timestamp, app_id, nonce LIMIT ?2)";
    /// `referenced = 0` as in the definition of the index, here and in `BACKLOG`.
    MARK_UNREFERENCED = "UPDATE uploads SET swept_at = ?1 WHERE url IN (SELECT url FROM uploads \
         WHERE referenced = 0 AND swept_at IS NULL AND uploaded_at < ?2 ORDER BY uploaded_at LIMIT ?3)";
    FORGET_UPLOADS = "DELETE FROM uploads WHERE url = ?1 AND referenced = 0 AND swept_at IS NOT NULL";
    PURGE_KEYS = "DELETE FROM idempotency_keys WHERE (token, key) IN (SELECT token, key FROM idempotency_keys \
         WHERE created_at < ?1 ORDER BY created_at LIMIT ?2)";
    FORGET_SHOWN_SECRETS = "UPDATE idempotency_keys SET answer = ?3 WHERE (token, key) IN \
         (SELECT token, key FROM idempotency_keys WHERE created_at < ?1 AND instr(answer, '\"sealed\"') > 0 \
         ORDER BY created_at LIMIT ?2)";
    /// A new value each time, because an unchanged one would not be written.
    PROBE = "INSERT INTO meta (name, value) VALUES ('probe', randomblob(?1)) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    CHECKPOINT = "PRAGMA wal_checkpoint(TRUNCATE)";
    /// Copies what it can without waiting for a reader or the writer.
    COPY_LOG = "PRAGMA wal_checkpoint(PASSIVE)";
    /// Waits for the readers of an older state.
    RESTART_LOG = "PRAGMA wal_checkpoint(RESTART)";

    // Reads.

    MIN_BINARY = "SELECT CAST(value AS TEXT) FROM meta WHERE name = 'min_binary'";
    TOKENS = concat!(
        "SELECT ", token!(), " FROM tokens WHERE revoked_at IS NULL AND name > ?1 ORDER BY name LIMIT ?2"
    );
    BACKLOG = "SELECT (SELECT min(deadline) FROM disputes WHERE status = 'NEEDS_RESPONSE'), \
         (SELECT min(uploaded_at) FROM uploads WHERE referenced = 0 AND swept_at IS NULL), \
         (SELECT min(swept_at) FROM uploads WHERE swept_at IS NOT NULL)";
    EVIDENCE = "SELECT type, name, url, sha256, size, media_type FROM evidence WHERE dispute_no = ?1 \
         AND submission = ?2 ORDER BY position";
    /// The first inconsistency, or `ok`.
    INTEGRITY_CHECK = "PRAGMA integrity_check(1)";
}

/// Counts what a filter selects, up to a limit. Takes the values of [`list`].
pub(super) fn count(filter: &DisputeFilter) -> String {
    format!("SELECT count(*) FROM (SELECT 1 FROM disputes WHERE {} LIMIT ?10)", matching(filter))
}

/// A page of what a filter selects.
///
/// Conditions that a filter does not have are left out. With `?1 IS NULL OR …`, as in PostgreSQL's `LIST`, SQLite
/// would use no index: of 20,000 disputes one merchant's newest fifty would take 770 µs instead of 17, a page in the
/// middle 3,100 µs instead of 17. Parameters keep their numbers.
pub(super) fn list(filter: &DisputeFilter) -> String {
    let after = if filter.after.is_some() { " AND (created_at, dispute_no) < (?8, ?9)" } else { "" };
    format!(
        concat!(
            "SELECT ",
            record!(),
            " FROM disputes WHERE {}{} ORDER BY created_at DESC, dispute_no DESC LIMIT ?10"
        ),
        matching(filter),
        after
    )
}

/// The conditions of a list. A prefix is a range, so that an index can be used: from the prefix to the prefix
/// followed by the last character.
fn matching(filter: &DisputeFilter) -> String {
    let conditions = [
        (true, "TRUE"),
        (filter.merchant_id.is_some(), "merchant_id = ?1"),
        (filter.status.is_some(), "status = ?2"),
        (filter.stage.is_some(), "stage = ?3"),
        (filter.deadline_before.is_some(), "deadline < ?4"),
        (filter.created_after.is_some(), "created_at > ?5"),
        (
            filter.q.is_some(),
            "(dispute_no >= ?6 AND dispute_no < ?7 OR payment_no >= ?6 AND payment_no < ?7 \
             OR merchant_trade_no >= ?6 AND merchant_trade_no < ?7 OR rrn >= ?6 AND rrn < ?7)",
        ),
    ];
    let asked = conditions.into_iter().filter(|(asked, _)| *asked).map(|(_, condition)| condition);
    asked.collect::<Vec<_>>().join(" AND ")
}
