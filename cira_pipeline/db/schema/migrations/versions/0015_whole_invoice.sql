-- Fields of invoices: whole invoice.

ALTER TABLE cira.records ADD COLUMN line_total NUMERIC CONSTRAINT records_line_total_check CHECK (abs(line_total) < 1e26 AND scale(line_total) <= 12);
ALTER TABLE cira.records ADD COLUMN allowance_total NUMERIC CONSTRAINT records_allowance_total_check CHECK (abs(allowance_total) < 1e26 AND scale(allowance_total) <= 12);
ALTER TABLE cira.records ADD COLUMN charge_total NUMERIC CONSTRAINT records_charge_total_check CHECK (abs(charge_total) < 1e26 AND scale(charge_total) <= 12);
ALTER TABLE cira.records ADD COLUMN shipping_amount NUMERIC CONSTRAINT records_shipping_amount_check CHECK (abs(shipping_amount) < 1e26 AND scale(shipping_amount) <= 12);
ALTER TABLE cira.records ADD COLUMN tip_amount NUMERIC CONSTRAINT records_tip_amount_check CHECK (abs(tip_amount) < 1e26 AND scale(tip_amount) <= 12);
ALTER TABLE cira.records ADD COLUMN withholding_total NUMERIC CONSTRAINT records_withholding_total_check CHECK (abs(withholding_total) < 1e26 AND scale(withholding_total) <= 12);
ALTER TABLE cira.records ADD COLUMN prepaid_amount NUMERIC CONSTRAINT records_prepaid_amount_check CHECK (abs(prepaid_amount) < 1e26 AND scale(prepaid_amount) <= 12);
ALTER TABLE cira.records ADD COLUMN rounding_amount NUMERIC CONSTRAINT records_rounding_amount_check CHECK (abs(rounding_amount) < 1e26 AND scale(rounding_amount) <= 12);
ALTER TABLE cira.records ADD COLUMN previous_balance NUMERIC CONSTRAINT records_previous_balance_check CHECK (abs(previous_balance) < 1e26 AND scale(previous_balance) <= 12);
ALTER TABLE cira.records ADD COLUMN accounting_currency TEXT CONSTRAINT records_accounting_currency_check CHECK (accounting_currency ~ '^[A-Z]{3}$');
ALTER TABLE cira.records ADD COLUMN tax_total_accounting NUMERIC CONSTRAINT records_tax_total_accounting_check CHECK (abs(tax_total_accounting) < 1e26 AND scale(tax_total_accounting) <= 12);
ALTER TABLE cira.records ADD COLUMN exchange_rate NUMERIC CONSTRAINT records_exchange_rate_check CHECK (abs(exchange_rate) < 1e26 AND scale(exchange_rate) <= 12);
ALTER TABLE cira.records ADD COLUMN payment_reference TEXT;
ALTER TABLE cira.records ADD COLUMN payment_account TEXT;
ALTER TABLE cira.records ADD COLUMN payment_routing TEXT;
ALTER TABLE cira.records ADD COLUMN payment_account_scheme TEXT;
ALTER TABLE cira.records ADD COLUMN payment_bic TEXT;
ALTER TABLE cira.records ADD COLUMN payment_account_name TEXT;
ALTER TABLE cira.records ADD COLUMN payment_means TEXT;
ALTER TABLE cira.records ADD COLUMN payment_means_text TEXT;
ALTER TABLE cira.records ADD COLUMN mandate_reference TEXT;
ALTER TABLE cira.records ADD COLUMN creditor_id TEXT;
ALTER TABLE cira.records ADD COLUMN debited_account TEXT;
ALTER TABLE cira.records ADD COLUMN card_number TEXT;
ALTER TABLE cira.records ADD COLUMN card_holder TEXT;
ALTER TABLE cira.records ADD COLUMN late_payment_terms TEXT;
ALTER TABLE cira.records ADD COLUMN buyer_reference TEXT;
ALTER TABLE cira.records ADD COLUMN customer_number TEXT;
ALTER TABLE cira.records ADD COLUMN project_reference TEXT;
ALTER TABLE cira.records ADD COLUMN contract_reference TEXT;
ALTER TABLE cira.records ADD COLUMN sales_order TEXT;
ALTER TABLE cira.records ADD COLUMN receiving_advice TEXT;
ALTER TABLE cira.records ADD COLUMN delivery_note TEXT;
ALTER TABLE cira.records ADD COLUMN tender_reference TEXT;
ALTER TABLE cira.records ADD COLUMN accounting_reference TEXT;
ALTER TABLE cira.records ADD COLUMN notes TEXT;
ALTER TABLE cira.records ADD COLUMN delivery_date DATE;
ALTER TABLE cira.records ADD COLUMN period_start DATE;
ALTER TABLE cira.records ADD COLUMN period_end DATE;
ALTER TABLE cira.records ADD COLUMN tax_point_date DATE;
ALTER TABLE cira.records ADD COLUMN delivery_name TEXT;
ALTER TABLE cira.records ADD COLUMN delivery_address TEXT;
ALTER TABLE cira.records ADD COLUMN delivery_country TEXT;
ALTER TABLE cira.records ADD COLUMN ship_from_address TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_tax_id TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_trading_name TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_street TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_postcode TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_city TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_region TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_country TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_registration TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_electronic_address TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_contact TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_phone TEXT;
ALTER TABLE cira.records ADD COLUMN supplier_email TEXT;
ALTER TABLE cira.records ADD COLUMN customer_tax_id TEXT;
ALTER TABLE cira.records ADD COLUMN customer_trading_name TEXT;
ALTER TABLE cira.records ADD COLUMN customer_street TEXT;
ALTER TABLE cira.records ADD COLUMN customer_postcode TEXT;
ALTER TABLE cira.records ADD COLUMN customer_city TEXT;
ALTER TABLE cira.records ADD COLUMN customer_region TEXT;
ALTER TABLE cira.records ADD COLUMN customer_country TEXT;
ALTER TABLE cira.records ADD COLUMN customer_registration TEXT;
ALTER TABLE cira.records ADD COLUMN customer_electronic_address TEXT;
ALTER TABLE cira.records ADD COLUMN customer_contact TEXT;
ALTER TABLE cira.records ADD COLUMN customer_phone TEXT;
ALTER TABLE cira.records ADD COLUMN customer_email TEXT;
ALTER TABLE cira.records ADD COLUMN payee_name TEXT;
ALTER TABLE cira.records ADD COLUMN payee_id TEXT;
ALTER TABLE cira.records ADD COLUMN payee_registration TEXT;
ALTER TABLE cira.records ADD COLUMN tax_representative_name TEXT;
ALTER TABLE cira.records ADD COLUMN tax_representative_vat_id TEXT;
ALTER TABLE cira.records ADD COLUMN tax_representative_address TEXT;
ALTER TABLE cira.records ADD COLUMN other_terms JSONB DEFAULT '{}' NOT NULL CONSTRAINT records_other_terms_check CHECK (jsonb_typeof(other_terms) = 'object');
ALTER TABLE cira.records ADD COLUMN custom JSONB DEFAULT '{}' NOT NULL CONSTRAINT records_custom_check CHECK (jsonb_typeof(custom) = 'object');
COMMENT ON COLUMN cira.records.net_total IS 'BT-109, without tax, in the invoice''s currency';
COMMENT ON COLUMN cira.records.tax_total IS 'BT-110, all taxes, in the invoice''s currency';
COMMENT ON COLUMN cira.records.gross_total IS 'BT-112, with tax, in the invoice''s currency';
COMMENT ON COLUMN cira.records.line_total IS 'BT-106, net amounts of all lines';
COMMENT ON COLUMN cira.records.allowance_total IS 'BT-107, discounts of the whole invoice, without tax';
COMMENT ON COLUMN cira.records.charge_total IS 'BT-108, charges of the whole invoice, without tax';
COMMENT ON COLUMN cira.records.shipping_amount IS 'freight, postage and delivery stated among the totals';
COMMENT ON COLUMN cira.records.tip_amount IS 'Tip';
COMMENT ON COLUMN cira.records.withholding_total IS 'taxes that the customer withholds, deducted from the amount due';
COMMENT ON COLUMN cira.records.prepaid_amount IS 'BT-113, deposits and earlier payments';
COMMENT ON COLUMN cira.records.rounding_amount IS 'BT-114, added to the amount due';
COMMENT ON COLUMN cira.records.previous_balance IS 'open amount of earlier invoices';
COMMENT ON COLUMN cira.records.accounting_currency IS 'BT-6, ISO 4217, where the tax is stated in a second currency';
COMMENT ON COLUMN cira.records.tax_total_accounting IS 'BT-111, in the accounting currency';
COMMENT ON COLUMN cira.records.exchange_rate IS 'accounting currency for one of the invoice currency';
COMMENT ON COLUMN cira.records.payment_reference IS 'BT-83, to be stated with the payment: ISO 11649, Swiss QR, KID, OCR, ...';
COMMENT ON COLUMN cira.records.payment_account IS 'account number where there is no IBAN, without spaces';
COMMENT ON COLUMN cira.records.payment_routing IS 'of the bank of that account: ABA, sort code, BSB, IFSC, ...';
COMMENT ON COLUMN cira.records.payment_account_scheme IS 'ABA, SORT_CODE, BSB, IFSC, CLABE, BANKGIRO, PLUSGIRO, POSTAL, ...';
COMMENT ON COLUMN cira.records.payment_bic IS 'BT-86, ISO 9362';
COMMENT ON COLUMN cira.records.payment_account_name IS 'BT-85';
COMMENT ON COLUMN cira.records.payment_means IS 'BT-81, UNTDID 4461: 30 transfer, 48 card, 58 SEPA transfer, 59 direct debit, ...';
COMMENT ON COLUMN cira.records.payment_means_text IS 'BT-82';
COMMENT ON COLUMN cira.records.mandate_reference IS 'BT-89';
COMMENT ON COLUMN cira.records.creditor_id IS 'BT-90, of the direct debit';
COMMENT ON COLUMN cira.records.debited_account IS 'BT-91, account that the direct debit is taken from';
COMMENT ON COLUMN cira.records.card_number IS 'BT-87, last digits only';
COMMENT ON COLUMN cira.records.card_holder IS 'BT-88';
COMMENT ON COLUMN cira.records.late_payment_terms IS 'interest and fees after the due date';
COMMENT ON COLUMN cira.records.buyer_reference IS 'BT-10';
COMMENT ON COLUMN cira.records.customer_number IS 'BT-46, the supplier''s number of the customer';
COMMENT ON COLUMN cira.records.project_reference IS 'BT-11';
COMMENT ON COLUMN cira.records.contract_reference IS 'BT-12';
COMMENT ON COLUMN cira.records.sales_order IS 'BT-14, the supplier''s order number';
COMMENT ON COLUMN cira.records.receiving_advice IS 'BT-15';
COMMENT ON COLUMN cira.records.delivery_note IS 'BT-16';
COMMENT ON COLUMN cira.records.tender_reference IS 'BT-17';
COMMENT ON COLUMN cira.records.accounting_reference IS 'BT-19, the buyer''s';
COMMENT ON COLUMN cira.records.notes IS 'BT-22';
COMMENT ON COLUMN cira.records.delivery_date IS 'BT-72';
COMMENT ON COLUMN cira.records.period_start IS 'BT-73';
COMMENT ON COLUMN cira.records.period_end IS 'BT-74';
COMMENT ON COLUMN cira.records.tax_point_date IS 'BT-7';
COMMENT ON COLUMN cira.records.delivery_name IS 'BT-70';
COMMENT ON COLUMN cira.records.delivery_address IS 'BG-15, one line';
COMMENT ON COLUMN cira.records.delivery_country IS 'BT-80, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.records.ship_from_address IS 'one line';
COMMENT ON COLUMN cira.records.supplier_tax_id IS 'BT-32, the main one stated, whatever its scheme';
COMMENT ON COLUMN cira.records.supplier_trading_name IS 'BT-28';
COMMENT ON COLUMN cira.records.supplier_street IS 'BT-35';
COMMENT ON COLUMN cira.records.supplier_postcode IS 'BT-38';
COMMENT ON COLUMN cira.records.supplier_city IS 'BT-37';
COMMENT ON COLUMN cira.records.supplier_region IS 'BT-39, state, province or district';
COMMENT ON COLUMN cira.records.supplier_country IS 'BT-40, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.records.supplier_registration IS 'BT-30, commercial or company register';
COMMENT ON COLUMN cira.records.supplier_electronic_address IS 'BT-34, such as a Peppol id';
COMMENT ON COLUMN cira.records.supplier_contact IS 'BT-41';
COMMENT ON COLUMN cira.records.supplier_phone IS 'BT-42';
COMMENT ON COLUMN cira.records.supplier_email IS 'BT-43';
COMMENT ON COLUMN cira.records.customer_tax_id IS 'the main one stated, whatever its scheme';
COMMENT ON COLUMN cira.records.customer_trading_name IS 'BT-45';
COMMENT ON COLUMN cira.records.customer_street IS 'BT-50';
COMMENT ON COLUMN cira.records.customer_postcode IS 'BT-53';
COMMENT ON COLUMN cira.records.customer_city IS 'BT-52';
COMMENT ON COLUMN cira.records.customer_region IS 'BT-54, state, province or district';
COMMENT ON COLUMN cira.records.customer_country IS 'BT-55, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.records.customer_registration IS 'BT-47, commercial or company register';
COMMENT ON COLUMN cira.records.customer_electronic_address IS 'BT-49, such as a Peppol id';
COMMENT ON COLUMN cira.records.customer_contact IS 'BT-56';
COMMENT ON COLUMN cira.records.customer_phone IS 'BT-57';
COMMENT ON COLUMN cira.records.customer_email IS 'BT-58';
COMMENT ON COLUMN cira.records.payee_name IS 'BT-59, who is paid, where it is not the supplier';
COMMENT ON COLUMN cira.records.payee_id IS 'BT-60';
COMMENT ON COLUMN cira.records.payee_registration IS 'BT-61';
COMMENT ON COLUMN cira.records.tax_representative_name IS 'BT-62';
COMMENT ON COLUMN cira.records.tax_representative_vat_id IS 'BT-63';
COMMENT ON COLUMN cira.records.tax_representative_address IS 'BG-12, one line';
COMMENT ON COLUMN cira.records.other_terms IS 'what an e-invoice states beside, by BT number or element';
COMMENT ON COLUMN cira.records.custom IS 'fields of one''s own by name; numbers and dates as in JSON';
ALTER TABLE cira.record_lines ADD COLUMN line_id TEXT;
ALTER TABLE cira.record_lines ADD COLUMN note TEXT;
ALTER TABLE cira.record_lines ADD COLUMN details TEXT;
ALTER TABLE cira.record_lines ADD COLUMN seller_item_id TEXT;
ALTER TABLE cira.record_lines ADD COLUMN buyer_item_id TEXT;
ALTER TABLE cira.record_lines ADD COLUMN standard_item_id TEXT;
ALTER TABLE cira.record_lines ADD COLUMN standard_item_scheme TEXT;
ALTER TABLE cira.record_lines ADD COLUMN classification TEXT;
ALTER TABLE cira.record_lines ADD COLUMN classification_scheme TEXT;
ALTER TABLE cira.record_lines ADD COLUMN purchase_order_line TEXT;
ALTER TABLE cira.record_lines ADD COLUMN accounting_reference TEXT;
ALTER TABLE cira.record_lines ADD COLUMN period_start DATE;
ALTER TABLE cira.record_lines ADD COLUMN period_end DATE;
ALTER TABLE cira.record_lines ADD COLUMN gross_price NUMERIC CONSTRAINT record_lines_gross_price_check CHECK (abs(gross_price) < 1e26 AND scale(gross_price) <= 12);
ALTER TABLE cira.record_lines ADD COLUMN price_discount NUMERIC CONSTRAINT record_lines_price_discount_check CHECK (abs(price_discount) < 1e26 AND scale(price_discount) <= 12);
ALTER TABLE cira.record_lines ADD COLUMN base_quantity NUMERIC CONSTRAINT record_lines_base_quantity_check CHECK (abs(base_quantity) < 1e26 AND scale(base_quantity) <= 12);
ALTER TABLE cira.record_lines ADD COLUMN tax_category TEXT;
ALTER TABLE cira.record_lines ADD COLUMN country_of_origin TEXT;
ALTER TABLE cira.record_lines ADD COLUMN custom JSONB DEFAULT '{}' NOT NULL CONSTRAINT record_lines_custom_check CHECK (jsonb_typeof(custom) = 'object');
COMMENT ON COLUMN cira.record_lines.line_id IS 'BT-126, as the invoice numbers it';
COMMENT ON COLUMN cira.record_lines.note IS 'BT-127';
COMMENT ON COLUMN cira.record_lines.details IS 'BT-154, longer description beside the name';
COMMENT ON COLUMN cira.record_lines.seller_item_id IS 'BT-155';
COMMENT ON COLUMN cira.record_lines.buyer_item_id IS 'BT-156';
COMMENT ON COLUMN cira.record_lines.standard_item_id IS 'BT-157, such as a GTIN';
COMMENT ON COLUMN cira.record_lines.standard_item_scheme IS 'ISO/IEC 6523: 0160 GTIN';
COMMENT ON COLUMN cira.record_lines.classification IS 'BT-158, HSN, SAC, CPV, UNSPSC, customs tariff number, ...';
COMMENT ON COLUMN cira.record_lines.classification_scheme IS 'UNTDID 7143, or HSN or SAC as printed';
COMMENT ON COLUMN cira.record_lines.purchase_order_line IS 'BT-132';
COMMENT ON COLUMN cira.record_lines.accounting_reference IS 'BT-133, the buyer''s';
COMMENT ON COLUMN cira.record_lines.period_start IS 'BT-134';
COMMENT ON COLUMN cira.record_lines.period_end IS 'BT-135';
COMMENT ON COLUMN cira.record_lines.gross_price IS 'BT-148, price of one unit before the discount';
COMMENT ON COLUMN cira.record_lines.price_discount IS 'BT-147, of one unit';
COMMENT ON COLUMN cira.record_lines.base_quantity IS 'BT-149, units to which the prices apply; none: 1';
COMMENT ON COLUMN cira.record_lines.tax_category IS 'BT-151, UNTDID 5305';
COMMENT ON COLUMN cira.record_lines.country_of_origin IS 'BT-159, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.record_lines.custom IS 'fields of one''s own by name; numbers and dates as in JSON';
COMMENT ON TABLE cira.record_taxes IS 'Tax breakdown, BG-23: one row for each tax name, category and rate';
ALTER TABLE cira.record_taxes ADD COLUMN name TEXT;
ALTER TABLE cira.record_taxes ADD COLUMN category TEXT;
ALTER TABLE cira.record_taxes ADD COLUMN exemption_reason TEXT;
ALTER TABLE cira.record_taxes ADD COLUMN exemption_code TEXT;
COMMENT ON COLUMN cira.record_taxes.name IS 'as printed: VAT, GST, CGST, PST, sales tax, ...; none: VAT or the only tax';
COMMENT ON COLUMN cira.record_taxes.category IS 'BT-118, UNTDID 5305: S, Z, E, AE, K, G, O, ...';
COMMENT ON COLUMN cira.record_taxes.exemption_reason IS 'BT-120';
COMMENT ON COLUMN cira.record_taxes.exemption_code IS 'BT-121, VATEX';
CREATE TABLE cira.record_allowances_charges (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	kind TEXT, 
	amount NUMERIC CONSTRAINT record_allowances_charges_amount_check CHECK (abs(amount) < 1e26 AND scale(amount) <= 12), 
	line INTEGER CONSTRAINT record_allowances_charges_line_check CHECK (line >= 1), 
	percent NUMERIC CONSTRAINT record_allowances_charges_percent_check CHECK (abs(percent) < 1e26 AND scale(percent) <= 12), 
	base NUMERIC CONSTRAINT record_allowances_charges_base_check CHECK (abs(base) < 1e26 AND scale(base) <= 12), 
	reason TEXT, 
	reason_code TEXT, 
	tax_category TEXT, 
	tax_rate NUMERIC CONSTRAINT record_allowances_charges_tax_rate_check CHECK (abs(tax_rate) < 1e26 AND scale(tax_rate) <= 12), 
	CONSTRAINT record_allowances_charges_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_allowances_charges_position_check CHECK (position >= 1), 
	CONSTRAINT record_allowances_charges_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_allowances_charges IS 'Allowances and charges of an invoice, BG-20 and BG-21, or of a line, BG-27 and BG-28';
COMMENT ON COLUMN cira.record_allowances_charges.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_allowances_charges.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_allowances_charges.kind IS 'allowance (deducted) or charge (added)';
COMMENT ON COLUMN cira.record_allowances_charges.amount IS 'BT-92, BT-99 for a charge, without tax';
COMMENT ON COLUMN cira.record_allowances_charges.line IS 'row of `line_items` it belongs to, from 1; none: the whole invoice';
COMMENT ON COLUMN cira.record_allowances_charges.percent IS 'BT-94, BT-101 for a charge';
COMMENT ON COLUMN cira.record_allowances_charges.base IS 'BT-93, amount that the percentage applies to, BT-100 for a charge';
COMMENT ON COLUMN cira.record_allowances_charges.reason IS 'BT-97, BT-104 for a charge: discount, freight, packing, ...';
COMMENT ON COLUMN cira.record_allowances_charges.reason_code IS 'BT-98, UNTDID 5189; UNTDID 7161 for a charge, BT-105';
COMMENT ON COLUMN cira.record_allowances_charges.tax_category IS 'BT-95, UNTDID 5305, BT-102 for a charge';
COMMENT ON COLUMN cira.record_allowances_charges.tax_rate IS 'BT-96, percent, BT-103 for a charge';
CREATE TABLE cira.record_supplier_tax_ids (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	scheme TEXT, 
	value TEXT, 
	CONSTRAINT record_supplier_tax_ids_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_supplier_tax_ids_position_check CHECK (position >= 1), 
	CONSTRAINT record_supplier_tax_ids_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_supplier_tax_ids IS 'Tax ids of the supplier, with their schemes';
COMMENT ON COLUMN cira.record_supplier_tax_ids.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_supplier_tax_ids.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_supplier_tax_ids.scheme IS 'VAT, GSTIN, PAN, ABN, EIN, UEN, TRN, CNPJ, RFC, NIT, RUC, CUIT, SIRET, ...';
COMMENT ON COLUMN cira.record_supplier_tax_ids.value IS 'Tax id';
CREATE TABLE cira.record_customer_tax_ids (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	scheme TEXT, 
	value TEXT, 
	CONSTRAINT record_customer_tax_ids_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_customer_tax_ids_position_check CHECK (position >= 1), 
	CONSTRAINT record_customer_tax_ids_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_customer_tax_ids IS 'Tax ids of the customer, with their schemes';
COMMENT ON COLUMN cira.record_customer_tax_ids.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_customer_tax_ids.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_customer_tax_ids.scheme IS 'VAT, GSTIN, PAN, ABN, EIN, UEN, TRN, CNPJ, RFC, NIT, RUC, CUIT, SIRET, ...';
COMMENT ON COLUMN cira.record_customer_tax_ids.value IS 'Tax id';
CREATE TABLE cira.record_payment_accounts (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	account TEXT, 
	routing TEXT, 
	scheme TEXT, 
	bic TEXT, 
	name TEXT, 
	CONSTRAINT record_payment_accounts_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_payment_accounts_position_check CHECK (position >= 1), 
	CONSTRAINT record_payment_accounts_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_payment_accounts IS 'Accounts that an invoice offers for payment, BG-17';
COMMENT ON COLUMN cira.record_payment_accounts.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_payment_accounts.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_payment_accounts.account IS 'BT-84, IBAN or account number, without spaces';
COMMENT ON COLUMN cira.record_payment_accounts.routing IS 'of the bank: ABA, sort code, BSB, IFSC, ...';
COMMENT ON COLUMN cira.record_payment_accounts.scheme IS 'IBAN, ABA, SORT_CODE, BSB, IFSC, CLABE, BANKGIRO, PLUSGIRO, POSTAL, ...';
COMMENT ON COLUMN cira.record_payment_accounts.bic IS 'BT-86';
COMMENT ON COLUMN cira.record_payment_accounts.name IS 'BT-85';
CREATE TABLE cira.record_payment_discounts (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	percent NUMERIC CONSTRAINT record_payment_discounts_percent_check CHECK (abs(percent) < 1e26 AND scale(percent) <= 12), 
	days NUMERIC CONSTRAINT record_payment_discounts_days_check CHECK (abs(days) < 1e26 AND scale(days) <= 12), 
	until DATE, 
	base NUMERIC CONSTRAINT record_payment_discounts_base_check CHECK (abs(base) < 1e26 AND scale(base) <= 12), 
	amount NUMERIC CONSTRAINT record_payment_discounts_amount_check CHECK (abs(amount) < 1e26 AND scale(amount) <= 12), 
	CONSTRAINT record_payment_discounts_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_payment_discounts_position_check CHECK (position >= 1), 
	CONSTRAINT record_payment_discounts_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_payment_discounts IS 'Cash discounts for early payment';
COMMENT ON COLUMN cira.record_payment_discounts.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_payment_discounts.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_payment_discounts.percent IS 'Percent';
COMMENT ON COLUMN cira.record_payment_discounts.days IS 'after the issue date';
COMMENT ON COLUMN cira.record_payment_discounts.until IS 'last day of payment';
COMMENT ON COLUMN cira.record_payment_discounts.base IS 'amount that the percentage applies to';
COMMENT ON COLUMN cira.record_payment_discounts.amount IS 'amount deducted';
CREATE TABLE cira.record_withholdings (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	name TEXT, 
	rate NUMERIC CONSTRAINT record_withholdings_rate_check CHECK (abs(rate) < 1e26 AND scale(rate) <= 12), 
	base NUMERIC CONSTRAINT record_withholdings_base_check CHECK (abs(base) < 1e26 AND scale(base) <= 12), 
	amount NUMERIC CONSTRAINT record_withholdings_amount_check CHECK (abs(amount) < 1e26 AND scale(amount) <= 12), 
	CONSTRAINT record_withholdings_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_withholdings_position_check CHECK (position >= 1), 
	CONSTRAINT record_withholdings_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_withholdings IS 'Taxes that the customer withholds from the payment';
COMMENT ON COLUMN cira.record_withholdings.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_withholdings.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_withholdings.name IS 'Tax name';
COMMENT ON COLUMN cira.record_withholdings.rate IS 'percent';
COMMENT ON COLUMN cira.record_withholdings.base IS 'Base amount';
COMMENT ON COLUMN cira.record_withholdings.amount IS 'positive where it lowers the amount due';
CREATE TABLE cira.record_preceding_invoices (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	number TEXT, 
	issue_date DATE, 
	CONSTRAINT record_preceding_invoices_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_preceding_invoices_position_check CHECK (position >= 1), 
	CONSTRAINT record_preceding_invoices_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_preceding_invoices IS 'Earlier invoices that an invoice refers to, BG-3';
COMMENT ON COLUMN cira.record_preceding_invoices.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_preceding_invoices.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_preceding_invoices.number IS 'BT-25';
COMMENT ON COLUMN cira.record_preceding_invoices.issue_date IS 'BT-26';
CREATE TABLE cira.record_attachments (
	job_id TEXT COLLATE "C" NOT NULL, 
	position INTEGER NOT NULL, 
	reference TEXT, 
	description TEXT, 
	location TEXT, 
	filename TEXT, 
	media_type TEXT, 
	sha256 TEXT, 
	CONSTRAINT record_attachments_pkey PRIMARY KEY (job_id, position), 
	CONSTRAINT record_attachments_position_check CHECK (position >= 1), 
	CONSTRAINT record_attachments_job_id_fkey FOREIGN KEY(job_id) REFERENCES cira.records (job_id) ON DELETE CASCADE
);
COMMENT ON TABLE cira.record_attachments IS 'Supporting documents that an e-invoice carries or names, BG-24';
COMMENT ON COLUMN cira.record_attachments.job_id IS 'the job whose record this belongs to';
COMMENT ON COLUMN cira.record_attachments.position IS 'order in the document, from 1';
COMMENT ON COLUMN cira.record_attachments.reference IS 'BT-122';
COMMENT ON COLUMN cira.record_attachments.description IS 'BT-123';
COMMENT ON COLUMN cira.record_attachments.location IS 'BT-124, URL outside the invoice';
COMMENT ON COLUMN cira.record_attachments.filename IS 'File name';
COMMENT ON COLUMN cira.record_attachments.media_type IS 'Media type';
COMMENT ON COLUMN cira.record_attachments.sha256 IS 'of the attached content; under this hash it is kept';
CREATE OR REPLACE VIEW cira.invoices AS
 SELECT r.job_id,
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
    ( SELECT count(*) AS count
           FROM cira.record_lines l
          WHERE l.job_id = r.job_id) AS line_count,
    ( SELECT count(*) AS count
           FROM cira.record_findings f
          WHERE f.job_id = r.job_id) AS finding_count,
    ( SELECT COALESCE(sum(c.amount_usd), 0::numeric) AS "coalesce"
           FROM cira.cost_entries c
          WHERE c.job_id = r.job_id) AS cost_usd,
    EXTRACT(epoch FROM j.finished_at - j.started_at)::double precision AS seconds,
    r.document_sha256,
    d.media_type,
    d.page_count,
    j.attempts,
    j.run_id,
    j.submitted_at,
    j.started_at,
    j.finished_at,
    r.updated_at AS recorded_at,
    ( SELECT max(c.confirmed_at) AS max
           FROM cira.confirmations c
          WHERE c.job_id = r.job_id) AS confirmed_at,
    r.line_total,
    r.allowance_total,
    r.charge_total,
    r.shipping_amount,
    r.tip_amount,
    r.withholding_total,
    r.prepaid_amount,
    r.rounding_amount,
    r.previous_balance,
    r.accounting_currency,
    r.tax_total_accounting,
    r.exchange_rate,
    r.payment_reference,
    r.payment_account,
    r.payment_routing,
    r.payment_account_scheme,
    r.payment_bic,
    r.payment_account_name,
    r.payment_means,
    r.payment_means_text,
    r.mandate_reference,
    r.creditor_id,
    r.debited_account,
    r.card_number,
    r.card_holder,
    r.late_payment_terms,
    r.buyer_reference,
    r.customer_number,
    r.project_reference,
    r.contract_reference,
    r.sales_order,
    r.receiving_advice,
    r.delivery_note,
    r.tender_reference,
    r.accounting_reference,
    r.notes,
    r.delivery_date,
    r.period_start,
    r.period_end,
    r.tax_point_date,
    r.delivery_name,
    r.delivery_address,
    r.delivery_country,
    r.ship_from_address,
    r.supplier_tax_id,
    r.supplier_trading_name,
    r.supplier_street,
    r.supplier_postcode,
    r.supplier_city,
    r.supplier_region,
    r.supplier_country,
    r.supplier_registration,
    r.supplier_electronic_address,
    r.supplier_contact,
    r.supplier_phone,
    r.supplier_email,
    r.customer_tax_id,
    r.customer_trading_name,
    r.customer_street,
    r.customer_postcode,
    r.customer_city,
    r.customer_region,
    r.customer_country,
    r.customer_registration,
    r.customer_electronic_address,
    r.customer_contact,
    r.customer_phone,
    r.customer_email,
    r.payee_name,
    r.payee_id,
    r.payee_registration,
    r.tax_representative_name,
    r.tax_representative_vat_id,
    r.tax_representative_address,
    r.other_terms,
    r.custom
   FROM cira.records r
     JOIN cira.jobs j USING (job_id)
     JOIN cira.documents d ON d.sha256 = r.document_sha256;
COMMENT ON COLUMN cira.invoices.line_total IS 'BT-106, net amounts of all lines';
COMMENT ON COLUMN cira.invoices.allowance_total IS 'BT-107, discounts of the whole invoice, without tax';
COMMENT ON COLUMN cira.invoices.charge_total IS 'BT-108, charges of the whole invoice, without tax';
COMMENT ON COLUMN cira.invoices.shipping_amount IS 'freight, postage and delivery stated among the totals';
COMMENT ON COLUMN cira.invoices.tip_amount IS 'Tip';
COMMENT ON COLUMN cira.invoices.withholding_total IS 'taxes that the customer withholds, deducted from the amount due';
COMMENT ON COLUMN cira.invoices.prepaid_amount IS 'BT-113, deposits and earlier payments';
COMMENT ON COLUMN cira.invoices.rounding_amount IS 'BT-114, added to the amount due';
COMMENT ON COLUMN cira.invoices.previous_balance IS 'open amount of earlier invoices';
COMMENT ON COLUMN cira.invoices.accounting_currency IS 'BT-6, ISO 4217, where the tax is stated in a second currency';
COMMENT ON COLUMN cira.invoices.tax_total_accounting IS 'BT-111, in the accounting currency';
COMMENT ON COLUMN cira.invoices.exchange_rate IS 'accounting currency for one of the invoice currency';
COMMENT ON COLUMN cira.invoices.payment_reference IS 'BT-83, to be stated with the payment: ISO 11649, Swiss QR, KID, OCR, ...';
COMMENT ON COLUMN cira.invoices.payment_account IS 'account number where there is no IBAN, without spaces';
COMMENT ON COLUMN cira.invoices.payment_routing IS 'of the bank of that account: ABA, sort code, BSB, IFSC, ...';
COMMENT ON COLUMN cira.invoices.payment_account_scheme IS 'ABA, SORT_CODE, BSB, IFSC, CLABE, BANKGIRO, PLUSGIRO, POSTAL, ...';
COMMENT ON COLUMN cira.invoices.payment_bic IS 'BT-86, ISO 9362';
COMMENT ON COLUMN cira.invoices.payment_account_name IS 'BT-85';
COMMENT ON COLUMN cira.invoices.payment_means IS 'BT-81, UNTDID 4461: 30 transfer, 48 card, 58 SEPA transfer, 59 direct debit, ...';
COMMENT ON COLUMN cira.invoices.payment_means_text IS 'BT-82';
COMMENT ON COLUMN cira.invoices.mandate_reference IS 'BT-89';
COMMENT ON COLUMN cira.invoices.creditor_id IS 'BT-90, of the direct debit';
COMMENT ON COLUMN cira.invoices.debited_account IS 'BT-91, account that the direct debit is taken from';
COMMENT ON COLUMN cira.invoices.card_number IS 'BT-87, last digits only';
COMMENT ON COLUMN cira.invoices.card_holder IS 'BT-88';
COMMENT ON COLUMN cira.invoices.late_payment_terms IS 'interest and fees after the due date';
COMMENT ON COLUMN cira.invoices.buyer_reference IS 'BT-10';
COMMENT ON COLUMN cira.invoices.customer_number IS 'BT-46, the supplier''s number of the customer';
COMMENT ON COLUMN cira.invoices.project_reference IS 'BT-11';
COMMENT ON COLUMN cira.invoices.contract_reference IS 'BT-12';
COMMENT ON COLUMN cira.invoices.sales_order IS 'BT-14, the supplier''s order number';
COMMENT ON COLUMN cira.invoices.receiving_advice IS 'BT-15';
COMMENT ON COLUMN cira.invoices.delivery_note IS 'BT-16';
COMMENT ON COLUMN cira.invoices.tender_reference IS 'BT-17';
COMMENT ON COLUMN cira.invoices.accounting_reference IS 'BT-19, the buyer''s';
COMMENT ON COLUMN cira.invoices.notes IS 'BT-22';
COMMENT ON COLUMN cira.invoices.delivery_date IS 'BT-72';
COMMENT ON COLUMN cira.invoices.period_start IS 'BT-73';
COMMENT ON COLUMN cira.invoices.period_end IS 'BT-74';
COMMENT ON COLUMN cira.invoices.tax_point_date IS 'BT-7';
COMMENT ON COLUMN cira.invoices.delivery_name IS 'BT-70';
COMMENT ON COLUMN cira.invoices.delivery_address IS 'BG-15, one line';
COMMENT ON COLUMN cira.invoices.delivery_country IS 'BT-80, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.invoices.ship_from_address IS 'one line';
COMMENT ON COLUMN cira.invoices.supplier_tax_id IS 'BT-32, the main one stated, whatever its scheme';
COMMENT ON COLUMN cira.invoices.supplier_trading_name IS 'BT-28';
COMMENT ON COLUMN cira.invoices.supplier_street IS 'BT-35';
COMMENT ON COLUMN cira.invoices.supplier_postcode IS 'BT-38';
COMMENT ON COLUMN cira.invoices.supplier_city IS 'BT-37';
COMMENT ON COLUMN cira.invoices.supplier_region IS 'BT-39, state, province or district';
COMMENT ON COLUMN cira.invoices.supplier_country IS 'BT-40, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.invoices.supplier_registration IS 'BT-30, commercial or company register';
COMMENT ON COLUMN cira.invoices.supplier_electronic_address IS 'BT-34, such as a Peppol id';
COMMENT ON COLUMN cira.invoices.supplier_contact IS 'BT-41';
COMMENT ON COLUMN cira.invoices.supplier_phone IS 'BT-42';
COMMENT ON COLUMN cira.invoices.supplier_email IS 'BT-43';
COMMENT ON COLUMN cira.invoices.customer_tax_id IS 'the main one stated, whatever its scheme';
COMMENT ON COLUMN cira.invoices.customer_trading_name IS 'BT-45';
COMMENT ON COLUMN cira.invoices.customer_street IS 'BT-50';
COMMENT ON COLUMN cira.invoices.customer_postcode IS 'BT-53';
COMMENT ON COLUMN cira.invoices.customer_city IS 'BT-52';
COMMENT ON COLUMN cira.invoices.customer_region IS 'BT-54, state, province or district';
COMMENT ON COLUMN cira.invoices.customer_country IS 'BT-55, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.invoices.customer_registration IS 'BT-47, commercial or company register';
COMMENT ON COLUMN cira.invoices.customer_electronic_address IS 'BT-49, such as a Peppol id';
COMMENT ON COLUMN cira.invoices.customer_contact IS 'BT-56';
COMMENT ON COLUMN cira.invoices.customer_phone IS 'BT-57';
COMMENT ON COLUMN cira.invoices.customer_email IS 'BT-58';
COMMENT ON COLUMN cira.invoices.payee_name IS 'BT-59, who is paid, where it is not the supplier';
COMMENT ON COLUMN cira.invoices.payee_id IS 'BT-60';
COMMENT ON COLUMN cira.invoices.payee_registration IS 'BT-61';
COMMENT ON COLUMN cira.invoices.tax_representative_name IS 'BT-62';
COMMENT ON COLUMN cira.invoices.tax_representative_vat_id IS 'BT-63';
COMMENT ON COLUMN cira.invoices.tax_representative_address IS 'BG-12, one line';
COMMENT ON COLUMN cira.invoices.other_terms IS 'what an e-invoice states beside, by BT number or element';
COMMENT ON COLUMN cira.invoices.custom IS 'fields of one''s own by name; numbers and dates as in JSON';
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
    l.custom
   FROM cira.record_lines l
     JOIN cira.records r USING (job_id)
     JOIN cira.jobs j USING (job_id);
COMMENT ON COLUMN cira.invoice_lines.line_id IS 'BT-126, as the invoice numbers it';
COMMENT ON COLUMN cira.invoice_lines.note IS 'BT-127';
COMMENT ON COLUMN cira.invoice_lines.details IS 'BT-154, longer description beside the name';
COMMENT ON COLUMN cira.invoice_lines.seller_item_id IS 'BT-155';
COMMENT ON COLUMN cira.invoice_lines.buyer_item_id IS 'BT-156';
COMMENT ON COLUMN cira.invoice_lines.standard_item_id IS 'BT-157, such as a GTIN';
COMMENT ON COLUMN cira.invoice_lines.standard_item_scheme IS 'ISO/IEC 6523: 0160 GTIN';
COMMENT ON COLUMN cira.invoice_lines.classification IS 'BT-158, HSN, SAC, CPV, UNSPSC, customs tariff number, ...';
COMMENT ON COLUMN cira.invoice_lines.classification_scheme IS 'UNTDID 7143, or HSN or SAC as printed';
COMMENT ON COLUMN cira.invoice_lines.purchase_order_line IS 'BT-132';
COMMENT ON COLUMN cira.invoice_lines.accounting_reference IS 'BT-133, the buyer''s';
COMMENT ON COLUMN cira.invoice_lines.period_start IS 'BT-134';
COMMENT ON COLUMN cira.invoice_lines.period_end IS 'BT-135';
COMMENT ON COLUMN cira.invoice_lines.gross_price IS 'BT-148, price of one unit before the discount';
COMMENT ON COLUMN cira.invoice_lines.price_discount IS 'BT-147, of one unit';
COMMENT ON COLUMN cira.invoice_lines.base_quantity IS 'BT-149, units to which the prices apply; none: 1';
COMMENT ON COLUMN cira.invoice_lines.tax_category IS 'BT-151, UNTDID 5305';
COMMENT ON COLUMN cira.invoice_lines.country_of_origin IS 'BT-159, ISO 3166-1, two letters';
COMMENT ON COLUMN cira.invoice_lines.custom IS 'fields of one''s own by name; numbers and dates as in JSON';
