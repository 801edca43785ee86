-- What versions 4 to 6 of the schema did, undone. The schema `now` has the tables, `public` has those of version 3.

INSERT INTO merchants SELECT * FROM now.merchants;
SELECT setval(pg_get_serial_sequence('merchants', 'merchant_id'), max(merchant_id)) FROM merchants;
INSERT INTO apps SELECT * FROM now.apps;
INSERT INTO secrets SELECT * FROM now.secrets;
INSERT INTO tokens SELECT * FROM now.tokens;
INSERT INTO idempotency_keys SELECT * FROM now.idempotency_keys;
DELETE FROM meta;
INSERT INTO meta SELECT name, CASE name WHEN 'min_binary' THEN '2'::bytea ELSE value END FROM now.meta
    WHERE name NOT LIKE 'lane:%';
CREATE TABLE refinery_schema_history AS SELECT * FROM now.refinery_schema_history WHERE version <= 3;
ALTER TABLE refinery_schema_history ADD PRIMARY KEY (version);

INSERT INTO disputes SELECT dispute_no, merchant_id, status, stage, deadline, sequence, head, nullif(submission_number, 0),
    CASE WHEN submission_number > 0 THEN submission_stage END, CASE WHEN submission_number > 0 THEN submission_fingerprint END,
    opening, payment_no, merchant_trade_no, payment_amount, dispute_amount, currency, dispute_reason, reason_code, rrn,
    created_at FROM now.disputes;
INSERT INTO history SELECT dispute_no, h.sequence, at, event, actor, detail, hash
    FROM now.history AS h JOIN now.disputes USING (dispute_id);
INSERT INTO submissions SELECT dispute_no, number, s.stage, submitted_at, fingerprint
    FROM now.submissions AS s JOIN now.history USING (entry_id) JOIN now.disputes USING (dispute_id);
INSERT INTO evidence SELECT dispute_no, number, position, item ->> 'type', item ->> 'name', item ->> 'url',
    decode(item ->> 'sha256', 'hex'), (item ->> 'size')::bigint, item ->> 'mediaType'
    FROM now.submissions JOIN now.history USING (entry_id) JOIN now.disputes USING (dispute_id),
    json_array_elements(evidence::json) WITH ORDINALITY AS items (item, position);
INSERT INTO uploads SELECT url, sha256, size, media_type, uploaded_at,
    url NOT IN (SELECT url FROM now.unreferenced_uploads UNION SELECT url FROM now.marked_uploads),
    (SELECT marked_at FROM now.marked_uploads AS marked WHERE marked.url = uploads.url)
    FROM now.uploads AS uploads;
INSERT INTO outbox (dispute_no, sequence, created_at) SELECT dispute_no, sequence, at FROM history;
DROP SCHEMA now CASCADE;
