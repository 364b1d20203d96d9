"""Labelled invoices: true to what they show, the same for everybody, and different enough to learn from."""

from __future__ import annotations

import itertools
from dataclasses import replace
from datetime import date
from random import Random

import pypdfium2
import pytest

from cira_pipeline.evaluation.labels import check_fields
from cira_pipeline.evaluation.score import score
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import Document, EngineName, Extraction, Reading, Severity
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.samples.catalogue import words
from cira_pipeline.samples.generator import KINDS, LabelledDocument, Order, chosen_layouts, labelled_document
from cira_pipeline.samples.invented import invent_supplier
from cira_pipeline.samples.layout import layouts
from cira_pipeline.samples.sheet import Sheet, family
from cira_pipeline.settings import Settings
from cira_pipeline.validation.validate import ValidationContext, validate

from .printed_boxes import inside, overlap, text_boxes

TODAY = date(2026, 3, 2)
LANGUAGES = {"de", "en", "fr", "nl", "es", "it", "pt", "pl", "da", "sv"}
NO_READING = Reading(reader="none", reader_version="0", pages=(), lines=(), seconds=0)


@pytest.fixture(scope="module")
def texts() -> list[LabelledDocument]:
    """Text PDFs, enough for every layout to be there."""
    return [labelled_document(Order(11, kinds=("pdf-text",)), number) for number in range(4 * len(layouts()))]


def test_there_are_enough_layouts_and_languages_to_learn_from(texts: list[LabelledDocument]) -> None:
    assert len(layouts()) >= 40
    assert {document.layout.id for document in texts} == set(layouts())
    assert {document.supplier.language for document in texts} == LANGUAGES
    assert len({document.supplier.name for document in texts}) > 50


def test_a_customers_name_from_abroad_is_printed_with_all_its_letters(texts: list[LabelledDocument]) -> None:
    abroad = [each for each in texts if not str(each.truth.customer_name or "").isascii()]
    assert len(abroad) > 5
    for document in abroad:
        file = pypdfium2.PdfDocument(document.content)
        text = "".join(page.get_textpage().get_text_range() for page in file)
        assert "".join(str(document.truth.customer_name).split()) in "".join(text.split()), document.name


def test_layouts_differ_in_where_things_stand_and_not_only_in_colour() -> None:
    structure = {
        (each.letterhead, each.recipient, each.facts, each.title, each.columns, each.ruling, each.totals, each.footer)
        for each in layouts().values()
    }
    assert len(structure) == len(layouts())


def test_what_is_learned_from_training_layouts_is_judged_on_others() -> None:
    train, test = chosen_layouts("train"), chosen_layouts("test")
    assert len(train) >= 25
    assert len(test) >= 15
    assert not {each.id for each in train} & {each.id for each in test}
    for split in ("train", "test"):
        made = [labelled_document(Order(2, split, ("pdf-text",)), number) for number in range(0, 48, 4)]
        assert {each.layout.split for each in made} == {split}


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_seed_gives_the_same_document(kind: str) -> None:
    order = Order(5, kinds=(kind,))  # type: ignore[arg-type]
    first, again = labelled_document(order, 9), labelled_document(order, 9)
    assert first.row == again.row
    # The PDF of Factur-X carries the time of its making.
    assert kind == "hybrid-pdf" or first.content == again.content
    assert labelled_document(replace(order, seed=6), 9).row["fields"] != first.row["fields"]


def test_every_truth_adds_up_and_is_a_label(texts: list[LabelledDocument]) -> None:
    others = [labelled_document(Order(12, kinds=("xml",)), number) for number in range(40)]
    for document in texts + others:
        extraction = Extraction(engine=EngineName.EINVOICE, engine_version="truth", invoice=document.truth)
        findings = validate(extraction, ValidationContext(today=TODAY)).findings
        wrong = [each for each in findings if each.severity is Severity.ERROR and "GROUND" not in each.rule]
        # Credit notes need not say where to pay to, receipts not what they are; the rest is there.
        assert not [each.message for each in wrong], f"{document.name}, {document.layout.id}"
        check_fields(document.row["fields"], document.name)


def test_every_page_names_supplier_number_date_total_and_currency(texts: list[LabelledDocument]) -> None:
    for document in texts:
        fields = document.row["fields"]
        wanted = {"supplier_name", "supplier_vat_id", "customer_name", "invoice_number", "issue_date", "gross_total"}
        assert wanted | {"currency"} <= set(fields), f"{document.layout.id} leaves out {wanted - set(fields)}"


def test_what_the_label_claims_stands_on_the_page(texts: list[LabelledDocument]) -> None:
    for document in texts[::2]:
        text = _bare(_text(document.content))
        for value in (
            document.truth.invoice_number,
            document.truth.supplier_name,
            document.truth.supplier_vat_id,
            document.truth.customer_name,
            document.truth.customer_vat_id,
            document.truth.payment_iban,
            document.truth.purchase_order,
            *(str(abs(item.net_amount or 0)) for item in document.truth.line_items),
            *(item.description for item in document.truth.line_items),
            str(abs(document.truth.gross_total or 0)),
        ):
            assert value is None or _bare(value) in text, f"{document.layout.id} does not show {value}"


def test_no_layout_prints_one_text_over_another_or_off_the_page(texts: list[LabelledDocument]) -> None:
    for document in texts[1::2]:
        for width, height, boxes in text_boxes(document.content):
            where = f"{document.layout.id}, {document.supplier.language}"
            assert all(inside(box, width, height) for box in boxes), f"{where}: text leaves the page"
            assert not any(itertools.starmap(overlap, itertools.combinations(boxes, 2))), f"{where}: text over text"


def test_text_over_text_would_be_noticed() -> None:
    sheet = Sheet(family("helvetica"))
    sheet.text(100, 100, "Rechnungsdatum", 10)
    sheet.text(140, 103, "04.03.2025", 10)
    (_, _, boxes), *_ = text_boxes(sheet.finished())
    assert overlap(*boxes)


def test_the_xml_says_exactly_what_the_label_says() -> None:
    engine = EInvoiceEngine()
    for kind, count in (("xml", 40), ("hybrid-pdf", 12)):
        for number in range(count):
            document = labelled_document(Order(13, kinds=(kind,)), number)  # type: ignore[arg-type]
            extraction = engine.extract(_document(document), NO_READING)
            assert extraction is not None
            assert score(extraction.invoice, document.row["fields"]).exact, document.name
            warnings = [each.message for each in extraction.findings if each.severity is not Severity.INFO]
            assert not warnings, document.name


def test_scans_and_photos_can_be_read() -> None:
    reader = LocalReader(Settings())
    for kind, number in (("pdf-scan", 4), ("image", 8)):
        document = labelled_document(Order(14, kinds=(kind,)), number)  # type: ignore[arg-type]
        lines = reader.read(_document(document)).reading.lines
        text = _bare(" ".join(line.text for line in lines))
        assert _bare(document.truth.supplier_name or "?")[:8] in text, document.name
        assert _bare(str(abs(document.truth.gross_total or 0))) in text, document.name


def test_polish_letters_are_printed_and_not_left_out() -> None:
    letters = "ąćęłńóśźżĄĆĘŁŃÓŚŹŻ"
    sheet = Sheet(family("vera"))
    sheet.text(50, 100, letters, 12)
    sheet.text(50, 130, letters, 12, bold=True)
    assert _text(sheet.finished()).split() == [letters, letters]


@pytest.mark.parametrize("country", ["DE", "AT", "GB", "IE", "FR", "NL", "ES", "IT", "PT", "PL", "DK", "SE"])
def test_invented_companies_have_numbers_that_pass_every_check(country: str) -> None:
    for seed in range(8):
        supplier = invent_supplier(Random(seed), country)
        assert words(supplier.language).locale.endswith(country) or country in ("AT", "IE")
        extraction = Extraction(
            engine=EngineName.EINVOICE,
            engine_version="truth",
            invoice=labelled_document(Order(1), 0).truth.model_copy(
                update={"supplier_vat_id": supplier.vat_id, "payment_iban": supplier.iban}
            ),
        )
        rules = {finding.rule for finding in validate(extraction, ValidationContext(today=TODAY)).findings}
        assert not rules & {"CIRA-VAT-01", "CIRA-PAY-01"}, supplier


def _document(document: LabelledDocument) -> Document:
    return recognise(document.content, max_pages=20, max_pixels=50_000_000)


def _text(pdf: bytes) -> str:
    opened = pypdfium2.PdfDocument(pdf)
    try:
        return " ".join(page.get_textpage().get_text_range() for page in opened)
    finally:
        opened.close()


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
