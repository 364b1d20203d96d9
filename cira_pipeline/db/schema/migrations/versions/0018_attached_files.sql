-- Fields of invoices: attached files.

ALTER TABLE cira.record_attachments ADD COLUMN size_bytes NUMERIC CONSTRAINT record_attachments_size_bytes_check CHECK (abs(size_bytes) < 1e26 AND scale(size_bytes) <= 12);
COMMENT ON COLUMN cira.record_attachments.size_bytes IS 'size of the attached content';

-- Files that e-invoices carry: their bytes in the object store.

CREATE TABLE cira.attached_files (
	document_sha256 TEXT NOT NULL, 
	sha256 TEXT NOT NULL, 
	size_bytes BIGINT NOT NULL, 
	object_key TEXT NOT NULL, 
	created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL, 
	CONSTRAINT attached_files_pkey PRIMARY KEY (document_sha256, sha256), 
	CONSTRAINT attached_files_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'), 
	CONSTRAINT attached_files_size_bytes_check CHECK (size_bytes >= 0), 
	CONSTRAINT attached_files_document_sha256_fkey FOREIGN KEY(document_sha256) REFERENCES cira.documents (sha256)
);
COMMENT ON TABLE cira.attached_files IS 'Files that e-invoices carry, BG-24, each stored once for its document';
COMMENT ON COLUMN cira.attached_files.document_sha256 IS 'the document';
COMMENT ON COLUMN cira.attached_files.sha256 IS 'SHA-256 of the bytes, as in `record_attachments`';
COMMENT ON COLUMN cira.attached_files.size_bytes IS 'size in bytes';
COMMENT ON COLUMN cira.attached_files.object_key IS 'key of the bytes in the object store';
COMMENT ON COLUMN cira.attached_files.created_at IS 'when it was stored';
