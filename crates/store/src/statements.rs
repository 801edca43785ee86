//! Statements that both databases understand, and the parts that they are composed of. Those that differ are in
//! `sqlite/statements.rs` and `postgres/statements.rs`, under the same names if they do the same.
//!
//! For SQLite `$1` is a name, and names are numbered by first occurrence. So in each statement $1 precedes $2; a test
//! of SQLite checks it.

/// Declares statements as constants, and `ALL` of them.
macro_rules! statements {
    ($($(#[$meta:meta])* $name:ident = $sql:expr;)*) => {
        $($(#[$meta])* pub(super) const $name: &str = $sql;)*

        /// Every statement with its name.
        pub(super) const ALL: &[(&str, &str)] = &[$((stringify!($name), $name)),*];
    };
}

/// The columns that `rows::dispute` reads, in its order.
macro_rules! state {
    () => {
        "dispute_no, merchant_id, status, stage, deadline, sequence, head, submission_number, submission_stage, \
         submission_fingerprint, opening"
    };
}

/// The columns that `rows::record` reads, in its order.
macro_rules! record {
    () => {
        concat!(
            $crate::statements::state!(),
            ", payment_no, merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, reason_code, \
             rrn, created_at"
        )
    };
}

/// Of several, the one that needs a response soonest, otherwise the newest, ties by number.
macro_rules! first {
    () => {
        " ORDER BY CASE WHEN status = 'NEEDS_RESPONSE' THEN deadline END NULLS LAST, \
         CASE WHEN status <> 'NEEDS_RESPONSE' THEN created_at END DESC, dispute_no LIMIT 1"
    };
}

macro_rules! app {
    () => {
        "SELECT app_id, merchant_id, time_zone, scheme, enabled, notify_url, apps.created_at FROM apps \
         JOIN merchants USING (merchant_id) WHERE "
    };
}

/// The columns that `rows::token` reads, in its order.
macro_rules! token {
    () => {
        "name, role, created_at, revoked_at"
    };
}

/// A token replaces the one with its name.
macro_rules! replace_token {
    () => {
        " ON CONFLICT (name) DO UPDATE SET hash = excluded.hash, role = excluded.role, \
         created_at = excluded.created_at, revoked_at = NULL"
    };
}

pub(crate) use {record, state, statements, token};

statements! {
    // The schema.

    MIGRATIONS = "SELECT version, name, checksum FROM refinery_schema_history ORDER BY version";

    // Single values.

    META = "SELECT value FROM meta WHERE name = $1";
    PUT_META = "INSERT INTO meta (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    /// Inserts only if none is stored.
    INSERT_KEY_CHECK = "INSERT INTO meta (name, value) VALUES ('key_check', $1) ON CONFLICT DO NOTHING";
    INSERT_INSTALLATION_ID = "INSERT INTO meta (name, value) VALUES ('identity', $1) ON CONFLICT DO NOTHING";

    /// Changes nothing if another value than the expected one is stored.
    REPLACE_META = "INSERT INTO meta (name, value) VALUES ($1, $2) \
         ON CONFLICT (name) DO UPDATE SET value = excluded.value WHERE meta.value = $3";

    // Accounts.

    CHANGE_MERCHANT = "UPDATE merchants SET name = coalesce($1, name), time_zone = coalesce($2, time_zone) \
         WHERE merchant_id = $3";
    HAS_MERCHANT = "SELECT 1 FROM merchants WHERE merchant_id = $1";
    MERCHANT = "SELECT merchant_id, name, time_zone, created_at FROM merchants WHERE merchant_id = $1";
    MERCHANTS = "SELECT merchant_id, name, time_zone, created_at FROM merchants WHERE merchant_id > $1 \
         ORDER BY merchant_id LIMIT $2";
    CREATE_APP = "INSERT INTO apps (app_id, merchant_id, scheme, enabled, notify_url, created_at) \
         VALUES ($1, $2, $3, $4, $5, $6)";
    CHANGE_APP = "UPDATE apps SET scheme = coalesce($1, scheme), enabled = coalesce($2, enabled), \
         notify_url = CASE WHEN $3 THEN $4 ELSE notify_url END WHERE app_id = $5 AND merchant_id = $6";
    APP = concat!(app!(), "app_id = $1");
    APPS_OF_MERCHANT = concat!(app!(), "merchant_id = $1 ORDER BY apps.created_at, app_id");
    RUNNING_OVERLAP = "SELECT max(expires_at) FROM secrets WHERE app_id = $1 AND expires_at > $2";
    RETIRE_SECRET = "UPDATE secrets SET expires_at = $1 WHERE app_id = $2 AND expires_at IS NULL";
    /// Deleted rather than expired: the clock of another replica must not decide when they end.
    END_SECRETS = "DELETE FROM secrets WHERE app_id = $1";
    END_OLDER_SECRETS = "DELETE FROM secrets WHERE app_id = $1 AND expires_at IS NOT NULL";
    INSERT_SECRET = "INSERT INTO secrets (secret_id, app_id, sealed, created_at) VALUES ($1, $2, $3, $4)";
    USE_SECRET = "UPDATE secrets SET first_used_at = $1 WHERE secret_id = $2 AND first_used_at IS NULL";
    DROP_EXPIRED_SECRETS = "DELETE FROM secrets WHERE expires_at <= $1";
    TOKEN = concat!("SELECT ", token!(), " FROM tokens WHERE hash = $1 AND revoked_at IS NULL");
    /// A revoked token's value is taken, too: it cannot be used again.
    TOKEN_HOLDER = "SELECT name FROM tokens WHERE hash = $1";
    PUT_TOKEN = concat!("INSERT INTO tokens (name, hash, role, created_at) VALUES ($1, $2, $3, $4)", replace_token!());
    /// Changes nothing where the name's token is not revoked.
    CREATE_TOKEN = concat!(
        "INSERT INTO tokens (name, hash, role, created_at) VALUES ($1, $2, $3, $4)", replace_token!(),
        " WHERE tokens.revoked_at IS NOT NULL"
    );
    REVOKE_TOKEN = concat!(
        "UPDATE tokens SET revoked_at = coalesce(revoked_at, $1) WHERE name = $2 RETURNING ", token!()
    );

    /// Whether there are rows that only an initialized database has.
    ANY_ACCOUNT = "SELECT 1 WHERE EXISTS (SELECT 1 FROM tokens) OR EXISTS (SELECT 1 FROM merchants) \
         OR EXISTS (SELECT 1 FROM disputes)";
    ENCRYPTED_SECRETS = "SELECT app_id, secret_id, sealed FROM secrets LIMIT $1";

    // Uploads.

    UPLOAD = "SELECT sha256, size, media_type FROM uploads WHERE url = $1";
    UPLOADS = "SELECT url, sha256, size, media_type FROM uploads WHERE url > $1 \
         AND NOT EXISTS (SELECT 1 FROM marked_uploads WHERE marked_uploads.url = uploads.url) ORDER BY url LIMIT $2";
    ANY_UPLOAD = "SELECT 1 FROM uploads LIMIT 1";
    /// In an order without ties, so that a page can begin after any row.
    MARKED = "SELECT marked_at, url FROM marked_uploads WHERE marked_at < $1 AND (marked_at, url) > ($2, $3) \
         ORDER BY marked_at, url LIMIT $4";
    BACKLOG = "SELECT (SELECT min(position) FROM dispute_queue WHERE status = 'NEEDS_RESPONSE'), \
         (SELECT min(uploaded_at) FROM unreferenced_uploads), (SELECT min(marked_at) FROM marked_uploads)";

    // Disputes.

    DUE = "SELECT dispute_no FROM dispute_queue JOIN disputes USING (status, dispute_id) \
         WHERE dispute_queue.status = 'NEEDS_RESPONSE' AND position <= $1 AND position = deadline \
         ORDER BY position LIMIT $2";
    DISPUTE = concat!("SELECT ", record!(), " FROM disputes WHERE dispute_no = $1");
    DISPUTE_OF_MERCHANT = concat!("SELECT ", record!(), " FROM disputes WHERE merchant_id = $1 AND dispute_no = $2");
    DISPUTE_BY_PAYMENT = concat!(
        "SELECT ", record!(), " FROM disputes WHERE merchant_id = $1 AND payment_no = $2", first!()
    );
    DISPUTE_BY_TRADE = concat!(
        "SELECT ", record!(), " FROM disputes WHERE merchant_id = $1 AND merchant_trade_no = $2", first!()
    );
    /// All numbers, a page at a time, in the order of opening: so their histories are read in the order of their rows.
    NUMBERS = "SELECT dispute_id, dispute_no FROM disputes WHERE dispute_id > $1 ORDER BY dispute_id LIMIT $2";
    COUNT_NUMBERS = "SELECT count(*) FROM (SELECT 1 FROM disputes LIMIT $1) AS counted";
    /// A history whose dispute is missing, which only a manual edit causes.
    STRAY_HISTORY = "SELECT dispute_id FROM history \
         WHERE NOT EXISTS (SELECT 1 FROM disputes WHERE disputes.dispute_id = history.dispute_id) LIMIT 1";
    /// A dispute that is not in the queue where it belongs, which only a manual edit causes: it would not expire.
    UNQUEUED = "SELECT dispute_no FROM disputes WHERE NOT EXISTS (SELECT 1 FROM dispute_queue \
         WHERE dispute_queue.status = disputes.status AND dispute_queue.dispute_id = disputes.dispute_id \
         AND position = CASE disputes.status WHEN 'NEEDS_RESPONSE' THEN deadline ELSE last_entry END) LIMIT 1";
    /// A dispute's entries, each with its submission. `UNION` ends at an entry that was reached before, where a manual
    /// edit made a circle.
    HISTORY = "WITH RECURSIVE chain (entry_id) AS (SELECT last_entry FROM disputes WHERE dispute_no = $1 \
         UNION SELECT previous FROM chain JOIN history USING (entry_id) WHERE previous IS NOT NULL) \
         SELECT sequence, at, event, actor, detail, hash, number, stage, submitted_at, fingerprint, evidence \
         FROM chain JOIN history USING (entry_id) LEFT JOIN submissions USING (entry_id) ORDER BY sequence";
    NEWEST_ENTRY = "SELECT at FROM history ORDER BY entry_id DESC LIMIT 1";
}
