"""Invoices in the habits of countries: sums that add up, valid ids, and labels that say what the page shows."""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from decimal import Decimal
from importlib import import_module

import pypdfium2
import pytest
from schwifty import IBAN
from stdnum import luhn
from stdnum.ch import esr
from stdnum.us import rtn

from cira_pipeline.evaluation.labels import check_fields
from cira_pipeline.samples.generator import LabelledDocument, Order, labelled_document
from cira_pipeline.samples.habits import national_countries
from cira_pipeline.samples.writing import Writing

from .printed_boxes import inside, overlap, text_boxes

COUNTRIES = ("AU", "CA", "CH", "ES", "GB", "IN", "SE", "US")
_COUNT = 256
_NUMBERS = (
    "invoice_number",
    "purchase_order",
    "customer_number",
    "sales_order",
    "delivery_note",
    "project_reference",
    "contract_reference",
    "supplier_name",
    "supplier_tax_id",
    "supplier_vat_id",
    "supplier_registration",
    "supplier_street",
    "supplier_postcode",
    "supplier_city",
    "supplier_region",
    "supplier_phone",
    "supplier_email",
    "customer_name",
    "customer_tax_id",
    "customer_street",
    "customer_city",
    "payment_iban",
    "payment_account",
    "payment_routing",
    "payment_bic",
    "payment_account_name",
    "payment_reference",
    "late_payment_terms",
    "payment_terms",
    "delivery_name",
    "delivery_address",
)
_AMOUNTS = (
    "line_total",
    "net_total",
    "allowance_total",
    "shipping_amount",
    "tax_total",
    "gross_total",
    "withholding_total",
    "tip_amount",
    "previous_balance",
    "rounding_amount",
    "amount_due",
)
_ID_MODULES = {
    "EIN": "us.ein",
    "GSTIN": "in_.gstin",
    "PAN": "in_.pan",
    "ABN": "au.abn",
    "GST/HST": "ca.bn",
    "UID": "ch.uid",
    "CIF": "es.cif",
    "NIF": "es.nif",
    "ORGNR": "se.orgnr",
}
_VAT_MODULES = {"GB": "gb.vat", "CH": "ch.vat", "SE": "se.vat"}


@pytest.fixture(scope="module")
def documents() -> list[LabelledDocument]:
    order = Order(21, kinds=("pdf-text",), countries=COUNTRIES)
    return [labelled_document(order, number) for number in range(_COUNT)]


def test_the_habits_of_every_country_are_offered(documents: list[LabelledDocument]) -> None:
    assert tuple(national_countries()) == COUNTRIES
    assert {each.supplier.country for each in documents} == set(COUNTRIES)
    assert len({each.layout.id for each in documents}) > 25


def test_every_truth_satisfies_the_whole_equation(documents: list[LabelledDocument]) -> None:
    seen = set()
    for document in documents:
        truth = document.truth
        seen |= {name for name in _AMOUNTS if getattr(truth, name) is not None}
        lines = _sum(item.net_amount for item in truth.line_items)
        net = lines - _of(truth.allowance_total) + _of(truth.charge_total)
        gross = net + _sum(row.tax for row in truth.tax_breakdown)
        due = gross - _of(truth.withholding_total) - _of(truth.prepaid_amount) + _of(truth.rounding_amount)
        due += _of(truth.previous_balance) + _of(truth.tip_amount)
        for stated, sum_of in (
            (truth.line_total, lines),
            (truth.net_total, net),
            (truth.tax_total, gross - net),
            (truth.gross_total, gross),
            (truth.amount_due, due),
        ):
            assert stated is None or stated == sum_of, f"{document.name}: {stated} is not {sum_of}"
        assert truth.gross_total is not None or truth.amount_due is not None, document.name
        parts = [each.amount for each in truth.allowances_charges if each.kind == "allowance"]
        assert _sum(parts) == _of(truth.allowance_total), document.name
        assert _sum(row.amount for row in truth.withholdings) == _of(truth.withholding_total), document.name
    assert seen == set(_AMOUNTS)


def test_taxes_have_the_names_and_rates_of_their_country(documents: list[LabelledDocument]) -> None:
    names: dict[str, set[str | None]] = {country: set() for country in COUNTRIES}
    for document in documents:
        names[document.supplier.country] |= {row.name for row in document.truth.tax_breakdown}
    assert names == {
        "AU": {"GST"},
        "CA": {"GST", "HST", "PST", "QST"},
        "CH": {None},
        "ES": {None},
        "GB": {None},
        "IN": {"CGST", "SGST", "IGST"},
        "SE": {None},
        "US": {"Sales tax", "State tax", "County tax", None},
    }


def test_tax_ids_are_valid(documents: list[LabelledDocument]) -> None:
    schemes = set()
    for document in documents:
        for row in (*document.truth.supplier_tax_ids, *document.truth.customer_tax_ids):
            assert row.scheme is not None
            assert row.value is not None
            schemes.add(row.scheme)
            name = _VAT_MODULES[document.supplier.country] if row.scheme == "VAT" else _ID_MODULES.get(row.scheme)
            if name is not None:
                assert import_module(f"stdnum.{name}").is_valid(row.value), f"{document.name}: {row}"
    assert schemes == {*_ID_MODULES, "VAT", "QST", "PST"}


def test_accounts_and_references_are_valid(documents: list[LabelledDocument]) -> None:
    schemes = set()
    for document in documents:
        truth = document.truth
        for row in truth.payment_accounts:
            schemes.add(row.scheme)
            account = str(row.account)
            match row.scheme:
                case "IBAN":
                    assert IBAN(account).is_valid, document.name
                case "ABA":
                    assert rtn.is_valid(str(row.routing)), document.name
                case "BANKGIRO" | "PLUSGIRO":
                    assert luhn.is_valid(account.replace("-", "")), document.name
                case "IFSC":
                    assert len(str(row.routing)) == 11
                    assert str(row.routing)[4] == "0"
        if truth.payment_reference is not None:
            valid = esr.is_valid if document.supplier.country == "CH" else luhn.is_valid
            assert valid(truth.payment_reference), document.name
    assert schemes == {"IBAN", "ABA", "SORT_CODE", "BSB", "BPAY", "IFSC", "TRANSIT", "BANKGIRO", "PLUSGIRO"}


def test_what_the_label_claims_stands_on_the_page(documents: list[LabelledDocument]) -> None:
    for document in documents[::3]:
        text, truth = _bare(_text(document.content)), document.truth
        for name in _NUMBERS:
            value = getattr(truth, name)
            assert value is None or _bare(str(value)) in text, f"{document.layout.id} does not show {name} {value}"
        for name in _AMOUNTS:
            value = getattr(truth, name)
            assert value is None or _bare(str(abs(value))) in text, f"{document.layout.id} does not show {name} {value}"
        for row in itertools.chain(truth.supplier_tax_ids, truth.customer_tax_ids, truth.payment_accounts):
            for stated in row.model_dump(exclude={"scheme"}, exclude_none=True).values():
                assert _bare(stated) in text, f"{document.layout.id} does not show {stated}"
        for row in truth.line_items:
            for stated in (row.line_id, row.seller_item_id, row.classification):
                assert stated is None or _bare(stated) in text, f"{document.layout.id} does not show {stated}"
        for row in truth.tax_breakdown:
            for amount in (row.rate, row.net, row.tax):
                assert amount is None or _bare(str(amount)) in text, f"{document.layout.id} does not show {amount}"


def test_every_page_names_supplier_number_date_and_what_is_due(documents: list[LabelledDocument]) -> None:
    for document in documents:
        fields = document.row["fields"]
        wanted = {"supplier_name", "customer_name", "invoice_number", "issue_date", "currency", "supplier_address"}
        assert wanted <= set(fields), f"{document.layout.id} leaves out {wanted - set(fields)}"
        assert {"gross_total", "amount_due"} & set(fields)
        assert document.supplier.country == document.row["country"]
        check_fields(fields, document.name)


def test_no_layout_prints_one_text_over_another_or_off_the_page(documents: list[LabelledDocument]) -> None:
    for document in documents[1::3]:
        for width, height, boxes in text_boxes(document.content):
            where = f"{document.name}, {document.layout.id}"
            assert all(inside(box, width, height) for box in boxes), f"{where}: text leaves the page"
            assert not any(itertools.starmap(overlap, itertools.combinations(boxes, 2))), f"{where}: text over text"


def test_the_same_seed_gives_the_same_document() -> None:
    order = Order(4, kinds=("pdf-text",), countries=("IN", "US"))
    first, again = labelled_document(order, 6), labelled_document(order, 6)
    assert first.content == again.content
    assert first.row == again.row


def test_thousands_are_grouped_as_in_india_and_switzerland() -> None:
    india = Writing("en_IN", "INR", ",", ".", "dd/MM/yyyy", "symbol_before", symbol="Rs.", lakh=True)
    assert [india.amount(Decimal(value)) for value in ("1.5", "1234", "123456", "-12345678.9")] == [
        "1.50",
        "1,234.00",
        "1,23,456.00",
        "-1,23,45,678.90",
    ]
    swiss = Writing("de_CH", "CHF", "'", ".", "dd.MM.yyyy", "symbol_after", symbol="CHF")
    assert swiss.money(Decimal("1234.5")) == "CHF\u00a01'234.50"


def _of(value: Decimal | None) -> Decimal:
    return value or Decimal(0)


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    return sum((_of(value) for value in values), Decimal(0))


def _text(pdf: bytes) -> str:
    opened = pypdfium2.PdfDocument(pdf)
    try:
        return " ".join(page.get_textpage().get_text_range() for page in opened)
    finally:
        opened.close()


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
