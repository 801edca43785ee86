-- What versions 4 to 6 of the schema did, undone. `now` is a copy of the database, `main` has the tables of version 3.

INSERT INTO merchants SELECT * FROM now.merchants;
INSERT INTO apps SELECT * FROM now.apps;
INSERT INTO secrets SELECT * FROM now.secrets;
INSERT INTO tokens SELECT * FROM now.tokens;
INSERT INTO nonces SELECT * FROM now.nonces;
INSERT INTO idempotency_keys SELECT * FROM now.idempotency_keys;
INSERT OR REPLACE INTO meta SELECT name, iif(name = 'min_binary', CAST('2' AS BLOB), value) FROM now.meta;
CREATE TABLE refinery_schema_history (version INT4 PRIMARY KEY, name VARCHAR(255), applied_on VARCHAR(255), checksum VARCHAR(255));
INSERT INTO refinery_schema_history SELECT * FROM now.refinery_schema_history WHERE version <= 3;

INSERT INTO disputes SELECT dispute_no, merchant_id, status, stage, deadline, sequence, head, nullif(submission_number, 0),
    iif(submission_number > 0, submission_stage, NULL), iif(submission_number > 0, submission_fingerprint, NULL), opening,
    payment_no, merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, reason_code, rrn, created_at
    FROM now.disputes;
INSERT INTO history SELECT dispute_no, h.sequence, at, event, actor, detail, hash
    FROM now.history AS h JOIN now.disputes USING (dispute_id);
INSERT INTO submissions SELECT dispute_no, number, s.stage, submitted_at, fingerprint
    FROM now.submissions AS s JOIN now.history USING (entry_id) JOIN now.disputes USING (dispute_id);
INSERT INTO evidence SELECT dispute_no, number, item.key + 1, item.value ->> 'type', item.value ->> 'name',
    item.value ->> 'url', unhex(item.value ->> 'sha256'), item.value ->> 'size', item.value ->> 'mediaType'
    FROM now.submissions JOIN now.history USING (entry_id) JOIN now.disputes USING (dispute_id), json_each(evidence) AS item;
INSERT INTO uploads SELECT url, sha256, size, media_type, uploaded_at,
    url NOT IN (SELECT url FROM now.unreferenced_uploads UNION SELECT url FROM now.marked_uploads),
    (SELECT marked_at FROM now.marked_uploads AS marked WHERE marked.url = uploads.url)
    FROM now.uploads;
INSERT INTO outbox (dispute_no, sequence, created_at) SELECT dispute_no, sequence, at FROM history;
