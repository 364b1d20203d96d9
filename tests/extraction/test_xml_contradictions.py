"""A hybrid invoice whose XML and page say different things: software pays the XML, people approve the page."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.extraction.cascade import run_cascade
from cira_pipeline.extraction.einvoice.attachment import EmbeddedXml
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.extraction.xml_contradictions import RULE, contradictions
from cira_pipeline.invoice import Invoice, TaxId
from cira_pipeline.jobs import Policy
from cira_pipeline.models import EngineName, Extraction, Finding, Record, Severity, Verdict
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.extraction.offline.invented import (
    DOCUMENT,
    RECIPIENT,
    SENDER,
    Placed,
    block,
    extracted,
    keyed,
    reading,
    right,
)

IBAN, OTHER_IBAN = "DE89370400440532013000", "DE44500105175407324931"


def page(**changes: str) -> list[Placed]:
    """One page of the invoice; `changes` are texts printed instead of those here."""
    printed = {
        "title": "Rechnung",
        "number": "RE-2026-114",
        "issued": "03.04.2026",
        "due": "17.04.2026",
        "item": "100,00",
        "net": "100,00 €",
        "tax": "19,00 €",
        "gross": "119,00 €",
        "iban": "DE89 3704 0044 0532 0130 00",
        **changes,
    }
    totals = [("Nettobetrag", printed["net"]), ("USt 19 %", printed["tax"]), ("Gesamtbetrag", printed["gross"])]
    if "paid" in printed:
        totals += [("Bereits gezahlt", printed["paid"]), ("Zu zahlen", printed["to_pay"])]
    return [
        *SENDER,
        *RECIPIENT,
        *block(40, 220, printed["title"]),
        *keyed(350, 460, 130, *zip(("Rechnungsnummer", "Datum", "Fällig am"), _dates(printed), strict=True)),
        *((left, 260, text) for left, text in ((40, "Beschreibung"), (300, "Menge"), (380, "Einzelpreis"))),
        right(550, 260, "Betrag"),
        *((left, 275, text) for left, text in ((40, "Regal"), (305, "1"), (390, printed["item"]))),
        right(550, 275, printed["item"]),
        *(
            each
            for index, (label, amount) in enumerate(totals)
            for each in ((350, 310 + 15 * index, label), right(550, 310 + 15 * index, amount))
        ),
        (40, 760, f"IBAN {printed['iban']}"),
    ]


def _dates(printed: Mapping[str, str]) -> tuple[str, str, str]:
    return printed["number"], printed["issued"], printed["due"]


def xml(**changes: Any) -> Invoice:
    """What the XML of the same invoice states."""
    stated: dict[str, Any] = {
        "invoice_number": "RE-2026-114",
        "invoice_type": "380",
        "issue_date": date(2026, 4, 3),
        "due_date": date(2026, 4, 17),
        "currency": "EUR",
        "supplier_name": "Nordlicht Bürotechnik GmbH",
        "supplier_vat_id": "DE136695976",
        "customer_name": "Hotel Seerose OHG",
        "payment_iban": IBAN,
        "net_total": Decimal("100.00"),
        "tax_total": Decimal("19.00"),
        "gross_total": Decimal("119.00"),
        "amount_due": Decimal("119.00"),
    }
    return Invoice(**{**stated, **changes})


def judge(extraction: Extraction) -> Record:
    return validate(extraction, ValidationContext(today=date(2026, 5, 1)))


def found(stated: Invoice, printed: list[Placed]) -> Mapping[str, Finding]:
    """The findings by field."""
    read = reading(printed)
    on_page = extracted(read)
    extraction = Extraction(engine=EngineName.EINVOICE, engine_version="1", invoice=stated)
    findings = contradictions(extraction, on_page, judge(on_page), read)
    assert {finding.rule for finding in findings} <= {RULE}
    return {finding.fields[0]: finding for finding in findings}


def test_an_invoice_whose_page_says_the_same_is_not_sent_to_a_person() -> None:
    assert not found(xml(), page())


@pytest.mark.parametrize(
    ("field", "stated", "printed"),
    [
        ("payment_iban", {"payment_iban": OTHER_IBAN}, {}),
        ("payment_iban", {}, {"iban": "DE44 5001 0517 5407 3249 31"}),
        ("due_date", {"due_date": date(2026, 5, 17)}, {}),
        ("currency", {"currency": "USD"}, {}),
        ("invoice_type", {"invoice_type": "381"}, {}),
        ("invoice_type", {}, {"title": "Gutschrift zur Rechnung"}),
        ("tax_total", {"net_total": Decimal("111.21"), "tax_total": Decimal("7.79")}, {}),
        ("gross_total", {"gross_total": Decimal("219.00"), "amount_due": Decimal("219.00")}, {}),
        ("amount_due", {}, {"paid": "40,00 €", "to_pay": "79,00 €"}),
        ("supplier_vat_id", {"supplier_vat_id": "DE129273398"}, {}),
    ],
)
def test_what_would_pay_otherwise_is_an_error_that_names_both(
    field: str, stated: dict[str, Any], printed: dict[str, str]
) -> None:
    findings = found(xml(**stated), page(**printed))
    assert findings[field].severity is Severity.ERROR
    assert str(getattr(xml(**stated), field)) in findings[field].message


def test_another_seller_is_an_error() -> None:
    findings = found(xml(supplier_name="Prairie Tool Works", supplier_vat_id=None), page())
    assert findings["supplier_name"].severity is Severity.ERROR


def test_a_seller_with_the_same_tax_id_may_trade_under_another_name() -> None:
    assert not found(xml(supplier_name="NBT Verwaltung"), page())


def test_a_tax_number_in_the_xml_beside_the_vat_id_on_the_page_contradicts_nothing() -> None:
    ids = (TaxId(scheme="VAT", value="DE136695976"),)
    assert not found(xml(supplier_vat_id=None, supplier_tax_id="20/123/45678", supplier_tax_ids=ids), page())


def test_the_amount_of_a_line_is_no_total_of_the_page() -> None:
    """The XML's gross total is printed, but as the amount of a line: it would be paid instead of the page's total."""
    stated = {"net_total": Decimal("84.03"), "tax_total": Decimal("15.97"), "gross_total": Decimal("100.00")}
    assert "gross_total" in found(xml(**stated, amount_due=Decimal("100.00")), page())


def test_another_issue_date_goes_to_a_person() -> None:
    assert found(xml(issue_date=date(2026, 3, 30)), page())["issue_date"].severity is Severity.WARNING


def test_a_page_that_is_silent_contradicts_nothing() -> None:
    silent = [*SENDER, *RECIPIENT, (40.0, 220.0, "Ihre Rechnung ist als Datei angehängt.")]
    assert not found(xml(), silent)


def test_an_amount_printed_with_another_sign_is_the_same() -> None:
    credit = {name: -getattr(xml(), name) for name in ("net_total", "tax_total", "gross_total", "amount_due")}
    assert not found(xml(**credit), page())


_CII = """<rsm:CrossIndustryInvoice xmlns:rsm="urn:un:unece:uncefact:data:standard:CrossIndustryInvoice:100"
 xmlns:ram="urn:un:unece:uncefact:data:standard:ReusableAggregateBusinessInformationEntity:100"
 xmlns:udt="urn:un:unece:uncefact:data:standard:UnqualifiedDataType:100">
<rsm:ExchangedDocumentContext><ram:GuidelineSpecifiedDocumentContextParameter><ram:ID>urn:cen.eu:en16931:2017</ram:ID>
</ram:GuidelineSpecifiedDocumentContextParameter></rsm:ExchangedDocumentContext>
<rsm:ExchangedDocument><ram:ID>RE-2026-114</ram:ID><ram:TypeCode>380</ram:TypeCode>
<ram:IssueDateTime><udt:DateTimeString format="102">20260403</udt:DateTimeString></ram:IssueDateTime>
</rsm:ExchangedDocument>
<rsm:SupplyChainTradeTransaction><ram:ApplicableHeaderTradeAgreement>
<ram:SellerTradeParty><ram:Name>Nordlicht Bürotechnik GmbH</ram:Name></ram:SellerTradeParty>
<ram:BuyerTradeParty><ram:Name>Hotel Seerose OHG</ram:Name></ram:BuyerTradeParty></ram:ApplicableHeaderTradeAgreement>
<ram:ApplicableHeaderTradeDelivery/><ram:ApplicableHeaderTradeSettlement>
<ram:InvoiceCurrencyCode>EUR</ram:InvoiceCurrencyCode><ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>58</ram:TypeCode>
<ram:PayeePartyCreditorFinancialAccount><ram:IBANID>IBAN</ram:IBANID></ram:PayeePartyCreditorFinancialAccount>
</ram:SpecifiedTradeSettlementPaymentMeans><ram:SpecifiedTradeSettlementHeaderMonetarySummation>
<ram:TaxBasisTotalAmount>100.00</ram:TaxBasisTotalAmount><ram:TaxTotalAmount currencyID="EUR">19.00</ram:TaxTotalAmount>
<ram:GrandTotalAmount>119.00</ram:GrandTotalAmount><ram:DuePayableAmount>119.00</ram:DuePayableAmount>
</ram:SpecifiedTradeSettlementHeaderMonetarySummation></ram:ApplicableHeaderTradeSettlement>
</rsm:SupplyChainTradeTransaction></rsm:CrossIndustryInvoice>"""


@pytest.mark.parametrize(("account", "verdict"), [(IBAN, Verdict.ACCEPTED), (OTHER_IBAN, Verdict.NEEDS_REVIEW)])
def test_the_cascade_accepts_a_hybrid_invoice_only_as_far_as_its_page_agrees(account: str, verdict: Verdict) -> None:
    content = _CII.replace(">IBAN<", f">{account}<").encode()
    engines: Mapping[EngineName, Engine] = {
        EngineName.EINVOICE: EInvoiceEngine(lambda _: EmbeddedXml("factur-x.xml", content, usual=True)),
        EngineName.OFFLINE: OfflineEngine(),
    }
    outcome = run_cascade(DOCUMENT, reading(page()), engines, Policy.OFFLINE_ONLY, judge)
    assert [step.extraction.engine for step in outcome.steps] == [EngineName.EINVOICE]
    record = outcome.steps[outcome.chosen].record
    assert record.verdict is verdict
    assert record.invoice.payment_iban == account
