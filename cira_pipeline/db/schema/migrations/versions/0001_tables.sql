-- All tables, as the first version has them. Later changes are later migrations.

CREATE TABLE cira.documents (
    sha256 TEXT NOT NULL,
    media_type TEXT NOT NULL,
    size_bytes BIGINT NOT NULL,
    page_count INTEGER NOT NULL,
    object_key TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT documents_pkey PRIMARY KEY (sha256),
    CONSTRAINT documents_sha256_check CHECK (sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT documents_media_type_check CHECK (media_type IN ('application/pdf', 'image/png', 'image/jpeg', 'image/tiff', 'application/xml')),
    CONSTRAINT documents_sizes_check CHECK (size_bytes > 0 AND page_count >= 0)
);
COMMENT ON TABLE cira.documents IS 'The bytes behind URLs, each kept once; two jobs may share one';
COMMENT ON COLUMN cira.documents.sha256 IS 'SHA-256 of the bytes, lower-case hexadecimal';
COMMENT ON COLUMN cira.documents.media_type IS 'what it is, told by its bytes';
COMMENT ON COLUMN cira.documents.size_bytes IS 'size in bytes';
COMMENT ON COLUMN cira.documents.page_count IS 'pages or frames; 0 for XML, which has none';
COMMENT ON COLUMN cira.documents.object_key IS 'where the object store keeps the bytes';
COMMENT ON COLUMN cira.documents.created_at IS 'when it was first seen';

CREATE TABLE cira.model_answers (
    request_hash TEXT NOT NULL,
    claimed_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    claimed_by TEXT NOT NULL,
    lease_until TIMESTAMP WITH TIME ZONE NOT NULL,
    provider TEXT,
    model TEXT,
    content TEXT,
    finish_reason TEXT,
    input_tokens BIGINT,
    cached_input_tokens BIGINT,
    output_tokens BIGINT,
    answered_at TIMESTAMP WITH TIME ZONE,
    CONSTRAINT model_answers_pkey PRIMARY KEY (request_hash),
    CONSTRAINT model_answers_request_hash_check CHECK (request_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT model_answers_answer_is_whole_check CHECK (num_nulls(answered_at, provider, model, content, finish_reason, input_tokens, cached_input_tokens, output_tokens) IN (0, 8)),
    CONSTRAINT model_answers_tokens_check CHECK (input_tokens >= 0 AND cached_input_tokens >= 0 AND output_tokens >= 0)
);
COMMENT ON TABLE cira.model_answers IS 'Paid answers of models, kept so that the same question is never paid again';
COMMENT ON COLUMN cira.model_answers.request_hash IS 'SHA-256 over prompt, model, schema and parameters';
COMMENT ON COLUMN cira.model_answers.claimed_at IS 'when the question was last claimed';
COMMENT ON COLUMN cira.model_answers.claimed_by IS 'who asks it';
COMMENT ON COLUMN cira.model_answers.lease_until IS 'another may ask when no answer is there by then';
COMMENT ON COLUMN cira.model_answers.provider IS 'who answered';
COMMENT ON COLUMN cira.model_answers.model IS 'which model answered';
COMMENT ON COLUMN cira.model_answers.content IS 'the message''s content, verbatim';
COMMENT ON COLUMN cira.model_answers.finish_reason IS 'why the model stopped';
COMMENT ON COLUMN cira.model_answers.input_tokens IS 'tokens of the question, cached ones included';
COMMENT ON COLUMN cira.model_answers.cached_input_tokens IS 'of these, tokens billed as cached';
COMMENT ON COLUMN cira.model_answers.output_tokens IS 'tokens of the answer';
COMMENT ON COLUMN cira.model_answers.answered_at IS 'when the answer was kept; null while it is being asked';

CREATE TABLE cira.labels (
    document_sha256 TEXT NOT NULL,
    fields JSONB NOT NULL,
    source TEXT NOT NULL,
    confirmed_by TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT labels_pkey PRIMARY KEY (document_sha256),
    CONSTRAINT labels_document_sha256_check CHECK (document_sha256 ~ '^[0-9a-f]{64}$'),
    CONSTRAINT labels_fields_check CHECK (jsonb_typeof(fields) = 'object')
);
COMMENT ON TABLE cira.labels IS 'Ground truth for documents';
COMMENT ON COLUMN cira.labels.document_sha256 IS 'the document; it need not have arrived yet';
COMMENT ON COLUMN cira.labels.fields IS 'fields known to be right, named as in records';
COMMENT ON COLUMN cira.labels.source IS 'where they come from';
COMMENT ON COLUMN cira.labels.confirmed_by IS 'the reviewer who confirmed them';
COMMENT ON COLUMN cira.labels.created_at IS 'when it was first loaded';
COMMENT ON COLUMN cira.labels.updated_at IS 'when it was last changed';

CREATE TABLE cira.jobs (
    job_id TEXT COLLATE "C" NOT NULL,
    url TEXT NOT NULL,
    client TEXT NOT NULL,
    client_reference TEXT,
    idempotency_key TEXT DEFAULT '' NOT NULL,
    source TEXT NOT NULL,
    policy TEXT,
    status TEXT DEFAULT 'queued' NOT NULL,
    stage TEXT,
    error_code TEXT,
    error_message TEXT,
    error_hint TEXT,
    attempts INTEGER DEFAULT '0' NOT NULL,
    document_sha256 TEXT,
    verdict TEXT,
    batch_id TEXT,
    planned_before BOOLEAN DEFAULT false NOT NULL,
    run_id TEXT,
    version BIGINT DEFAULT '1' NOT NULL,
    submitted_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    queued_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    started_at TIMESTAMP WITH TIME ZONE,
    finished_at TIMESTAMP WITH TIME ZONE,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    submission_hash BYTEA GENERATED ALWAYS AS (sha256(replace((((client || chr(10)) || idempotency_key) || chr(10)) || url, '\'::text, '\\'::text)::bytea)) STORED NOT NULL,
    CONSTRAINT jobs_pkey PRIMARY KEY (job_id),
    CONSTRAINT jobs_submission_hash_key UNIQUE (submission_hash),
    CONSTRAINT jobs_job_id_check CHECK (job_id ~ '^inv_[0-9a-hjkmnp-tv-z]{26}$'),
    CONSTRAINT jobs_url_check CHECK (length(url) BETWEEN 1 AND 8192 AND url !~ '[\u0001-\u001f\u007f]'),
    CONSTRAINT jobs_client_check CHECK (length(client) BETWEEN 1 AND 200 AND client !~ '[\u0001-\u001f\u007f]'),
    CONSTRAINT jobs_idempotency_key_check CHECK (length(idempotency_key) <= 200 AND idempotency_key !~ '[\u0001-\u001f\u007f]'),
    CONSTRAINT jobs_source_check CHECK (source IN ('cli', 'api', 'folder', 's3', 'manifest', 'demo')),
    CONSTRAINT jobs_policy_check CHECK (policy IN ('cheapest', 'model_first', 'offline_only')),
    CONSTRAINT jobs_status_check CHECK (status IN ('queued', 'running', 'succeeded', 'failed', 'rejected', 'cancelled')),
    CONSTRAINT jobs_stage_check CHECK (stage IN ('raw_document', 'ocr_text', 'extracted_fields', 'validated_record')),
    CONSTRAINT jobs_verdict_check CHECK (verdict IN ('accepted', 'needs_review', 'rejected')),
    CONSTRAINT jobs_error_code_when_failed_check CHECK ((status IN ('failed', 'rejected')) = (error_code IS NOT NULL)),
    CONSTRAINT jobs_error_is_whole_check CHECK (num_nulls(error_code, error_message, error_hint) IN (0, 3)),
    CONSTRAINT jobs_verdict_fits_status_check CHECK (CASE status WHEN 'succeeded' THEN verdict IS NOT NULL AND verdict <> 'rejected' WHEN 'rejected' THEN verdict IS NULL OR verdict = 'rejected' ELSE verdict IS NULL END),
    CONSTRAINT jobs_verdict_needs_document_check CHECK (verdict IS NULL OR document_sha256 IS NOT NULL),
    CONSTRAINT jobs_finished_at_check CHECK ((finished_at IS NOT NULL) = (status IN ('succeeded', 'failed', 'rejected', 'cancelled'))),
    CONSTRAINT jobs_running_has_started_check CHECK (status <> 'running' OR (started_at IS NOT NULL AND stage IS NOT NULL)),
    CONSTRAINT jobs_queued_has_no_stage_check CHECK (status <> 'queued' OR stage IS NULL),
    CONSTRAINT jobs_counters_check CHECK (attempts >= 0 AND version >= 1),
    CONSTRAINT jobs_document_sha256_fkey FOREIGN KEY(document_sha256) REFERENCES cira.documents (sha256)
);
CREATE INDEX jobs_status_job_id_idx ON cira.jobs (status, job_id);
CREATE INDEX jobs_open_batch_idx ON cira.jobs (batch_id) WHERE status IN ('queued', 'running');
CREATE INDEX jobs_batch_id_idx ON cira.jobs (batch_id) WHERE batch_id IS NOT NULL;
CREATE INDEX jobs_client_job_id_idx ON cira.jobs (client, job_id);
CREATE INDEX jobs_document_sha256_idx ON cira.jobs (document_sha256);
CREATE INDEX jobs_waiting_idx ON cira.jobs (job_id) WHERE status = 'queued' AND batch_id IS NULL;
CREATE INDEX jobs_review_idx ON cira.jobs (finished_at, job_id) WHERE status IN ('failed', 'rejected') OR (status = 'succeeded' AND verdict = 'needs_review');
COMMENT ON TABLE cira.jobs IS 'One row for each submitted invoice URL: where it stands and how it ended';
COMMENT ON COLUMN cira.jobs.job_id IS '`inv_` and a lower-case ULID; sorts by time of submission';
COMMENT ON COLUMN cira.jobs.url IS 'where the invoice is: http(s)://, file:// or s3://';
COMMENT ON COLUMN cira.jobs.client IS 'who submitted it';
COMMENT ON COLUMN cira.jobs.client_reference IS 'the client''s own reference, passed through';
COMMENT ON COLUMN cira.jobs.idempotency_key IS 'with client and url it names a job: the same three are the same job';
COMMENT ON COLUMN cira.jobs.source IS 'how it came in: cli, api, folder, s3, manifest or demo';
COMMENT ON COLUMN cira.jobs.policy IS 'engines to use for this job: cheapest, model_first or offline_only; null: as configured';
COMMENT ON COLUMN cira.jobs.status IS 'queued, running, succeeded, failed (a stage broke, a retry may help), rejected (can never become an accepted invoice), cancelled';
COMMENT ON COLUMN cira.jobs.stage IS 'the stage it is in or ended in; null while queued';
COMMENT ON COLUMN cira.jobs.error_code IS 'stable code of the error that ended the job; docs/errors.md lists them';
COMMENT ON COLUMN cira.jobs.error_message IS 'what happened to this document';
COMMENT ON COLUMN cira.jobs.error_hint IS 'what a person can do about it';
COMMENT ON COLUMN cira.jobs.attempts IS 'runs that have worked on it';
COMMENT ON COLUMN cira.jobs.document_sha256 IS 'the document behind the URL, once it was fetched';
COMMENT ON COLUMN cira.jobs.verdict IS 'verdict of its record, once it has ended with one';
COMMENT ON COLUMN cira.jobs.batch_id IS 'the batch it is planned in; null while it waits for one';
COMMENT ON COLUMN cira.jobs.planned_before IS 'it was in a batch once, so Dagster may hold its partition key already';
COMMENT ON COLUMN cira.jobs.run_id IS 'the Dagster run that worked on it last';
COMMENT ON COLUMN cira.jobs.version IS 'raised by every change, for the cache';
COMMENT ON COLUMN cira.jobs.submitted_at IS 'when it was submitted; never changes';
COMMENT ON COLUMN cira.jobs.queued_at IS 'when it last entered the queue';
COMMENT ON COLUMN cira.jobs.started_at IS 'when its last attempt began';
COMMENT ON COLUMN cira.jobs.finished_at IS 'when it ended; null while queued or running';
COMMENT ON COLUMN cira.jobs.updated_at IS 'when this row last changed';
COMMENT ON COLUMN cira.jobs.submission_hash IS 'SHA-256 over client, idempotency key and URL, joined by line feeds; unique';

CREATE TABLE cira.readings (
    document_sha256 TEXT NOT NULL,
    reader TEXT NOT NULL,
    reader_version TEXT NOT NULL,
    page_count INTEGER NOT NULL,
    ocr_page_count INTEGER NOT NULL,
    line_count INTEGER NOT NULL,
    mean_confidence DOUBLE PRECISION,
    seconds DOUBLE PRECISION NOT NULL,
    reading_key TEXT NOT NULL,
    docling_key TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT readings_pkey PRIMARY KEY (document_sha256, reader, reader_version),
    CONSTRAINT readings_counts_check CHECK (page_count >= 0 AND ocr_page_count BETWEEN 0 AND page_count AND line_count >= 0),
    CONSTRAINT readings_mean_confidence_check CHECK (mean_confidence BETWEEN 0 AND 1),
    CONSTRAINT readings_seconds_check CHECK (seconds >= 0),
    CONSTRAINT readings_document_sha256_fkey FOREIGN KEY(document_sha256) REFERENCES cira.documents (sha256)
);
COMMENT ON TABLE cira.readings IS 'Documents turned into text lines, kept by document, reader and version';
COMMENT ON COLUMN cira.readings.document_sha256 IS 'the document';
COMMENT ON COLUMN cira.readings.reader IS 'what read it';
COMMENT ON COLUMN cira.readings.reader_version IS 'its version; another version reads again';
COMMENT ON COLUMN cira.readings.page_count IS 'pages read';
COMMENT ON COLUMN cira.readings.ocr_page_count IS 'pages without text of their own, read by OCR';
COMMENT ON COLUMN cira.readings.line_count IS 'text lines found';
COMMENT ON COLUMN cira.readings.mean_confidence IS 'mean over all lines, 0 to 1; null without lines';
COMMENT ON COLUMN cira.readings.seconds IS 'seconds the reading took';
COMMENT ON COLUMN cira.readings.reading_key IS 'object: text lines with boxes, JSON';
COMMENT ON COLUMN cira.readings.docling_key IS 'object: the DoclingDocument, JSON';
COMMENT ON COLUMN cira.readings.created_at IS 'when it was read';

CREATE TABLE cira.extractions (
    extraction_id BIGINT GENERATED ALWAYS AS IDENTITY,
    document_sha256 TEXT NOT NULL,
    engine TEXT NOT NULL,
    engine_version TEXT NOT NULL,
    input_hash TEXT NOT NULL,
    invoice JSONB NOT NULL,
    evidence JSONB NOT NULL,
    findings JSONB NOT NULL,
    usage JSONB NOT NULL,
    seconds DOUBLE PRECISION NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT extractions_pkey PRIMARY KEY (extraction_id),
    CONSTRAINT extractions_content_key UNIQUE (document_sha256, engine, engine_version, input_hash),
    CONSTRAINT extractions_engine_check CHECK (engine IN ('einvoice', 'offline', 'azure_openai')),
    CONSTRAINT extractions_input_hash_check CHECK (input_hash ~ '^[0-9a-f]{64}$'),
    CONSTRAINT extractions_seconds_check CHECK (seconds >= 0),
    CONSTRAINT extractions_document_sha256_fkey FOREIGN KEY(document_sha256) REFERENCES cira.documents (sha256)
);
COMMENT ON TABLE cira.extractions IS 'Fields one engine proposed for a document, kept by content: never extracted or paid twice';
COMMENT ON COLUMN cira.extractions.extraction_id IS 'identifies the extraction';
COMMENT ON COLUMN cira.extractions.document_sha256 IS 'the document';
COMMENT ON COLUMN cira.extractions.engine IS 'einvoice, offline or azure_openai';
COMMENT ON COLUMN cira.extractions.engine_version IS 'another version extracts again';
COMMENT ON COLUMN cira.extractions.input_hash IS 'SHA-256 over what the engine was given besides the document';
COMMENT ON COLUMN cira.extractions.invoice IS 'proposed fields; amounts are strings';
COMMENT ON COLUMN cira.extractions.evidence IS 'where each value stands';
COMMENT ON COLUMN cira.extractions.findings IS 'the engine''s own doubts';
COMMENT ON COLUMN cira.extractions.usage IS 'what model answers consumed, in tokens';
COMMENT ON COLUMN cira.extractions.seconds IS 'seconds the engine took';
COMMENT ON COLUMN cira.extractions.created_at IS 'when it was made';

CREATE TABLE cira.batches (
    batch_id TEXT NOT NULL,
    first_job TEXT COLLATE "C" NOT NULL,
    last_job TEXT COLLATE "C" NOT NULL,
    job_count INTEGER NOT NULL,
    attempt INTEGER DEFAULT '1' NOT NULL,
    run_id TEXT,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT batches_pkey PRIMARY KEY (batch_id),
    CONSTRAINT batches_job_count_check CHECK (job_count >= 1 AND (job_count > 1 OR first_job = last_job)),
    CONSTRAINT batches_attempt_check CHECK (attempt >= 1),
    CONSTRAINT batches_first_job_fkey FOREIGN KEY(first_job) REFERENCES cira.jobs (job_id),
    CONSTRAINT batches_last_job_fkey FOREIGN KEY(last_job) REFERENCES cira.jobs (job_id)
);
COMMENT ON TABLE cira.batches IS 'The jobs one Dagster run was planned for';
COMMENT ON COLUMN cira.batches.batch_id IS '`bat_` and a ULID';
COMMENT ON COLUMN cira.batches.first_job IS 'first job of the range';
COMMENT ON COLUMN cira.batches.last_job IS 'last job of the range';
COMMENT ON COLUMN cira.batches.job_count IS 'jobs in the batch';
COMMENT ON COLUMN cira.batches.attempt IS 'from 1';
COMMENT ON COLUMN cira.batches.run_id IS 'the Dagster run asked for it, where known';
COMMENT ON COLUMN cira.batches.created_at IS 'when it was planned';

CREATE TABLE cira.job_extractions (
    job_id TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    extraction_id BIGINT NOT NULL,
    chosen BOOLEAN NOT NULL,
    stopped_because TEXT,
    CONSTRAINT job_extractions_pkey PRIMARY KEY (job_id, position),
    CONSTRAINT job_extractions_position_check CHECK (position >= 1),
    CONSTRAINT job_extractions_reason_with_chosen_check CHECK (chosen = (stopped_because IS NOT NULL)),
    CONSTRAINT job_extractions_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT job_extractions_extraction_id_fkey FOREIGN KEY(extraction_id) REFERENCES cira.extractions (extraction_id)
);
CREATE UNIQUE INDEX job_extractions_one_chosen_idx ON cira.job_extractions (job_id) WHERE chosen;
CREATE INDEX job_extractions_extraction_id_idx ON cira.job_extractions (extraction_id);
COMMENT ON TABLE cira.job_extractions IS 'Which engines ran for a job, in order, and which one was believed';
COMMENT ON COLUMN cira.job_extractions.job_id IS 'the job';
COMMENT ON COLUMN cira.job_extractions.position IS 'order in which the engines ran, from 1';
COMMENT ON COLUMN cira.job_extractions.extraction_id IS 'what the engine proposed';
COMMENT ON COLUMN cira.job_extractions.chosen IS 'this is the one believed; exactly one of a job is';
COMMENT ON COLUMN cira.job_extractions.stopped_because IS 'why no further engine ran; stands with the chosen one';

CREATE TABLE cira.records (
    job_id TEXT COLLATE "C" NOT NULL,
    document_sha256 TEXT NOT NULL,
    verdict TEXT NOT NULL,
    engine TEXT NOT NULL,
    engines TEXT[] NOT NULL,
    invoice_number TEXT,
    issue_date DATE,
    invoice_type TEXT,
    currency TEXT,
    due_date DATE,
    purchase_order TEXT,
    payment_terms TEXT,
    supplier_name TEXT,
    supplier_vat_id TEXT,
    supplier_address TEXT,
    customer_name TEXT,
    customer_vat_id TEXT,
    customer_address TEXT,
    payment_iban TEXT,
    net_total NUMERIC CONSTRAINT records_net_total_check CHECK (abs(net_total) < 1e26 AND scale(net_total) <= 12),
    tax_total NUMERIC CONSTRAINT records_tax_total_check CHECK (abs(tax_total) < 1e26 AND scale(tax_total) <= 12),
    gross_total NUMERIC CONSTRAINT records_gross_total_check CHECK (abs(gross_total) < 1e26 AND scale(gross_total) <= 12),
    amount_due NUMERIC CONSTRAINT records_amount_due_check CHECK (abs(amount_due) < 1e26 AND scale(amount_due) <= 12),
    duplicate_of TEXT[] NOT NULL,
    number_key TEXT NOT NULL,
    vat_key TEXT NOT NULL,
    name_key TEXT NOT NULL,
    recorded_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    updated_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT records_pkey PRIMARY KEY (job_id),
    CONSTRAINT records_verdict_check CHECK (verdict IN ('accepted', 'needs_review', 'rejected')),
    CONSTRAINT records_engine_check CHECK (engine IN ('einvoice', 'offline', 'azure_openai') AND engine = ANY (engines)),
    CONSTRAINT records_currency_check CHECK (currency ~ '^[A-Z]{3}$'),
    CONSTRAINT records_accepted_is_payable_check CHECK (verdict <> 'accepted' OR (num_nulls(invoice_number, issue_date, currency, gross_total) = 0 AND num_nonnulls(supplier_name, supplier_vat_id) > 0)),
    CONSTRAINT records_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id) ON DELETE CASCADE,
    CONSTRAINT records_document_sha256_fkey FOREIGN KEY(document_sha256) REFERENCES cira.documents (sha256)
);
CREATE INDEX records_name_key_idx ON cira.records (name_key) WHERE name_key <> '';
CREATE INDEX records_document_sha256_idx ON cira.records (document_sha256);
CREATE INDEX records_vat_key_idx ON cira.records (vat_key) WHERE vat_key <> '';
CREATE INDEX records_issue_date_idx ON cira.records (issue_date);
CREATE INDEX records_duplicates_idx ON cira.records (number_key) WHERE number_key <> '';
COMMENT ON TABLE cira.records IS 'The canonical invoice of a job after validation: header fields in EN 16931''s terms, and the verdict';
COMMENT ON COLUMN cira.records.job_id IS 'the job; it has one record at the most';
COMMENT ON COLUMN cira.records.document_sha256 IS 'the document';
COMMENT ON COLUMN cira.records.verdict IS 'accepted, needs_review or rejected';
COMMENT ON COLUMN cira.records.engine IS 'the engine believed';
COMMENT ON COLUMN cira.records.engines IS 'all engines that ran, in order';
COMMENT ON COLUMN cira.records.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.records.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.records.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.records.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.records.due_date IS 'BT-9';
COMMENT ON COLUMN cira.records.purchase_order IS 'BT-13';
COMMENT ON COLUMN cira.records.payment_terms IS 'BT-20';
COMMENT ON COLUMN cira.records.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.records.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.records.supplier_address IS 'BG-5, one line';
COMMENT ON COLUMN cira.records.customer_name IS 'BT-44';
COMMENT ON COLUMN cira.records.customer_vat_id IS 'BT-48';
COMMENT ON COLUMN cira.records.customer_address IS 'BG-8, one line';
COMMENT ON COLUMN cira.records.payment_iban IS 'BT-84, without spaces';
COMMENT ON COLUMN cira.records.net_total IS 'BT-109, without VAT, in the invoice''s currency';
COMMENT ON COLUMN cira.records.tax_total IS 'BT-110, VAT, in the invoice''s currency';
COMMENT ON COLUMN cira.records.gross_total IS 'BT-112, with VAT, in the invoice''s currency';
COMMENT ON COLUMN cira.records.amount_due IS 'BT-115, to be paid, in the invoice''s currency';
COMMENT ON COLUMN cira.records.duplicate_of IS 'jobs that hold the same invoice and stood before this one';
COMMENT ON COLUMN cira.records.number_key IS 'invoice number as compared for duplicates: letters and digits only';
COMMENT ON COLUMN cira.records.vat_key IS 'supplier''s VAT id as compared: letters and digits only';
COMMENT ON COLUMN cira.records.name_key IS 'supplier''s name as compared: lower case, letters and digits only';
COMMENT ON COLUMN cira.records.recorded_at IS 'since when an unrejected record stands';
COMMENT ON COLUMN cira.records.updated_at IS 'when it was last written';

CREATE TABLE cira.cost_entries (
    entry_id BIGINT GENERATED ALWAYS AS IDENTITY,
    job_id TEXT COLLATE "C" NOT NULL,
    stage TEXT NOT NULL,
    provider TEXT NOT NULL,
    model TEXT NOT NULL,
    unit TEXT NOT NULL,
    quantity NUMERIC NOT NULL,
    unit_price NUMERIC NOT NULL,
    amount_usd NUMERIC NOT NULL,
    price_list TEXT NOT NULL,
    dedupe_key TEXT NOT NULL,
    created_at TIMESTAMP WITH TIME ZONE DEFAULT now() NOT NULL,
    CONSTRAINT cost_entries_pkey PRIMARY KEY (entry_id),
    CONSTRAINT cost_entries_dedupe_key_key UNIQUE (dedupe_key),
    CONSTRAINT cost_entries_stage_check CHECK (stage IN ('raw_document', 'ocr_text', 'extracted_fields', 'validated_record')),
    CONSTRAINT cost_entries_quantity_check CHECK (quantity >= 0 AND quantity < 1e18),
    CONSTRAINT cost_entries_unit_price_check CHECK (unit_price >= 0 AND unit_price < 1e12),
    CONSTRAINT cost_entries_amount_usd_check CHECK (amount_usd >= 0 AND amount_usd < 1e12),
    CONSTRAINT cost_entries_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.jobs (job_id)
);
CREATE INDEX cost_entries_created_at_idx ON cira.cost_entries (created_at);
CREATE INDEX cost_entries_job_id_idx ON cira.cost_entries (job_id);
COMMENT ON TABLE cira.cost_entries IS 'Money spent, line by line';
COMMENT ON COLUMN cira.cost_entries.entry_id IS 'identifies the entry';
COMMENT ON COLUMN cira.cost_entries.job_id IS 'the job it was spent on';
COMMENT ON COLUMN cira.cost_entries.stage IS 'the stage it was spent in';
COMMENT ON COLUMN cira.cost_entries.provider IS 'who is paid';
COMMENT ON COLUMN cira.cost_entries.model IS 'what was used';
COMMENT ON COLUMN cira.cost_entries.unit IS 'what is counted, such as input_token';
COMMENT ON COLUMN cira.cost_entries.quantity IS 'how many units';
COMMENT ON COLUMN cira.cost_entries.unit_price IS 'USD for one unit';
COMMENT ON COLUMN cira.cost_entries.amount_usd IS 'USD';
COMMENT ON COLUMN cira.cost_entries.price_list IS 'version of the price list';
COMMENT ON COLUMN cira.cost_entries.dedupe_key IS 'names what was bought, so that it is booked once';
COMMENT ON COLUMN cira.cost_entries.created_at IS 'when it was booked';

CREATE TABLE cira.record_lines (
    job_id TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    description TEXT,
    quantity NUMERIC CONSTRAINT record_lines_quantity_check CHECK (abs(quantity) < 1e26 AND scale(quantity) <= 12),
    unit TEXT,
    unit_price NUMERIC CONSTRAINT record_lines_unit_price_check CHECK (abs(unit_price) < 1e26 AND scale(unit_price) <= 12),
    tax_rate NUMERIC CONSTRAINT record_lines_tax_rate_check CHECK (abs(tax_rate) < 1e26 AND scale(tax_rate) <= 12),
    net_amount NUMERIC CONSTRAINT record_lines_net_amount_check CHECK (abs(net_amount) < 1e26 AND scale(net_amount) <= 12),
    CONSTRAINT record_lines_pkey PRIMARY KEY (job_id, position),
    CONSTRAINT record_lines_position_check CHECK (position >= 1),
    CONSTRAINT record_lines_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_lines IS 'Invoice lines, BG-25';
COMMENT ON COLUMN cira.record_lines.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_lines.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_lines.description IS 'BT-153';
COMMENT ON COLUMN cira.record_lines.quantity IS 'BT-129';
COMMENT ON COLUMN cira.record_lines.unit IS 'BT-130: UN/ECE Rec 20 code from XML, or the word printed';
COMMENT ON COLUMN cira.record_lines.unit_price IS 'BT-146, net price of one unit';
COMMENT ON COLUMN cira.record_lines.tax_rate IS 'BT-152, percent';
COMMENT ON COLUMN cira.record_lines.net_amount IS 'BT-131';

CREATE TABLE cira.record_taxes (
    job_id TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    rate NUMERIC CONSTRAINT record_taxes_rate_check CHECK (abs(rate) < 1e26 AND scale(rate) <= 12),
    net NUMERIC CONSTRAINT record_taxes_net_check CHECK (abs(net) < 1e26 AND scale(net) <= 12),
    tax NUMERIC CONSTRAINT record_taxes_tax_check CHECK (abs(tax) < 1e26 AND scale(tax) <= 12),
    CONSTRAINT record_taxes_pkey PRIMARY KEY (job_id, position),
    CONSTRAINT record_taxes_position_check CHECK (position >= 1),
    CONSTRAINT record_taxes_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_taxes IS 'VAT breakdown, BG-23: one row for each rate';
COMMENT ON COLUMN cira.record_taxes.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_taxes.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_taxes.rate IS 'BT-119, percent';
COMMENT ON COLUMN cira.record_taxes.net IS 'BT-116, taxed amount';
COMMENT ON COLUMN cira.record_taxes.tax IS 'BT-117, the tax on it';

CREATE TABLE cira.record_evidence (
    job_id TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    field TEXT NOT NULL,
    engine TEXT NOT NULL,
    text TEXT NOT NULL,
    page INTEGER,
    line INTEGER,
    box_left DOUBLE PRECISION,
    box_top DOUBLE PRECISION,
    box_right DOUBLE PRECISION,
    box_bottom DOUBLE PRECISION,
    xpath TEXT,
    confidence DOUBLE PRECISION NOT NULL,
    CONSTRAINT record_evidence_pkey PRIMARY KEY (job_id, position),
    CONSTRAINT record_evidence_engine_check CHECK (engine IN ('einvoice', 'offline', 'azure_openai')),
    CONSTRAINT record_evidence_page_and_line_check CHECK (page >= 1 AND line >= 1),
    CONSTRAINT record_evidence_box_is_whole_check CHECK (num_nulls(box_left, box_top, box_right, box_bottom) IN (0, 4)),
    CONSTRAINT record_evidence_box_has_page_check CHECK (box_left IS NULL OR page IS NOT NULL),
    CONSTRAINT record_evidence_confidence_check CHECK (confidence BETWEEN 0 AND 1),
    CONSTRAINT record_evidence_position_check CHECK (position >= 1),
    CONSTRAINT record_evidence_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_evidence IS 'Where each value of a record stands in its document';
COMMENT ON COLUMN cira.record_evidence.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_evidence.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_evidence.field IS 'field name, or a path such as `line_items[2].net_amount`';
COMMENT ON COLUMN cira.record_evidence.engine IS 'the engine that found it';
COMMENT ON COLUMN cira.record_evidence.text IS 'verbatim, as printed or as in the XML element';
COMMENT ON COLUMN cira.record_evidence.page IS 'from 1; null for XML';
COMMENT ON COLUMN cira.record_evidence.line IS 'number of the reading''s line, from 1; null for XML';
COMMENT ON COLUMN cira.record_evidence.box_left IS 'in the page''s own units, origin top left';
COMMENT ON COLUMN cira.record_evidence.box_top IS 'in the page''s own units, origin top left';
COMMENT ON COLUMN cira.record_evidence.box_right IS 'in the page''s own units, origin top left';
COMMENT ON COLUMN cira.record_evidence.box_bottom IS 'in the page''s own units, origin top left';
COMMENT ON COLUMN cira.record_evidence.xpath IS 'element of the embedded or standalone XML';
COMMENT ON COLUMN cira.record_evidence.confidence IS '0 to 1';

CREATE TABLE cira.record_findings (
    job_id TEXT COLLATE "C" NOT NULL,
    position INTEGER NOT NULL,
    rule TEXT NOT NULL,
    severity TEXT NOT NULL,
    message TEXT NOT NULL,
    fields TEXT[] NOT NULL,
    CONSTRAINT record_findings_pkey PRIMARY KEY (job_id, position),
    CONSTRAINT record_findings_rule_check CHECK (rule <> ''),
    CONSTRAINT record_findings_severity_check CHECK (severity IN ('info', 'warning', 'error')),
    CONSTRAINT record_findings_position_check CHECK (position >= 1),
    CONSTRAINT record_findings_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
CREATE INDEX record_findings_rule_idx ON cira.record_findings (rule);
COMMENT ON TABLE cira.record_findings IS 'Complaints of the validation rules about a record';
COMMENT ON COLUMN cira.record_findings.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_findings.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_findings.rule IS 'stable id; docs/validation.md lists the rules';
COMMENT ON COLUMN cira.record_findings.severity IS 'info, warning or error';
COMMENT ON COLUMN cira.record_findings.message IS 'what is wrong with this invoice';
COMMENT ON COLUMN cira.record_findings.fields IS 'the fields it is about';

ALTER TABLE cira.jobs ADD CONSTRAINT jobs_batch_id_fkey FOREIGN KEY(batch_id) REFERENCES cira.batches (batch_id);
