from __future__ import annotations

import pytest

from cira_pipeline.storage.extractions import ExtractionRepository
from cira_pipeline.values import EngineName, Evidence, Extraction, Finding, Severity, Usage
from tests.storage.invoices import invoice, record

_INPUT = "1" * 64


def _extraction(engine: EngineName = EngineName.OFFLINE, **fields) -> Extraction:
    return Extraction(
        **{
            "engine": engine,
            "engine_version": "1.0",
            "invoice": invoice(),
            "evidence": record().evidence,
            "findings": (Finding(rule="two_totals", severity=Severity.WARNING, message="119.00 or 118.00"),),
            "usage": (
                Usage(provider="azure", model="gpt-4.1-mini", input_tokens=2_000, output_tokens=500, request_hash="2"),
            ),
            "seconds": 0.125,
            **fields,
        }
    )


@pytest.fixture
def extractions(database):
    return ExtractionRepository(database)


def test_an_extraction_comes_back_as_it_was_to_the_cent(extractions, running_job):
    _, sha256 = running_job()
    extractions.put(sha256, _extraction(), _INPUT)
    kept = extractions.get(sha256, EngineName.OFFLINE, "1.0", _INPUT)
    assert kept == _extraction()
    assert str(kept.invoice.line_items[0].unit_price) == "0.0750"


def test_what_is_kept_is_found_by_engine_version_and_input_only(extractions, running_job):
    _, sha256 = running_job()
    extractions.put(sha256, _extraction(), _INPUT)
    assert extractions.get(sha256, EngineName.OFFLINE, "1.1", _INPUT) is None
    assert extractions.get(sha256, EngineName.OFFLINE, "1.0", "2" * 64) is None
    assert extractions.get(sha256, EngineName.EINVOICE, "1.0", _INPUT) is None


def test_the_first_paid_answer_to_the_same_question_stays(extractions, running_job):
    _, sha256 = running_job()
    first = extractions.put(sha256, _extraction(), _INPUT)
    assert extractions.put(sha256, _extraction(invoice=invoice(invoice_number="other")), _INPUT) == first
    assert extractions.get(sha256, EngineName.OFFLINE, "1.0", _INPUT) == _extraction()


def test_text_that_postgres_refuses_does_not_stop_the_job(extractions, running_job):
    _, sha256 = running_job()
    odd = _extraction(
        invoice=invoice(supplier_name="A\x00B"),
        evidence=(Evidence(field="supplier_name", engine=EngineName.OFFLINE, text="A\x00B", confidence=1),),
    )
    extractions.put(sha256, odd, _INPUT)
    kept = extractions.get(sha256, EngineName.OFFLINE, "1.0", _INPUT)
    assert kept.invoice.supplier_name == kept.evidence[0].text == "A\ufffdB"


def test_an_outcome_tells_which_engines_ran_and_why_it_stopped(extractions, running_job):
    job_id, sha256 = running_job()
    assert extractions.outcome(job_id) is None
    tried = [_extraction(EngineName.OFFLINE), _extraction(EngineName.AZURE_OPENAI), _extraction(EngineName.EINVOICE)]
    ids = [extractions.put(sha256, each, _INPUT) for each in tried]
    extractions.put_outcome(job_id, ids, 1, "every check passed")
    outcome = extractions.outcome(job_id)
    assert (outcome.extractions, outcome.chosen, outcome.stopped_because) == (tuple(tried), 1, "every check passed")


def test_a_second_outcome_replaces_the_first_whole(extractions, running_job):
    job_id, sha256 = running_job()
    ids = [extractions.put(sha256, _extraction(engine), _INPUT) for engine in EngineName]
    extractions.put_outcome(job_id, ids, 2, "all ran")
    extractions.put_outcome(job_id, ids[:1], 0, "first was enough")
    outcome = extractions.outcome(job_id)
    assert (len(outcome.extractions), outcome.chosen, outcome.stopped_because) == (1, 0, "first was enough")


@pytest.mark.parametrize("chosen", [-1, 1])
def test_an_outcome_that_chooses_nothing_is_refused_and_the_old_one_stays(extractions, running_job, chosen):
    job_id, sha256 = running_job()
    ids = [extractions.put(sha256, _extraction(), _INPUT)]
    extractions.put_outcome(job_id, ids, 0, "only one")
    with pytest.raises(ValueError, match="no index"):
        extractions.put_outcome(job_id, ids, chosen, "wrong")
    assert extractions.outcome(job_id).stopped_because == "only one"
