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
