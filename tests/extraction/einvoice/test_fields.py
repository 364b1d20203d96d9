from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.invoice import Invoice, LineItem, PaymentAccount, TaxId, TaxLine
from cira_pipeline.models import EngineName, Extraction, Severity
from cira_pipeline.syntaxes.field_reader import XmlRule
from tests.extraction.einvoice.documents import (
    CII,
    NO_READING,
    UBL,
    UBL_CREDIT_NOTE,
    ZUGFERD_1,
    replaced,
    xml_document,
)

PURCHASE = Invoice(
    invoice_number="R-2026/17",
    issue_date=date(2026, 1, 31),
    invoice_type="380",
    currency="EUR",
    due_date=date(2026, 3, 2),
    purchase_order="PO 99",
    payment_terms="30 days net",
    supplier_name="Holzwerk Nord GmbH",
    supplier_vat_id="DE136695976",
    supplier_address="Speicher 3, Tor 2, 20095 Hamburg, DE",
    customer_name="Jardin Sud SARL",
    customer_address="1 rue du Lac, 69001 Lyon, FR",
    payment_iban="DE02120300000000202051",
    net_total=Decimal(100),
    tax_total=Decimal(19),
    gross_total=Decimal(119),
    amount_due=Decimal(119),
    line_total=Decimal(100),
    payment_means="58",
    supplier_trading_name="Holzwerk",
    supplier_tax_id="22/815/0815",
    supplier_street="Speicher 3",
    supplier_postcode="20095",
    supplier_city="Hamburg",
    supplier_country="DE",
    customer_street="1 rue du Lac",
    customer_postcode="69001",
    customer_city="Lyon",
    customer_country="FR",
    tax_breakdown=(TaxLine(rate=Decimal(19), net=Decimal(100), tax=Decimal(19), category="S"),),
    supplier_tax_ids=(TaxId(scheme="FC", value="22/815/0815"), TaxId(scheme="VAT", value="DE136695976")),
    payment_accounts=(PaymentAccount(account="DE02120300000000202051", scheme="IBAN"),),
    other_terms={"BT-24": ("urn:cen.eu:en16931:2017",)},
    line_items=(
        LineItem(
            description="Garden chair, oak",
            quantity=Decimal(2),
            unit="C62",
            unit_price=Decimal(50),
            tax_rate=Decimal(19),
            net_amount=Decimal(100),
            line_id="1",
            base_quantity=Decimal(1),
            tax_category="S",
        ),
    ),
)


def extract(xml: str | bytes) -> Extraction:
    extraction = EInvoiceEngine().extract(xml_document(xml), NO_READING)
    assert extraction is not None
    return extraction


def with_other_terms(invoice: Invoice, **terms: str) -> Invoice:
    """`invoice` with these terms beside, or in the place of, its own."""
    stated = {name.replace("_", "-"): (text,) for name, text in terms.items()}
    return invoice.model_copy(update={"other_terms": {**invoice.other_terms, **stated}})


def rules_of(extraction: Extraction) -> dict[str, tuple[str, ...]]:
    return {finding.rule: finding.fields for finding in extraction.findings}


@pytest.mark.parametrize(
    ("xml", "invoice_type"),
    [(CII, "380"), (ZUGFERD_1, "380"), (UBL, "380"), (UBL_CREDIT_NOTE, "381")],
    ids=["cii", "zugferd-1", "ubl", "ubl-credit-note"],
)
def test_every_field_is_taken_over_from_every_syntax(xml: str, invoice_type: str) -> None:
    assert extract(xml).invoice == PURCHASE.model_copy(update={"invoice_type": invoice_type})


@pytest.mark.parametrize("xml", [CII, UBL, UBL_CREDIT_NOTE], ids=["cii", "ubl", "ubl-credit-note"])
def test_a_valid_file_raises_no_doubt(xml: str) -> None:
    assert extract(xml).findings == ()


@pytest.mark.parametrize("xml", [CII, UBL], ids=["cii", "ubl"])
def test_every_value_points_to_its_element(xml: str) -> None:
    extraction = extract(xml)
    evidence = {each.field: each for each in extraction.evidence}
    present = {name for name, value in extraction.invoice if value}
    assert present <= {field.partition("[")[0] for field in evidence}
    assert {each.engine for each in extraction.evidence} == {EngineName.EINVOICE}
    assert {each.confidence for each in extraction.evidence} == {1.0}
    assert evidence["payment_iban"].text == "DE02 1203 0000 0000 2020 51"
    number = evidence["invoice_number"].xpath
    assert number in ("/rsm:CrossIndustryInvoice/rsm:ExchangedDocument/ram:ID", "/Invoice/cbc:ID")
    unit = evidence["line_items[0].unit"]
    assert (unit.text, (unit.xpath or "").rpartition("/")[2]) == ("C62", "@unitCode")


def test_evidence_tells_apart_elements_of_the_same_name() -> None:
    line = UBL[UBL.index(" <cac:InvoiceLine>") : UBL.index("</Invoice>")]
    extraction = extract(replaced(UBL, "</Invoice>", line + "</Invoice>"))
    paths = [each.xpath for each in extraction.evidence if each.field.endswith("].description")]
    assert paths == ["/Invoice/cac:InvoiceLine[1]/cac:Item/cbc:Name", "/Invoice/cac:InvoiceLine[2]/cac:Item/cbc:Name"]


@pytest.mark.parametrize(
    ("stated", "expected"),
    [
        ('<udt:DateTimeString format="102">20260131</udt:DateTimeString>', date(2026, 1, 31)),
        ('<udt:DateTimeString format="203">202601312359</udt:DateTimeString>', date(2026, 1, 31)),
        ('<udt:DateTimeString format="204">20260131235959</udt:DateTimeString>', date(2026, 1, 31)),
        ("<udt:DateTimeString>20260131</udt:DateTimeString>", date(2026, 1, 31)),
        ("<udt:DateTime>2026-01-31T10:00:00+01:00</udt:DateTime>", date(2026, 1, 31)),
        ('<udt:DateTimeString format="610">202601</udt:DateTimeString>', None),
        ('<udt:DateTimeString format="102">20260231</udt:DateTimeString>', None),
        ('<udt:DateTimeString format="102">31.01.2026</udt:DateTimeString>', None),
    ],
)
def test_a_date_is_read_as_its_format_says_or_not_at_all(stated: str, expected: date | None) -> None:
    usual = '<udt:DateTimeString format="102">20260131</udt:DateTimeString>'
    extraction = extract(replaced(CII, usual, stated))
    assert extraction.invoice.issue_date == expected
    assert (XmlRule.VALUE_UNREADABLE in rules_of(extraction)) is (expected is None)


@pytest.mark.parametrize(("stated", "expected"), [("2026-01-31+01:00", date(2026, 1, 31)), ("31.01.2026", None)])
def test_a_zone_changes_no_calendar_date(stated: str, expected: date | None) -> None:
    assert extract(replaced(UBL, "2026-01-31", stated)).invoice.issue_date == expected


@pytest.mark.parametrize("hostile", ["1e400000000", "1.234,56", "NaN", "Infinity", "0x10", "١٢", "9" * 40, "--5"])
def test_a_number_that_is_none_is_a_finding_and_never_a_guess(hostile: str) -> None:
    extraction = extract(replaced(UBL, ">119.00</cbc:TaxInclusive", f">{hostile}</cbc:TaxInclusive"))
    assert extraction.invoice.gross_total is None
    assert rules_of(extraction)[XmlRule.VALUE_UNREADABLE] == ("gross_total",)


def test_negative_amounts_keep_their_sign() -> None:
    extraction = extract(replaced(UBL, ">119.00<", ">-119.00<"))
    assert extraction.invoice.gross_total == Decimal(-119)


def test_tax_in_the_accounting_currency_is_not_the_tax_total() -> None:
    second = '<cac:TaxTotal><cbc:TaxAmount currencyID="GBP">16.00</cbc:TaxAmount></cac:TaxTotal>'
    ubl = replaced(UBL, " <cac:TaxTotal>", f" {second}<cac:TaxTotal>")
    cii = replaced(
        CII,
        "<ram:TaxTotalAmount",
        '<ram:TaxTotalAmount currencyID="GBP">16.00</ram:TaxTotalAmount><ram:TaxTotalAmount',
        1,
    )
    for xml in (ubl, cii):
        extraction = extract(xml)
        assert extraction.invoice.tax_total == Decimal(19)
        assert extraction.invoice.tax_total_accounting is None
        assert extraction.invoice.tax_breakdown == PURCHASE.tax_breakdown


def test_a_total_in_a_foreign_currency_only_is_no_value() -> None:
    extraction = extract(replaced(CII, 'currencyID="EUR">19.00', 'currencyID="GBP">19.00'))
    assert extraction.invoice.tax_total is None
    assert rules_of(extraction)[XmlRule.OTHER_CURRENCY] == ("tax_total",)


def test_the_payers_account_is_never_the_account_to_pay_to() -> None:
    cii = replaced(CII, "PayeePartyCreditorFinancialAccount", "PayerPartyDebtorFinancialAccount")
    assert extract(cii).invoice.payment_iban is None


def test_of_several_accounts_the_first_iban_is_taken_and_the_others_are_told() -> None:
    account = "<cac:PayeeFinancialAccount><cbc:ID>FR1420041010050500013M02606</cbc:ID></cac:PayeeFinancialAccount>"
    means = f"<cac:PaymentMeans><cbc:PaymentMeansCode>30</cbc:PaymentMeansCode>{account}</cac:PaymentMeans>"
    extraction = extract(replaced(UBL, " <cac:PaymentTerms>", f" {means}<cac:PaymentTerms>"))
    assert extraction.invoice.payment_iban == "DE02120300000000202051"
    (finding,) = extraction.findings
    assert finding.rule == XmlRule.SEVERAL_ACCOUNTS
    assert "FR1420041010050500013M02606" in finding.message


def test_an_account_called_iban_comes_before_one_that_is_not() -> None:
    proprietary = (
        "<ram:SpecifiedTradeSettlementPaymentMeans><ram:TypeCode>30</ram:TypeCode><ram:PayeePartyCreditorFinancialAccount>"
        "<ram:ProprietaryID>FR1420041010050500013M02606</ram:ProprietaryID>"
        "</ram:PayeePartyCreditorFinancialAccount></ram:SpecifiedTradeSettlementPaymentMeans>"
    )
    first = " <ram:SpecifiedTradeSettlementPaymentMeans>"
    assert extract(replaced(CII, first, proprietary + first)).invoice.payment_iban == "DE02120300000000202051"


def test_an_account_number_that_is_no_iban_is_not_taken_for_one() -> None:
    extraction = extract(replaced(UBL, "DE02 1203 0000 0000 2020 51", "00 1234-5678"))
    invoice = extraction.invoice
    assert (invoice.payment_iban, invoice.payment_account) == (None, "001234-5678")
    assert invoice.payment_accounts == (PaymentAccount(account="001234-5678"),)
    assert extraction.findings == ()


def test_words_in_the_place_of_an_account_are_no_account() -> None:
    extraction = extract(replaced(UBL, "DE02 1203 0000 0000 2020 51", "see page 2"))
    invoice = extraction.invoice
    assert (invoice.payment_iban, invoice.payment_account, invoice.payment_accounts) == (None, None, ())
    assert invoice.other_terms["BT-84"] == ("see page 2",)
    assert XmlRule.ACCOUNT_NOT_IBAN in rules_of(extraction)


def test_of_several_due_dates_the_first_is_taken_and_the_others_are_told() -> None:
    later = (
        "<ram:SpecifiedTradePaymentTerms><ram:Description>or later</ram:Description><ram:DueDateDateTime>"
        '<udt:DateTimeString format="102">20260401</udt:DateTimeString></ram:DueDateDateTime>'
        "</ram:SpecifiedTradePaymentTerms>"
    )
    end = "</ram:SpecifiedTradePaymentTerms>"
    extraction = extract(replaced(CII, end, end + later))
    assert extraction.invoice.due_date == date(2026, 3, 2)
    assert extraction.invoice.payment_terms == "30 days net\nor later"
    assert rules_of(extraction)[XmlRule.SEVERAL_DUE_DATES] == ("due_date",)


def test_a_national_tax_number_is_not_a_vat_id() -> None:
    without = replaced(
        UBL,
        "<cac:TaxScheme><cbc:ID>VAT</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>",
        "<cac:TaxScheme><cbc:ID>LOC</cbc:ID></cac:TaxScheme></cac:PartyTaxScheme>",
    )
    assert extract(without).invoice.supplier_vat_id is None
    assert extract(replaced(CII, 'schemeID="VA"', 'schemeID="FC"')).invoice.supplier_vat_id is None


def test_the_placeholder_of_a_missing_order_number_is_not_an_order_number() -> None:
    order = "<cbc:ID>NA</cbc:ID><cbc:SalesOrderID>S-1</cbc:SalesOrderID>"
    assert extract(replaced(UBL, "<cbc:ID>PO 99</cbc:ID>", order)).invoice.purchase_order is None


def test_the_trading_name_stands_in_where_there_is_no_registered_one() -> None:
    without = replaced(
        UBL,
        "<cac:PartyLegalEntity><cbc:RegistrationName>Holzwerk Nord GmbH</cbc:RegistrationName></cac:PartyLegalEntity>",
        "",
    )
    assert extract(without).invoice.supplier_name == "Holzwerk"


def test_a_missing_currency_is_taken_from_the_totals() -> None:
    without = replaced(UBL, "<cbc:DocumentCurrencyCode>EUR</cbc:DocumentCurrencyCode>", "")
    extraction = extract(without)
    assert extraction.invoice.currency == "EUR"
    assert "currency" in {each.field for each in extraction.evidence}


@pytest.mark.parametrize("code", ["326", "384", "389", "875", "877"])
def test_the_document_type_is_kept_as_stated(code: str) -> None:
    assert extract(replaced(CII, ">380<", f">{code}<")).invoice.invoice_type == code


def test_a_standard_business_document_is_unwrapped() -> None:
    body = UBL.removeprefix('<?xml version="1.0" encoding="UTF-8"?>\n')
    wrapper = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
    name = "StandardBusinessDocument"
    wrapped = f'<s:{name} xmlns:s="{wrapper}"><s:{name}Header/>{body}</s:{name}>'
    extraction = extract(wrapped)
    assert extraction.invoice == PURCHASE
    number = next(each for each in extraction.evidence if each.field == "invoice_number")
    assert (number.xpath or "").startswith("/s:StandardBusinessDocument/Invoice/")


def test_a_deviation_from_the_schema_loses_no_invoice() -> None:
    extraction = extract(replaced(UBL, "<cbc:IssueDate>", "<cbc:Invented>x</cbc:Invented><cbc:IssueDate>"))
    assert extraction.invoice == with_other_terms(PURCHASE, Invented="x")
    (finding,) = extraction.findings
    assert (finding.rule, finding.severity) == (XmlRule.SCHEMA, Severity.INFO)
    assert "Invented" in finding.message
