"""The cascade over its real engines: who is asked, who is believed, and what the record says of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from pydantic import SecretStr

from cira_pipeline.errors import ModelUnavailable, NothingExtracted
from cira_pipeline.extraction.answers import AnswersInMemory
from cira_pipeline.extraction.azure_openai.engine import AzureOpenAIEngine
from cira_pipeline.extraction.cascade import CascadeOutcome, run_cascade
from cira_pipeline.extraction.einvoice.engine import EInvoiceEngine
from cira_pipeline.extraction.engine import Engine
from cira_pipeline.extraction.offline.engine import OfflineEngine
from cira_pipeline.jobs import Policy
from cira_pipeline.models import EngineName, Extraction, Reading, Record, Verdict
from cira_pipeline.settings import Settings
from cira_pipeline.validation.validate import ValidationContext, validate
from tests.azure_standin import AzureStandin, Fault, LabelAnswers
from tests.azure_standin import changed as changed_answer
from tests.extraction.azure_openai.readings import INVOICE, LABEL, document, reading

RIGHT = LabelAnswers([LABEL])
# Without its tax the sums say nothing, and the offline engine's record needs a person.
UNSURE = tuple(line for line in INVOICE if not line.startswith(("USt", "1 Schraube", "2 Mutter")))


def judge(extraction: Extraction) -> Record:
    return validate(extraction, ValidationContext(today=date(2026, 5, 1)))


@pytest.fixture
def azure() -> Iterator[AzureStandin]:
    with AzureStandin(RIGHT) as standin:
        yield standin


Cascade = Callable[..., CascadeOutcome]


@pytest.fixture
def cascade(azure: AzureStandin) -> Iterator[Cascade]:
    settings = Settings(
        _env_file=None,
        azure_openai_endpoint=azure.endpoint,
        azure_openai_deployment="invoices",
        azure_openai_api_key=SecretStr(azure.api_key),
        azure_openai_attempts=1,
    )
    model = AzureOpenAIEngine(settings, AnswersInMemory())
    engines: Mapping[EngineName, Engine] = {
        engine.name: engine for engine in (EInvoiceEngine(), OfflineEngine(), model)
    }

    def run(policy: Policy, read: Reading | None = None, *, without: tuple[EngineName, ...] = ()) -> CascadeOutcome:
        used = {name: engine for name, engine in engines.items() if name not in without}
        return run_cascade(document(), read or reading(INVOICE), used, policy, judge)

    yield run
    model.close()


def changed(**changes: Any) -> Callable[[str], Mapping[str, Any]]:
    return lambda message: changed_answer(RIGHT(message), **changes)


def chosen(outcome: CascadeOutcome) -> Extraction:
    return outcome.steps[outcome.chosen].extraction


def rules(outcome: CascadeOutcome) -> set[str]:
    return {finding.rule for finding in outcome.steps[outcome.chosen].record.findings}


def test_an_invoice_that_the_free_engine_reads_without_doubt_costs_nothing(
    azure: AzureStandin, cascade: Cascade
) -> None:
    outcome = cascade(Policy.CHEAPEST)
    assert [step.extraction.engine for step in outcome.steps] == [EngineName.OFFLINE]
    assert outcome.stopped_because == "offline: its record passed every check"
    assert azure.requests == []


def test_what_the_free_engine_cannot_be_sure_of_is_asked_of_the_model(azure: AzureStandin, cascade: Cascade) -> None:
    outcome = cascade(Policy.CHEAPEST, reading(UNSURE))
    assert [step.extraction.engine for step in outcome.steps] == [EngineName.OFFLINE, EngineName.AZURE_OPENAI]
    assert azure.bill


def test_model_first_asks_the_model_with_the_free_engine_as_its_witness(azure: AzureStandin, cascade: Cascade) -> None:
    outcome = cascade(Policy.MODEL_FIRST)
    assert [step.extraction.engine for step in outcome.steps] == [EngineName.OFFLINE, EngineName.AZURE_OPENAI]
    assert chosen(outcome).engine is EngineName.AZURE_OPENAI
    agreed = {evidence.field for evidence in chosen(outcome).evidence if EngineName.OFFLINE in evidence.agreed_by}
    assert {"invoice_number", "gross_total", "payment_iban"} <= agreed
    assert outcome.stopped_because == "azure_openai: its record passed every check"
    assert len(azure.bill) == 1


def test_without_a_model_only_free_engines_run(cascade: Cascade) -> None:
    outcome = cascade(Policy.MODEL_FIRST, without=(EngineName.AZURE_OPENAI,))
    assert [step.extraction.engine for step in outcome.steps] == [EngineName.OFFLINE]
    assert [(skipped.engine, skipped.reason) for skipped in outcome.skipped][-1] == (
        EngineName.AZURE_OPENAI,
        "it is not configured",
    )


def test_offline_only_never_asks_a_model(azure: AzureStandin, cascade: Cascade) -> None:
    cascade(Policy.OFFLINE_ONLY, reading(UNSURE))
    assert azure.requests == []


def test_a_contradiction_goes_back_to_the_model_before_it_goes_to_a_person(
    azure: AzureStandin, cascade: Cascade
) -> None:
    left = [{"invoice_number": {"text": "20457", "line": 3}}]
    azure.answering = lambda message: changed_answer(RIGHT(message), **(left.pop() if left else {}))
    outcome = cascade(Policy.MODEL_FIRST)
    assert chosen(outcome).invoice.invoice_number == "30064443"
    assert outcome.steps[outcome.chosen].record.verdict is Verdict.ACCEPTED
    assert len(azure.bill) == 2
    assert {"corrected", "correction_round"} <= rules(outcome)


def test_a_contradiction_that_stays_needs_a_person_whoever_is_right(azure: AzureStandin, cascade: Cascade) -> None:
    azure.answering = changed(invoice_number={"text": "20457", "line": 3})
    outcome = cascade(Policy.MODEL_FIRST)
    assert {step.record.verdict for step in outcome.steps} == {Verdict.NEEDS_REVIEW}
    [told] = [finding for finding in chosen(outcome).findings if finding.rule == "engines_disagree"]
    assert "20457" in told.message
    assert "30064443" in told.message
    assert outcome.stopped_because.startswith("no further engine: offline needs_review, azure_openai needs_review")


def test_a_supplier_taken_for_the_customer_needs_a_person(azure: AzureStandin, cascade: Cascade) -> None:
    azure.answering = changed(
        supplier_name={"text": "Alpenblick AG", "line": 8}, customer_name={"text": "Nordlicht Handels GmbH", "line": 1}
    )
    outcome = cascade(Policy.MODEL_FIRST)
    assert outcome.steps[outcome.chosen].record.verdict is Verdict.NEEDS_REVIEW
    assert "engines_disagree" in rules(outcome)


def test_a_subtotal_taken_for_the_total_does_not_pass(azure: AzureStandin, cascade: Cascade) -> None:
    azure.answering = changed(
        gross_total={"text": "100,00", "line": 14}, net_total=None, tax_total=None, tax_breakdown=[], line_items=[]
    )
    outcome = cascade(Policy.MODEL_FIRST)
    record = outcome.steps[outcome.chosen].record
    assert record.verdict is Verdict.NEEDS_REVIEW or record.invoice.gross_total == Decimal(119)


def test_what_the_model_left_out_and_the_free_engine_is_sure_of_is_filled_in_and_told(
    azure: AzureStandin, cascade: Cascade
) -> None:
    azure.answering = changed(payment_iban=None)
    outcome = cascade(Policy.MODEL_FIRST)
    extraction = chosen(outcome)
    assert extraction.engine is EngineName.AZURE_OPENAI
    assert extraction.invoice.payment_iban == "DE89370400440532013000"
    [proof] = [evidence for evidence in extraction.evidence if evidence.field == "payment_iban"]
    assert proof.engine is EngineName.OFFLINE
    told = [finding.fields for finding in extraction.findings if finding.rule == "filled_in"]
    assert ("payment_iban",) in told


def test_what_only_the_model_read_is_filled_in_or_told_when_the_free_engine_is_believed(
    azure: AzureStandin, cascade: Cascade
) -> None:
    """A number that is not there sends the model's record to review; its purchase order is nowhere else."""
    ordered = (*INVOICE[:4], "Gemäß unserer Absprache zu PO-7788", *INVOICE[4:])
    page = reading(ordered)
    number = ordered.index("Gemäß unserer Absprache zu PO-7788") + 1
    label = LabelAnswers([LABEL])
    azure.answering = lambda message: changed_answer(
        label(message),
        purchase_order={"text": "PO-7788", "line": number},
        supplier_vat_id={"text": "DE000000000", "line": 2},
    )
    outcome = cascade(Policy.MODEL_FIRST, page)
    offline, model = outcome.steps
    assert offline.extraction.engine is EngineName.OFFLINE
    assert chosen(outcome).engine is EngineName.OFFLINE
    told = {finding.rule for finding in chosen(outcome).findings if "purchase_order" in finding.fields}
    assert told & {"filled_in", "left_out"}
    assert model.extraction.invoice.purchase_order == "PO-7788"


def test_a_sure_value_that_does_not_fit_the_rest_is_told_and_needs_a_person(
    azure: AzureStandin, cascade: Cascade
) -> None:
    """The model has no due date; the free engine's lies before the date of issue, so that it is not filled in."""
    early = tuple(line.replace("17.04.2026", "17.03.2026") for line in INVOICE)
    label = LABEL | {"due_date": None, "issue_date": LABEL["issue_date"], "amount_due": None}
    azure.answering = LabelAnswers([label])
    outcome = cascade(Policy.MODEL_FIRST, reading(early))
    record = outcome.steps[outcome.chosen].record
    told = [finding for finding in record.findings if "due_date" in finding.fields]
    assert told, "a due date that one engine read must not vanish without a word"


def test_what_the_model_makes_up_twice_is_no_word_for_the_free_engines_value(
    azure: AzureStandin, cascade: Cascade
) -> None:
    """The free engine may be wrong where the model found nothing: nobody has confirmed its value."""
    azure.answering = changed(supplier_name={"text": "Sonnenhof Verlag AG", "line": 1})
    outcome = cascade(Policy.MODEL_FIRST)
    assert {step.record.verdict for step in outcome.steps} == {Verdict.NEEDS_REVIEW}
    told = [
        finding.message
        for finding in outcome.steps[0].record.findings
        if finding.rule == "engines_disagree" and "supplier_name" in finding.fields
    ]
    assert told == [
        "supplier_name: offline read `Nordlicht Handels GmbH`; azure_openai quoted a text that is not in the document: "
        "compare it with the document"
    ]


def test_a_name_that_the_model_spells_out_is_the_same_name(azure: AzureStandin, cascade: Cascade) -> None:
    azure.answering = changed(supplier_name={"text": "Nordlicht Handels GmbH und Compagnie", "line": 1})
    outcome = cascade(Policy.MODEL_FIRST)
    assert not [
        finding
        for finding in outcome.steps[0].record.findings
        if finding.rule == "engines_disagree" and "supplier_name" in finding.fields
    ]


def test_an_account_with_wrong_check_digits_is_not_settled_by_leaving_it_out(
    azure: AzureStandin, cascade: Cascade
) -> None:
    page = reading(tuple(line.replace("DE89 3704", "DE88 3704") for line in INVOICE))
    azure.answering = changed(payment_iban=None)
    outcome = cascade(Policy.MODEL_FIRST, page)
    record = outcome.steps[outcome.chosen].record
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert any("payment_iban" in finding.fields for finding in record.findings)


def test_a_record_with_all_that_anybody_read_holds_no_note_of_omissions(azure: AzureStandin, cascade: Cascade) -> None:
    assert "left_out" not in rules(cascade(Policy.MODEL_FIRST))


def test_a_model_that_fails_leaves_a_record_that_a_person_looks_at(azure: AzureStandin, cascade: Cascade) -> None:
    azure.faults.then(Fault.server_error())
    outcome = cascade(Policy.MODEL_FIRST)
    assert chosen(outcome).engine is EngineName.OFFLINE
    assert "model_failed" in rules(outcome)
    assert outcome.steps[outcome.chosen].record.verdict is Verdict.NEEDS_REVIEW
    assert [failure.code for failure in outcome.failed] == ["model_unavailable"]
    assert "azure_openai failed with model_unavailable" in outcome.stopped_because


def test_a_model_that_fails_under_cheapest_leaves_the_free_record_as_it_is(
    azure: AzureStandin, cascade: Cascade
) -> None:
    azure.faults.then(Fault.server_error())
    outcome = cascade(Policy.CHEAPEST, reading(UNSURE))
    assert chosen(outcome).engine is EngineName.OFFLINE
    assert "model_failed" not in rules(outcome)


def test_a_document_that_no_engine_can_read_says_why(azure: AzureStandin, cascade: Cascade) -> None:
    with pytest.raises(NothingExtracted, match="offline: the document contains no input for it"):
        cascade(Policy.CHEAPEST, reading())
    azure.faults.then(Fault.server_error())
    with pytest.raises(ModelUnavailable):
        cascade(Policy.MODEL_FIRST, without=(EngineName.OFFLINE,))


def test_what_both_engines_read_alike_is_not_paid_for_again_however_wrong_the_document_is(
    azure: AzureStandin, cascade: Cascade
) -> None:
    before_it_was_issued = tuple(line.replace("17.04.2026", "17.03.2026") for line in INVOICE)
    label = LABEL | {"due_date": "2026-03-17", "amount_due": "119.00"}
    azure.answering = LabelAnswers([label])
    outcome = cascade(Policy.MODEL_FIRST, reading(before_it_was_issued))
    record = outcome.steps[outcome.chosen].record
    assert record.verdict is Verdict.NEEDS_REVIEW
    assert "CIRA-DATE-01" in rules(outcome)
    assert len(azure.bill) == 1
