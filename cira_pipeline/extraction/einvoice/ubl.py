"""UBL 2.1 Invoice and CreditNote: EN 16931-3-2, XRechnung with its extension, Peppol BIS Billing."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from lxml import etree

from cira_pipeline.extraction.einvoice.address import one_line
from cira_pipeline.extraction.einvoice.amounts import in_currency
from cira_pipeline.extraction.einvoice.harvest import Harvest, text_of
from cira_pipeline.extraction.einvoice.lines import LineElements, LinesRead
from cira_pipeline.extraction.einvoice.payment import due_date, payment_iban
from cira_pipeline.extraction.einvoice.totals import DocumentAmounts, check_totals
from cira_pipeline.extraction.einvoice.tree import each, first
from cira_pipeline.invoice import Invoice, TaxLine


def read_ubl(root: etree._Element, harvest: Harvest) -> Invoice:
    """Every field the document states, with evidence and findings in `harvest`."""
    supplier = first(root, "AccountingSupplierParty/Party")
    customer = first(root, "AccountingCustomerParty/Party")
    sums = first(root, "LegalMonetaryTotal")
    currency = _currency(root, sums, harvest)
    # BT-111, the VAT in the supplier's accounting currency, is a second cac:TaxTotal without a breakdown.
    tax_amount = in_currency(each(root, "TaxTotal/TaxAmount"), currency, "tax_total", harvest)
    lines = _lines(root, harvest)

    invoice = Invoice(
        invoice_number=harvest.text("invoice_number", first(root, "ID")),
        issue_date=harvest.date("issue_date", first(root, "IssueDate")),
        invoice_type=harvest.text("invoice_type", first(root, "InvoiceTypeCode", "CreditNoteTypeCode")),
        currency=currency,
        due_date=due_date(_due_dates(root), harvest),
        purchase_order=harvest.text("purchase_order", _order(root)),
        payment_terms=harvest.joined("payment_terms", each(root, "PaymentTerms/Note"), "\n"),
        supplier_name=harvest.text("supplier_name", _name(supplier)),
        supplier_vat_id=harvest.text("supplier_vat_id", _vat_id(supplier)),
        supplier_address=_address("supplier_address", supplier, harvest),
        customer_name=harvest.text("customer_name", _name(customer)),
        customer_vat_id=harvest.text("customer_vat_id", _vat_id(customer)),
        customer_address=_address("customer_address", customer, harvest),
        payment_iban=payment_iban(each(root, "PaymentMeans/PayeeFinancialAccount/ID"), harvest),
        net_total=_total("net_total", sums, "TaxExclusiveAmount", currency, harvest),
        tax_total=harvest.decimal("tax_total", tax_amount),
        gross_total=_total("gross_total", sums, "TaxInclusiveAmount", currency, harvest),
        amount_due=_total("amount_due", sums, "PayableAmount", currency, harvest),
        tax_breakdown=_tax_breakdown(tax_amount, harvest),
        line_items=tuple(lines.items),
    )
    check_totals(_document_amounts(root, sums, currency, harvest), invoice, lines.subtotal_lines, harvest)
    return invoice


def _currency(root: etree._Element, sums: etree._Element | None, harvest: Harvest) -> str | None:
    """BT-5; where it is missing, the currency the amount due is stated in."""
    stated = harvest.text("currency", first(root, "DocumentCurrencyCode"))
    return stated or harvest.attribute("currency", first(sums, "PayableAmount"), "currencyID")


def _due_dates(root: etree._Element) -> Iterator[etree._Element]:
    """BT-9: an invoice states it itself, a credit note with its payment means; some put it into the terms."""
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


def _address(field: str, party: etree._Element | None, harvest: Harvest) -> str | None:
    container = first(party, "PostalAddress")
    value = one_line(
        container,
        streets=("StreetName", "BuildingNumber", "AdditionalStreetName", "AddressLine/Line", "Postbox"),
        postcode="PostalZone",
        city="CityName",
        region="CountrySubentity",
        country="Country/IdentificationCode",
    )
    return harvest.composed(field, container, value)


def _total(
    field: str, sums: etree._Element | None, name: str, currency: str | None, harvest: Harvest
) -> Decimal | None:
    return harvest.decimal(field, in_currency(each(sums, name), currency, field, harvest))


def _document_amounts(
    root: etree._Element, sums: etree._Element | None, currency: str | None, harvest: Harvest
) -> DocumentAmounts:
    def amount(name: str) -> Decimal | None:
        found = (one for one in each(sums, name) if one.get("currencyID") in (None, currency))
        return harvest.quiet_decimal(next(found, None))

    # BG-DEX-09: collected for somebody else, so in no total but the amount due.
    third_party = [harvest.quiet_decimal(paid) for paid in each(root, "PrepaidPayment/PaidAmount")]
    return DocumentAmounts(
        line_total=amount("LineExtensionAmount"),
        allowances=amount("AllowanceTotalAmount"),
        charges=amount("ChargeTotalAmount"),
        paid=amount("PrepaidAmount"),
        rounding=amount("PayableRoundingAmount"),
        third_party=sum((paid for paid in third_party if paid is not None), Decimal(0)),
    )


def _tax_breakdown(tax_amount: etree._Element | None, harvest: Harvest) -> tuple[TaxLine, ...]:
    """BG-23 from the tax total in the invoice's currency."""
    total = tax_amount.getparent() if tax_amount is not None else None
    lines = []
    for position, subtotal in enumerate(each(total, "TaxSubtotal")):
        path = f"tax_breakdown[{position}]"
        lines.append(
            TaxLine(
                rate=harvest.decimal(f"{path}.rate", first(subtotal, "TaxCategory/Percent", "Percent")),
                net=harvest.decimal(f"{path}.net", first(subtotal, "TaxableAmount")),
                tax=harvest.decimal(f"{path}.tax", first(subtotal, "TaxAmount")),
            )
        )
    return tuple(lines)


def _lines(root: etree._Element, harvest: Harvest) -> LinesRead:
    """BG-25. Lines nested in a line (BG-DEX-01) only break its amount down, so they are not taken."""
    lines = LinesRead()
    for line in each(root, "InvoiceLine", "CreditNoteLine"):
        lines.add(_line(line), harvest)
    lines.explain(harvest)
    return lines


def _line(line: etree._Element) -> LineElements:
    return LineElements(
        description=first(line, "Item/Name", "Item/Description"),
        quantity=first(line, "InvoicedQuantity", "CreditedQuantity"),
        unit_price=first(line, "Price/PriceAmount"),
        base_quantity=first(line, "Price/BaseQuantity"),
        tax_rate=first(line, "Item/ClassifiedTaxCategory/Percent"),
        net_amount=first(line, "LineExtensionAmount"),
        has_allowances=first(line, "AllowanceCharge") is not None,
        subtotal=False,
    )
