DROP TABLE old_evidence;
DROP TABLE old_submissions;
DROP TABLE old_history;
DROP TABLE old_disputes;

-- Uploads that no submission refers to, and those of them that are marked for deletion.
CREATE TABLE unreferenced_uploads (
    uploaded_at INTEGER NOT NULL,
    url         TEXT    NOT NULL,
    PRIMARY KEY (uploaded_at, url)
) STRICT, WITHOUT ROWID;

CREATE TABLE marked_uploads (
    url       TEXT    PRIMARY KEY,
    marked_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

CREATE INDEX marked_uploads_by_age ON marked_uploads (marked_at, url);

INSERT INTO unreferenced_uploads SELECT uploaded_at, url FROM uploads WHERE referenced = 0 AND swept_at IS NULL;
INSERT INTO marked_uploads SELECT url, swept_at FROM uploads WHERE referenced = 0 AND swept_at IS NOT NULL;
DROP INDEX uploads_unreferenced;
DROP INDEX uploads_swept;
ALTER TABLE uploads DROP COLUMN referenced;
ALTER TABLE uploads DROP COLUMN swept_at;
