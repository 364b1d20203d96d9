-- What analysts read. Columns are described in COMMENTs, from which docs/tables.md is generated.

CREATE VIEW cira.invoices AS
SELECT
    r.job_id,
    j.client,
    j.client_reference,
    j.url,
    j.source,
    j.status,
    r.verdict,
    r.invoice_number,
    r.issue_date,
    r.invoice_type,
    r.currency,
    r.due_date,
    r.purchase_order,
    r.payment_terms,
    r.supplier_name,
    r.supplier_vat_id,
    r.supplier_address,
    r.customer_name,
    r.customer_vat_id,
    r.customer_address,
    r.payment_iban,
    r.net_total,
    r.tax_total,
    r.gross_total,
    r.amount_due,
    r.engine,
    r.engines,
    r.duplicate_of,
    (SELECT count(*) FROM cira.record_lines l WHERE l.job_id = r.job_id) AS line_count,
    (SELECT count(*) FROM cira.record_findings f WHERE f.job_id = r.job_id) AS finding_count,
    (SELECT coalesce(sum(c.amount_usd), 0) FROM cira.cost_entries c WHERE c.job_id = r.job_id) AS cost_usd,
    extract(epoch FROM j.finished_at - j.started_at)::double precision AS seconds,
    r.document_sha256,
    d.media_type,
    d.page_count,
    j.attempts,
    j.run_id,
    j.submitted_at,
    j.started_at,
    j.finished_at,
    r.updated_at AS recorded_at
FROM cira.records r
JOIN cira.jobs j USING (job_id)
JOIN cira.documents d ON d.sha256 = r.document_sha256;

COMMENT ON VIEW cira.invoices IS 'One row for each job with a record: the invoice, its verdict, what it cost';
COMMENT ON COLUMN cira.invoices.job_id IS 'the job; sorts by time of submission';
COMMENT ON COLUMN cira.invoices.client IS 'who submitted it';
COMMENT ON COLUMN cira.invoices.client_reference IS 'the client''s own reference';
COMMENT ON COLUMN cira.invoices.url IS 'where the invoice came from';
COMMENT ON COLUMN cira.invoices.source IS 'how it came in: cli, api, folder, s3, manifest or demo';
COMMENT ON COLUMN cira.invoices.status IS 'status of the job: succeeded, or rejected when the verdict is; anything else means that it is being worked on again';
COMMENT ON COLUMN cira.invoices.verdict IS 'accepted: pay from it; needs_review: a person must look; rejected: do not pay';
COMMENT ON COLUMN cira.invoices.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoices.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoices.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoices.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoices.due_date IS 'BT-9';
COMMENT ON COLUMN cira.invoices.purchase_order IS 'BT-13';
COMMENT ON COLUMN cira.invoices.payment_terms IS 'BT-20';
COMMENT ON COLUMN cira.invoices.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoices.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoices.supplier_address IS 'BG-5, one line';
COMMENT ON COLUMN cira.invoices.customer_name IS 'BT-44';
COMMENT ON COLUMN cira.invoices.customer_vat_id IS 'BT-48';
COMMENT ON COLUMN cira.invoices.customer_address IS 'BG-8, one line';
COMMENT ON COLUMN cira.invoices.payment_iban IS 'BT-84, without spaces';
COMMENT ON COLUMN cira.invoices.net_total IS 'BT-109, without VAT, in the invoice''s currency';
COMMENT ON COLUMN cira.invoices.tax_total IS 'BT-110, VAT, in the invoice''s currency';
COMMENT ON COLUMN cira.invoices.gross_total IS 'BT-112, with VAT, in the invoice''s currency';
COMMENT ON COLUMN cira.invoices.amount_due IS 'BT-115, to be paid, in the invoice''s currency';
COMMENT ON COLUMN cira.invoices.engine IS 'the engine believed: einvoice, offline or azure_openai';
COMMENT ON COLUMN cira.invoices.engines IS 'all engines that ran, in order';
COMMENT ON COLUMN cira.invoices.duplicate_of IS 'jobs that hold the same invoice and stood before this one; empty for nearly all';
COMMENT ON COLUMN cira.invoices.line_count IS 'invoice lines found';
COMMENT ON COLUMN cira.invoices.finding_count IS 'complaints of the validation rules, remarks included';
COMMENT ON COLUMN cira.invoices.cost_usd IS 'USD spent on this job';
COMMENT ON COLUMN cira.invoices.seconds IS 'seconds from the start of the last attempt to its end, waiting within the run included';
COMMENT ON COLUMN cira.invoices.document_sha256 IS 'the document; the same for the same file';
COMMENT ON COLUMN cira.invoices.media_type IS 'what the document is, told by its bytes';
COMMENT ON COLUMN cira.invoices.page_count IS 'pages or frames; 0 for XML';
COMMENT ON COLUMN cira.invoices.attempts IS 'runs that have worked on it';
COMMENT ON COLUMN cira.invoices.run_id IS 'the Dagster run that worked on it last';
COMMENT ON COLUMN cira.invoices.submitted_at IS 'when it was submitted';
COMMENT ON COLUMN cira.invoices.started_at IS 'when its last attempt began';
COMMENT ON COLUMN cira.invoices.finished_at IS 'when it ended';
COMMENT ON COLUMN cira.invoices.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_lines AS
SELECT
    l.job_id,
    l.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    l.description,
    l.quantity,
    l.unit,
    l.unit_price,
    l.tax_rate,
    l.net_amount,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_lines l
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);

COMMENT ON VIEW cira.invoice_lines IS 'One row for each invoice line, BG-25, with what identifies its invoice';
COMMENT ON COLUMN cira.invoice_lines.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_lines.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_lines.client IS 'who submitted it';
COMMENT ON COLUMN cira.invoice_lines.verdict IS 'verdict of the invoice';
COMMENT ON COLUMN cira.invoice_lines.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_lines.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_lines.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_lines.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_lines.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_lines.description IS 'BT-153';
COMMENT ON COLUMN cira.invoice_lines.quantity IS 'BT-129';
COMMENT ON COLUMN cira.invoice_lines.unit IS 'BT-130: UN/ECE Rec 20 code from XML, or the word printed';
COMMENT ON COLUMN cira.invoice_lines.unit_price IS 'BT-146, net price of one unit';
COMMENT ON COLUMN cira.invoice_lines.tax_rate IS 'BT-152, percent';
COMMENT ON COLUMN cira.invoice_lines.net_amount IS 'BT-131, in the invoice''s currency';
COMMENT ON COLUMN cira.invoice_lines.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_lines.recorded_at IS 'when its record was last written';

CREATE VIEW cira.invoice_costs AS
SELECT
    c.entry_id,
    c.job_id,
    j.client,
    j.status,
    r.verdict,
    r.supplier_name,
    r.invoice_number,
    c.stage,
    c.provider,
    c.model,
    c.unit,
    c.quantity,
    c.unit_price,
    c.amount_usd,
    c.price_list,
    c.created_at,
    j.submitted_at
FROM cira.cost_entries c
JOIN cira.jobs j USING (job_id)
LEFT JOIN cira.records r USING (job_id);

COMMENT ON VIEW cira.invoice_costs IS 'One row for each cost entry: what was spent on which invoice, also where no record came of it';
COMMENT ON COLUMN cira.invoice_costs.entry_id IS 'identifies the entry';
COMMENT ON COLUMN cira.invoice_costs.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_costs.client IS 'who submitted it';
COMMENT ON COLUMN cira.invoice_costs.status IS 'status of the job';
COMMENT ON COLUMN cira.invoice_costs.verdict IS 'verdict of its record; null where there is none';
COMMENT ON COLUMN cira.invoice_costs.supplier_name IS 'BT-27; null without a record';
COMMENT ON COLUMN cira.invoice_costs.invoice_number IS 'BT-1; null without a record';
COMMENT ON COLUMN cira.invoice_costs.stage IS 'the stage it was spent in';
COMMENT ON COLUMN cira.invoice_costs.provider IS 'who is paid';
COMMENT ON COLUMN cira.invoice_costs.model IS 'what was used';
COMMENT ON COLUMN cira.invoice_costs.unit IS 'what is counted, such as input_token';
COMMENT ON COLUMN cira.invoice_costs.quantity IS 'how many units';
COMMENT ON COLUMN cira.invoice_costs.unit_price IS 'USD for one unit';
COMMENT ON COLUMN cira.invoice_costs.amount_usd IS 'USD';
COMMENT ON COLUMN cira.invoice_costs.price_list IS 'version of the price list';
COMMENT ON COLUMN cira.invoice_costs.created_at IS 'when it was booked';
COMMENT ON COLUMN cira.invoice_costs.submitted_at IS 'when the invoice was submitted';

CREATE VIEW cira.review_queue AS
SELECT
    j.job_id,
    CASE j.status WHEN 'succeeded' THEN 'needs_review' ELSE j.status END AS reason,
    j.client,
    j.client_reference,
    j.url,
    j.stage,
    j.error_code,
    j.error_message,
    j.error_hint,
    r.supplier_name,
    r.invoice_number,
    r.issue_date,
    r.due_date,
    r.currency,
    r.gross_total,
    r.amount_due,
    r.duplicate_of,
    f.findings,
    f.rules,
    j.document_sha256,
    j.attempts,
    j.run_id,
    j.submitted_at,
    j.finished_at AS waiting_since
FROM cira.jobs j
LEFT JOIN cira.records r USING (job_id)
LEFT JOIN LATERAL (
    SELECT
        string_agg(format('%s %s: %s', severity, rule, message), E'\n' ORDER BY rank, position) AS findings,
        array_agg(rule ORDER BY rank, position) AS rules
    FROM (
        SELECT severity, rule, message, position, array_position(ARRAY['error', 'warning', 'info'], severity) AS rank
        FROM cira.record_findings
        WHERE record_findings.job_id = r.job_id
    ) ranked
) f ON true
WHERE j.status IN ('failed', 'rejected') OR (j.status = 'succeeded' AND j.verdict = 'needs_review')
ORDER BY j.finished_at, j.job_id;

COMMENT ON VIEW cira.review_queue IS 'What a person must look at, oldest first: records that need review, failed and rejected jobs';
COMMENT ON COLUMN cira.review_queue.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.review_queue.reason IS 'needs_review: check the record; failed: a retry may help; rejected: it cannot become an accepted invoice';
COMMENT ON COLUMN cira.review_queue.client IS 'who submitted it';
COMMENT ON COLUMN cira.review_queue.client_reference IS 'the client''s own reference';
COMMENT ON COLUMN cira.review_queue.url IS 'where the invoice is';
COMMENT ON COLUMN cira.review_queue.stage IS 'the stage it ended in';
COMMENT ON COLUMN cira.review_queue.error_code IS 'stable code of the error that ended the job; null for needs_review';
COMMENT ON COLUMN cira.review_queue.error_message IS 'what happened to this document';
COMMENT ON COLUMN cira.review_queue.error_hint IS 'what a person can do about it';
COMMENT ON COLUMN cira.review_queue.supplier_name IS 'BT-27, where there is a record';
COMMENT ON COLUMN cira.review_queue.invoice_number IS 'BT-1, where there is a record';
COMMENT ON COLUMN cira.review_queue.issue_date IS 'BT-2, where there is a record';
COMMENT ON COLUMN cira.review_queue.due_date IS 'BT-9, where there is a record';
COMMENT ON COLUMN cira.review_queue.currency IS 'BT-5, where there is a record';
COMMENT ON COLUMN cira.review_queue.gross_total IS 'BT-112, where there is a record';
COMMENT ON COLUMN cira.review_queue.amount_due IS 'BT-115, where there is a record';
COMMENT ON COLUMN cira.review_queue.duplicate_of IS 'jobs that hold the same invoice and stood before this one';
COMMENT ON COLUMN cira.review_queue.findings IS 'the record''s findings, one a line, errors first: severity, rule, message';
COMMENT ON COLUMN cira.review_queue.rules IS 'the rules that complain, in the same order';
COMMENT ON COLUMN cira.review_queue.document_sha256 IS 'the document, once it was fetched';
COMMENT ON COLUMN cira.review_queue.attempts IS 'runs that have worked on it';
COMMENT ON COLUMN cira.review_queue.run_id IS 'the Dagster run that worked on it last';
COMMENT ON COLUMN cira.review_queue.submitted_at IS 'when it was submitted';
COMMENT ON COLUMN cira.review_queue.waiting_since IS 'when the job ended and began to wait for a person';

COMMENT ON TABLE cira.alembic_version IS 'The last migration that was applied';
COMMENT ON COLUMN cira.alembic_version.version_num IS 'its number';
