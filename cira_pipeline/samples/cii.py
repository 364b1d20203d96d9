"""A bill as UN/CEFACT Cross Industry Invoice D16B in the profile EN 16931, for Factur-X PDFs and as XRechnung."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from lxml import etree

from cira_pipeline.invoice import Invoice
from cira_pipeline.samples.bill import Bill, BilledLine
from cira_pipeline.samples.catalogue import Party, Supplier
from cira_pipeline.samples.electronic import address_truth, amount, category, terms_text
from cira_pipeline.samples.page import bill_as_invoice

EN_16931 = "urn:cen.eu:en16931:2017"
XRECHNUNG = "urn:cen.eu:en16931:2017#compliant#urn:xeinkauf.de:kosit:xrechnung_3.0"
_PEPPOL = "urn:fdc:peppol.eu:2017:poacc:billing:01:1.0"
_STANDARD = "urn:un:unece:uncefact:data:standard:"
_NAMESPACES = {
    "rsm": f"{_STANDARD}CrossIndustryInvoice:100",
    "ram": f"{_STANDARD}ReusableAggregateBusinessInformationEntity:100",
    "udt": f"{_STANDARD}UnqualifiedDataType:100",
}
_RSM, _RAM, _UDT = (f"{{{uri}}}" for uri in _NAMESPACES.values())


def cii_xml(bill: Bill, guideline: str = EN_16931) -> bytes:
    """The CII XML of `bill`; `guideline` is BT-24."""
    root = etree.Element(f"{_RSM}CrossIndustryInvoice", nsmap=_NAMESPACES)
    context = etree.SubElement(root, f"{_RSM}ExchangedDocumentContext")
    if guideline == XRECHNUNG:
        _add(context, "BusinessProcessSpecifiedDocumentContextParameter/ID", _PEPPOL)
    _add(context, "GuidelineSpecifiedDocumentContextParameter/ID", guideline)
    document = etree.SubElement(root, f"{_RSM}ExchangedDocument")
    _add(document, "ID", bill.number)
    _add(document, "TypeCode", bill.kind)
    _date(document, "IssueDateTime", bill.issue_date)
    trade = etree.SubElement(root, f"{_RSM}SupplyChainTradeTransaction")
    for position, line in enumerate(bill.lines, start=1):
        _line(trade, line, position, reverse_charge=bill.reverse_charge)
    _agreement(trade, bill, guideline)
    delivery = etree.SubElement(trade, f"{_RAM}ApplicableHeaderTradeDelivery")
    event = etree.SubElement(delivery, f"{_RAM}ActualDeliverySupplyChainEvent")
    _date(event, "OccurrenceDateTime", bill.delivery_date)
    _settlement(trade, bill)
    return bytes(etree.tostring(root, xml_declaration=True, encoding="UTF-8", pretty_print=True))


def cii_truth(bill: Bill) -> Invoice:
    """The ground truth of the document that `cii_xml` writes."""
    whole = bill_as_invoice(bill, unit=lambda line: line.unit, details=False)
    unstated = {"seller_item_id": None, "classification": None, "classification_scheme": None}
    return whole.model_copy(
        update={
            "line_items": tuple(line.model_copy(update=unstated) for line in whole.line_items),
            "supplier_address": address_truth(bill.supplier),
            "customer_address": address_truth(bill.customer),
            "payment_terms": terms_text(bill),
        }
    )


def _line(trade: etree._Element, line: BilledLine, position: int, *, reverse_charge: bool) -> None:
    item = etree.SubElement(trade, f"{_RAM}IncludedSupplyChainTradeLineItem")
    _add(item, "AssociatedDocumentLineDocument/LineID", str(position))
    product = etree.SubElement(item, f"{_RAM}SpecifiedTradeProduct")
    _add(product, "Name", line.name)
    if line.detail:
        _add(product, "Description", line.detail)
    _add(item, "SpecifiedLineTradeAgreement/NetPriceProductTradePrice/ChargeAmount", amount(line.unit_price))
    quantity = _add(item, "SpecifiedLineTradeDelivery/BilledQuantity", format(line.quantity, "f"))
    quantity.set("unitCode", line.unit)
    settlement = etree.SubElement(item, f"{_RAM}SpecifiedLineTradeSettlement")
    tax = etree.SubElement(settlement, f"{_RAM}ApplicableTradeTax")
    _add(tax, "TypeCode", "VAT")
    _add(tax, "CategoryCode", category(line.tax_rate, reverse_charge=reverse_charge))
    _add(tax, "RateApplicablePercent", format(line.tax_rate, "f"))
    _add(settlement, "SpecifiedTradeSettlementLineMonetarySummation/LineTotalAmount", amount(line.net_amount))


def _agreement(trade: etree._Element, bill: Bill, guideline: str) -> None:
    agreement = etree.SubElement(trade, f"{_RAM}ApplicableHeaderTradeAgreement")
    if guideline == XRECHNUNG:
        _add(agreement, "BuyerReference", f"04011000-{bill.customer_number}-34")
    seller = etree.SubElement(agreement, f"{_RAM}SellerTradeParty")
    _party(seller, bill.supplier)
    buyer = etree.SubElement(agreement, f"{_RAM}BuyerTradeParty")
    _party(buyer, bill.customer)
    _add(agreement, "BuyerOrderReferencedDocument/IssuerAssignedID", bill.purchase_order)


def _party(element: etree._Element, party: Party) -> None:
    _add(element, "Name", party.name)
    contact = etree.SubElement(element, f"{_RAM}DefinedTradeContact")
    _add(contact, "PersonName", party.contact or party.name)
    if isinstance(party, Supplier):
        _add(contact, "TelephoneUniversalCommunication/CompleteNumber", party.phone)
    _add(contact, "EmailURIUniversalCommunication/URIID", party.email)
    address = etree.SubElement(element, f"{_RAM}PostalTradeAddress")
    _add(address, "PostcodeCode", party.postcode)
    _add(address, "LineOne", party.street)
    _add(address, "CityName", party.city)
    _add(address, "CountryID", party.country)
    _add(element, "URIUniversalCommunication/URIID", party.email).set("schemeID", "EM")
    _add(element, "SpecifiedTaxRegistration/ID", party.vat_id).set("schemeID", "VA")


def _settlement(trade: etree._Element, bill: Bill) -> None:
    settlement = etree.SubElement(trade, f"{_RAM}ApplicableHeaderTradeSettlement")
    _add(settlement, "InvoiceCurrencyCode", bill.supplier.currency)
    means = etree.SubElement(settlement, f"{_RAM}SpecifiedTradeSettlementPaymentMeans")
    _add(means, "TypeCode", "58")
    _add(means, "PayeePartyCreditorFinancialAccount/IBANID", bill.supplier.iban)
    _add(means, "PayeeSpecifiedCreditorFinancialInstitution/BICID", bill.supplier.bic)
    for row in bill.taxes:
        rate = row.rate or Decimal(0)
        tax = etree.SubElement(settlement, f"{_RAM}ApplicableTradeTax")
        _add(tax, "CalculatedAmount", amount(row.tax))
        _add(tax, "TypeCode", "VAT")
        if bill.reverse_charge:
            _add(tax, "ExemptionReason", "Reverse charge")
        _add(tax, "BasisAmount", amount(row.net))
        _add(tax, "CategoryCode", category(rate, reverse_charge=bill.reverse_charge))
        _add(tax, "RateApplicablePercent", format(rate, "f"))
    terms = etree.SubElement(settlement, f"{_RAM}SpecifiedTradePaymentTerms")
    _add(terms, "Description", terms_text(bill))
    if not bill.is_credit:
        _date(terms, "DueDateDateTime", bill.due_date)
    _sums(settlement, bill)
    if bill.corrects is not None:
        _add(settlement, "InvoiceReferencedDocument/IssuerAssignedID", bill.corrects[0])


def _sums(settlement: etree._Element, bill: Bill) -> None:
    sums = etree.SubElement(settlement, f"{_RAM}SpecifiedTradeSettlementHeaderMonetarySummation")
    _add(sums, "LineTotalAmount", amount(bill.net_total))
    _add(sums, "TaxBasisTotalAmount", amount(bill.net_total))
    _add(sums, "TaxTotalAmount", amount(bill.tax_total)).set("currencyID", bill.supplier.currency)
    _add(sums, "GrandTotalAmount", amount(bill.gross_total))
    if bill.prepaid:
        _add(sums, "TotalPrepaidAmount", amount(bill.prepaid))
    _add(sums, "DuePayableAmount", amount(bill.amount_due))


def _date(parent: etree._Element, name: str, day: date) -> None:
    element = etree.SubElement(parent, f"{_RAM}{name}")
    text = etree.SubElement(element, f"{_UDT}DateTimeString", format="102")
    text.text = f"{day:%Y%m%d}"


def _add(parent: etree._Element, path: str, text: str) -> etree._Element:
    """The last element of `path`, all of whose elements are new, with `text`."""
    element = parent
    for name in path.split("/"):
        element = etree.SubElement(element, f"{_RAM}{name}")
    element.text = text
    return element
