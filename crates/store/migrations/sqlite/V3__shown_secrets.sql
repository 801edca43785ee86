-- The answers under idempotency keys that hold an encrypted secret or token, which goes from them after a day.
CREATE INDEX idempotency_keys_with_secrets ON idempotency_keys (created_at) WHERE instr(answer, '"sealed"') > 0;
