"""Canonical invoice model: EN 16931 business terms in snake case.

Amounts are `Decimal` in the invoice's own currency, rates are percent (`19` is 19 %), dates are calendar dates without
a zone. A field that the document does not show is `None`, never a guess. A credit note's amounts are the credited
amounts, positive even where its page prints minus signs; amounts from e-invoice XML keep the sign stated there.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal, get_args

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, WithJsonSchema

from .fields import Detail, Term
from .fields import FieldGroup as Group
from .fields import FieldKind as Kind

_DECIMAL = {"type": "string", "pattern": r"^[+-]?([0-9]{1,26}(\.[0-9]{0,30})?|\.[0-9]{1,30})$"}

# Money is serialised as a plain decimal string: JSON floats would lose cents.
Amount = Annotated[
    Decimal,
    PlainSerializer(lambda value: format(value, "f"), return_type=str, when_used="json"),
    WithJsonSchema(
        {"anyOf": [{"type": "number", "exclusiveMinimum": -1e26, "exclusiveMaximum": 1e26}, _DECIMAL]},
        mode="validation",
    ),
    WithJsonSchema(_DECIMAL, mode="serialization"),
]


_DAY = re.compile("[0-9]{4}-[0-9]{2}-[0-9]{2}")


def _as_written(value: object) -> object:
    """Rejects what pydantic would accept as a date: seconds since 1970, and dates with a time."""
    if value is None or type(value) is date or (isinstance(value, str) and _DAY.fullmatch(value)):
        return value
    raise ValueError("a date must be written YYYY-MM-DD")


Day = Annotated[date, BeforeValidator(_as_written)]
"""Calendar date; in JSON and queries only in ISO 8601, `2026-01-31`."""


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


# The table of fields: one field, one line.
# fmt: off
Text = str | None
Number = Amount | None
Date = Day | None


class TaxLine(_Frozen):
    """One row of the tax breakdown, BG-23: one for each tax name, category and rate."""

    rate: Annotated[Number, Term("BT-119", Kind.RATE, "Rate %", "percent")] = None
    net: Annotated[Number, Term("BT-116", Kind.AMOUNT, "Net", "taxed amount")] = None
    tax: Annotated[Number, Term("BT-117", Kind.AMOUNT, "Tax", "the tax on it")] = None
    name: Annotated[Text, Detail("", Kind.NAME, "Tax name", "as printed: VAT, GST, CGST, PST, sales tax, ...; none: VAT or the only tax")] = None
    category: Annotated[Text, Detail("BT-118", Kind.CODE, "Tax category", "UNTDID 5305: S, Z, E, AE, K, G, O, ...", printed=False)] = None
    exemption_reason: Annotated[Text, Detail("BT-120", Kind.TEXT, "Exemption reason")] = None
    exemption_code: Annotated[Text, Detail("BT-121", Kind.CODE, "Exemption reason code", "VATEX", printed=False)] = None


class LineItem(_Frozen):
    """One invoice line, BG-25."""

    description: Annotated[Text, Term("BT-153", Kind.TEXT, "Description")] = None
    quantity: Annotated[Number, Term("BT-129", Kind.QUANTITY, "Quantity")] = None
    unit: Annotated[Text, Term("BT-130", Kind.UNIT, "Unit", "UN/ECE Rec 20 code from XML or the word printed")] = None
    unit_price: Annotated[Number, Term("BT-146", Kind.AMOUNT, "Unit price", "net price of one unit")] = None
    tax_rate: Annotated[Number, Term("BT-152", Kind.RATE, "Tax %", "percent")] = None
    net_amount: Annotated[Number, Term("BT-131", Kind.AMOUNT, "Net")] = None
    line_id: Annotated[Text, Detail("BT-126", Kind.REFERENCE, "Line number", "as the invoice numbers it")] = None
    note: Annotated[Text, Detail("BT-127", Kind.TEXT, "Note")] = None
    details: Annotated[Text, Detail("BT-154", Kind.TEXT, "Details", "longer description beside the name")] = None
    seller_item_id: Annotated[Text, Detail("BT-155", Kind.REFERENCE, "Seller's item number")] = None
    buyer_item_id: Annotated[Text, Detail("BT-156", Kind.REFERENCE, "Buyer's item number")] = None
    standard_item_id: Annotated[Text, Detail("BT-157", Kind.REFERENCE, "Standard item number", "such as a GTIN")] = None
    standard_item_scheme: Annotated[Text, Detail("", Kind.CODE, "Scheme of the standard item number", "ISO/IEC 6523: 0160 GTIN", printed=False)] = None
    classification: Annotated[Text, Detail("BT-158", Kind.CODE, "Commodity code", "HSN, SAC, CPV, UNSPSC, customs tariff number, ...")] = None
    classification_scheme: Annotated[Text, Detail("", Kind.CODE, "Scheme of the commodity code", "UNTDID 7143, or HSN or SAC as printed")] = None
    purchase_order_line: Annotated[Text, Detail("BT-132", Kind.REFERENCE, "Order line")] = None
    accounting_reference: Annotated[Text, Detail("BT-133", Kind.REFERENCE, "Accounting reference", "the buyer's")] = None
    period_start: Annotated[Date, Detail("BT-134", Kind.DATE, "Period from")] = None
    period_end: Annotated[Date, Detail("BT-135", Kind.DATE, "Period to")] = None
    gross_price: Annotated[Number, Detail("BT-148", Kind.AMOUNT, "Gross price", "price of one unit before the discount")] = None
    price_discount: Annotated[Number, Detail("BT-147", Kind.AMOUNT, "Price discount", "of one unit", unsigned=True)] = None
    base_quantity: Annotated[Number, Detail("BT-149", Kind.QUANTITY, "Base quantity", "units to which the prices apply; none: 1")] = None
    tax_category: Annotated[Text, Detail("BT-151", Kind.CODE, "Tax category", "UNTDID 5305", printed=False)] = None
    country_of_origin: Annotated[Text, Detail("BT-159", Kind.COUNTRY, "Country of origin", "ISO 3166-1, two letters")] = None
    other_terms: Annotated[Mapping[str, tuple[str, ...]], Detail("", Kind.MAP, "Other terms", "what an e-invoice states about the line beside, by BT number or element")] = Field(default_factory=dict)
    custom: Annotated[Mapping[str, str], Detail("", Kind.MAP, "Own fields", "fields of one's own by name; numbers and dates as in JSON")] = Field(default_factory=dict)


class AllowanceCharge(_Frozen):
    """One allowance (discount) or charge of the document, BG-20 and BG-21, or of one of its lines, BG-27 and BG-28.

    Its amount is positive; `kind` says whether it is deducted or added.
    """

    kind: Annotated[Text, Term("", Kind.CODE, "Kind", "allowance (deducted) or charge (added)", values=("allowance", "charge"))] = None
    amount: Annotated[Number, Term("BT-92", Kind.AMOUNT, "Amount", "BT-99 for a charge, without tax", unsigned=True)] = None
    line: Annotated[int | None, Detail("", Kind.POSITION, "Line", "row of `line_items` it belongs to, from 1; none: the whole invoice")] = None
    percent: Annotated[Number, Detail("BT-94", Kind.RATE, "Percent", "BT-101 for a charge")] = None
    base: Annotated[Number, Detail("BT-93", Kind.AMOUNT, "Base amount", "amount that the percentage applies to, BT-100 for a charge")] = None
    reason: Annotated[Text, Term("BT-97", Kind.TEXT, "Reason", "BT-104 for a charge: discount, freight, packing, ...")] = None
    reason_code: Annotated[Text, Detail("BT-98", Kind.CODE, "Reason code", "UNTDID 5189; UNTDID 7161 for a charge, BT-105", printed=False)] = None
    tax_category: Annotated[Text, Detail("BT-95", Kind.CODE, "Tax category", "UNTDID 5305, BT-102 for a charge", printed=False)] = None
    tax_rate: Annotated[Number, Detail("BT-96", Kind.RATE, "Tax %", "percent, BT-103 for a charge")] = None


class TaxId(_Frozen):
    """A tax id of a party with its scheme."""

    scheme: Annotated[Text, Term("", Kind.CODE, "Scheme", "VAT, GSTIN, PAN, ABN, EIN, UEN, TRN, CNPJ, RFC, NIT, RUC, CUIT, SIRET, ...")] = None
    value: Annotated[Text, Term("", Kind.TAX_ID, "Tax id")] = None


class PrecedingInvoice(_Frozen):
    """An earlier invoice that this one corrects, credits or refers to, BG-3."""

    number: Annotated[Text, Term("BT-25", Kind.REFERENCE, "Number")] = None
    issue_date: Annotated[Date, Term("BT-26", Kind.DATE, "Issued")] = None


class PaymentAccount(_Frozen):
    """An account that the invoice offers for payment, BG-17."""

    account: Annotated[Text, Term("BT-84", Kind.ACCOUNT, "Account", "IBAN or account number, without spaces")] = None
    routing: Annotated[Text, Term("", Kind.ACCOUNT, "Routing code", "of the bank: ABA, sort code, BSB, IFSC, ...")] = None
    scheme: Annotated[Text, Term("", Kind.CODE, "Scheme", "IBAN, ABA, SORT_CODE, BSB, IFSC, CLABE, BANKGIRO, PLUSGIRO, POSTAL, ...")] = None
    bic: Annotated[Text, Term("BT-86", Kind.CODE, "BIC")] = None
    name: Annotated[Text, Term("BT-85", Kind.NAME, "Account name")] = None


class PaymentDiscount(_Frozen):
    """A cash discount for early payment."""

    percent: Annotated[Number, Term("", Kind.RATE, "Percent")] = None
    days: Annotated[Number, Term("", Kind.QUANTITY, "Days", "after the issue date")] = None
    until: Annotated[Date, Term("", Kind.DATE, "Until", "last day of payment")] = None
    base: Annotated[Number, Term("", Kind.AMOUNT, "Base amount", "amount that the percentage applies to")] = None
    amount: Annotated[Number, Term("", Kind.AMOUNT, "Discount", "amount deducted", unsigned=True)] = None


class Withholding(_Frozen):
    """A tax that the customer withholds from the payment: IRPF, ritenuta, TDS, ISR, ...

    A share that the state pays for the customer, such as Sweden's ROT and RUT, is one, too.
    """

    name: Annotated[Text, Term("", Kind.NAME, "Tax name")] = None
    rate: Annotated[Number, Term("", Kind.RATE, "Rate %", "percent")] = None
    base: Annotated[Number, Term("", Kind.AMOUNT, "Base amount")] = None
    amount: Annotated[Number, Term("", Kind.AMOUNT, "Amount", "positive where it lowers the amount due", unsigned=True)] = None


class Attachment(_Frozen):
    """A supporting document that an e-invoice carries or names, BG-24."""

    reference: Annotated[Text, Term("BT-122", Kind.REFERENCE, "Reference")] = None
    description: Annotated[Text, Term("BT-123", Kind.TEXT, "Description")] = None
    location: Annotated[Text, Term("BT-124", Kind.TEXT, "Location", "URL outside the invoice")] = None
    filename: Annotated[Text, Term("", Kind.TEXT, "File name")] = None
    media_type: Annotated[Text, Term("", Kind.CODE, "Media type")] = None
    size_bytes: Annotated[Number, Term("", Kind.QUANTITY, "Bytes", "size of the attached content")] = None
    sha256: Annotated[Text, Term("", Kind.CODE, "SHA-256", "of the attached content")] = None


class Invoice(_Frozen):
    """Fields of one invoice; every field may be absent."""

    invoice_number: Annotated[Text, Term("BT-1", Kind.REFERENCE, "Invoice number", group=Group.INVOICE, payment=True)] = None
    issue_date: Annotated[Date, Term("BT-2", Kind.DATE, "Issued", group=Group.INVOICE, payment=True)] = None
    invoice_type: Annotated[Text, Term("BT-3", Kind.TYPE, "Kind", "UNTDID 1001: 380 invoice, 381 credit note, 384 corrected", group=Group.INVOICE, payment=True)] = None
    currency: Annotated[Text, Term("BT-5", Kind.CURRENCY, "Currency", "ISO 4217", group=Group.INVOICE, payment=True)] = None
    due_date: Annotated[Date, Term("BT-9", Kind.DATE, "Due", group=Group.INVOICE, payment=True)] = None
    purchase_order: Annotated[Text, Term("BT-13", Kind.REFERENCE, "Purchase order", group=Group.INVOICE)] = None
    payment_terms: Annotated[Text, Term("BT-20", Kind.TEXT, "Payment terms", group=Group.PAYMENT)] = None
    supplier_name: Annotated[Text, Term("BT-27", Kind.NAME, "Supplier", group=Group.SUPPLIER, payment=True)] = None
    supplier_vat_id: Annotated[Text, Term("BT-31", Kind.TAX_ID, "Supplier's VAT id", group=Group.SUPPLIER, payment=True, scheme="VAT")] = None
    supplier_address: Annotated[Text, Term("BG-5", Kind.ADDRESS, "Supplier's address", "one line", group=Group.SUPPLIER)] = None
    customer_name: Annotated[Text, Term("BT-44", Kind.NAME, "Customer", group=Group.CUSTOMER)] = None
    customer_vat_id: Annotated[Text, Term("BT-48", Kind.TAX_ID, "Customer's VAT id", group=Group.CUSTOMER, scheme="VAT")] = None
    customer_address: Annotated[Text, Term("BG-8", Kind.ADDRESS, "Customer's address", "one line", group=Group.CUSTOMER)] = None
    payment_iban: Annotated[Text, Term("BT-84", Kind.ACCOUNT, "Bank account (IBAN)", "without spaces", group=Group.PAYMENT, payment=True, scheme="IBAN")] = None
    net_total: Annotated[Number, Term("BT-109", Kind.AMOUNT, "Net total", "without tax, in the invoice's currency", group=Group.AMOUNTS, payment=True)] = None
    tax_total: Annotated[Number, Term("BT-110", Kind.AMOUNT, "Tax total", "all taxes, in the invoice's currency", group=Group.AMOUNTS, payment=True)] = None
    gross_total: Annotated[Number, Term("BT-112", Kind.AMOUNT, "Gross total", "with tax, in the invoice's currency", group=Group.AMOUNTS, payment=True)] = None
    amount_due: Annotated[Number, Term("BT-115", Kind.AMOUNT, "Amount due", "to be paid, in the invoice's currency", group=Group.AMOUNTS, payment=True)] = None
    line_total: Annotated[Number, Detail("BT-106", Kind.AMOUNT, "Sum of lines", "net amounts of all lines", group=Group.AMOUNTS)] = None
    allowance_total: Annotated[Number, Detail("BT-107", Kind.AMOUNT, "Allowances", "discounts of the whole invoice, without tax", group=Group.AMOUNTS, unsigned=True)] = None
    charge_total: Annotated[Number, Detail("BT-108", Kind.AMOUNT, "Charges", "charges of the whole invoice, without tax", group=Group.AMOUNTS, unsigned=True)] = None
    shipping_amount: Annotated[Number, Detail("", Kind.AMOUNT, "Shipping", "freight, postage and delivery stated among the totals", group=Group.AMOUNTS)] = None
    tip_amount: Annotated[Number, Detail("", Kind.AMOUNT, "Tip", group=Group.AMOUNTS)] = None
    withholding_total: Annotated[Number, Detail("", Kind.AMOUNT, "Withheld", "taxes that the customer withholds, and what the state pays for the customer such as ROT: deducted from the amount due", group=Group.AMOUNTS, unsigned=True)] = None
    prepaid_amount: Annotated[Number, Detail("BT-113", Kind.AMOUNT, "Paid before", "deposits and earlier payments", group=Group.AMOUNTS, unsigned=True)] = None
    rounding_amount: Annotated[Number, Detail("BT-114", Kind.AMOUNT, "Rounding", "added to the amount due", group=Group.AMOUNTS)] = None
    previous_balance: Annotated[Number, Detail("", Kind.AMOUNT, "Previous balance", "open amount of earlier invoices", group=Group.AMOUNTS)] = None
    accounting_currency: Annotated[Text, Detail("BT-6", Kind.CURRENCY, "Accounting currency", "ISO 4217, where the tax is stated in a second currency", group=Group.AMOUNTS)] = None
    tax_total_accounting: Annotated[Number, Detail("BT-111", Kind.AMOUNT, "Tax total, accounting", "in the accounting currency", group=Group.AMOUNTS)] = None
    exchange_rate: Annotated[Number, Detail("", Kind.RATE, "Exchange rate", "accounting currency for one of the invoice currency", group=Group.AMOUNTS)] = None
    payment_reference: Annotated[Text, Term("BT-83", Kind.REFERENCE, "Payment reference", "to be stated with the payment: ISO 11649, Swiss QR, KID, OCR, ...", group=Group.PAYMENT, payment=True)] = None
    payment_account: Annotated[Text, Detail("", Kind.ACCOUNT, "Bank account (other)", "account number where there is no IBAN, without spaces", group=Group.PAYMENT, payment=True)] = None
    payment_routing: Annotated[Text, Detail("", Kind.ACCOUNT, "Routing code", "of the bank of that account: ABA, sort code, BSB, IFSC, ...", group=Group.PAYMENT, payment=True)] = None
    payment_account_scheme: Annotated[Text, Detail("", Kind.CODE, "Kind of account", "ABA, SORT_CODE, BSB, IFSC, CLABE, BANKGIRO, PLUSGIRO, POSTAL, ...", group=Group.PAYMENT)] = None
    payment_bic: Annotated[Text, Detail("BT-86", Kind.CODE, "BIC", "ISO 9362", group=Group.PAYMENT)] = None
    payment_account_name: Annotated[Text, Detail("BT-85", Kind.NAME, "Account name", group=Group.PAYMENT)] = None
    payment_means: Annotated[Text, Detail("BT-81", Kind.CODE, "Payment means", "UNTDID 4461: 30 transfer, 48 card, 58 SEPA transfer, 59 direct debit, ...", group=Group.PAYMENT, printed=False)] = None
    payment_means_text: Annotated[Text, Detail("BT-82", Kind.TEXT, "Payment means in words", group=Group.PAYMENT)] = None
    mandate_reference: Annotated[Text, Detail("BT-89", Kind.REFERENCE, "Direct debit mandate", group=Group.PAYMENT)] = None
    creditor_id: Annotated[Text, Detail("BT-90", Kind.REFERENCE, "Creditor id", "of the direct debit", group=Group.PAYMENT)] = None
    debited_account: Annotated[Text, Detail("BT-91", Kind.ACCOUNT, "Debited account", "account that the direct debit is taken from", group=Group.PAYMENT)] = None
    card_number: Annotated[Text, Detail("BT-87", Kind.REFERENCE, "Card number", "last digits only", group=Group.PAYMENT)] = None
    card_holder: Annotated[Text, Detail("BT-88", Kind.NAME, "Card holder", group=Group.PAYMENT)] = None
    late_payment_terms: Annotated[Text, Detail("", Kind.TEXT, "Late payment terms", "interest and fees after the due date", group=Group.PAYMENT)] = None
    buyer_reference: Annotated[Text, Detail("BT-10", Kind.REFERENCE, "Buyer reference", group=Group.REFERENCES)] = None
    customer_number: Annotated[Text, Detail("BT-46", Kind.REFERENCE, "Customer number", "the supplier's number of the customer", group=Group.REFERENCES)] = None
    project_reference: Annotated[Text, Detail("BT-11", Kind.REFERENCE, "Project", group=Group.REFERENCES)] = None
    contract_reference: Annotated[Text, Detail("BT-12", Kind.REFERENCE, "Contract", group=Group.REFERENCES)] = None
    sales_order: Annotated[Text, Detail("BT-14", Kind.REFERENCE, "Sales order", "the supplier's order number", group=Group.REFERENCES)] = None
    receiving_advice: Annotated[Text, Detail("BT-15", Kind.REFERENCE, "Receiving advice", group=Group.REFERENCES)] = None
    delivery_note: Annotated[Text, Detail("BT-16", Kind.REFERENCE, "Delivery note", group=Group.REFERENCES)] = None
    tender_reference: Annotated[Text, Detail("BT-17", Kind.REFERENCE, "Tender or lot", group=Group.REFERENCES)] = None
    accounting_reference: Annotated[Text, Detail("BT-19", Kind.REFERENCE, "Accounting reference", "the buyer's", group=Group.REFERENCES)] = None
    notes: Annotated[Text, Detail("BT-22", Kind.TEXT, "Notes", group=Group.REFERENCES)] = None
    delivery_date: Annotated[Date, Detail("BT-72", Kind.DATE, "Delivered", group=Group.DELIVERY)] = None
    period_start: Annotated[Date, Detail("BT-73", Kind.DATE, "Period from", group=Group.DELIVERY)] = None
    period_end: Annotated[Date, Detail("BT-74", Kind.DATE, "Period to", group=Group.DELIVERY)] = None
    tax_point_date: Annotated[Date, Detail("BT-7", Kind.DATE, "Tax point", group=Group.DELIVERY)] = None
    delivery_name: Annotated[Text, Detail("BT-70", Kind.NAME, "Delivered to", group=Group.DELIVERY)] = None
    delivery_address: Annotated[Text, Detail("BG-15", Kind.ADDRESS, "Delivery address", "one line", group=Group.DELIVERY)] = None
    delivery_country: Annotated[Text, Detail("BT-80", Kind.COUNTRY, "Delivery country", "ISO 3166-1, two letters", group=Group.DELIVERY)] = None
    ship_from_address: Annotated[Text, Detail("", Kind.ADDRESS, "Shipped from", "one line", group=Group.DELIVERY)] = None
    supplier_tax_id: Annotated[Text, Term("BT-32", Kind.TAX_ID, "Supplier's tax id", "the main one stated that is no VAT id", group=Group.SUPPLIER)] = None
    supplier_trading_name: Annotated[Text, Detail("BT-28", Kind.NAME, "Trading name", group=Group.SUPPLIER)] = None
    supplier_street: Annotated[Text, Detail("BT-35", Kind.ADDRESS, "Supplier's street", group=Group.SUPPLIER)] = None
    supplier_postcode: Annotated[Text, Detail("BT-38", Kind.CODE, "Supplier's postcode", group=Group.SUPPLIER)] = None
    supplier_city: Annotated[Text, Detail("BT-37", Kind.ADDRESS, "Supplier's city", group=Group.SUPPLIER)] = None
    supplier_region: Annotated[Text, Detail("BT-39", Kind.ADDRESS, "Supplier's region", "state, province or district", group=Group.SUPPLIER)] = None
    supplier_country: Annotated[Text, Detail("BT-40", Kind.COUNTRY, "Supplier's country", "ISO 3166-1, two letters", group=Group.SUPPLIER)] = None
    supplier_registration: Annotated[Text, Detail("BT-30", Kind.REFERENCE, "Supplier's registration", "commercial or company register", group=Group.SUPPLIER)] = None
    supplier_electronic_address: Annotated[Text, Detail("BT-34", Kind.REFERENCE, "Supplier's electronic address", "such as a Peppol id", group=Group.SUPPLIER)] = None
    supplier_contact: Annotated[Text, Detail("BT-41", Kind.NAME, "Supplier's contact", group=Group.SUPPLIER)] = None
    supplier_phone: Annotated[Text, Detail("BT-42", Kind.REFERENCE, "Supplier's phone", group=Group.SUPPLIER)] = None
    supplier_email: Annotated[Text, Detail("BT-43", Kind.REFERENCE, "Supplier's e-mail", group=Group.SUPPLIER)] = None
    customer_tax_id: Annotated[Text, Detail("", Kind.TAX_ID, "Customer's tax id", "the main one stated that is no VAT id", group=Group.CUSTOMER)] = None
    customer_trading_name: Annotated[Text, Detail("BT-45", Kind.NAME, "Customer's trading name", group=Group.CUSTOMER)] = None
    customer_street: Annotated[Text, Detail("BT-50", Kind.ADDRESS, "Customer's street", group=Group.CUSTOMER)] = None
    customer_postcode: Annotated[Text, Detail("BT-53", Kind.CODE, "Customer's postcode", group=Group.CUSTOMER)] = None
    customer_city: Annotated[Text, Detail("BT-52", Kind.ADDRESS, "Customer's city", group=Group.CUSTOMER)] = None
    customer_region: Annotated[Text, Detail("BT-54", Kind.ADDRESS, "Customer's region", "state, province or district", group=Group.CUSTOMER)] = None
    customer_country: Annotated[Text, Detail("BT-55", Kind.COUNTRY, "Customer's country", "ISO 3166-1, two letters", group=Group.CUSTOMER)] = None
    customer_registration: Annotated[Text, Detail("BT-47", Kind.REFERENCE, "Customer's registration", "commercial or company register", group=Group.CUSTOMER)] = None
    customer_electronic_address: Annotated[Text, Detail("BT-49", Kind.REFERENCE, "Customer's electronic address", "such as a Peppol id", group=Group.CUSTOMER)] = None
    customer_contact: Annotated[Text, Detail("BT-56", Kind.NAME, "Customer's contact", group=Group.CUSTOMER)] = None
    customer_phone: Annotated[Text, Detail("BT-57", Kind.REFERENCE, "Customer's phone", group=Group.CUSTOMER)] = None
    customer_email: Annotated[Text, Detail("BT-58", Kind.REFERENCE, "Customer's e-mail", group=Group.CUSTOMER)] = None
    payee_name: Annotated[Text, Detail("BT-59", Kind.NAME, "Payee", "who is paid, where it is not the supplier", group=Group.OTHER_PARTIES, payment=True)] = None
    payee_id: Annotated[Text, Detail("BT-60", Kind.REFERENCE, "Payee id", group=Group.OTHER_PARTIES)] = None
    payee_registration: Annotated[Text, Detail("BT-61", Kind.REFERENCE, "Payee's registration", group=Group.OTHER_PARTIES)] = None
    tax_representative_name: Annotated[Text, Detail("BT-62", Kind.NAME, "Tax representative", group=Group.OTHER_PARTIES)] = None
    tax_representative_vat_id: Annotated[Text, Detail("BT-63", Kind.TAX_ID, "Tax representative's VAT id", group=Group.OTHER_PARTIES, scheme="VAT")] = None
    tax_representative_address: Annotated[Text, Detail("BG-12", Kind.ADDRESS, "Tax representative's address", "one line", group=Group.OTHER_PARTIES)] = None
    tax_breakdown: Annotated[tuple[TaxLine, ...], Term("BG-23", Kind.TABLE, "Tax lines")] = ()
    line_items: Annotated[tuple[LineItem, ...], Term("BG-25", Kind.TABLE, "Line items")] = ()
    allowances_charges: Annotated[tuple[AllowanceCharge, ...], Detail("BG-20", Kind.TABLE, "Allowances and charges", "with BG-21, and BG-27 and BG-28 of lines")] = ()
    supplier_tax_ids: Annotated[tuple[TaxId, ...], Detail("", Kind.TABLE, "Supplier's tax ids", "all that are stated, with their schemes")] = ()
    customer_tax_ids: Annotated[tuple[TaxId, ...], Detail("", Kind.TABLE, "Customer's tax ids", "all that are stated, with their schemes")] = ()
    payment_accounts: Annotated[tuple[PaymentAccount, ...], Detail("BG-17", Kind.TABLE, "Accounts", "all that are offered for payment")] = ()
    payment_discounts: Annotated[tuple[PaymentDiscount, ...], Detail("", Kind.TABLE, "Cash discounts")] = ()
    withholdings: Annotated[tuple[Withholding, ...], Detail("", Kind.TABLE, "Withheld taxes")] = ()
    preceding_invoices: Annotated[tuple[PrecedingInvoice, ...], Detail("BG-3", Kind.TABLE, "Preceding invoices")] = ()
    attachments: Annotated[tuple[Attachment, ...], Detail("BG-24", Kind.TABLE, "Attachments", printed=False)] = ()
    other_terms: Annotated[Mapping[str, tuple[str, ...]], Detail("", Kind.MAP, "Other terms", "what an e-invoice states beside, by BT number or element")] = Field(default_factory=dict)
    custom: Annotated[Mapping[str, str], Detail("", Kind.MAP, "Own fields", "fields of one's own by name; numbers and dates as in JSON")] = Field(default_factory=dict)

# fmt: on


def terms_of(model: type[BaseModel]) -> Mapping[str, Term]:
    """The business term of each field of `Invoice` or of one of its rows."""
    return {
        name: next(each for each in field.metadata if isinstance(each, Term))
        for name, field in model.model_fields.items()
    }


TERMS: Final = MappingProxyType(terms_of(Invoice))
ROWS: Final[Mapping[str, type[BaseModel]]] = MappingProxyType(
    {
        name: get_args(field.annotation)[0]
        for name, field in Invoice.model_fields.items()
        if TERMS[name].kind is Kind.TABLE
    }
)
"""The model of a row, for each table."""
ROW_TERMS: Final = MappingProxyType({table: terms_of(row) for table, row in ROWS.items()})
"""The terms of the fields of a row, for each table."""
TABLES: Final = tuple(ROW_TERMS)
MAPS: Final = tuple(name for name, term in TERMS.items() if term.kind is Kind.MAP)
"""Fields that hold any number of named values."""
HEADER_FIELDS: Final = tuple(name for name in TERMS if name not in TABLES and name not in MAPS)

if TYPE_CHECKING:
    HeaderField = str
else:
    HeaderField = Literal[HEADER_FIELDS]
    """The name of a header field."""


def header_fields(*kinds: Kind) -> tuple[HeaderField, ...]:
    """The header fields of these kinds, in their order."""
    return tuple(name for name in HEADER_FIELDS if TERMS[name].kind in kinds)


AMOUNT_FIELDS: Final = header_fields(Kind.AMOUNT)
DATE_FIELDS: Final = header_fields(Kind.DATE)
NUMBER_FIELDS: Final = tuple(name for name in HEADER_FIELDS if TERMS[name].kind.is_number)
PAYMENT_FIELDS: Final = tuple(name for name in HEADER_FIELDS if TERMS[name].payment)
"""Payment-critical fields: a wrong value pays the wrong account, at the wrong time, twice, or the wrong amount."""
TOTAL_FIELDS: Final = ("net_total", "tax_total", "gross_total", "amount_due")
"""The totals that nearly every invoice states."""

CREDIT_NOTE_TYPES: Final = frozenset({"81", "83", "261", "262", "296", "308", "381", "396", "420", "458", "532"})
"""UNTDID 1001 codes that EN 16931 treats as credit notes; every other type is an invoice."""
