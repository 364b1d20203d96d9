-- Keys of the REST service, how much of its daily quota each has used, and what people confirmed.

CREATE TABLE cira.api_keys (
    key_id TEXT COLLATE "C" NOT NULL,
    client TEXT NOT NULL,
    name TEXT NOT NULL,
    scopes TEXT[] NOT NULL,
    secret_hash BYTEA NOT NULL,
    pepper_id TEXT NOT NULL,
    requests_per_minute INTEGER NOT NULL,
    jobs_per_day INTEGER NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE,
    revoked_at TIMESTAMP WITH TIME ZONE,
    replaced_by TEXT COLLATE "C",
    last_used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT api_keys_pkey PRIMARY KEY (key_id),
    CONSTRAINT api_keys_key_id_check CHECK (key_id ~ '^[0-9a-hjkmnp-tv-z]{16}$'),
    CONSTRAINT api_keys_client_check CHECK (length(client) BETWEEN 1 AND 200 AND client !~ '[\u0001-\u001f\u007f]'),
    CONSTRAINT api_keys_name_check CHECK (length(name) <= 200),
    CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read', 'review', 'admin']),
    CONSTRAINT api_keys_secret_hash_check CHECK (octet_length(secret_hash) = 32),
    CONSTRAINT api_keys_limits_check CHECK (requests_per_minute > 0 AND jobs_per_day > 0),
    CONSTRAINT api_keys_replaced_by_fkey FOREIGN KEY(replaced_by) REFERENCES cira.api_keys (key_id)
);
CREATE INDEX api_keys_client_idx ON cira.api_keys (client);
COMMENT ON TABLE cira.api_keys IS 'Keys of the REST service; the keys themselves are kept nowhere';
COMMENT ON COLUMN cira.api_keys.key_id IS 'the part of the key that is no secret';
COMMENT ON COLUMN cira.api_keys.client IS 'whose jobs it submits and sees';
COMMENT ON COLUMN cira.api_keys.name IS 'what it is used for, in a person''s words';
COMMENT ON COLUMN cira.api_keys.scopes IS 'what it may do: submit, read, review, admin';
COMMENT ON COLUMN cira.api_keys.secret_hash IS 'HMAC-SHA-256 of the secret under the pepper';
COMMENT ON COLUMN cira.api_keys.pepper_id IS 'which pepper it was hashed with; not the pepper itself';
COMMENT ON COLUMN cira.api_keys.requests_per_minute IS 'requests it may make in a minute';
COMMENT ON COLUMN cira.api_keys.jobs_per_day IS 'new jobs it may submit in a day (UTC)';
COMMENT ON COLUMN cira.api_keys.created_at IS 'when it was made';
COMMENT ON COLUMN cira.api_keys.expires_at IS 'from then on it is not taken; null: never';
COMMENT ON COLUMN cira.api_keys.revoked_at IS 'since when it is not taken; null: it is';
COMMENT ON COLUMN cira.api_keys.replaced_by IS 'the key made by rotating this one';
COMMENT ON COLUMN cira.api_keys.last_used_at IS 'when it was last seen, to a minute';

CREATE TABLE cira.api_key_usage (
    key_id TEXT COLLATE "C" NOT NULL,
    day DATE NOT NULL,
    jobs INTEGER NOT NULL,
    CONSTRAINT api_key_usage_pkey PRIMARY KEY (key_id, day),
    CONSTRAINT api_key_usage_jobs_check CHECK (jobs >= 0),
    CONSTRAINT api_key_usage_key_id_fkey FOREIGN KEY(key_id) REFERENCES cira.api_keys (key_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.api_key_usage IS 'How much of its daily quota each API key has used';
COMMENT ON COLUMN cira.api_key_usage.key_id IS 'the key';
COMMENT ON COLUMN cira.api_key_usage.day IS 'the day, in UTC';
COMMENT ON COLUMN cira.api_key_usage.jobs IS 'new jobs it submitted on that day';

CREATE TABLE cira.confirmations (
    confirmation_id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id TEXT COLLATE "C" NOT NULL,
    document_sha256 TEXT NOT NULL,
    confirmed_by TEXT NOT NULL,
    key_id TEXT COLLATE "C",
    changes JSONB NOT NULL,
    verdict_before TEXT NOT NULL,
    verdict_after TEXT NOT NULL,
    confirmed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT confirmations_pkey PRIMARY KEY (confirmation_id),
    CONSTRAINT confirmations_changes_check CHECK (jsonb_typeof(changes) = 'object'),
    CONSTRAINT confirmations_verdicts_check CHECK (verdict_before IN ('accepted', 'needs_review', 'rejected') AND verdict_after IN ('accepted', 'needs_review', 'rejected')),
    CONSTRAINT confirmations_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT confirmations_document_sha256_fkey FOREIGN KEY(document_sha256) REFERENCES cira.documents (sha256),
    CONSTRAINT confirmations_key_id_fkey FOREIGN KEY(key_id) REFERENCES cira.api_keys (key_id)
);
CREATE INDEX confirmations_document_sha256_idx ON cira.confirmations (document_sha256);
CREATE INDEX confirmations_job_id_idx ON cira.confirmations (job_id);
COMMENT ON TABLE cira.confirmations IS 'Who confirmed which record, when, and what they corrected';
COMMENT ON COLUMN cira.confirmations.confirmation_id IS 'identifies it';
COMMENT ON COLUMN cira.confirmations.job_id IS 'the job';
COMMENT ON COLUMN cira.confirmations.document_sha256 IS 'the document';
COMMENT ON COLUMN cira.confirmations.confirmed_by IS 'the person who confirmed';
COMMENT ON COLUMN cira.confirmations.key_id IS 'the API key they used; null without one';
COMMENT ON COLUMN cira.confirmations.changes IS 'field -> before and after, for what was corrected';
COMMENT ON COLUMN cira.confirmations.verdict_before IS 'the record''s verdict before';
COMMENT ON COLUMN cira.confirmations.verdict_after IS 'the record''s verdict after it was validated anew';
COMMENT ON COLUMN cira.confirmations.confirmed_at IS 'when';
