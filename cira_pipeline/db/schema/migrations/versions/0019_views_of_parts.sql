-- Views of what an invoice states several times, each row with its invoice: no join and no JSON is needed.

CREATE VIEW cira.invoice_taxes AS
SELECT
    p.job_id,
    p.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.rate,
    p.net,
    p.tax,
    p.name,
    p.category,
    p.exemption_reason,
    p.exemption_code,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_taxes p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_taxes IS 'A row of the tax breakdown with its invoice, BG-23';
COMMENT ON COLUMN cira.invoice_taxes.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_taxes.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_taxes.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_taxes.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_taxes.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_taxes.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_taxes.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_taxes.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_taxes.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_taxes.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_taxes.rate IS 'BT-119, percent';
COMMENT ON COLUMN cira.invoice_taxes.net IS 'BT-116, taxed amount';
COMMENT ON COLUMN cira.invoice_taxes.tax IS 'BT-117, the tax on it';
COMMENT ON COLUMN cira.invoice_taxes.name IS 'as printed: VAT, GST, CGST, PST, sales tax, ...; none: VAT or the only tax';
COMMENT ON COLUMN cira.invoice_taxes.category IS 'BT-118, UNTDID 5305: S, Z, E, AE, K, G, O, ...';
COMMENT ON COLUMN cira.invoice_taxes.exemption_reason IS 'BT-120';
COMMENT ON COLUMN cira.invoice_taxes.exemption_code IS 'BT-121, VATEX';
COMMENT ON COLUMN cira.invoice_taxes.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_taxes.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_allowances_charges AS
SELECT
    p.job_id,
    p.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.kind,
    p.amount,
    p.line,
    p.percent,
    p.base,
    p.reason,
    p.reason_code,
    p.tax_category,
    p.tax_rate,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_allowances_charges p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_allowances_charges IS 'An allowance or charge of an invoice or of one of its lines, BG-20, BG-21, BG-27 and BG-28';
COMMENT ON COLUMN cira.invoice_allowances_charges.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_allowances_charges.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_allowances_charges.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_allowances_charges.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_allowances_charges.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_allowances_charges.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_allowances_charges.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_allowances_charges.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_allowances_charges.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_allowances_charges.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_allowances_charges.kind IS 'allowance (deducted) or charge (added)';
COMMENT ON COLUMN cira.invoice_allowances_charges.amount IS 'BT-92, BT-99 for a charge, without tax';
COMMENT ON COLUMN cira.invoice_allowances_charges.line IS 'row of `line_items` it belongs to, from 1; none: the whole invoice';
COMMENT ON COLUMN cira.invoice_allowances_charges.percent IS 'BT-94, BT-101 for a charge';
COMMENT ON COLUMN cira.invoice_allowances_charges.base IS 'BT-93, amount that the percentage applies to, BT-100 for a charge';
COMMENT ON COLUMN cira.invoice_allowances_charges.reason IS 'BT-97, BT-104 for a charge: discount, freight, packing, ...';
COMMENT ON COLUMN cira.invoice_allowances_charges.reason_code IS 'BT-98, UNTDID 5189; UNTDID 7161 for a charge, BT-105';
COMMENT ON COLUMN cira.invoice_allowances_charges.tax_category IS 'BT-95, UNTDID 5305, BT-102 for a charge';
COMMENT ON COLUMN cira.invoice_allowances_charges.tax_rate IS 'BT-96, percent, BT-103 for a charge';
COMMENT ON COLUMN cira.invoice_allowances_charges.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_allowances_charges.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_payment_accounts AS
SELECT
    p.job_id,
    p.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.account,
    p.routing,
    p.scheme,
    p.bic,
    p.name,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_payment_accounts p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_payment_accounts IS 'An account that an invoice offers for payment, BG-17';
COMMENT ON COLUMN cira.invoice_payment_accounts.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_payment_accounts.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_payment_accounts.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_payment_accounts.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_payment_accounts.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_payment_accounts.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_payment_accounts.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_payment_accounts.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_payment_accounts.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_payment_accounts.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_payment_accounts.account IS 'BT-84, IBAN or account number, without spaces';
COMMENT ON COLUMN cira.invoice_payment_accounts.routing IS 'of the bank: ABA, sort code, BSB, IFSC, ...';
COMMENT ON COLUMN cira.invoice_payment_accounts.scheme IS 'IBAN, ABA, SORT_CODE, BSB, IFSC, CLABE, BANKGIRO, PLUSGIRO, POSTAL, ...';
COMMENT ON COLUMN cira.invoice_payment_accounts.bic IS 'BT-86';
COMMENT ON COLUMN cira.invoice_payment_accounts.name IS 'BT-85';
COMMENT ON COLUMN cira.invoice_payment_accounts.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_payment_accounts.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_payment_discounts AS
SELECT
    p.job_id,
    p.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.percent,
    p.days,
    p.until,
    p.base,
    p.amount,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_payment_discounts p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_payment_discounts IS 'A cash discount that an invoice offers';
COMMENT ON COLUMN cira.invoice_payment_discounts.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_payment_discounts.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_payment_discounts.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_payment_discounts.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_payment_discounts.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_payment_discounts.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_payment_discounts.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_payment_discounts.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_payment_discounts.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_payment_discounts.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_payment_discounts.percent IS 'Percent';
COMMENT ON COLUMN cira.invoice_payment_discounts.days IS 'after the issue date';
COMMENT ON COLUMN cira.invoice_payment_discounts.until IS 'last day of payment';
COMMENT ON COLUMN cira.invoice_payment_discounts.base IS 'amount that the percentage applies to';
COMMENT ON COLUMN cira.invoice_payment_discounts.amount IS 'amount deducted';
COMMENT ON COLUMN cira.invoice_payment_discounts.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_payment_discounts.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_withholdings AS
SELECT
    p.job_id,
    p.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.name,
    p.rate,
    p.base,
    p.amount,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_withholdings p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_withholdings IS 'A tax that the customer withholds from the payment of an invoice';
COMMENT ON COLUMN cira.invoice_withholdings.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_withholdings.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_withholdings.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_withholdings.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_withholdings.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_withholdings.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_withholdings.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_withholdings.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_withholdings.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_withholdings.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_withholdings.name IS 'Tax name';
COMMENT ON COLUMN cira.invoice_withholdings.rate IS 'percent';
COMMENT ON COLUMN cira.invoice_withholdings.base IS 'Base amount';
COMMENT ON COLUMN cira.invoice_withholdings.amount IS 'positive where it lowers the amount due';
COMMENT ON COLUMN cira.invoice_withholdings.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_withholdings.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_attachments AS
SELECT
    p.job_id,
    p.position,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.reference,
    p.description,
    p.location,
    p.filename,
    p.media_type,
    p.size_bytes,
    p.sha256,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM cira.record_attachments p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_attachments IS 'A supporting document that an e-invoice carries or names, BG-24';
COMMENT ON COLUMN cira.invoice_attachments.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_attachments.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_attachments.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_attachments.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_attachments.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_attachments.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_attachments.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_attachments.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_attachments.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_attachments.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_attachments.reference IS 'BT-122';
COMMENT ON COLUMN cira.invoice_attachments.description IS 'BT-123';
COMMENT ON COLUMN cira.invoice_attachments.location IS 'BT-124, URL outside the invoice';
COMMENT ON COLUMN cira.invoice_attachments.filename IS 'File name';
COMMENT ON COLUMN cira.invoice_attachments.media_type IS 'Media type';
COMMENT ON COLUMN cira.invoice_attachments.size_bytes IS 'size of the attached content';
COMMENT ON COLUMN cira.invoice_attachments.sha256 IS 'of the attached content';
COMMENT ON COLUMN cira.invoice_attachments.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_attachments.recorded_at IS 'when the record was last written';

CREATE VIEW cira.invoice_tax_ids AS
SELECT
    p.job_id,
    p.position,
    p.party,
    j.client,
    r.verdict,
    r.invoice_number,
    r.invoice_type,
    r.issue_date,
    r.supplier_name,
    r.supplier_vat_id,
    r.currency,
    p.scheme,
    p.value,
    j.submitted_at,
    r.updated_at AS recorded_at
FROM (
    SELECT job_id, position, 'supplier' AS party, scheme, value FROM cira.record_supplier_tax_ids
    UNION ALL
    SELECT job_id, position, 'customer' AS party, scheme, value FROM cira.record_customer_tax_ids
) p
JOIN cira.records r USING (job_id)
JOIN cira.jobs j USING (job_id);
COMMENT ON VIEW cira.invoice_tax_ids IS 'A tax id that an invoice states of its supplier or customer, with its scheme';
COMMENT ON COLUMN cira.invoice_tax_ids.job_id IS 'the job, as in invoices';
COMMENT ON COLUMN cira.invoice_tax_ids.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.invoice_tax_ids.party IS 'supplier or customer';
COMMENT ON COLUMN cira.invoice_tax_ids.client IS 'client that submitted the invoice';
COMMENT ON COLUMN cira.invoice_tax_ids.verdict IS 'verdict of the record';
COMMENT ON COLUMN cira.invoice_tax_ids.invoice_number IS 'BT-1';
COMMENT ON COLUMN cira.invoice_tax_ids.invoice_type IS 'BT-3, UNTDID 1001: 380 invoice, 381 credit note, 384 corrected';
COMMENT ON COLUMN cira.invoice_tax_ids.issue_date IS 'BT-2';
COMMENT ON COLUMN cira.invoice_tax_ids.supplier_name IS 'BT-27';
COMMENT ON COLUMN cira.invoice_tax_ids.supplier_vat_id IS 'BT-31';
COMMENT ON COLUMN cira.invoice_tax_ids.currency IS 'BT-5, ISO 4217';
COMMENT ON COLUMN cira.invoice_tax_ids.scheme IS 'VAT, GSTIN, PAN, ABN, EIN, UEN, TRN, CNPJ, RFC, NIT, RUC, CUIT, SIRET, ...';
COMMENT ON COLUMN cira.invoice_tax_ids.value IS 'Tax id';
COMMENT ON COLUMN cira.invoice_tax_ids.submitted_at IS 'when the invoice was submitted';
COMMENT ON COLUMN cira.invoice_tax_ids.recorded_at IS 'when the record was last written';
