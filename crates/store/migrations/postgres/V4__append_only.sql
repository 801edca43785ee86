-- History and submissions are appended at the end of their tables, in any order of disputes: a contest writes few pages.
-- The new tables are filled beside the old ones, which older binaries serve until V6; see postgres/layout_migration.rs.

-- Each batch takes one value, and the 4095 numbers after it.
CREATE SEQUENCE entry_ids INCREMENT BY 4096;

-- A dispute's row carries all that is decided and chained under its lock: nothing of this is read from elsewhere. No index
-- has a column that a contest changes, and the pages have room: so an update adds nothing to the indexes (HOT). As long as
-- there is no submission, its columns have values of the same length.
CREATE TABLE new_disputes (
    dispute_id             BIGINT           NOT NULL CONSTRAINT disputes_key PRIMARY KEY,
    dispute_no             TEXT COLLATE "C" NOT NULL CONSTRAINT disputes_number UNIQUE,
    merchant_id            BIGINT           NOT NULL CONSTRAINT disputes_merchant_exists REFERENCES merchants,
    status                 TEXT             NOT NULL,
    stage                  TEXT             NOT NULL,
    deadline               BIGINT           NOT NULL,
    sequence               BIGINT           NOT NULL,
    head                   BYTEA            NOT NULL,
    last_entry             BIGINT           NOT NULL,
    submission_number      BIGINT           NOT NULL,
    submission_stage       TEXT             NOT NULL,
    submission_fingerprint BYTEA            NOT NULL,
    opening                BYTEA            NOT NULL,
    payment_no             TEXT COLLATE "C" NOT NULL,
    merchant_trade_no      TEXT COLLATE "C" NOT NULL,
    payment_amount         BIGINT           NOT NULL,
    dispute_amount         BIGINT           NOT NULL,
    currency               TEXT             NOT NULL,
    dispute_reason         TEXT             NOT NULL,
    reason_code            TEXT,
    rrn                    TEXT COLLATE "C",
    created_at             BIGINT           NOT NULL
) WITH (fillfactor = 85);

-- Disputes by status: those in NEEDS_RESPONSE at their deadline, all others at their last entry.
CREATE TABLE dispute_queue (
    status     TEXT COLLATE "C" NOT NULL,
    position   BIGINT           NOT NULL,
    dispute_id BIGINT           NOT NULL,
    PRIMARY KEY (status, position, dispute_id)
);

-- The id of a dispute's first entry is the dispute's id. An entry names the one before it, and the dispute the last one.
-- Nothing refers to it but by that: it can be partitioned by entry_id.
CREATE TABLE new_history (
    entry_id   BIGINT NOT NULL CONSTRAINT history_key PRIMARY KEY,
    dispute_id BIGINT NOT NULL,
    previous   BIGINT,
    sequence   BIGINT NOT NULL,
    at         BIGINT NOT NULL,
    event      TEXT   NOT NULL,
    actor      TEXT   NOT NULL,
    detail     TEXT   NOT NULL,
    hash       BYTEA  NOT NULL
);

-- The submission of a history entry; its evidence is a JSON array.
CREATE TABLE new_submissions (
    entry_id     BIGINT NOT NULL CONSTRAINT submissions_key PRIMARY KEY,
    number       BIGINT NOT NULL,
    stage        TEXT   NOT NULL,
    submitted_at BIGINT NOT NULL,
    fingerprint  BYTEA  NOT NULL,
    evidence     TEXT   NOT NULL
);

-- Disputes that changed since they were copied. Every change of a dispute changes its row.
CREATE TABLE changed_disputes (dispute_no TEXT COLLATE "C" NOT NULL);

CREATE FUNCTION record_changed_dispute() RETURNS TRIGGER LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO changed_disputes VALUES (NEW.dispute_no);
    RETURN NULL;
END $$;

CREATE TRIGGER record_changed_dispute AFTER INSERT OR UPDATE ON disputes
    FOR EACH ROW EXECUTE FUNCTION record_changed_dispute();

-- Copies disputes with everything that belongs to them; of one that was copied before, what is new. Each statement sees what
-- was committed before it: so the disputes are read first, and of their histories what is in them.
CREATE FUNCTION copy_disputes(numbers TEXT[]) RETURNS VOID LANGUAGE plpgsql AS $$
DECLARE
    copied BIGINT := greatest((SELECT max(entry_id) FROM new_history), (SELECT max(dispute_id) FROM new_disputes), 0);
BEGIN
    CREATE TEMPORARY TABLE old_disputes ON COMMIT DROP AS SELECT * FROM disputes WHERE dispute_no = ANY (numbers);

    CREATE TEMPORARY TABLE page ON COMMIT DROP AS
        SELECT d.dispute_no, h.sequence, n.dispute_id, n.last_entry,
            copied + row_number() OVER (ORDER BY d.created_at, d.dispute_no, h.sequence) AS entry_id
        FROM old_disputes d
        LEFT JOIN new_disputes n USING (dispute_no)
        LEFT JOIN history h ON h.dispute_no = d.dispute_no AND h.sequence > coalesce(n.sequence, 0)
            AND h.sequence <= d.sequence;

    INSERT INTO new_history
        SELECT p.entry_id, coalesce(p.dispute_id, first_value(p.entry_id) OVER entries),
            coalesce(lag(p.entry_id) OVER entries, p.last_entry), h.sequence, h.at, h.event, h.actor, h.detail, h.hash
        FROM page p JOIN history h USING (dispute_no, sequence)
        WINDOW entries AS (PARTITION BY p.dispute_no ORDER BY p.sequence);

    INSERT INTO new_submissions
        SELECT p.entry_id, s.number, s.stage, s.submitted_at, s.fingerprint, coalesce(
            (SELECT json_agg(json_build_object('type', e.type, 'name', e.name, 'url', e.url,
                'sha256', encode(e.sha256, 'hex'), 'size', e.size, 'mediaType', e.media_type) ORDER BY e.position)
            FROM evidence e WHERE e.dispute_no = s.dispute_no AND e.submission = s.number)::text, '[]')
        FROM page p
        JOIN history h USING (dispute_no, sequence)
        JOIN submissions s ON s.dispute_no = h.dispute_no
            AND s.number = (h.detail::json -> 'submission' ->> 'number')::bigint;

    DELETE FROM dispute_queue q USING new_disputes n
        WHERE n.dispute_no = ANY (numbers) AND q.dispute_id = n.dispute_id AND q.status = n.status
        AND q.position = CASE n.status WHEN 'NEEDS_RESPONSE' THEN n.deadline ELSE n.last_entry END;

    INSERT INTO new_disputes
        SELECT coalesce(p.dispute_id, p.first), d.dispute_no, d.merchant_id, d.status, d.stage, d.deadline, d.sequence,
            d.head, coalesce(p.last, p.last_entry, p.first), coalesce(d.submission_number, 0),
            coalesce(d.submission_stage, d.stage),
            coalesce(d.submission_fingerprint, decode(repeat('00', 32), 'hex')), d.opening, d.payment_no,
            d.merchant_trade_no, d.payment_amount, d.dispute_amount, d.currency, d.dispute_reason, d.reason_code, d.rrn,
            d.created_at
        FROM (
            SELECT dispute_no, dispute_id, last_entry, min(entry_id) AS first,
                max(entry_id) FILTER (WHERE sequence IS NOT NULL) AS last
            FROM page GROUP BY dispute_no, dispute_id, last_entry
        ) p
        JOIN old_disputes d USING (dispute_no)
        ORDER BY p.first
        ON CONFLICT (dispute_no) DO UPDATE SET (status, stage, deadline, sequence, head, last_entry, submission_number,
            submission_stage, submission_fingerprint) = (excluded.status, excluded.stage, excluded.deadline,
            excluded.sequence, excluded.head, excluded.last_entry, excluded.submission_number,
            excluded.submission_stage, excluded.submission_fingerprint);

    INSERT INTO dispute_queue
        SELECT status, CASE status WHEN 'NEEDS_RESPONSE' THEN deadline ELSE last_entry END, dispute_id
        FROM new_disputes WHERE dispute_no = ANY (numbers);

    DROP TABLE old_disputes, page;
END $$;
