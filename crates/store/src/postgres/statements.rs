//! The statements of PostgreSQL, in addition to the shared ones. Those of the lanes are in the order in which a batch
//! runs them.
//!
//! Lists are sent as arrays, one for each column: a batch of any size is the same statement.

pub(super) use crate::statements::*;

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
        "SELECT ", state!(), ", dispute_id, last_entry FROM disputes WHERE dispute_no = ANY ($1::text[]) ORDER BY dispute_no FOR UPDATE"
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
    INSPECTIONS = "SELECT url, inspection FROM uploads WHERE url = ANY ($1::text[]) AND inspection IS NOT NULL";
    FIND_UPLOADS = "SELECT url, sha256, size, media_type, uploaded_at, \
         EXISTS (SELECT FROM marked_uploads WHERE marked_uploads.url = uploads.url) FROM uploads \
         WHERE url = ANY ($1::text[])";
    /// The bound is read last: see `load`.
    BOUND_TRANSACTION_AND_ENTRY = concat!("SELECT ", nonce_bound!(), ", pg_current_xact_id()::text, nextval('entry_ids')");

    // A batch saves.

    INSERT_DISPUTES = "INSERT INTO disputes (dispute_id, status, stage, deadline, sequence, head, last_entry, \
         submission_number, submission_stage, submission_fingerprint, dispute_no, merchant_id, opening, payment_no, \
         merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, reason_code, rrn, created_at) \
         SELECT * FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[], \
         $7::bigint[], $8::bigint[], $9::text[], $10::bytea[], $11::text[], $12::bigint[], $13::bytea[], $14::text[], \
         $15::text[], $16::bigint[], $17::bigint[], $18::text[], $19::text[], $20::text[], $21::text[], $22::bigint[])";
    UPDATE_DISPUTES = "UPDATE disputes SET status = u.status, stage = u.stage, deadline = u.deadline, \
         sequence = u.sequence, head = u.head, last_entry = u.last_entry, submission_number = u.submission_number, \
         submission_stage = u.submission_stage, submission_fingerprint = u.submission_fingerprint \
         FROM unnest($1::bigint[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::bytea[], $7::bigint[], \
         $8::bigint[], $9::text[], $10::bytea[]) AS u (dispute_id, status, stage, deadline, sequence, head, last_entry, \
         submission_number, submission_stage, submission_fingerprint) WHERE disputes.dispute_id = u.dispute_id";
    LEAVE_QUEUE = "DELETE FROM dispute_queue USING unnest($1::text[], $2::bigint[], $3::bigint[]) \
         AS u (status, position, dispute_id) WHERE dispute_queue.status = u.status \
         AND dispute_queue.position = u.position AND dispute_queue.dispute_id = u.dispute_id";
    ENTER_QUEUE = "INSERT INTO dispute_queue (status, position, dispute_id) \
         SELECT * FROM unnest($1::text[], $2::bigint[], $3::bigint[])";
    INSERT_KEYS = "INSERT INTO idempotency_keys (token, key, request, answer, created_at) \
         SELECT * FROM unnest($1::text[], $2::text[], $3::bytea[], $4::text[], $5::bigint[])";
    INSERT_HISTORY = "INSERT INTO history (entry_id, dispute_id, previous, sequence, at, event, actor, detail, hash) \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::bigint[], $4::bigint[], $5::bigint[], $6::text[], \
         $7::text[], $8::text[], $9::bytea[])";
    INSERT_OUTBOX = "INSERT INTO outbox (entry_id, created_at) SELECT * FROM unnest($1::bigint[], $2::bigint[])";
    INSERT_SUBMISSIONS = "INSERT INTO submissions (entry_id, number, stage, submitted_at, fingerprint, evidence) \
         SELECT * FROM unnest($1::bigint[], $2::bigint[], $3::text[], $4::bigint[], $5::bytea[], $6::text[])";
    INSERT_UPLOADS = "WITH new AS (SELECT * FROM unnest($1::text[], $2::bytea[], $3::bigint[], $4::text[], $5::bigint[], \
         $6::text[]) AS u (url, sha256, size, media_type, uploaded_at, inspection)), unreferenced AS (INSERT INTO unreferenced_uploads \
         (uploaded_at, url) SELECT uploaded_at, url FROM new) \
         INSERT INTO uploads (url, sha256, size, media_type, uploaded_at, inspection) SELECT * FROM new";
    /// Waits for maintenance that marks one of them.
    DELETE_UNREFERENCED = "WITH named AS (SELECT uploaded_at, url FROM unreferenced_uploads \
         JOIN unnest($1::bigint[], $2::text[]) AS u (uploaded_at, url) USING (uploaded_at, url) \
         ORDER BY url FOR UPDATE OF unreferenced_uploads) DELETE FROM unreferenced_uploads USING named \
         WHERE unreferenced_uploads.uploaded_at = named.uploaded_at AND unreferenced_uploads.url = named.url";
    /// Removes a mark for deletion that was set since the uploads were read: uploads in a submission are kept.
    UNMARK_UPLOADS = "WITH named AS (SELECT url FROM marked_uploads WHERE url = ANY ($1::text[]) ORDER BY url FOR UPDATE) \
         DELETE FROM marked_uploads USING named WHERE marked_uploads.url = named.url";
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

    MARK_UPLOADS = "WITH unreferenced AS (DELETE FROM unreferenced_uploads WHERE (uploaded_at, url) IN \
         (SELECT uploaded_at, url FROM unreferenced_uploads WHERE uploaded_at < $2 ORDER BY uploaded_at, url LIMIT $3 \
         FOR UPDATE SKIP LOCKED) RETURNING url) INSERT INTO marked_uploads (url, marked_at) SELECT url, $1 FROM unreferenced";
    FORGET_UPLOADS = "WITH forgotten AS (DELETE FROM marked_uploads WHERE url IN (SELECT url FROM marked_uploads \
         WHERE url = ANY ($1::text[]) ORDER BY url FOR UPDATE SKIP LOCKED) RETURNING url) \
         DELETE FROM uploads USING forgotten WHERE uploads.url = forgotten.url";
    PURGE_OUTBOX = "DELETE FROM outbox WHERE entry_id IN (SELECT entry_id FROM outbox ORDER BY entry_id LIMIT $2 \
         FOR UPDATE SKIP LOCKED) AND created_at < $1";
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
         UNION ALL SELECT 'USAGE on entry_ids' \
         WHERE NOT has_sequence_privilege(to_regclass('entry_ids')::oid, 'USAGE') \
         UNION ALL SELECT privilege || ' on ' || name FROM (VALUES \
         ('merchants', '{SELECT,INSERT,UPDATE}'::text[]), ('apps', '{SELECT,INSERT,UPDATE}'), \
         ('secrets', '{SELECT,INSERT,UPDATE,DELETE}'), ('tokens', '{SELECT,INSERT,UPDATE}'), \
         ('meta', '{SELECT,INSERT,UPDATE,DELETE}'), ('nonces', '{SELECT,INSERT}'), \
         ('disputes', '{SELECT,INSERT,UPDATE}'), ('dispute_queue', '{SELECT,INSERT,DELETE}'), \
         ('history', '{SELECT,INSERT}'), ('submissions', '{SELECT,INSERT}'), ('uploads', '{SELECT,INSERT,DELETE}'), \
         ('unreferenced_uploads', '{SELECT,INSERT,UPDATE,DELETE}'), ('marked_uploads', '{SELECT,INSERT,UPDATE,DELETE}'), \
         ('idempotency_keys', '{SELECT,INSERT,UPDATE,DELETE}'), ('outbox', '{SELECT,INSERT,UPDATE,DELETE}'), \
         ('refinery_schema_history', '{SELECT,INSERT}')) AS needed (name, privileges), unnest(privileges) AS privilege \
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
    DISPUTES_BY_ID = concat!(
        "SELECT ", record!(), " FROM disputes WHERE dispute_id = ANY ($1::bigint[]) ORDER BY dispute_id DESC"
    );
}

/// The statements of a batch, prepared before the first one.
pub(super) const BATCH: [&str; 18] = [
    LOCK_DISPUTES,
    CLAIM_NONCES,
    LOCK_TOKENS,
    FIND_KEYS,
    FIND_UPLOADS,
    BOUND_TRANSACTION_AND_ENTRY,
    INSERT_DISPUTES,
    UPDATE_DISPUTES,
    LEAVE_QUEUE,
    ENTER_QUEUE,
    INSERT_KEYS,
    INSERT_HISTORY,
    INSERT_OUTBOX,
    INSERT_SUBMISSIONS,
    INSERT_UPLOADS,
    DELETE_UNREFERENCED,
    UNMARK_UPLOADS,
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
    INSERT INTO dispute_queue SELECT * FROM dispute_queue WHERE FALSE; \
    DELETE FROM dispute_queue WHERE FALSE; \
    INSERT INTO history SELECT * FROM history WHERE FALSE; \
    INSERT INTO outbox SELECT * FROM outbox WHERE FALSE; \
    INSERT INTO submissions SELECT * FROM submissions WHERE FALSE; \
    INSERT INTO uploads SELECT * FROM uploads WHERE FALSE; \
    INSERT INTO unreferenced_uploads SELECT * FROM unreferenced_uploads WHERE FALSE; \
    DELETE FROM unreferenced_uploads WHERE FALSE; \
    DELETE FROM marked_uploads WHERE FALSE; \
    INSERT INTO idempotency_keys SELECT * FROM idempotency_keys WHERE FALSE; \
    DO $$ BEGIN \
        EXECUTE 'CREATE TABLE probe_' || pg_backend_pid() || \
            ' AS SELECT repeat(''x'', 1900) AS room FROM generate_series(1, 35)'; \
    END $$; \
    ROLLBACK TO SAVEPOINT proof";

/// Generated numbers continue after the migrated ones. Several statements, so it cannot be prepared.
pub(super) const CONTINUE_NUMBERS: &str = "\
    SELECT setval(pg_get_serial_sequence('merchants', 'merchant_id'), coalesce(max(merchant_id), 0) + 1, FALSE) \
    FROM merchants; \
    SELECT setval('entry_ids', \
        greatest((SELECT max(entry_id) FROM history), (SELECT max(dispute_id) FROM disputes), 0) + 1, FALSE)";
