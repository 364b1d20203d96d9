"""A job that waits for money: in Dagster neither done nor failed, and run again by the sensor when there is some."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from dagster import AssetKey

from assets.partitions import invoice_jobs
from cira_pipeline.jobs import JobStatus
from cira_pipeline.settings import Settings
from tests.azure_standin import AzureStandin
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf


@pytest.fixture(autouse=True)
def model_without_money(monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureStandin]:
    with AzureStandin() as azure:
        for name, value in {
            "CIRA_POLICY": "model_first",
            "CIRA_AZURE_OPENAI_ENDPOINT": azure.endpoint,
            "CIRA_AZURE_OPENAI_DEPLOYMENT": "invoices",
            "CIRA_AZURE_OPENAI_API_KEY": azure.api_key,
            "CIRA_DAILY_BUDGET_USD": "0.001",
        }.items():
            monkeypatch.setenv(name, value)
        yield azure


def test_a_waiting_job_fails_no_run_and_is_run_again_when_the_budget_is_raised(
    model_without_money: AzureStandin, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cira_pipeline.definitions import definitions

    (job,) = pipeline.submit(pipeline.server.serve("/a.pdf", invoice_pdf("BT-9001")))
    (run,) = pipeline.process()
    assert run.success, "waiting is no failure"
    assert pipeline.jobs.status(job).status is JobStatus.NEEDS_BUDGET, "the status cache says it too"
    statuses = {
        asset: pipeline.instance.get_status_by_partition(AssetKey(asset), [job], invoice_jobs)
        for asset in ("ocr_text", "extracted_fields")
    }
    assert statuses["ocr_text"][job].name == "MATERIALIZED"
    assert statuses["extracted_fields"][job] is None
    assert pipeline.process() == [], "without money it is not tried again"

    monkeypatch.setenv("CIRA_DAILY_BUDGET_USD", "1")
    pipeline.definitions = definitions(Settings(batch_max_jobs=3))
    (run,) = pipeline.process()
    assert run.success
    assert pipeline.jobs.get(job).status.final
    assert len(model_without_money.bill) >= 1
    assert pipeline.server.requests["/a.pdf"] == 1, "what it had was kept"


def test_a_batch_waits_with_its_jobs_and_goes_on_with_those_that_waited(
    model_without_money: AzureStandin, pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch
) -> None:
    from cira_pipeline.definitions import definitions

    pipeline.definitions = definitions(Settings(batch_key_min_jobs=2))
    urls = [pipeline.server.serve(f"/{number}.pdf", invoice_pdf(number)) for number in ("BT-9002", "BT-9003")]
    jobs = pipeline.submit(*urls)
    (run,) = pipeline.process()
    assert run.success, "waiting is no failure"
    (key,) = {pipeline.jobs.get(job).shown_under for job in jobs}
    assert {pipeline.jobs.get(job).status for job in jobs} == {JobStatus.NEEDS_BUDGET}

    def status(asset: str) -> str:
        found = pipeline.instance.get_status_by_partition(AssetKey(asset), [key], invoice_jobs)
        return found[key].name if found and found[key] else "NONE"

    assert (status("ocr_text"), status("extracted_fields")) == ("MATERIALIZED", "NONE")
    monkeypatch.setenv("CIRA_DAILY_BUDGET_USD", "1")
    pipeline.definitions = definitions(Settings(batch_key_min_jobs=2))
    (run,) = pipeline.process()
    assert run.success
    assert status("validated_record") == "MATERIALIZED"
    assert [pipeline.server.requests[f"/{number}.pdf"] for number in ("BT-9002", "BT-9003")] == [1, 1]
