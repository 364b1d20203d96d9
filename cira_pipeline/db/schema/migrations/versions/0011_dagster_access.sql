-- Scopes for Dagster's UI, and links that sign a person in once.

ALTER TABLE cira.api_keys DROP CONSTRAINT api_keys_scopes_check;
ALTER TABLE cira.api_keys ADD CONSTRAINT api_keys_scopes_check CHECK (cardinality(scopes) > 0 AND scopes <@ ARRAY['submit', 'read', 'review', 'dagster_view', 'dagster_launch', 'admin']);
COMMENT ON COLUMN cira.api_keys.scopes IS 'what it may do';

CREATE TABLE cira.sign_in_links (
    token_hash BYTEA NOT NULL,
    key_id TEXT COLLATE "C" NOT NULL,
    person TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    expires_at TIMESTAMP WITH TIME ZONE NOT NULL,
    used_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT sign_in_links_pkey PRIMARY KEY (token_hash),
    CONSTRAINT sign_in_links_key_id_fkey FOREIGN KEY (key_id) REFERENCES cira.api_keys (key_id) ON DELETE CASCADE,
    CONSTRAINT sign_in_links_token_hash_check CHECK (octet_length(token_hash) = 32),
    CONSTRAINT sign_in_links_person_check CHECK (length(person) <= 200)
);
CREATE INDEX sign_in_links_key_id_idx ON cira.sign_in_links (key_id);
COMMENT ON TABLE cira.sign_in_links IS 'Links that sign a person in once, on the machine that runs CIRA; the links themselves are kept nowhere';
COMMENT ON COLUMN cira.sign_in_links.token_hash IS 'HMAC-SHA-256 of the link''s token under the pepper';
COMMENT ON COLUMN cira.sign_in_links.key_id IS 'the key of the session that it begins';
COMMENT ON COLUMN cira.sign_in_links.person IS 'name of the person in that session';
COMMENT ON COLUMN cira.sign_in_links.created_at IS 'when it was made';
COMMENT ON COLUMN cira.sign_in_links.expires_at IS 'from then on it is refused';
COMMENT ON COLUMN cira.sign_in_links.used_at IS 'when it was followed; null: not yet';
