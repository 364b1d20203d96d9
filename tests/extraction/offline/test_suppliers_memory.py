"""What confirmed invoices teach about their supplier's next ones, and what they must never do."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.extraction.offline.learn.teaching import lesson_of
from cira_pipeline.extraction.offline.memory.lesson import Lesson
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Box, Extraction, Line, Reading, Record, Severity, Verdict
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.extraction.offline.invented import DOCUMENT, Placed, block, keyed, reading, right, sums, table

SENDER = block(40, 40, "Nordlicht Bürotechnik GmbH", "Hafenstraße 14", "24103 Kiel")
RECIPIENT = block(40, 130, "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz")
ACCOUNT, OTHER_ACCOUNT = "DE89370400440532013000", "DE02120300000000202051"
ISSUED = date(2024, 3, 14)


class Taught:
    """Lessons as a store keeps them: found by the supplier's keys."""

    def __init__(self, *lessons: Lesson | None) -> None:
        self.lessons = tuple(lesson for lesson in lessons if lesson is not None)

    def __call__(self, _document: str, keys: Sequence[str]) -> Sequence[Lesson]:
        return [lesson for lesson in self.lessons if set(lesson.keys) & set(keys)]


def page(
    index: int, *, lines: int = 2, account: str = ACCOUNT, dx: float = 0, dy: float = 0, name: str = ""
) -> Reading:
    """An invoice in words that no lexicon holds."""
    issued = ISSUED + timedelta(days=31 * index)
    items = [(f"Ware {chr(65 + n)}", str(n + 1), "10,00", f"{10 * (n + 1)},00") for n in range(lines)]
    net = sum(10 * (n + 1) for n in range(lines))
    below = 300 + 18 * lines
    header = [(40, 0, "Jorlun"), right(330, 0, "Kepsiv"), right(440, 0, "Rudhul"), right(555, 0, "Mavgis")]
    rows = [
        [(40, 0, text), right(330, 0, quantity), right(440, 0, price), right(555, 0, amount)]
        for text, quantity, price, amount in items
    ]
    sender = [(40, 40, name), *SENDER[1:]] if name else SENDER
    placed = [
        *sender,
        (40, 90, "Dolkep DE136695976" if not name else "Dolkep"),
        *RECIPIENT,
        *keyed(
            380,
            480,
            130,
            ("Brafen", f"RE-2024-{117 + index}"),
            ("Lunpil", f"{issued:%d.%m.%Y}"),
            ("Quovor", f"{issued + timedelta(days=30):%d.%m.%Y}"),
            ("Telnox", f"K-{2040 + index}"),
        ),
        (40, 240, "Rechnung"),
        *table(270, header, rows),
        *sums(below, ("Fenmav", f"{net},00 €"), ("Pilrud 19 %", f"{_tax(net)} €"), ("Sivtel", f"{_gross(net)} €")),
        (40, below + 80, "IBAN " + " ".join(account[start : start + 4] for start in range(0, len(account), 4))),
        (40, below + 100, "Vielen Dank für Ihren Auftrag"),
    ]
    return reading([(left + dx, top + dy, text) for left, top, text in placed])


def _tax(net: int) -> str:
    return f"{Decimal(net) * 19 / 100:.2f}".replace(".", ",")


def _gross(net: int) -> str:
    return f"{Decimal(net) * 119 / 100:.2f}".replace(".", ",")


def truth(index: int, *, lines: int = 2, account: str = ACCOUNT, **changes: Any) -> Invoice:
    net = Decimal(sum(10 * (n + 1) for n in range(lines)))
    issued = ISSUED + timedelta(days=31 * index)
    fields: dict[str, Any] = {
        "invoice_number": f"RE-2024-{117 + index}",
        "issue_date": issued,
        "due_date": issued + timedelta(days=30),
        "invoice_type": "380",
        "currency": "EUR",
        "supplier_name": "Nordlicht Bürotechnik GmbH",
        "supplier_address": "Hafenstraße 14, 24103 Kiel",
        "supplier_vat_id": "DE136695976",
        "customer_name": "Hotel Seerose OHG",
        "customer_address": "Uferpromenade 8, 78464 Konstanz",
        "payment_iban": account,
        "net_total": net,
        "tax_total": (net * 19 / 100).quantize(Decimal("0.01")),
        "gross_total": (net * 119 / 100).quantize(Decimal("0.01")),
        "line_items": [
            {"description": f"Ware {chr(65 + n)}", "quantity": n + 1, "unit_price": 10, "net_amount": 10 * (n + 1)}
            for n in range(lines)
        ],
    }
    return Invoice.model_validate(fields | changes)


def confirmed(*indexes: int, **changes: Any) -> list[Lesson]:
    """Lessons of confirmed pages, newest first."""
    lessons = [lesson_of(page(index), truth(index, **changes), complete=True) for index in reversed(indexes)]
    return [lesson for lesson in lessons if lesson is not None]


def read(read_page: Reading, *lessons: Lesson) -> Extraction:
    extraction = OfflineEngine(Taught(*lessons) if lessons else None).extract(DOCUMENT, read_page)
    assert extraction is not None
    return extraction


def record_of(read_page: Reading, *lessons: Lesson) -> Record:
    return validate(read(read_page, *lessons), ValidationContext(today=date(2025, 1, 1), reading=read_page))


def rules(extraction: Extraction) -> set[str]:
    return {finding.rule for finding in extraction.findings}


FIELDS = ("invoice_number", "issue_date", "due_date", "net_total", "tax_total", "gross_total", "supplier_vat_id")


def test_two_confirmed_invoices_teach_words_that_no_lexicon_holds():
    before, after = read(page(5, lines=4)).invoice, read(page(5, lines=4), *confirmed(0, 1)).invoice
    expected = truth(5, lines=4)
    missed = [name for name in FIELDS if getattr(before, name) is None]
    assert set(missed) >= {"invoice_number", "net_total", "gross_total"}, "then there would be nothing to teach"
    assert [name for name in FIELDS if getattr(after, name) != getattr(expected, name)] == []
    assert [item.net_amount for item in after.line_items] == [Decimal(10), Decimal(20), Decimal(30), Decimal(40)]


def test_a_person_sees_which_values_memory_had_a_part_in():
    extraction = read(page(5), *confirmed(0, 1))
    by_field = {entry.field: entry.remembered for entry in extraction.evidence}
    assert by_field["invoice_number"] == by_field["gross_total"] == 2
    note = next(finding for finding in extraction.findings if finding.rule == "offline.remembered")
    assert "2 confirmed invoices" in note.message
    assert "invoice_number" in note.fields
    assert note.severity is Severity.INFO
    assert read(page(5)).memory == "" != extraction.memory, "a result made with memory is told from one without"
    assert extraction.memory != read(page(5), *confirmed(0, 1, 2)).memory


def test_a_layout_is_known_again_with_many_more_lines_and_shifted_by_a_scanner():
    shifted = page(3, lines=17, dx=9, dy=6)
    assert read(shifted, *confirmed(0, 1)).invoice.invoice_number == "RE-2024-120"


def test_another_suppliers_page_in_the_same_words_is_read_as_if_nothing_were_known():
    other = page(3, name="Bauer & Söhne Metallbau", account=OTHER_ACCOUNT)
    with_lessons, without = read(other, *confirmed(0, 1)), read(other)
    assert with_lessons.model_copy(update={"seconds": 0}) == without.model_copy(update={"seconds": 0})


def test_a_new_account_on_a_known_layout_is_the_one_printed_and_needs_a_person():
    honest = record_of(page(5), *confirmed(0, 1, 2))
    assert honest.verdict is Verdict.ACCEPTED, [finding.message for finding in honest.findings]
    spoofed = page(5, account=OTHER_ACCOUNT)
    extraction, record = read(spoofed, *confirmed(0, 1, 2)), record_of(spoofed, *confirmed(0, 1, 2))
    assert extraction.invoice.payment_iban == OTHER_ACCOUNT, "what is remembered never stands in for what is printed"
    assert "offline.unfamiliar_account" in rules(extraction)
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert {entry.remembered for entry in extraction.evidence} == {0}, "an imitated layout earns no trust"


def test_memory_never_proposes_an_account():
    silent = page(5)
    silent = silent.model_copy(update={"lines": tuple(line for line in silent.lines if "IBAN" not in line.text)})
    assert read(silent, *confirmed(0, 1, 2)).invoice.payment_iban is None


def test_a_value_that_is_not_on_the_page_is_not_remembered_onto_it():
    nameless = page(5)
    kept = tuple(line for line in nameless.lines if "Nordlicht" not in line.text)
    invoice = read(nameless.model_copy(update={"lines": kept}), *confirmed(0, 1)).invoice
    assert invoice.supplier_name != "Nordlicht Bürotechnik GmbH"


@pytest.mark.parametrize("when", ["newest", "oldest"])
def test_a_wrong_confirmation_is_outvoted_by_two_right_ones(when):
    wrong = confirmed(9, invoice_number="K-2049")
    right_ones = confirmed(0, 1)
    lessons = [*wrong, *right_ones] if when == "newest" else [*right_ones, *wrong]
    assert read(page(5), *lessons).invoice.invoice_number == "RE-2024-122"


def test_a_single_confirmation_of_unknown_words_accepts_nothing():
    """One person may have looked at the wrong line."""
    record = record_of(page(5), *confirmed(9, invoice_number="K-2049"))
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert "offline.remembered_once" in {finding.rule for finding in record.findings}


def test_totals_that_contradict_each_other_teach_nothing_about_totals():
    [lesson] = confirmed(0, net_total=Decimal("35.70"), gross_total=Decimal("30.00"))
    assert not {"net_total", "tax_total", "gross_total"} & set(lesson.sightings)
    assert "invoice_number" in lesson.sightings


def test_plain_labels_of_the_lexicon_are_not_unlearned_by_a_wrong_confirmation():
    plain = [
        *SENDER,
        (40, 90, "USt-IdNr. DE136695976"),
        *RECIPIENT,
        *keyed(380, 480, 130, ("Rechnungsnummer:", "RE-2024-117"), ("Kundennummer:", "K-2040")),
        *keyed(380, 480, 160, ("Rechnungsdatum:", "14.03.2024"), ("Fällig am:", "13.04.2024")),
        (40, 240, "Rechnung"),
        *sums(360, ("Nettobetrag", "400,00 €"), ("zzgl. 19 % USt.", "76,00 €"), ("Rechnungsbetrag", "476,00 €")),
    ]
    wrong = truth(0).model_copy(update={"invoice_number": "K-2040", "payment_iban": None})
    lesson = lesson_of(reading(plain), wrong, complete=True)
    assert lesson is not None
    assert read(reading(plain), lesson, lesson).invoice.invoice_number == "RE-2024-117"


def test_a_new_layout_is_not_read_with_the_old_ones_words_and_both_are_kept():
    def redesigned(index: int) -> Reading:
        issued = ISSUED + timedelta(days=31 * index)
        placed: list[Placed] = [
            *block(300, 60, "Nordlicht Bürotechnik GmbH", "Hafenstraße 14", "24103 Kiel", "Hulrud DE136695976"),
            *block(60, 200, "Hotel Seerose OHG", "Uferpromenade 8", "78464 Konstanz"),
            (60, 280, "Rechnung"),
            # The old layout's words now name something else.
            *keyed(60, 160, 310, ("Telvor", f"RE-2024-{117 + index}"), ("Brafen", f"K-{2040 + index}")),
            *keyed(60, 160, 340, ("Noxbra", f"{issued:%d.%m.%Y}"), ("Gisjor", "Frau Brandt")),
            *sums(500, ("Kepdol", "30,00 €"), ("Vorquo 19 %", "5,70 €"), ("Lunhul", "35,70 €")),
            (60, 600, "IBAN DE89 3704 0044 0532 0130 00"),
            (60, 620, "Danke für Ihr Vertrauen"),
        ]
        return reading(placed)

    old = confirmed(0, 1, 2)
    assert "offline.remembered" not in rules(read(redesigned(5), *old))
    new = [lesson_of(redesigned(index), truth(index, due_date=None), complete=True) for index in (4, 3)]
    both = [lesson for lesson in (*new, *old) if lesson is not None]
    assert read(redesigned(5), *both).invoice.invoice_number == "RE-2024-122"
    assert read(page(6), *both).invoice.invoice_number == "RE-2024-123"


def test_a_field_that_a_supplier_never_has_is_not_read_from_a_label_that_means_something_else():
    def ordered(index: int) -> Reading:
        plain = page(index)
        extra = reading([(40, 215, f"Bestellnummer: {88100 + index}")]).lines[0]
        return plain.model_copy(update={"lines": (*plain.lines, extra.model_copy(update={"number": 99}))})

    assert read(ordered(9)).invoice.purchase_order == "88109", "then there would be nothing to unlearn"
    lessons = [lesson_of(ordered(index), truth(index), complete=True) for index in range(5)]
    assert read(ordered(9), *[lesson for lesson in lessons if lesson]).invoice.purchase_order is None


def test_the_order_of_day_and_month_is_remembered_where_a_page_does_not_show_it():
    def american(printed: str) -> Reading:
        return reading(
            [
                *block(40, 40, "Harbor Tools Inc", "14 Pier Road", "Hamilton"),
                *keyed(
                    380, 480, 130, ("Invoice number:", "HT-117"), ("Invoice date:", printed), ("Account no.", "9912")
                ),
                (40, 240, "Invoice"),
                *sums(360, ("Subtotal", "$400.00"), ("Sales tax", "$40.00"), ("Invoice total", "$440.00")),
                (40, 440, "Thank you for your business"),
            ]
        )

    known = Invoice(supplier_name="Harbor Tools Inc", invoice_number="HT-117", issue_date=date(2024, 3, 25))
    lesson = lesson_of(american("03/25/2024"), known, complete=False)
    assert lesson is not None
    assert lesson.month_first is True
    assert read(american("03/04/2024"), lesson).invoice.issue_date == date(2024, 3, 4)
    assert read(american("25/04/2024"), lesson).invoice.issue_date == date(2024, 4, 25), "what is printed decides"


def test_a_supplier_without_a_name_or_number_to_be_known_by_teaches_nothing():
    unknown = truth(0, supplier_name=None, supplier_vat_id=None, payment_iban=None)
    assert lesson_of(page(0), unknown, complete=True) is None


def _titled(index: int, title: str) -> Reading:
    """The page under a large title instead of `Rechnung`."""
    lines = tuple(line for line in page(index).lines if line.text != "Rechnung")
    box = Box(left=40, top=232, right=40 + 11 * len(title), bottom=252)
    large = Line(number=98, page=1, text=title, box=box, confidence=1)
    return page(index).model_copy(update={"lines": (*lines, large)})


def test_a_title_of_the_suppliers_own_says_what_it_is_but_never_against_a_plain_one():
    lessons = [lesson_of(_titled(index, "Hulnox"), truth(index), complete=True) for index in (0, 1)]
    taught = [lesson for lesson in lessons if lesson is not None]
    kind = next(each for each in read(_titled(5, "Hulnox"), *taught).evidence if each.field == "invoice_type")
    assert kind.text == "Hulnox"
    assert read(_titled(5, "Gutschrift"), *taught).invoice.invoice_type == "381"
    both = _titled(5, "Hulnox")
    credit = both.lines[-1].model_copy(
        update={"number": 97, "text": "Gutschrift", "box": Box(left=300, top=232, right=410, bottom=252)}
    )
    both = both.model_copy(update={"lines": (*both.lines, credit)})
    assert read(both, *taught).invoice.invoice_type == "381", "paying a credit note would be the wrong way round"
