-- Invented invoices, as the pipeline leaves them: 400 suppliers over two years, 4 lines, 1 or 2 tax rates, 8 pieces of evidence,
-- and now and then a failure, a finding, a duplicate, a changed account, a cost entry, a label.

CREATE TEMP TABLE made AS
SELECT n, 'inv_' || lpad(n::text, 26, '0') AS job_id, md5(n::text) || md5('x' || n) AS sha256,
       (n % 400) AS supplier, date '2025-01-01' + (n % 700) AS issued, round((50 + (n * 7919) % 90000) / 7.0, 2) AS net,
       now() - (n % 1000000) * interval '40 s' AS at,
       CASE WHEN n % 50 = 0 THEN 'failed' ELSE 'succeeded' END AS status,
       CASE WHEN n % 5 = 0 THEN 'needs_review' ELSE 'accepted' END AS verdict,
       (ARRAY['offline', 'einvoice', 'azure_openai'])[1 + n % 3] AS engine
FROM generate_series(1, :jobs) n;

INSERT INTO cira.documents (sha256, media_type, size_bytes, page_count, object_key)
SELECT sha256, 'application/pdf', 80000, 1, 'documents/' || sha256 FROM made;

INSERT INTO cira.jobs (job_id, url, client, source, status, stage, error_code, error_message, error_hint, attempts,
                       document_sha256, verdict, submitted_at, queued_at, started_at, finished_at)
SELECT job_id, 'https://supplier-' || supplier || '.example/invoices/' || n || '.pdf', 'client-' || n % 7, 'api',
       status, 'validated_record',
       CASE WHEN status = 'failed' THEN 'source_unavailable' END, CASE WHEN status = 'failed' THEN 'no answer' END,
       CASE WHEN status = 'failed' THEN 'retry it' END, 1, sha256, CASE WHEN status <> 'failed' THEN verdict END,
       at, at, at + interval '2 s', at + (2 + n % 90) * interval '1 s' FROM made;

INSERT INTO cira.records (job_id, document_sha256, verdict, engine, engines, invoice_number, issue_date, invoice_type,
                          currency, due_date, supplier_name, supplier_vat_id, payment_iban, net_total, tax_total,
                          gross_total, amount_due, duplicate_of, number_key, vat_key, name_key)
SELECT job_id, sha256, verdict, engine, ARRAY[engine], 'R-' || n, issued,
       CASE WHEN n % 40 = 0 THEN '381' ELSE '380' END, (ARRAY['EUR', 'EUR', 'EUR', 'GBP'])[1 + n % 4],
       current_date - 90 + n % 120, 'Supplier ' || supplier, 'DE' || 100000000 + supplier,
       'DE' || lpad((supplier + (n % 9001 = 0)::int)::text, 20, '0'), net, round(net * 0.19, 2),
       net + round(net * 0.19, 2), net + round(net * 0.19, 2),
       CASE WHEN n % 201 = 0 THEN ARRAY['inv_' || lpad((n - 1)::text, 26, '0')] ELSE ARRAY[]::text[] END,
       'r' || n, 'de' || 100000000 + supplier, 'supplier' || supplier
FROM made WHERE status = 'succeeded';

INSERT INTO cira.record_lines (job_id, position, description, quantity, unit, unit_price, tax_rate, net_amount)
SELECT job_id, p, 'Article ' || (n * 31 + p) % 2000, 1 + n % 9, 'pcs', round(net / 4 / (1 + n % 9), 4), 19, round(net / 4, 2)
FROM made, generate_series(1, 4) p WHERE status = 'succeeded';

INSERT INTO cira.record_taxes (job_id, position, rate, net, tax)
SELECT job_id, p, (ARRAY[19, 7])[p], net, round(net * 0.19, 2)
FROM made, generate_series(1, 2) p WHERE status = 'succeeded' AND (p = 1 OR n % 3 = 0);

INSERT INTO cira.record_allowances_charges (job_id, position, kind, amount, reason)
SELECT job_id, 1, CASE WHEN n % 2 = 0 THEN 'charge' ELSE 'allowance' END, round(net / 50, 2), (ARRAY['Freight', 'Packing'])[1 + n % 2]
FROM made WHERE status = 'succeeded' AND n % 4 = 0;

INSERT INTO cira.record_payment_discounts (job_id, position, percent, days)
SELECT job_id, 1, 2, 10 FROM made WHERE status = 'succeeded' AND n % 3 = 0;

INSERT INTO cira.record_evidence (job_id, position, field, engine, text, page, line, box_left, box_top, box_right,
                                  box_bottom, confidence)
SELECT job_id, p, (ARRAY['invoice_number', 'issue_date', 'currency', 'supplier_name', 'supplier_vat_id', 'net_total',
       'tax_total', 'gross_total'])[p], engine, 'text', 1, p, 10, 10, 20, 20, 0.9 + (n % 100) / 1000.0
FROM made, generate_series(1, 8) p WHERE status = 'succeeded';

INSERT INTO cira.record_findings (job_id, position, rule, severity, message, fields)
SELECT job_id, 1, (ARRAY['CIRA-SUM-01', 'CIRA-DUP-01', 'CIRA-PAY-01', 'CIRA-CONF-01'])[1 + n % 4], 'error',
       'a finding', ARRAY['gross_total'] FROM made WHERE status = 'succeeded' AND verdict = 'needs_review';

INSERT INTO cira.cost_entries (job_id, stage, provider, model, unit, quantity, unit_price, amount_usd, price_list,
                               dedupe_key, created_at)
SELECT job_id, 'extracted_fields', 'azure', 'gpt-4.1-mini', unit, 1500, 0.0000004, 0.0006, 'list', job_id || unit, at
FROM made, unnest(ARRAY['input_token', 'output_token']) unit WHERE engine = 'azure_openai';

INSERT INTO cira.labels (document_sha256, fields, source)
SELECT sha256, jsonb_build_object('invoice_number', 'R-' || n, 'gross_total', net, 'currency', 'EUR'), 'bench'
FROM made WHERE n % 20 = 0;
