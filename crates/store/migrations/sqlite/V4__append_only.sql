-- History and submissions are appended at the end of their tables, in any order of disputes: a contest writes few pages.
-- The store copies the rows of the old tables, page by page; see sqlite/layout_migration.rs.

UPDATE meta SET value = CAST('3' AS BLOB) WHERE name = 'min_binary';

ALTER TABLE disputes RENAME TO old_disputes;
ALTER TABLE history RENAME TO old_history;
ALTER TABLE submissions RENAME TO old_submissions;
ALTER TABLE evidence RENAME TO old_evidence;

-- A dispute's row carries all that is decided and chained under its lock: nothing of this is read from elsewhere. As long
-- as there is no submission, its columns have values of the same length, so that a contest does not enlarge the row.
CREATE TABLE disputes (
    dispute_id             INTEGER PRIMARY KEY,
    dispute_no             TEXT    NOT NULL UNIQUE,
    merchant_id            INTEGER NOT NULL REFERENCES merchants,
    status                 TEXT    NOT NULL,
    stage                  TEXT    NOT NULL,
    deadline               INTEGER NOT NULL,
    sequence               INTEGER NOT NULL,
    head                   BLOB    NOT NULL,
    last_entry             INTEGER NOT NULL,
    submission_number      INTEGER NOT NULL,
    submission_stage       TEXT    NOT NULL,
    submission_fingerprint BLOB    NOT NULL,
    opening                BLOB    NOT NULL,
    payment_no             TEXT    NOT NULL,
    merchant_trade_no      TEXT    NOT NULL,
    payment_amount         INTEGER NOT NULL,
    dispute_amount         INTEGER NOT NULL,
    currency               TEXT    NOT NULL,
    dispute_reason         TEXT    NOT NULL,
    reason_code            TEXT,
    rrn                    TEXT,
    created_at             INTEGER NOT NULL
) STRICT;

-- Disputes by status: those in NEEDS_RESPONSE at their deadline, all others at their last entry.
CREATE TABLE dispute_queue (
    status     TEXT    NOT NULL,
    position   INTEGER NOT NULL,
    dispute_id INTEGER NOT NULL,
    PRIMARY KEY (status, position, dispute_id)
) STRICT, WITHOUT ROWID;

-- The id of a dispute's first entry is the dispute's id. An entry names the one before it, and the dispute the last one.
CREATE TABLE history (
    entry_id   INTEGER PRIMARY KEY,
    dispute_id INTEGER NOT NULL,
    previous   INTEGER,
    sequence   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    hash       BLOB    NOT NULL
) STRICT;

-- The submission of a history entry; its evidence is a JSON array.
CREATE TABLE submissions (
    entry_id     INTEGER PRIMARY KEY,
    number       INTEGER NOT NULL,
    stage        TEXT    NOT NULL,
    submitted_at INTEGER NOT NULL,
    fingerprint  BLOB    NOT NULL,
    evidence     TEXT    NOT NULL
) STRICT;

-- For notifications: one row for each history entry, written with it.
DROP TABLE outbox;
CREATE TABLE outbox (
    entry_id   INTEGER PRIMARY KEY,
    created_at INTEGER NOT NULL
) STRICT;
