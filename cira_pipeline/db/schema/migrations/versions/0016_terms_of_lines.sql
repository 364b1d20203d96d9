-- Fields of invoices: terms of lines.

ALTER TABLE cira.record_lines ADD COLUMN other_terms JSONB DEFAULT '{}' NOT NULL CONSTRAINT record_lines_other_terms_check CHECK (jsonb_typeof(other_terms) = 'object');
COMMENT ON COLUMN cira.record_lines.other_terms IS 'what an e-invoice states about the line beside, by BT number or element';
CREATE OR REPLACE VIEW cira.invoice_lines AS
 SELECT l.job_id,
    l."position",
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
    r.updated_at AS recorded_at,
    l.line_id,
    l.note,
    l.details,
    l.seller_item_id,
    l.buyer_item_id,
    l.standard_item_id,
    l.standard_item_scheme,
    l.classification,
    l.classification_scheme,
    l.purchase_order_line,
    l.accounting_reference,
    l.period_start,
    l.period_end,
    l.gross_price,
    l.price_discount,
    l.base_quantity,
    l.tax_category,
    l.country_of_origin,
    l.custom,
    l.other_terms
   FROM cira.record_lines l
     JOIN cira.records r USING (job_id)
     JOIN cira.jobs j USING (job_id);
COMMENT ON COLUMN cira.invoice_lines.other_terms IS 'what an e-invoice states about the line beside, by BT number or element';
COMMENT ON COLUMN cira.record_attachments.sha256 IS 'of the attached content';
