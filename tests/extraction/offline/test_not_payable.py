"""Papers that print an invoice's labels and totals and must not be paid as one."""

from __future__ import annotations

import re
from datetime import date

import pytest

from cira_pipeline.extraction.cascade import run_cascade
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.jobs import Policy
from cira_pipeline.languages import LANGUAGES, words_of
from cira_pipeline.models import EngineName, Extraction, Reading, Record, Severity, Verdict
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.extraction.offline.invented import DOCUMENT, Placed, block, extracted, keyed, reading, right

KINDS = ("reminder", "statement", "quote", "order", "delivery", "payment", "credit")


def judge(extraction: Extraction) -> Record:
    return validate(extraction, ValidationContext(today=date(2026, 5, 1)))


def rules(read: Reading) -> set[str]:
    return {finding.rule for finding in extracted(read).findings}


def paper(title: str, *more: Placed, after: str = "", number: str = "Invoice number") -> Reading:
    return reading(
        [
            *block(40, 40, "Brightwater Print Ltd", "2 Dock Street", "Bristol BS1 6XN"),
            *keyed(350, 460, 100, (number, "BW-5522"), ("Invoice date", "14 April 2026")),
            *block(40, 130, "Invoice to:", "Oakfield School", "High Street", "Bath BA1 5AA"),
            *([(40.0, 210.0, title)] if title else []),
            *((left, 250.0, text) for left, text in ((40.0, "Description"), (300.0, "Qty"), (380.0, "Unit price"))),
            right(550, 250, "Amount"),
            *((left, 265.0, text) for left, text in ((40.0, "Brochures"), (305.0, "1"), (390.0, "90.00"))),
            right(550, 265, "90.00"),
            *((350.0, 300.0 + 15 * row, label) for row, label in enumerate(("Net total", "VAT 20%", "Total"))),
            *(
                right(550, 300 + 15 * row, f"£{amount}{after}")
                for row, amount in enumerate(("90.00", "18.00", "108.00"))
            ),
            *more,
        ]
    )


def test_an_invoice_is_still_accepted() -> None:
    assert judge(extracted(paper("INVOICE"))).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_the_titles_of_papers_that_are_no_invoices(language: str) -> None:
    own = words_of(language)["papers"]
    assert set(own) == set(KINDS)
    labels = words_of(language)["labels"]
    for words in own.values():
        title = next((word for word in words if len(word) > 5), words[0]).upper()
        read = reading(
            [
                (40.0, 100.0, title),
                *keyed(40, 200, 140, *((labels[name][0].capitalize(), value) for name, value in (
                    ("invoice_number", "4711-22"), ("issue_date", "2026-04-03"), ("gross_total", "119,00"),
                ))),
            ]
        )  # fmt: skip
        found = [each for each in extracted(read).findings if each.rule == "offline.not_an_invoice"]
        assert found, (language, title)
        assert found[0].severity is Severity.ERROR


@pytest.mark.parametrize(
    "title", ["2ND REMINDER", "REMINDER: INVOICE BW-5522", "OVERDUE NOTICE", "REFUND", "QUOTE Q-17"]
)
def test_a_paper_with_an_invoices_totals_is_no_invoice(title: str) -> None:
    read = paper(title)
    assert "offline.not_an_invoice" in rules(read)
    assert judge(extracted(read)).verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize(
    "placed",
    [
        (40.0, 400.0, "A reminder fee of 5 pounds is due after 30 days."),
        (40.0, 400.0, "See delivery note 4711"),
        (40.0, 700.0, "REMITTANCE ADVICE"),
        (40.0, 225.0, "Purchase order:"),
        (40.0, 400.0, "Please do not pay by cheque."),
        (40.0, 400.0, "Orders cannot be cancelled after delivery."),
    ],
)
def test_what_is_only_mentioned_makes_no_other_paper(placed: Placed) -> None:
    assert judge(extracted(paper("INVOICE", placed))).verdict is Verdict.ACCEPTED


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_its_words_for_void_and_credit(language: str) -> None:
    own = words_of(language)["words"]
    for word in own["void"]:
        assert "offline.not_payable" in rules(paper("INVOICE", (200.0, 450.0, word.upper()))), word
    for word in own["credit_mark"]:
        assert "offline.credit_mark" in rules(paper("INVOICE", after=f" {word.capitalize()}")), word
    for phrase in own["not_payable"]:
        assert len(re.split(r"[ '’]", phrase)) <= 4, phrase
        assert "offline.not_payable" in rules(paper("INVOICE", (40.0, 450.0, f"{phrase.capitalize()}!"))), phrase


@pytest.mark.parametrize(("title", "rule"), [("INVOICE - VOID", "not_payable"), ("INVOICE - PAID", "marked_paid")])
def test_a_stamp_beside_the_title_counts(title: str, rule: str) -> None:
    read = paper(title)
    assert f"offline.{rule}" in rules(read)
    assert judge(extracted(read)).verdict is Verdict.NEEDS_REVIEW


@pytest.mark.parametrize("mark", ["CR", " CR", " Cr.", " credit"])
def test_a_credit_is_not_paid(mark: str) -> None:
    read = paper("INVOICE", after=mark)
    assert "offline.credit_mark" in rules(read)
    assert judge(extracted(read)).verdict is Verdict.NEEDS_REVIEW


def test_a_credit_note_may_print_credit_marks() -> None:
    assert "offline.credit_mark" not in rules(paper("CREDIT NOTE", after=" CR", number="Credit note number"))


def test_a_pro_forma_invoice_is_not_accepted() -> None:
    read = paper("PRO FORMA INVOICE")
    assert "offline.not_an_invoice" in rules(read)
    assert judge(extracted(read)).verdict is Verdict.NEEDS_REVIEW


class _Sure(OfflineEngine):
    """The model's place in the cascade, taken by an engine that reads the page and has no doubts about it."""

    name = EngineName.AZURE_OPENAI

    def extract(self, document: object, reading: Reading) -> Extraction | None:
        own = extracted(reading)
        return own.model_copy(update={"engine": self.name, "findings": ()})


def test_what_the_page_says_holds_for_the_model_too() -> None:
    engines = {EngineName.OFFLINE: OfflineEngine(), EngineName.AZURE_OPENAI: _Sure()}
    outcome = run_cascade(DOCUMENT, paper("INVOICE - VOID"), engines, Policy.CHEAPEST, judge)
    assert len(outcome.steps) == 2
    assert outcome.steps[outcome.chosen].record.verdict is Verdict.NEEDS_REVIEW
