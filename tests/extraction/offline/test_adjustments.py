"""Amounts beside the totals, in the habits of their countries: read, and one wrong digit of any of them is noticed."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.invoice import AllowanceCharge, Withholding
from cira_pipeline.models import Record, Verdict
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.extraction.offline.invented import (
    DOCUMENT,
    INVOICE,
    Placed,
    block,
    invoice,
    keyed,
    reading,
    right,
    sums,
    table,
)

D = Decimal
Pairs = tuple[tuple[str, str], ...]
_HEADS = {
    "en": ("Invoice no.", "Invoice date", "Due date", "Description", "Quantity", "Unit price", "Amount"),
    "de": ("Rechnungsnummer", "Rechnungsdatum", "Fällig am", "Beschreibung", "Menge", "Einzelpreis", "Betrag"),
    "es": ("Nº factura", "Fecha factura", "Vencimiento", "Concepto", "Cantidad", "Precio", "Importe"),
    "it": ("Fattura n.", "Data fattura", "Scadenza", "Descrizione", "Quantità", "Prezzo", "Importo"),
    "fr": ("Facture n°", "Date de facture", "Échéance", "Désignation", "Quantité", "Prix unitaire", "Montant"),
    "sv": ("Fakturanummer", "Fakturadatum", "Förfallodatum", "Beskrivning", "Antal", "Pris", "Belopp"),
}


def page(language: str, goods: tuple[str, str, str], pairs: Pairs) -> list[Placed]:
    """An invoice of one line: its quantity, price and amount, and under it `pairs` of label and amount."""
    number, issued, due, *columns = _HEADS[language]
    return [
        *block(40, 40, "Bergquell Trading Ltd", "Harbour Road 7", "2000 Riverton"),
        *block(40, 130, "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz"),
        *keyed(380, 490, 130, (number, "SO-2041"), (issued, "2026-01-31"), (due, "2026-02-28")),
        *table(
            280,
            [(40, 0, columns[0]), right(300, 0, columns[1]), right(400, 0, columns[2]), right(555, 0, columns[3])],
            [[(40, 0, "Copper fitting"), right(300, 0, goods[0]), right(400, 0, goods[1]), right(555, 0, goods[2])]],
        ),
        *sums(340, *pairs),
    ]


def judged(language: str, goods: tuple[str, str, str], pairs: Pairs) -> Record:
    read = reading(page(language, goods, pairs))
    extraction = OfflineEngine().extract(DOCUMENT, read)
    assert extraction is not None
    # Whose the invoice is, and how sure each letter was read, is another matter.
    context = ValidationContext(today=date(2026, 2, 15), reading=read, accept_confidence=0.5)
    return validate(extraction, context)


GOODS = ("10", "20.50", "205.00")
HABITS: dict[str, tuple[str, tuple[str, str, str], Pairs, dict[str, Any]]] = {
    "US discount, tax and freight": (
        "en",
        GOODS,
        (
            ("Subtotal", "$205.00"),
            ("Discount 10%", "-$20.50"),
            ("Sales Tax 8.25%", "$15.22"),
            ("Shipping", "$12.00"),
            ("Total", "$211.72"),
        ),
        {
            "net_total": D("196.50"),
            "tax_total": D("15.22"),
            "gross_total": D("211.72"),
            "line_total": D("205.00"),
            "allowance_total": D("20.50"),
            "charge_total": D("12.00"),
            "shipping_amount": D("12.00"),
        },
    ),
    "German discount and freight before the net total": (
        "de",
        ("10", "38,24", "382,40"),
        (
            ("Zwischensumme", "382,40 €"),
            ("Rabatt 10 %", "-38,24 €"),
            ("Versandkosten", "5,84 €"),
            ("Nettobetrag", "350,00 €"),
            ("USt 19 %", "66,50 €"),
            ("Gesamtbetrag", "416,50 €"),
        ),
        {"net_total": D("350.00"), "line_total": D("382.40"), "allowance_total": D("38.24"), "charge_total": D("5.84")},
    ),
    "Indian taxes of one rate and round off": (
        "en",
        ("10", "1,000.26", "10,002.60"),
        (
            ("Taxable Value", "10,002.60"),
            ("CGST 9%", "900.23"),
            ("SGST 9%", "900.23"),
            ("Round Off", "(-)0.06"),
            ("Total INR", "11,803.00"),
        ),
        {
            "net_total": D("10002.60"),
            "tax_total": D("1800.46"),
            "gross_total": D("11803.00"),
            "rounding_amount": D("-0.06"),
        },
    ),
    "Swiss rounding": (
        "de",
        ("1", "2'570.00", "2'570.00"),
        (
            ("Zwischentotal", "CHF 2'570.00"),
            ("MWST 8.1%", "CHF 208.17"),
            ("Rundung", "CHF -0.02"),
            ("Total", "CHF 2'778.15"),
        ),
        {"net_total": D("2570.00"), "gross_total": D("2778.15"), "rounding_amount": D("-0.02")},
    ),
    "Swedish rounding": (
        "sv",
        ("2", "500,20", "1 000,40"),
        (
            ("Summa exkl. moms", "1 000,40 kr"),
            ("Moms 25 %", "250,10 kr"),
            ("Öresavrundning", "0,50 kr"),
            ("Att betala", "1 251,00 kr"),
        ),
        {"net_total": D("1000.40"), "tax_total": D("250.10"), "amount_due": D("1251.00"), "rounding_amount": D("0.50")},
    ),
    "Swedish deduction for housework": (
        "sv",
        ("2", "500,00", "1 000,00"),
        (
            ("Summa exkl. moms", "1 000,00 kr"),
            ("Moms 25 %", "250,00 kr"),
            ("Totalt inkl. moms", "1 250,00 kr"),
            ("ROT-avdrag", "-375,00 kr"),
            ("Att betala", "875,00 kr"),
        ),
        {"gross_total": D("1250.00"), "amount_due": D("875.00"), "withholding_total": D("375.00")},
    ),
    "Spanish income tax withheld": (
        "es",
        ("10", "100,00", "1.000,00"),
        (
            ("Base imponible", "1.000,00 €"),
            ("IVA 21%", "210,00 €"),
            ("IRPF -15%", "-150,00 €"),
            ("Total a pagar", "1.060,00 €"),
        ),
        {
            "net_total": D("1000.00"),
            "tax_total": D("210.00"),
            "gross_total": D("1210.00"),
            "amount_due": D("1060.00"),
            "withholdings": (Withholding(name="IRPF", rate=D(15), base=D("1000.00"), amount=D("150.00")),),
        },
    ),
    "Italian income tax withheld": (
        "it",
        ("10", "104,00", "1.040,00"),
        (
            ("Totale imponibile", "1.040,00 €"),
            ("IVA 22%", "228,80 €"),
            ("Totale fattura", "1.268,80 €"),
            ("Ritenuta d'acconto 20%", "-208,00 €"),
            ("Netto a pagare", "1.060,80 €"),
        ),
        {"gross_total": D("1268.80"), "amount_due": D("1060.80"), "withholding_total": D("208.00")},
    ),
    "a deposit": (
        "de",
        ("2", "200,00", "400,00"),
        (
            ("Nettobetrag", "400,00 €"),
            ("USt 19 %", "76,00 €"),
            ("Gesamtbetrag", "476,00 €"),
            ("abzgl. Anzahlung", "-176,00 €"),
            ("Zahlbetrag", "300,00 €"),
        ),
        {"gross_total": D("476.00"), "prepaid_amount": D("176.00"), "amount_due": D("300.00")},
    ),
    "a balance of the last bill": (
        "en",
        ("1", "500.00", "500.00"),
        (
            ("Net total", "£500.00"),
            ("VAT 20%", "£100.00"),
            ("Invoice total", "£600.00"),
            ("Previous balance", "£108.43"),
            ("Amount due", "£708.43"),
        ),
        {"gross_total": D("600.00"), "previous_balance": D("108.43"), "amount_due": D("708.43")},
    ),
    "a credit of the last bill": (
        "en",
        ("1", "500.00", "500.00"),
        (
            ("Net total", "£500.00"),
            ("VAT 20%", "£100.00"),
            ("Invoice total", "£600.00"),
            ("Previous balance", "£108.43 CR"),
            ("Amount due", "£491.57"),
        ),
        {"gross_total": D("600.00"), "previous_balance": D("-108.43"), "amount_due": D("491.57")},
    ),
    "a tip": (
        "en",
        ("1", "18.25", "18.25"),
        (("Subtotal", "$18.25"), ("Tax", "$1.83"), ("Tip", "$4.00"), ("Total", "$24.08")),
        {"net_total": D("18.25"), "tax_total": D("1.83"), "tip_amount": D("4.00"), "gross_total": D("24.08")},
    ),
    "Canadian taxes": (
        "en",
        ("2", "100.00", "200.00"),
        (("Subtotal", "$200.00"), ("GST 5%", "$10.00"), ("QST 9.975%", "$19.95"), ("Total CAD", "$229.95")),
        {"net_total": D("200.00"), "tax_total": D("29.95"), "gross_total": D("229.95")},
    ),
    "American taxes of state and county": (
        "en",
        ("2", "100.00", "200.00"),
        (("Subtotal", "$200.00"), ("State Tax 6%", "$12.00"), ("County Tax 1%", "$2.00"), ("Total USD", "$214.00")),
        {"net_total": D("200.00"), "tax_total": D("14.00"), "gross_total": D("214.00")},
    ),
}


@pytest.mark.parametrize(("language", "goods", "pairs", "wanted"), HABITS.values(), ids=HABITS)
def test_what_the_totals_block_names_is_read_and_accepted(
    language: str, goods: tuple[str, str, str], pairs: Pairs, wanted: dict[str, Any]
) -> None:
    record = judged(language, goods, pairs)
    assert {name: getattr(record.invoice, name) for name in wanted} == wanted
    assert not [finding for finding in record.findings if finding.rule.startswith("CIRA-ARITH") and _counts(finding)]


def _counts(finding: Any) -> bool:
    return finding.severity != "info"


@pytest.mark.parametrize(("language", "goods", "pairs", "_wanted"), HABITS.values(), ids=HABITS)
def test_one_wrong_digit_in_the_totals_block_goes_to_a_person(
    language: str, goods: tuple[str, str, str], pairs: Pairs, _wanted: dict[str, Any]
) -> None:
    for index, (label, amount) in enumerate(pairs):
        wrong = (*pairs[:index], (label, _other_digit(amount)), *pairs[index + 1 :])
        record = judged(language, goods, wrong)
        assert record.verdict is Verdict.NEEDS_REVIEW, (label, wrong[index], record.invoice, record.findings)


def _other_digit(amount: str) -> str:
    """`amount` with its last digit before the decimals changed by four."""
    at = max(index for index, char in enumerate(amount[: max(amount.rfind("."), amount.rfind(","))]) if char.isdigit())
    return f"{amount[:at]}{(int(amount[at]) + 4) % 10}{amount[at + 1 :]}"


def test_several_taxes_are_rows_with_their_names() -> None:
    for name, other in (("CGST", "SGST"), ("GST", "PST"), ("State Tax", "County Tax")):
        pairs = (("Subtotal", "1,000.00"), (f"{name} 9%", "90.00"), (f"{other} 9%", "90.00"), ("Total", "1,180.00"))
        found = invoice(page("en", ("1", "1,000.00", "1,000.00"), pairs))
        assert [(row.name, row.rate, row.net, row.tax) for row in found.tax_breakdown] == [
            (name, D(9), D(1000), D(90)),
            (other, D(9), D(1000), D(90)),
        ]


def test_a_discount_is_a_row_with_reason_percent_and_place() -> None:
    pairs = (("Subtotal", "$205.00"), ("Discount 10%", "-$20.50"), ("Tax", "$15.22"), ("Total", "$199.72"))
    read = reading(page("en", GOODS, pairs))
    extraction = OfflineEngine().extract(DOCUMENT, read)
    assert extraction is not None
    assert extraction.invoice.allowances_charges == (
        AllowanceCharge(kind="allowance", amount=D("20.50"), percent=D(10), reason="Discount"),
    )
    shown = {entry.field: entry.text for entry in extraction.evidence}
    assert shown["allowances_charges[0].amount"] == "-$20.50"
    assert shown["allowances_charges[0].reason"] == "Discount"


def test_an_amount_that_is_part_of_another_is_no_charge() -> None:
    pairs = (
        ("Net total", "$200.00"),
        ("including freight", "$12.00"),
        ("VAT 20%", "$40.00"),
        ("Total", "$240.00"),
    )
    assert invoice(page("en", ("1", "200.00", "200.00"), pairs)).charge_total is None


def test_an_unnamed_amount_between_the_totals_explains_nothing() -> None:
    pairs = (("Subtotal", "$205.00"), ("Weissnichtwas", "$12.00"), ("Tax", "$15.22"), ("Total", "$232.22"))
    record = judged("en", GOODS, pairs)
    assert record.invoice.charge_total is None
    assert record.verdict is Verdict.NEEDS_REVIEW


def test_an_ordinary_invoice_names_no_other_amounts() -> None:
    found = invoice(INVOICE)
    assert not found.allowances_charges
    assert (found.line_total, found.charge_total, found.prepaid_amount, found.rounding_amount) == (None,) * 4


@pytest.mark.parametrize("mark", ["PAID", "Bezahlt", "Voldaan"])
def test_an_invoice_that_is_marked_as_paid_is_not_paid_again(mark: str) -> None:
    pairs = (("Subtotal", "$205.00"), ("Tax", "$16.91"), ("Total", "$221.91"))
    read = reading([*page("en", GOODS, pairs), (380, 420, mark)])
    extraction = OfflineEngine().extract(DOCUMENT, read)
    assert extraction is not None
    record = validate(extraction, ValidationContext(today=date(2026, 2, 15), reading=read, accept_confidence=0.5))
    assert "offline.marked_paid" in {finding.rule for finding in record.findings}
    assert record.verdict is Verdict.NEEDS_REVIEW


def test_the_head_of_a_payment_is_no_mark() -> None:
    pairs = (("Net total", "$205.00"), ("VAT 20%", "$41.00"), ("Total", "$246.00"), ("Paid", "$46.00"))
    record = judged("en", GOODS, (*pairs, ("Balance due", "$200.00")))
    assert (record.invoice.prepaid_amount, record.invoice.amount_due) == (D("46.00"), D("200.00"))
    assert "offline.marked_paid" not in {finding.rule for finding in record.findings}


def test_a_discount_printed_as_a_row_and_as_a_sum_is_deducted_once() -> None:
    pairs = (
        ("Sonderrabatt", "-21,55"),
        ("Fracht", "15,00"),
        ("Positionssumme", "410,10"),
        ("Gesamtbetrag der Zuschläge", "15,00"),
        ("Gesamtbetrag der Abschläge", "-21,55"),
        ("Summe netto", "403,55"),
        ("USt 19 %", "76,67"),
        ("Gesamtbetrag", "480,22"),
    )
    record = judged("de", ("1", "410,10", "410,10"), pairs)
    assert (record.invoice.allowance_total, record.invoice.charge_total) == (D("21.55"), D("15.00"))
    assert not [finding for finding in record.findings if finding.rule.startswith("CIRA-ARITH")]


def test_another_name_of_the_total_is_no_charge() -> None:
    pairs = (("Charges", "$205.00"), ("Total for this invoice", "$205.00"))
    found = invoice(page("en", GOODS, pairs))
    assert (found.gross_total, found.charge_total) == (D("205.00"), None)


def test_a_discount_under_a_head_of_several_words_is_read() -> None:
    heads = ("Warenwert", "Versandkosten", "Skonto sofort", "Nettobetrag", "MwSt-Betrag", "Endbetrag")
    values = ("1062,60", "15,00", "-21,55", "1056,05", "200,65", "1256,70")
    texts = [text for at, pair in enumerate(zip(heads, values, strict=True)) for text in _column(40 + 88 * at, *pair)]
    found = invoice([*page("de", ("1", "1.062,60", "1.062,60"), ()), *texts])
    assert (found.net_total, found.allowance_total, found.charge_total) == (D("1056.05"), D("21.55"), D("15.00"))


def _column(left: float, head: str, value: str) -> list[Placed]:
    return [(left, 400, head), (left, 412, value)]


def test_freight_in_a_row_and_twice_in_summaries_is_charged_once() -> None:
    heads = ("Warenwert", "Versandkosten", "Skonto sofort", "Nettobetrag", "MwSt-Betrag", "Endbetrag")
    values = ("1062,60", "15,00", "-21,55", "1056,05", "200,65", "1256,70")
    texts = [text for at, pair in enumerate(zip(heads, values, strict=True)) for text in _column(40 + 88 * at, *pair)]
    again = [(40 + 88 * at, 440, value) for at, value in enumerate(values)]
    pairs = (("Sonderrabatt", "-21,55"), ("Transportkosten", "15,00"))
    found = invoice([*page("de", ("1", "1.062,60", "1.062,60"), pairs), *texts, *again])
    assert (found.net_total, found.allowance_total, found.charge_total) == (D("1056.05"), D("21.55"), D("15.00"))
    assert found.shipping_amount == D("15.00")
    assert len(found.allowances_charges) == 2


_PAYMENTS = [(40, 400, "Règlement"), (160, 400, "Date"), (240, 400, "Montant")]


def _with_payment(paid: str, *more: Placed) -> Record:
    pairs = (
        ("Total HT", "205,00 €"),
        ("TVA 20 %", "41,00 €"),
        ("Total TTC", "246,00 €"),
        ("Solde à payer", "200,00 €"),
    )
    row = [(40.0, 412.0, "Virement"), (160.0, 412.0, "05/01/2026"), (240.0, 412.0, paid)]
    read = reading([*page("fr", ("10", "20,50", "205,00"), pairs), *_PAYMENTS, *row, *more])
    extraction = OfflineEngine().extract(DOCUMENT, read)
    assert extraction is not None
    return validate(extraction, ValidationContext(today=date(2026, 2, 15), reading=read, accept_confidence=0.5))


@pytest.mark.parametrize(
    ("paid", "more"),
    [
        ("46,00 €", ()),
        ("40,00 €", ((40.0, 424.0, "Virement"), (160.0, 424.0, "09/01/2026"), (240.0, 424.0, "6,00 €"))),
    ],
)
def test_a_payment_listed_without_a_label_explains_the_amount_due(paid: str, more: tuple[Placed, ...]) -> None:
    record = _with_payment(paid, *more)
    assert (record.invoice.prepaid_amount, record.invoice.amount_due) == (D("46.00"), D("200.00"))
    assert not [finding for finding in record.findings if _counts(finding)]


def test_a_listed_amount_that_is_not_the_difference_is_no_payment() -> None:
    record = _with_payment("45,00 €")
    assert record.invoice.prepaid_amount is None
    assert record.verdict is Verdict.NEEDS_REVIEW
