//! The statements of SQLite, in addition to the shared ones. Where the statement of the same name in PostgreSQL
//! handles many rows, the one here is run for each of them.

pub(super) use crate::statements::*;

/// Whether the dispute of a row of the queue in `NEEDS_RESPONSE` needs no response any more, or by another deadline.
macro_rules! is_stale {
    () => {
        "NOT EXISTS (SELECT 1 FROM disputes WHERE disputes.dispute_id = dispute_queue.dispute_id \
         AND disputes.status = 'NEEDS_RESPONSE' AND disputes.deadline = dispute_queue.position)"
    };
}

statements! {
    // Transactions.

    /// Takes the write lock first: otherwise another transaction could write between this one's read and write.
    BEGIN = "BEGIN IMMEDIATE";
    COMMIT = "COMMIT";
    ROLLBACK = "ROLLBACK";

    // A batch loads.

    NONCE_BOUND = "SELECT CAST(CAST(value AS TEXT) AS INTEGER) FROM meta WHERE name = 'nonce_bound'";
    LOAD_DISPUTES = concat!("SELECT ", state!(), ", dispute_id, last_entry FROM disputes WHERE dispute_no = ?1");
    FIND_NONCES = "SELECT 1 FROM nonces WHERE timestamp = ?1 AND app_id = ?2 AND nonce = ?3";
    FIND_KEYS = "SELECT request, answer, created_at FROM idempotency_keys WHERE token = ?1 AND key = ?2";
    INSPECTION = "SELECT inspection FROM uploads WHERE url = ?1 AND inspection IS NOT NULL";
    FIND_UPLOADS = "SELECT sha256, size, media_type, uploaded_at, \
         EXISTS (SELECT 1 FROM marked_uploads WHERE marked_uploads.url = uploads.url) FROM uploads WHERE url = ?1";
    /// The highest id of each table, in case a manual edit deleted rows.
    LAST_ENTRY = "SELECT max(coalesce((SELECT max(entry_id) FROM history), 0), \
         coalesce((SELECT max(dispute_id) FROM disputes), 0), coalesce((SELECT max(entry_id) FROM submissions), 0), \
         coalesce((SELECT max(entry_id) FROM outbox), 0))";

    // A batch saves.

    INSERT_NONCES = "INSERT INTO nonces (timestamp, app_id, nonce) VALUES (?1, ?2, ?3)";
    INSERT_KEYS = "INSERT INTO idempotency_keys (token, key, request, answer, created_at) VALUES (?1, ?2, ?3, ?4, ?5)";
    INSERT_DISPUTES = "INSERT INTO disputes (dispute_id, dispute_no, merchant_id, status, stage, deadline, sequence, head, \
         last_entry, submission_number, submission_stage, submission_fingerprint, opening, payment_no, \
         merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, reason_code, rrn, created_at) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21, ?22)";
    UPDATE_DISPUTES = "UPDATE disputes SET status = ?2, sequence = ?3, head = ?4, last_entry = ?5, \
         submission_number = ?6, submission_stage = ?7, submission_fingerprint = ?8 WHERE dispute_id = ?1";
    /// The columns that have an index: SQLite writes to it whenever one is set, also to its present value.
    UPDATE_STAGE_AND_DEADLINE = "UPDATE disputes SET stage = ?2, deadline = ?3 WHERE dispute_id = ?1";
    LEAVE_QUEUE = "DELETE FROM dispute_queue WHERE status = ?1 AND position = ?2 AND dispute_id = ?3";
    /// A stale row may be there already.
    ENTER_QUEUE = "INSERT OR IGNORE INTO dispute_queue (status, position, dispute_id) VALUES (?1, ?2, ?3)";
    INSERT_HISTORY = "INSERT INTO history (entry_id, dispute_id, previous, sequence, at, event, actor, detail, hash) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)";
    INSERT_SUBMISSIONS = "INSERT INTO submissions (entry_id, number, stage, submitted_at, fingerprint, evidence) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    INSERT_OUTBOX = "INSERT INTO outbox (entry_id, created_at) VALUES (?1, ?2)";
    INSERT_UPLOADS = "INSERT INTO uploads (url, sha256, size, media_type, uploaded_at, inspection) \
         VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    INSERT_UNREFERENCED = "INSERT INTO unreferenced_uploads (uploaded_at, url) VALUES (?1, ?2)";
    DELETE_UNREFERENCED = "DELETE FROM unreferenced_uploads WHERE uploaded_at = ?1 AND url = ?2";

    // Accounts.

    CREATE_MERCHANT = "INSERT INTO merchants (name, time_zone, created_at) VALUES (?1, ?2, ?3)";
    HAS_APP = "SELECT 1 FROM apps WHERE app_id = ?1 AND merchant_id = ?2";
    SECRETS_OF_APPS = "SELECT secret_id, sealed, created_at, expires_at, first_used_at FROM secrets \
         WHERE app_id = ?1 ORDER BY expires_at IS NULL, created_at";

    // Maintenance.

    /// Rows of the queue after one, and whether their dispute has left it.
    SEARCH_QUEUE = concat!("SELECT position, dispute_id, ", is_stale!(), " FROM dispute_queue \
         WHERE status = 'NEEDS_RESPONSE' AND (position, dispute_id) > (?1, ?2) ORDER BY position, dispute_id LIMIT ?3");
    DELETE_STALE_ROWS = concat!("DELETE FROM dispute_queue WHERE status = 'NEEDS_RESPONSE' AND ", is_stale!());
    DELETE_META = "DELETE FROM meta WHERE name = ?1";
    RAISE_NONCE_BOUND = "UPDATE meta SET value = CAST(CAST(?1 AS TEXT) AS BLOB) \
         WHERE name = 'nonce_bound' AND CAST(CAST(value AS TEXT) AS INTEGER) < ?1";
    PURGE_NONCES = "DELETE FROM nonces WHERE (timestamp, app_id, nonce) IN (SELECT timestamp, app_id, nonce FROM nonces \
         WHERE timestamp <= ?1 ORDER BY timestamp, app_id, nonce LIMIT ?2)";
    MARK_UPLOADS = "INSERT INTO marked_uploads (url, marked_at) SELECT url, ?1 FROM unreferenced_uploads \
         WHERE uploaded_at < ?2 ORDER BY uploaded_at, url LIMIT ?3";
    /// Those that `MARK_UPLOADS` marked.
    DELETE_MARKED_UNREFERENCED = "DELETE FROM unreferenced_uploads WHERE (uploaded_at, url) IN (SELECT uploaded_at, url \
         FROM unreferenced_uploads WHERE uploaded_at < ?1 ORDER BY uploaded_at, url LIMIT ?2)";
    DELETE_MARKED = "DELETE FROM marked_uploads WHERE url = ?1";
    DELETE_UPLOADS = "DELETE FROM uploads WHERE url = ?1";
    PURGE_OUTBOX = "DELETE FROM outbox WHERE entry_id IN \
         (SELECT entry_id FROM outbox WHERE created_at < ?1 ORDER BY entry_id LIMIT ?2)";
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
    DISPUTE_BY_ID = concat!("SELECT ", record!(), " FROM disputes WHERE dispute_id = ?1");
    /// The first inconsistency, or `ok`.
    INTEGRITY_CHECK = "PRAGMA integrity_check(1)";
}
