-- What a token's holder may do, and since when nobody is let in by it; of a name that is used again, the present token's.
-- Tokens from before there were roles could do everything.
ALTER TABLE tokens ADD COLUMN role TEXT NOT NULL DEFAULT 'admin';
ALTER TABLE tokens ADD COLUMN revoked_at INTEGER;
