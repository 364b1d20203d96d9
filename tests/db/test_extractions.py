from __future__ import annotations

import pytest

from cira_pipeline.db.documents.extractions import ExtractionRepository
from cira_pipeline.models import EngineName, Evidence, Extraction, Finding, Severity, Usage
from tests.db.invoices import invoice, record

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


@pytest.fixture
def kept(extractions, running_job):
    """Keeps extractions as a job's outcome and gives them back as they come out of the tables."""
    job_id, sha256 = running_job()

    def keep(*made: Extraction, input_hash: str = _INPUT) -> tuple[Extraction, ...]:
        extractions.put_outcome(job_id, sha256, [(each, input_hash) for each in made], 0, "enough")
        return extractions.outcome(job_id).extractions

    return keep


def test_an_extraction_comes_back_as_it_was_to_the_cent(kept):
    (back,) = kept(_extraction())
    assert back == _extraction()
    assert str(back.invoice.line_items[0].unit_price) == "0.0750"


def test_the_first_answer_to_the_same_question_stays(kept):
    other = _extraction(invoice=invoice(invoice_number="other"))
    assert kept(_extraction()) == (_extraction(),)
    assert kept(other) == (_extraction(),)


def test_another_version_or_input_is_another_question(kept):
    other = _extraction(invoice=invoice(invoice_number="other"))
    newer = other.model_copy(update={"engine_version": "1.1"})
    kept(_extraction())
    assert kept(newer) == (newer,)
    assert kept(other, input_hash="2" * 64) == (other,)


def test_text_that_postgres_refuses_does_not_stop_the_job(kept):
    odd = _extraction(
        invoice=invoice(supplier_name="A\x00B"),
        evidence=(Evidence(field="supplier_name", engine=EngineName.OFFLINE, text="A\x00B", confidence=1),),
    )
    (back,) = kept(odd)
    assert back.invoice.supplier_name == back.evidence[0].text == "A\ufffdB"


def test_an_outcome_tells_which_engines_ran_and_why_it_stopped(extractions, running_job):
    job_id, sha256 = running_job()
    assert extractions.outcome(job_id) is None
    tried = [_extraction(EngineName.OFFLINE), _extraction(EngineName.AZURE_OPENAI), _extraction(EngineName.EINVOICE)]
    extractions.put_outcome(job_id, sha256, [(each, _INPUT) for each in tried], 1, "every check passed")
    outcome = extractions.outcome(job_id)
    assert (outcome.extractions, outcome.chosen, outcome.stopped_because) == (tuple(tried), 1, "every check passed")


def test_a_second_outcome_replaces_the_first_whole(extractions, running_job):
    job_id, sha256 = running_job()
    made = [(_extraction(engine), _INPUT) for engine in EngineName]
    extractions.put_outcome(job_id, sha256, made, 2, "all ran")
    extractions.put_outcome(job_id, sha256, made[:1], 0, "first was enough")
    outcome = extractions.outcome(job_id)
    assert (len(outcome.extractions), outcome.chosen, outcome.stopped_because) == (1, 0, "first was enough")


@pytest.mark.parametrize("chosen", [-1, 1])
def test_an_outcome_that_chooses_nothing_is_refused_and_the_old_one_stays(extractions, running_job, chosen):
    job_id, sha256 = running_job()
    made = [(_extraction(), _INPUT)]
    extractions.put_outcome(job_id, sha256, made, 0, "only one")
    with pytest.raises(ValueError, match="expected an index"):
        extractions.put_outcome(job_id, sha256, made, chosen, "wrong")
    assert extractions.outcome(job_id).stopped_because == "only one"
