-- What the inspection of an upload found, as JSON; null for uploads that no inspection of this form has seen.
ALTER TABLE uploads ADD COLUMN inspection TEXT;
