//! The statements of PostgreSQL, in addition to the shared ones. Those of the lanes are in the order in which a batch
//! runs them.
//!
//! Lists are sent as arrays, one for each column: a batch of any size is the same statement.

pub(super) use crate::statements::*;

/// The conditions of a list; null is no condition. A prefix is a range, so that an index can be used: from the prefix
/// to the prefix followed by the last character.
macro_rules! matching {
    () => {
        "($1::bigint IS NULL OR merchant_id = $1) AND ($2::text IS NULL OR status = $2) \
         AND ($3::text IS NULL OR stage = $3) AND ($4::bigint IS NULL OR deadline < $4) \
         AND ($5::bigint IS NULL OR created_at > $5) AND ($6::text IS NULL \
         OR dispute_no >= $6 AND dispute_no < $7 OR payment_no >= $6 AND payment_no < $7 \
         OR merchant_trade_no >= $6 AND merchant_trade_no < $7 OR rrn >= $6 AND rrn < $7)"
    };
}

macro_rules! nonce_bound {
    () => {
        "(SELECT convert_from(value, 'UTF8')::bigint FROM meta WHERE name = 'nonce_bound')"
    };
}

statements! {
    // A batch loads.

    /// Locked in the order of their numbers, and read without a join, so that after waiting for the lock the newest
    /// version is read.
    LOCK_DISPUTES = concat!(
        "SELECT ", state!(), " FROM disputes WHERE dispute_no = ANY ($1::text[]) ORDER BY dispute_no FOR UPDATE"
    );
    /// Waits for a transaction that inserts the same nonce. A nonce that is not returned was used, or is stale.
    /// The key is named so that the statement fails where the primary key was dropped: every nonce would count as
    /// unused.
    CLAIM_NONCES = concat!(
        "INSERT INTO nonces (timestamp, app_id, nonce) SELECT u.timestamp, u.app_id, u.nonce \
         FROM unnest($1::bigint[], $2::bytea[], $3::text[]) AS u (timestamp, app_id, nonce) WHERE u.timestamp > ",
        nonce_bound!(), " ORDER BY 1, 2, 3 ON CONFLICT (timestamp, app_id, nonce) DO NOTHING RETURNING timestamp, app_id, nonce"
    );
    /// Locks the tokens against revocation until the transaction ends: no change of a token is committed after its
    /// revocation.
    LOCK_TOKENS = "SELECT hash FROM tokens WHERE hash = ANY ($1::bytea[]) AND revoked_at IS NULL ORDER BY hash FOR SHARE";
    /// The caller's token and the one that the change names, in the same order: two tokens that revoke each other
    /// would deadlock otherwise.
    LOCK_TOKENS_TO_CHANGE = "SELECT hash, revoked_at IS NULL FROM tokens WHERE hash = $1 OR name = $2 \
         ORDER BY hash FOR UPDATE";
    FIND_KEYS = "SELECT token, key, request, answer, created_at FROM idempotency_keys \
         WHERE (token, key) IN (SELECT * FROM unnest($1::text[], $2::text[]))";
    FIND_UPLOADS = "SELECT url, sha256, size, media_type, referenced, swept_at IS NOT NULL FROM uploads \
         WHERE url = ANY ($1::text[])";
    /// Runs last: see `load`.
    NONCE_BOUND_AND_TRANSACTION = concat!("SELECT ", nonce_bound!(), ", pg_current_xact_id()::text");

    // A batch saves.

    INSERT_DISPUTES = "INSERT INTO disputes (dispute_no, merchant_id, status, stage, deadline, sequence, head, \
         submission_number, submission_stage, submission_fingerprint, opening, payment_no, merchant_trade_no, \
         payment_amount, dispute_amount, currency, dispute_reason, reason_code, rrn, created_at) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::text[], $5::bigint[], $6::bigint[], \
         $7::bytea[], $8::bigint[], $9::text[], $10::bytea[], $11::bytea[], $12::text[], $13::text[], $14::bigint[], \
         $15::bigint[], $16::text[], $17::text[], $18::text[], $19::text[], $20::bigint[])";
    UPDATE_DISPUTES = "UPDATE disputes SET status = u.status, stage = u.stage, deadline = u.deadline, \
         sequence = u.sequence, head = u.head, submission_number = u.submission_number, \
         submission_stage = u.submission_stage, submission_fingerprint = u.submission_fingerprint \
         FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[], \
         $8::text[], $9::bytea[]) AS u (dispute_no, status, stage, deadline, sequence, head, submission_number, \
         submission_stage, submission_fingerprint) WHERE disputes.dispute_no = u.dispute_no";
    INSERT_KEYS = "INSERT INTO idempotency_keys (token, key, request, answer, created_at) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[])";
    INSERT_HISTORY = "INSERT INTO history (dispute_no, sequence, at, event, actor, detail, hash) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], $7::bytea[])";
    INSERT_OUTBOX = "INSERT INTO outbox (dispute_no, sequence, created_at) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])";
    INSERT_SUBMISSIONS = "INSERT INTO submissions (dispute_no, number, stage, submitted_at, fingerprint) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[])";
    INSERT_EVIDENCE = "INSERT INTO evidence (dispute_no, submission, position, type, name, url, sha256, size, \
         media_type) SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[], $4::text[], $5::text[], $6::text[], \
         $7::bytea[], $8::bigint[], $9::text[])";
    INSERT_UPLOADS = "INSERT INTO uploads (url, sha256, size, media_type, uploaded_at) \
         SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[])";
    /// Removes a mark for deletion that was set since the uploads were read: uploads in a submission are kept.
    REFER_TO_UPLOADS = "WITH named AS \
         (SELECT url FROM uploads WHERE url = ANY ($1::text[]) ORDER BY url FOR NO KEY UPDATE) \
         UPDATE uploads SET referenced = TRUE, swept_at = NULL FROM named WHERE uploads.url = named.url";
    /// The marker that proves a commit: see `commit_resolution`. Begins with the time, by which the markers of closed
    /// lanes are deleted.
    MARK_BATCH = "INSERT INTO meta (name, value) \
         VALUES ($1, int8send((extract(epoch FROM now()) * 1000)::bigint) || int8send($2)) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";

    // Commit resolution.

    TRANSACTION_STATUS = "SELECT pg_xact_status($1::text::xid8)";
    HAS_BATCH_MARK = "SELECT EXISTS (SELECT FROM meta WHERE name = $1 AND substring(value FROM 9) = int8send($2))";

    // Partitions of nonces.

    /// Held while partitions are created or dropped, until the transaction ends.
    LOCK_PARTITIONS = "SELECT pg_advisory_xact_lock(7382001)";
    NONCE_BOUND = concat!("SELECT ", nonce_bound!());
    PARTITIONS = "SELECT inhrelid::regclass::text, substring(pg_get_expr(relpartbound, oid) \
         FROM 'TO \\(''?(\\d+)''?\\)')::bigint FROM pg_inherits JOIN pg_class ON oid = inhrelid \
         WHERE inhparent = 'nonces'::regclass ORDER BY 2";
    RAISE_NONCE_BOUND = "UPDATE meta SET value = convert_to($1::bigint::text, 'UTF8') \
         WHERE name = 'nonce_bound' AND convert_from(value, 'UTF8')::bigint < $1";
    DROP_OLD_MARKS = "DELETE FROM meta WHERE name LIKE 'lane:%' AND value < int8send($1)";

    // Maintenance. Locked rows are left for the next run.

    MARK_UNREFERENCED = "UPDATE uploads SET swept_at = $1 WHERE url IN (SELECT url FROM uploads \
         WHERE NOT referenced AND swept_at IS NULL AND uploaded_at < $2 ORDER BY uploaded_at LIMIT $3 \
         FOR NO KEY UPDATE SKIP LOCKED)";
    FORGET_UPLOADS = "DELETE FROM uploads WHERE url IN (SELECT url FROM uploads WHERE url = ANY ($1::text[]) \
         AND NOT referenced AND swept_at IS NOT NULL ORDER BY url FOR UPDATE SKIP LOCKED)";
    PURGE_KEYS = "DELETE FROM idempotency_keys WHERE (token, key) IN (SELECT token, key FROM idempotency_keys \
         WHERE created_at < $1 ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    FORGET_SHOWN_SECRETS = "UPDATE idempotency_keys SET answer = $3 WHERE (token, key) IN \
         (SELECT token, key FROM idempotency_keys WHERE created_at < $1 AND strpos(answer, '\"sealed\"') > 0 \
         ORDER BY created_at LIMIT $2 FOR UPDATE SKIP LOCKED)";
    PROBE = "INSERT INTO meta (name, value) VALUES ('probe', '\\x00') \
         ON CONFLICT (name) DO UPDATE SET value = CASE meta.value WHEN '\\x00' THEN '\\x01'::bytea ELSE '\\x00' END";

    // Accounts.

    /// Makes merchants visible in the order of their numbers, by which they are listed.
    LOCK_MERCHANT_NUMBERS = "SELECT pg_advisory_xact_lock(7382002)";
    CREATE_MERCHANT = "INSERT INTO merchants (name, time_zone, created_at) VALUES ($1, $2, $3) RETURNING merchant_id";
    /// Serializes changes of one app's secrets.
    LOCK_APP = "SELECT FROM apps WHERE app_id = $1 AND merchant_id = $2 FOR NO KEY UPDATE";

    // Checks of the start and of doctor.

    /// Held while the schema is checked and migrated: of replicas that start at the same time, one migrates and the
    /// others wait.
    LOCK_SCHEMA = "SELECT pg_advisory_lock(7382000)";
    HAS_MIGRATIONS = "SELECT to_regclass('refinery_schema_history') IS NOT NULL";
    HAS_META = "SELECT to_regclass('meta') IS NOT NULL";
    MIN_BINARY = "SELECT convert_from(value, 'UTF8') FROM meta WHERE name = 'min_binary'";
    SERVER = "SELECT current_setting('server_version_num')::int / 10000, current_setting('fsync'), \
         current_setting('full_page_writes'), current_setting('server_encoding'), \
         current_setting('max_connections')::bigint - (SELECT count(*) FROM pg_stat_activity)";
    /// Privileges on existing tables that the role lacks. Only the owner of a table can create its partitions.
    MISSING_PRIVILEGES = "SELECT 'CREATE on its schema' WHERE has_schema_privilege(current_schema(), 'CREATE') IS NOT TRUE \
         UNION ALL SELECT 'ownership of nonces' FROM pg_class \
         WHERE oid = to_regclass('nonces') AND NOT pg_has_role(relowner, 'USAGE') \
         UNION ALL SELECT privilege || ' on ' || name FROM (VALUES \
         ('merchants', '{SELECT,INSERT,UPDATE}'::text[]), ('apps', '{SELECT,INSERT,UPDATE}'), \
         ('secrets', '{SELECT,INSERT,UPDATE,DELETE}'), ('tokens', '{SELECT,INSERT,UPDATE}'), \
         ('meta', '{SELECT,INSERT,UPDATE,DELETE}'), ('nonces', '{SELECT,INSERT}'), \
         ('disputes', '{SELECT,INSERT,UPDATE}'), ('history', '{SELECT,INSERT}'), \
         ('submissions', '{SELECT,INSERT}'), ('evidence', '{SELECT,INSERT}'), \
         ('uploads', '{SELECT,INSERT,UPDATE,DELETE}'), ('idempotency_keys', '{SELECT,INSERT,UPDATE,DELETE}'), \
         ('outbox', '{SELECT,INSERT}'), ('refinery_schema_history', '{SELECT,INSERT}')) AS needed (name, privileges), unnest(privileges) AS privilege \
         WHERE NOT has_table_privilege(to_regclass(name)::oid, privilege)";
    SERVER_TIME = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::bigint";
    BACKEND_PID = "SELECT pg_backend_pid()";

    // Data migration.

    /// One data migration at a time. A killed one holds the lock until the server notices.
    LOCK_DATA_MIGRATION = "SELECT pg_advisory_lock(7382003)";
    IS_EMPTY = "SELECT NOT EXISTS (SELECT 1 FROM merchants) AND NOT EXISTS (SELECT 1 FROM tokens) \
         AND NOT EXISTS (SELECT 1 FROM meta WHERE name = 'key_check')";
    FORGET_META = "DELETE FROM meta WHERE name = $1";

    // Reads.

    SECRETS_OF_APPS = "SELECT secret_id, sealed, created_at, expires_at, first_used_at, app_id FROM secrets \
         WHERE app_id = ANY ($1::bytea[]) ORDER BY expires_at IS NULL, created_at";
    TOKENS = concat!(
        "SELECT ", token!(), " FROM tokens WHERE revoked_at IS NULL AND name COLLATE \"C\" > $1 \
         ORDER BY name COLLATE \"C\" LIMIT $2"
    );
    BACKLOG = "SELECT (SELECT min(deadline) FROM disputes WHERE status = 'NEEDS_RESPONSE'), \
         (SELECT min(uploaded_at) FROM uploads WHERE NOT referenced AND swept_at IS NULL), \
         (SELECT min(swept_at) FROM uploads WHERE swept_at IS NOT NULL)";
    EVIDENCE = "SELECT type, name, url, sha256, size, media_type, submission FROM evidence WHERE dispute_no = $1 \
         ORDER BY submission, position";
    COUNT = concat!("SELECT count(*) FROM (SELECT FROM disputes WHERE ", matching!(), " LIMIT $8) AS matching");
    LIST = concat!(
        "SELECT ", record!(), " FROM disputes WHERE ", matching!(),
        " AND ($9::bigint IS NULL OR (created_at, dispute_no) < ($9, $10::text)) \
         ORDER BY created_at DESC, dispute_no DESC LIMIT $8"
    );
}

/// The statements of a batch, prepared before the first one.
pub(super) const BATCH: [&str; 16] = [
    LOCK_DISPUTES,
    CLAIM_NONCES,
    LOCK_TOKENS,
    FIND_KEYS,
    FIND_UPLOADS,
    NONCE_BOUND_AND_TRANSACTION,
    INSERT_DISPUTES,
    UPDATE_DISPUTES,
    INSERT_KEYS,
    INSERT_HISTORY,
    INSERT_OUTBOX,
    INSERT_SUBMISSIONS,
    INSERT_EVIDENCE,
    INSERT_UPLOADS,
    REFER_TO_UPLOADS,
    MARK_BATCH,
];

/// Proves that contests, openings and uploads can be written (each table exists, and the role may write to it), and is
/// rolled back. The created table needs new disk space, as much as the probe of SQLite; rows of this size are not
/// compressed. It is named after the session, because replicas probe at the same time. Several statements, so it cannot
/// be prepared.
pub(super) const WRITE_PROBE: &str = "\
    SAVEPOINT proof; \
    INSERT INTO nonces SELECT * FROM nonces WHERE FALSE; \
    INSERT INTO disputes SELECT * FROM disputes WHERE FALSE; \
    UPDATE disputes SET status = status WHERE FALSE; \
    INSERT INTO history SELECT * FROM history WHERE FALSE; \
    INSERT INTO outbox SELECT * FROM outbox WHERE FALSE; \
    INSERT INTO submissions SELECT * FROM submissions WHERE FALSE; \
    INSERT INTO evidence SELECT * FROM evidence WHERE FALSE; \
    INSERT INTO uploads SELECT * FROM uploads WHERE FALSE; \
    UPDATE uploads SET referenced = referenced WHERE FALSE; \
    INSERT INTO idempotency_keys SELECT * FROM idempotency_keys WHERE FALSE; \
    DO $$ BEGIN \
        EXECUTE 'CREATE TABLE probe_' || pg_backend_pid() || \
            ' AS SELECT repeat(''x'', 1900) AS room FROM generate_series(1, 35)'; \
    END $$; \
    ROLLBACK TO SAVEPOINT proof";
