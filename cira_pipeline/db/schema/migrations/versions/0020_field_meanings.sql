-- Fields of invoices: field meanings.

COMMENT ON COLUMN cira.records.withholding_total IS 'taxes that the customer withholds, and what the state pays for the customer such as ROT: deducted from the amount due';
COMMENT ON COLUMN cira.records.supplier_tax_id IS 'BT-32, the main one stated that is no VAT id';
COMMENT ON COLUMN cira.records.customer_tax_id IS 'the main one stated that is no VAT id';
