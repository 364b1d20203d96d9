"""Writes a bill as UBL 2.1 Invoice or CreditNote (Peppol BIS Billing 3)."""

from __future__ import annotations

from decimal import Decimal

from lxml import etree

from cira_pipeline.invoice import Invoice
from cira_pipeline.samples.bill import Bill, BilledLine
from cira_pipeline.samples.catalogue import Party, Supplier
from cira_pipeline.samples.cii import cii_truth
from cira_pipeline.samples.electronic import amount, category, terms_text

_SCHEMA = "urn:oasis:names:specification:ubl:schema:xsd:"
_CBC, _CAC = (f"{{{_SCHEMA}{name}-2}}" for name in ("CommonBasicComponents", "CommonAggregateComponents"))
_CUSTOMIZATION = "urn:cen.eu:en16931:2017#compliant#urn:fdc:peppol.eu:2017:poacc:billing:3.0"
_PROFILE = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"


def ubl_xml(bill: Bill) -> bytes:
    """The XML of `bill`, a CreditNote where it is one. Elements follow the order of the schema."""
    name = "CreditNote" if bill.is_credit else "Invoice"
    root = etree.Element(
        f"{{{_SCHEMA}{name}-2}}{name}",
        nsmap={None: f"{_SCHEMA}{name}-2", "cbc": _CBC[1:-1], "cac": _CAC[1:-1]},
    )
    _basic(root, "CustomizationID", _CUSTOMIZATION)
    _basic(root, "ProfileID", _PROFILE)
    _basic(root, "ID", bill.number)
    _basic(root, "IssueDate", bill.issue_date.isoformat())
    if not bill.is_credit:
        _basic(root, "DueDate", bill.due_date.isoformat())
    _basic(root, f"{name}TypeCode", bill.kind)
    _basic(root, "DocumentCurrencyCode", bill.supplier.currency)
    _basic(_group(root, "OrderReference"), "ID", bill.purchase_order)
    if bill.corrects is not None:
        _basic(_group(root, "BillingReference/InvoiceDocumentReference"), "ID", bill.corrects[0])
    _party(_group(root, "AccountingSupplierParty/Party"), bill.supplier)
    _party(_group(root, "AccountingCustomerParty/Party"), bill.customer)
    _basic(_group(root, "Delivery"), "ActualDeliveryDate", bill.delivery_date.isoformat())
    means = _group(root, "PaymentMeans")
    _basic(means, "PaymentMeansCode", "58")
    account = _group(means, "PayeeFinancialAccount")
    _basic(account, "ID", bill.supplier.iban)
    _basic(_group(account, "FinancialInstitutionBranch"), "ID", bill.supplier.bic)
    _basic(_group(root, "PaymentTerms"), "Note", terms_text(bill))
    _taxes(root, bill)
    _sums(root, bill)
    for position, line in enumerate(bill.lines, start=1):
        _line(root, line, position, bill)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def ubl_truth(bill: Bill) -> Invoice:
    """What `ubl_xml` states: the same as in CII."""
    return cii_truth(bill)


def _party(party: etree._Element, company: Party) -> None:
    _basic(party, "EndpointID", company.email).set("schemeID", "EM")
    _basic(_group(party, "PartyName"), "Name", company.name)
    address = _group(party, "PostalAddress")
    _basic(address, "StreetName", company.street)
    _basic(address, "CityName", company.city)
    _basic(address, "PostalZone", company.postcode)
    _basic(_group(address, "Country"), "IdentificationCode", company.country)
    scheme = _group(party, "PartyTaxScheme")
    _basic(scheme, "CompanyID", company.vat_id)
    _basic(_group(scheme, "TaxScheme"), "ID", "VAT")
    _basic(_group(party, "PartyLegalEntity"), "RegistrationName", company.name)
    contact = _group(party, "Contact")
    _basic(contact, "Name", company.contact or company.name)
    if isinstance(company, Supplier):
        _basic(contact, "Telephone", company.phone)
    _basic(contact, "ElectronicMail", company.email)


def _taxes(root: etree._Element, bill: Bill) -> None:
    total = _group(root, "TaxTotal")
    _money(total, "TaxAmount", bill.tax_total, bill)
    for row in bill.taxes:
        subtotal = _group(total, "TaxSubtotal")
        _money(subtotal, "TaxableAmount", row.net, bill)
        _money(subtotal, "TaxAmount", row.tax, bill)
        element = _group(subtotal, "TaxCategory")
        _tax_category(element, row.rate or Decimal(0), bill, reason=True)


def _tax_category(element: etree._Element, rate: Decimal, bill: Bill, *, reason: bool = False) -> None:
    _basic(element, "ID", category(rate, reverse_charge=bill.reverse_charge))
    _basic(element, "Percent", format(rate, "f"))
    if reason and bill.reverse_charge:
        _basic(element, "TaxExemptionReason", "Reverse charge")
    _basic(_group(element, "TaxScheme"), "ID", "VAT")


def _sums(root: etree._Element, bill: Bill) -> None:
    sums = _group(root, "LegalMonetaryTotal")
    _money(sums, "LineExtensionAmount", bill.net_total, bill)
    _money(sums, "TaxExclusiveAmount", bill.net_total, bill)
    _money(sums, "TaxInclusiveAmount", bill.gross_total, bill)
    if bill.prepaid:
        _money(sums, "PrepaidAmount", bill.prepaid, bill)
    _money(sums, "PayableAmount", bill.amount_due, bill)


def _line(root: etree._Element, line: BilledLine, position: int, bill: Bill) -> None:
    kind = ("CreditNoteLine", "CreditedQuantity") if bill.is_credit else ("InvoiceLine", "InvoicedQuantity")
    element = _group(root, kind[0])
    _basic(element, "ID", str(position))
    _basic(element, kind[1], format(line.quantity, "f")).set("unitCode", line.unit)
    _money(element, "LineExtensionAmount", line.net_amount, bill)
    item = _group(element, "Item")
    if line.detail:
        _basic(item, "Description", line.detail)
    _basic(item, "Name", line.name)
    _tax_category(_group(item, "ClassifiedTaxCategory"), line.tax_rate, bill)
    _money(_group(element, "Price"), "PriceAmount", line.unit_price, bill)


def _group(parent: etree._Element, path: str) -> etree._Element:
    for name in path.split("/"):
        parent = etree.SubElement(parent, f"{_CAC}{name}")
    return parent


def _basic(parent: etree._Element, name: str, text: str) -> etree._Element:
    element = etree.SubElement(parent, f"{_CBC}{name}")
    element.text = text
    return element


def _money(parent: etree._Element, name: str, value: Decimal | None, bill: Bill) -> None:
    _basic(parent, name, amount(value)).set("currencyID", bill.supplier.currency)
