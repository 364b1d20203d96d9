-- A job that is running in no batch is found by itself, and a confirmation has its own time.

CREATE INDEX jobs_running_in_no_batch_idx ON cira.jobs (job_id) WHERE status = 'running' AND batch_id IS NULL;
COMMENT ON COLUMN cira.jobs.batch_id IS 'the batch it is planned in, or was last; null while it waits for one, and when a person''s run took it';
COMMENT ON COLUMN cira.jobs.finished_at IS 'when its processing ended; null before; a confirmation leaves it';

-- Confirmations used to move `finished_at`. The record was first kept a moment before the processing ended.
UPDATE cira.jobs j SET finished_at = r.recorded_at
FROM cira.records r
WHERE r.job_id = j.job_id AND r.recorded_at BETWEEN j.started_at AND j.finished_at
    AND EXISTS (SELECT 1 FROM cira.confirmations c WHERE c.job_id = j.job_id AND c.confirmed_at BETWEEN r.recorded_at AND j.finished_at);

CREATE OR REPLACE VIEW cira.invoices AS
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
    r.updated_at AS recorded_at,
    (SELECT max(c.confirmed_at) FROM cira.confirmations c WHERE c.job_id = r.job_id) AS confirmed_at
FROM cira.records r
JOIN cira.jobs j USING (job_id)
JOIN cira.documents d ON d.sha256 = r.document_sha256;
COMMENT ON COLUMN cira.invoices.finished_at IS 'when its processing ended; a confirmation does not move it';
COMMENT ON COLUMN cira.invoices.seconds IS 'seconds from the start of the last attempt to its end, waiting within the run included, a person''s review not';
COMMENT ON COLUMN cira.invoices.confirmed_at IS 'when a person last confirmed the record; null: nobody did';
