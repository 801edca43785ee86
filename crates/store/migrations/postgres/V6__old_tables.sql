-- Locked in the order in which older binaries take them. What they did last is copied; from here on they are refused.
LOCK TABLE disputes, history, submissions, evidence, uploads, outbox IN ACCESS EXCLUSIVE MODE;
UPDATE meta SET value = '3'::bytea WHERE name = 'min_binary';
SELECT copy_disputes(ARRAY(SELECT DISTINCT dispute_no FROM changed_disputes));

DO $$ BEGIN
    IF (SELECT count(*) FROM disputes) <> (SELECT count(*) FROM new_disputes)
        OR (SELECT count(*) FROM history) <> (SELECT count(*) FROM new_history)
        OR (SELECT count(*) FROM submissions) <> (SELECT count(*) FROM new_submissions)
    THEN
        RAISE EXCEPTION 'a history entry or submission has no dispute, or a submission no history entry: run `rebuttal doctor --histories` of the version that served this database';
    END IF;
END $$;

SELECT setval('entry_ids', greatest((SELECT max(entry_id) FROM new_history), (SELECT max(dispute_id) FROM new_disputes), 0) + 1, FALSE);

DROP TABLE evidence, submissions, history, disputes, changed_disputes;
DROP FUNCTION copy_disputes, record_changed_dispute;
ALTER TABLE new_disputes RENAME TO disputes;
ALTER TABLE new_history RENAME TO history;
ALTER TABLE new_submissions RENAME TO submissions;

-- For notifications: one row for each history entry, written with it. A set, not a log: rows become visible in another
-- order than that of their numbers, so that no reader may go by the highest one that it has seen.
DROP TABLE outbox;
CREATE TABLE outbox (
    entry_id   BIGINT PRIMARY KEY,
    created_at BIGINT NOT NULL
);

-- Uploads that no submission refers to, and those of them that are marked for deletion.
CREATE TABLE unreferenced_uploads (
    uploaded_at BIGINT           NOT NULL,
    url         TEXT COLLATE "C" NOT NULL,
    PRIMARY KEY (uploaded_at, url)
);

CREATE TABLE marked_uploads (
    url       TEXT COLLATE "C" PRIMARY KEY,
    marked_at BIGINT           NOT NULL
);

CREATE INDEX marked_uploads_by_age ON marked_uploads (marked_at, url);

INSERT INTO unreferenced_uploads SELECT uploaded_at, url FROM uploads WHERE NOT referenced AND swept_at IS NULL;
INSERT INTO marked_uploads SELECT url, swept_at FROM uploads WHERE NOT referenced AND swept_at IS NOT NULL;
ALTER TABLE uploads DROP COLUMN referenced, DROP COLUMN swept_at;
