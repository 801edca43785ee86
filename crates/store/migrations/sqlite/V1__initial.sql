-- Times are Unix milliseconds. Ids, hashes and sealed secrets are blobs of their raw bytes.

-- Single values: min_binary (the oldest binary that may open this schema), nonce_bound, key_check.
CREATE TABLE meta (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

INSERT INTO meta (name, value) VALUES ('min_binary', CAST('1' AS BLOB)), ('nonce_bound', CAST('0' AS BLOB));

CREATE TABLE merchants (
    merchant_id INTEGER PRIMARY KEY AUTOINCREMENT,
    name        TEXT    NOT NULL,
    time_zone   TEXT    NOT NULL,
    created_at  INTEGER NOT NULL
) STRICT;

CREATE TABLE apps (
    app_id      BLOB    PRIMARY KEY,
    merchant_id INTEGER NOT NULL REFERENCES merchants,
    scheme      TEXT    NOT NULL,
    enabled     INTEGER NOT NULL,
    notify_url  TEXT,
    created_at  INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX apps_of_merchant ON apps (merchant_id, created_at);

CREATE TABLE secrets (
    secret_id     BLOB    PRIMARY KEY,
    app_id        BLOB    NOT NULL REFERENCES apps,
    sealed        BLOB    NOT NULL,
    created_at    INTEGER NOT NULL,
    expires_at    INTEGER,
    first_used_at INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX secrets_of_app ON secrets (app_id, created_at);

CREATE TABLE tokens (
    name       TEXT    PRIMARY KEY,
    hash       BLOB    NOT NULL UNIQUE,
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- A dispute's row carries all that is decided and chained under its lock: nothing of this is read from elsewhere.
CREATE TABLE disputes (
    dispute_no             TEXT    PRIMARY KEY,
    merchant_id            INTEGER NOT NULL REFERENCES merchants,
    status                 TEXT    NOT NULL,
    stage                  TEXT    NOT NULL,
    deadline               INTEGER NOT NULL,
    sequence               INTEGER NOT NULL,
    head                   BLOB    NOT NULL,
    submission_number      INTEGER,
    submission_stage       TEXT,
    submission_fingerprint BLOB,
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
) STRICT, WITHOUT ROWID;

CREATE INDEX disputes_by_payment ON disputes (merchant_id, payment_no);
CREATE INDEX disputes_by_trade ON disputes (merchant_id, merchant_trade_no);
CREATE INDEX disputes_by_age ON disputes (created_at, dispute_no);
CREATE INDEX disputes_of_merchant ON disputes (merchant_id, created_at, dispute_no);
CREATE INDEX disputes_due ON disputes (deadline) WHERE status = 'NEEDS_RESPONSE';

CREATE TABLE history (
    dispute_no TEXT    NOT NULL REFERENCES disputes,
    sequence   INTEGER NOT NULL,
    at         INTEGER NOT NULL,
    event      TEXT    NOT NULL,
    actor      TEXT    NOT NULL,
    detail     TEXT    NOT NULL,
    hash       BLOB    NOT NULL,
    PRIMARY KEY (dispute_no, sequence)
) STRICT, WITHOUT ROWID;

CREATE TABLE submissions (
    dispute_no   TEXT    NOT NULL REFERENCES disputes,
    number       INTEGER NOT NULL,
    stage        TEXT    NOT NULL,
    submitted_at INTEGER NOT NULL,
    fingerprint  BLOB    NOT NULL,
    PRIMARY KEY (dispute_no, number)
) STRICT, WITHOUT ROWID;

CREATE TABLE evidence (
    dispute_no TEXT    NOT NULL,
    submission INTEGER NOT NULL,
    position   INTEGER NOT NULL,
    type       TEXT    NOT NULL,
    name       TEXT    NOT NULL,
    url        TEXT    NOT NULL,
    sha256     BLOB    NOT NULL,
    size       INTEGER NOT NULL,
    media_type TEXT    NOT NULL,
    PRIMARY KEY (dispute_no, submission, position),
    FOREIGN KEY (dispute_no, submission) REFERENCES submissions
) STRICT, WITHOUT ROWID;

CREATE TABLE uploads (
    url         TEXT    PRIMARY KEY,
    sha256      BLOB    NOT NULL,
    size        INTEGER NOT NULL,
    media_type  TEXT    NOT NULL,
    uploaded_at INTEGER NOT NULL,
    referenced  INTEGER NOT NULL DEFAULT 0,
    swept_at    INTEGER
) STRICT, WITHOUT ROWID;

CREATE INDEX uploads_unreferenced ON uploads (uploaded_at) WHERE referenced = 0 AND swept_at IS NULL;
CREATE INDEX uploads_swept ON uploads (swept_at) WHERE swept_at IS NOT NULL;

-- The timestamp comes first: new rows land beside each other, and the oldest are one range (contract §2).
CREATE TABLE nonces (
    timestamp INTEGER NOT NULL,
    app_id    BLOB    NOT NULL,
    nonce     TEXT    NOT NULL,
    PRIMARY KEY (timestamp, app_id, nonce)
) STRICT, WITHOUT ROWID;

CREATE TABLE idempotency_keys (
    token      TEXT    NOT NULL,
    key        TEXT    NOT NULL,
    request    BLOB    NOT NULL,
    answer     TEXT    NOT NULL,
    created_at INTEGER NOT NULL,
    PRIMARY KEY (token, key)
) STRICT, WITHOUT ROWID;

CREATE INDEX idempotency_keys_by_age ON idempotency_keys (created_at);

-- What is to be told to merchants: one row for each history entry, written with it.
CREATE TABLE outbox (
    outbox_id  INTEGER PRIMARY KEY,
    dispute_no TEXT    NOT NULL,
    sequence   INTEGER NOT NULL,
    created_at INTEGER NOT NULL
) STRICT;
