"""The demo's documents: of every kind, true to what they show, and different in every demo."""

from __future__ import annotations

from collections import Counter
from datetime import date

import pytest

from cira_pipeline.errors import DocumentDamaged
from cira_pipeline.evaluation.score import score
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.intake.recognise import recognise
from cira_pipeline.models import Document, EngineName, Extraction, Reading, Severity
from cira_pipeline.ocr.local import LocalReader
from cira_pipeline.samples.demo_set import demo_samples
from cira_pipeline.samples.sample import Sample
from cira_pipeline.settings import Settings
from cira_pipeline.validation.validate import ValidationContext, validate

TODAY = date(2026, 3, 2)
NO_READING = Reading(reader="none", reader_version="0", pages=(), lines=(), seconds=0)


@pytest.fixture(scope="module")
def samples() -> list[Sample]:
    return list(demo_samples(1, TODAY))


def test_a_demo_shows_every_kind_of_document_that_people_receive(samples: list[Sample]) -> None:
    assert len(samples) == 24
    kinds = Counter(sample.kind for sample in samples)
    assert set(kinds) == {"pdf-text", "pdf-scan", "hybrid-pdf", "xml", "image", "broken"}
    assert {"duplicate", "wrong sum", "UBL", "XRechnung", "cut off"} <= {sample.about for sample in samples}
    truths = [sample.truth for sample in samples if sample.truth is not None]
    assert "381" in {truth.invoice_type for truth in truths}
    assert max(len(truth.tax_breakdown) for truth in truths) == 3
    assert any(sample.about == "2 pages" for sample in samples)


def test_files_do_not_overwrite_each_other(samples: list[Sample]) -> None:
    assert len({sample.name for sample in samples}) == len(samples)


def test_the_same_demo_can_be_made_again(samples: list[Sample]) -> None:
    again = list(demo_samples(1, TODAY))
    assert [sample.truth for sample in again] == [sample.truth for sample in samples]
    # The PDF of Factur-X carries the time of its making.
    unchanging = [sample for sample in samples if sample.kind != "hybrid-pdf"]
    assert [sample.content for sample in again if sample.kind != "hybrid-pdf"] == [each.content for each in unchanging]


def test_no_invoice_of_a_second_demo_is_a_duplicate_of_the_first(samples: list[Sample]) -> None:
    def identities(made: list[Sample]) -> set[tuple[str | None, str | None]]:
        return {(each.truth.supplier_name, each.truth.invoice_number) for each in made if each.truth is not None}

    assert not identities(samples) & identities(list(demo_samples(2, TODAY)))


def test_only_the_copy_repeats_an_invoice(samples: list[Sample]) -> None:
    numbers = Counter((each.truth.supplier_name, each.truth.invoice_number) for each in samples if each.truth)
    repeated = [identity for identity, count in numbers.items() if count > 1]
    copies = [each for each in samples if each.about == "duplicate"]
    assert len(copies) == 1
    assert copies[0].truth is not None
    assert repeated == [(copies[0].truth.supplier_name, copies[0].truth.invoice_number)]
    assert samples[-1] is copies[0], "the copy is submitted after its original"


def test_the_truth_of_every_sample_adds_up_but_where_the_supplier_miscalculated(samples: list[Sample]) -> None:
    for sample in samples:
        if sample.truth is None:
            continue
        extraction = Extraction(engine=EngineName.EINVOICE, engine_version="truth", invoice=sample.truth)
        findings = validate(extraction, ValidationContext(today=TODAY)).findings
        errors = [
            finding.rule
            for finding in findings
            if finding.severity is Severity.ERROR and not _says_nothing_of_truth(finding.rule)
        ]
        assert errors == (["CIRA-ARITH-01"] if sample.about == "wrong sum" else []), sample.name


def test_the_broken_file_is_refused_and_all_others_are_opened(samples: list[Sample]) -> None:
    for sample in samples:
        if sample.kind == "broken":
            with pytest.raises(DocumentDamaged):
                _document(sample)
        else:
            assert _document(sample).size_bytes == len(sample.content)


def test_the_xml_says_exactly_what_the_truth_says(samples: list[Sample]) -> None:
    engine = EInvoiceEngine()
    electronic = [sample for sample in samples if sample.kind in ("xml", "hybrid-pdf")]
    assert len(electronic) == 5
    for sample in electronic:
        extraction = engine.extract(_document(sample), NO_READING)
        assert sample.label is not None
        assert score(extraction.invoice, sample.label).exact, sample.name
        assert not [each for each in extraction.findings if each.severity is not Severity.INFO], sample.name


def test_what_the_truth_claims_stands_on_the_page(samples: list[Sample]) -> None:
    reader = LocalReader(Settings())
    for sample in [each for each in samples if each.kind == "pdf-text"]:
        assert sample.truth is not None
        text = _bare(" ".join(line.text for line in reader.read(_document(sample)).reading.lines))
        for value in (
            sample.truth.invoice_number,
            sample.truth.supplier_name,
            sample.truth.supplier_vat_id,
            sample.truth.customer_name,
            sample.truth.payment_iban,
            sample.truth.purchase_order,
            *(str(item.net_amount) for item in sample.truth.line_items),
            str(sample.truth.gross_total if sample.truth.gross_total is not None else sample.truth.amount_due),
        ):
            assert value is None or _bare(value) in text, f"{sample.name} does not show {value}"


def _says_nothing_of_truth(rule: str) -> bool:
    """A page may leave fields out, and a truth has no evidence: these rules speak of no mistake in it."""
    return rule.startswith(("CIRA-REQ", "CIRA-GROUND"))


def _document(sample: Sample) -> Document:
    return recognise(sample.content, max_pages=10, max_pixels=50_000_000)


def _bare(text: str) -> str:
    return "".join(char for char in text.casefold() if char.isalnum())
