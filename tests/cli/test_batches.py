"""`cira batches` and `cira submit --batch`: what a person sees of a backfill, and can do for it by hand."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cira_pipeline.cli.health_checks import State, checks
from cira_pipeline.jobs import JobStatus
from tests.cli.conftest import Cira
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.pipeline.conftest import House, house

__all__ = ["house"]


@pytest.fixture
def backfill(house: House, cira: Cira, monkeypatch: pytest.MonkeyPatch) -> House:
    """The house with a deployment for batches, and a shell in which the same settings hold."""
    house.given |= {"azure_openai_batch_deployment": "invoices-batch"}
    for name, value in house.settings().as_environment().items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("CIRA_AZURE_OPENAI_API_KEY", house.azure.api_key)
    house.azure.batches.looks = 0
    return house


def test_a_backfill_by_hand_from_submitting_to_its_cost(backfill: House, cira: Cira) -> None:
    house = backfill
    for number in ("BT-1", "BT-2"):
        (house.folder / f"{number}.pdf").write_bytes(invoice_pdf(number))
    assert cira("submit", "--batch", *(str(path) for path in house.folder.glob("BT-*.pdf"))).status == 0
    job_ids = [job.job_id for job in house.jobs.list()]
    house.process(house.processor(), *job_ids)
    assert "answer_in_batch" in cira("status", *job_ids).stdout
    assert "batch" in cira("show", job_ids[0]).stdout

    before = cira("batches").stdout
    assert "2 questions waiting for the next batch of deployment invoices-batch." in before
    assert "at most" in before
    assert "Unanswered questions in model batches can cost" in cira("costs").stdout
    assert "Batches sent: 0, ended: 0; 0 answers stored." in cira("batches", "--move").stderr, "it is not yet time"
    sent = cira("batches", "--send")
    assert "Batches sent: 1" in sent.stderr
    assert "sent: validating" in sent.stdout
    assert "2 answers stored." in cira("batches", "--move").stderr

    told = json.loads(cira("batches", "--json").stdout)
    assert (told["waiting"], told["reserved_usd"]) == ([], "0")
    [batch] = told["batches"]
    assert (batch["state"], batch["question_count"], batch["answered_count"]) == ("done", 2, 2)
    assert {house.status(job_id) for job_id in job_ids} == {JobStatus.WAITING}, "new_invoices takes them up"
    costs = json.loads(cira("costs", "--by", "engine", "--json").stdout)
    assert [row["engine"] for row in costs["rows"] if float(row["amount_usd"])] == ["azure_openai"]


def test_a_batch_that_was_refused_is_said_by_the_doctor(backfill: House, cira: Cira) -> None:
    house = backfill
    house.azure.batches.deployments = {}
    (house.folder / "BT-1.pdf").write_bytes(invoice_pdf("BT-1"))
    cira("submit", "--batch", str(house.folder / "BT-1.pdf"))
    house.process(house.processor(), *(job.job_id for job in house.jobs.list()))
    cira("batches", "--send")
    shown = cira("batches", "--move").stdout
    assert "model_batch_refused" in shown
    settings = house.settings()
    [told] = [check for check in checks(settings, up_is_running=False) if check.name == "Model batches"]
    assert told.state is State.WARNING
    assert "model_batch_refused" in told.message
    assert "1 questions wait" in told.message


def test_clients_that_cannot_be_batched_are_said_by_the_doctor(house: House) -> None:
    settings = house.settings(model_batch_clients="archive")
    [told] = [check for check in checks(settings, up_is_running=False) if check.name == "Model batches"]
    assert told.state is State.WARNING


def test_without_batches_it_says_so(cira: Cira) -> None:
    assert cira("batches").stdout.strip() == "No model batches."


def test_a_wish_that_cannot_be_met_is_said(cira: Cira, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT", raising=False)
    (tmp_path / "a.pdf").write_bytes(b"%PDF-1.7")
    submitted = cira("submit", "--batch", str(tmp_path / "a.pdf"))
    assert "No batch deployment is configured" in submitted.stderr
