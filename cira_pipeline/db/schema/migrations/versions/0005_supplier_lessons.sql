-- Suppliers' memory: what confirmed invoices taught, and where it helped.

ALTER TABLE cira.extractions ADD COLUMN memory TEXT DEFAULT '' NOT NULL;
COMMENT ON COLUMN cira.extractions.memory IS 'SHA-256 over the lessons of this supplier that the engine was given; empty: none';

ALTER TABLE cira.record_evidence ADD COLUMN remembered INTEGER DEFAULT 0 NOT NULL;
ALTER TABLE cira.record_evidence ADD CONSTRAINT record_evidence_remembered_check CHECK (remembered >= 0);
COMMENT ON COLUMN cira.record_evidence.remembered IS 'confirmed invoices of the same supplier and layout on which the field stood alike';

CREATE TABLE cira.supplier_lessons (
    client TEXT NOT NULL,
    document_sha256 TEXT NOT NULL,
    job_id TEXT COLLATE "C" NOT NULL,
    source TEXT NOT NULL,
    supplier TEXT NOT NULL,
    supplier_keys TEXT[] NOT NULL,
    layout TEXT NOT NULL,
    lesson JSONB NOT NULL,
    taught_at TIMESTAMP WITH TIME ZONE NOT NULL,
    learned_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT supplier_lessons_pkey PRIMARY KEY (client, document_sha256),
    CONSTRAINT supplier_lessons_document_sha256_fkey FOREIGN KEY (document_sha256) REFERENCES cira.documents (sha256),
    CONSTRAINT supplier_lessons_job_id_fkey FOREIGN KEY (job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT supplier_lessons_source_check CHECK (source IN ('confirmation', 'label')),
    CONSTRAINT supplier_lessons_supplier_keys_check CHECK (cardinality(supplier_keys) BETWEEN 1 AND 3),
    CONSTRAINT supplier_lessons_layout_check CHECK (layout ~ '^[0-9a-f]{8}$'),
    CONSTRAINT supplier_lessons_lesson_check CHECK (jsonb_typeof(lesson) = 'object' AND length(lesson::text) <= 200000)
);
CREATE INDEX supplier_lessons_supplier_keys_idx ON cira.supplier_lessons USING gin (supplier_keys);
CREATE INDEX supplier_lessons_job_id_idx ON cira.supplier_lessons (job_id);
CREATE INDEX supplier_lessons_document_sha256_idx ON cira.supplier_lessons (document_sha256);
COMMENT ON TABLE cira.supplier_lessons IS 'What confirmed invoices taught about their supplier''s layouts: a prior for its next ones, never a proof';
COMMENT ON COLUMN cira.supplier_lessons.client IS 'whose lesson it is; others are not taught by it, unless shared';
COMMENT ON COLUMN cira.supplier_lessons.document_sha256 IS 'the document';
COMMENT ON COLUMN cira.supplier_lessons.job_id IS 'the client''s job that it was learned from; erasing the job forgets it';
COMMENT ON COLUMN cira.supplier_lessons.source IS 'confirmation (of a person) or label (loaded from a file)';
COMMENT ON COLUMN cira.supplier_lessons.supplier IS 'the supplier''s name as confirmed; empty: none';
COMMENT ON COLUMN cira.supplier_lessons.supplier_keys IS 'what the supplier is found by: vat:, iban: and name:, each with letters and digits only; the first one names it';
COMMENT ON COLUMN cira.supplier_lessons.layout IS 'the layout among this supplier''s; names nothing by itself';
COMMENT ON COLUMN cira.supplier_lessons.lesson IS 'where the confirmed fields stood; docs/memory.md';
COMMENT ON COLUMN cira.supplier_lessons.taught_at IS 'when it was confirmed or labelled; newer ones count more';
COMMENT ON COLUMN cira.supplier_lessons.learned_at IS 'when this row was last written';
