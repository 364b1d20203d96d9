"""A backfill through Dagster: jobs wait for a batch in no run, and go on by themselves when it is answered."""

from __future__ import annotations

from collections.abc import Iterator

import dagster as dg
import pytest

from assets.specs import STAGES
from cira_pipeline.db.answers.model_batches import ModelBatchRepository
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from tests.azure_standin import AzureStandin, LabelAnswers
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.orchestration.test_batch_keys import statuses
from tests.pipeline.conftest import label


@pytest.fixture(autouse=True)
def model_with_batches(monkeypatch: pytest.MonkeyPatch) -> Iterator[AzureStandin]:
    with AzureStandin(LabelAnswers([label("BT-9001"), label("BT-9002")])) as azure:
        for name, value in {
            "CIRA_POLICY": "model_first",
            "CIRA_AZURE_OPENAI_ENDPOINT": azure.endpoint,
            "CIRA_AZURE_OPENAI_DEPLOYMENT": "invoices",
            "CIRA_AZURE_OPENAI_API_KEY": azure.api_key,
            "CIRA_AZURE_OPENAI_BATCH_DEPLOYMENT": "invoices-batch",
            "CIRA_MODEL_BATCH_CLIENTS": "default",
            "CIRA_MODEL_BATCH_EVERY_S": "0",
            "CIRA_AZURE_OPENAI_CORRECTION_ROUNDS": "0",
        }.items():
            monkeypatch.setenv(name, value)
        yield azure


def round_of_batches(pipeline: Pipeline) -> bool:
    """One tick of the sensor, and the run it asks for; false when it asks for none."""
    url = pipeline.settings.postgres_url
    assert url is not None
    resources = {"postgres": PostgresResource(url=url.get_secret_value())}
    with dg.build_sensor_context(instance=pipeline.instance, resources=resources) as context:
        asked = pipeline.definitions.get_sensor_def("model_batches_to_move")(context)
    if not isinstance(asked, dg.RunRequest):
        return False
    run = pipeline.definitions.get_job_def("model_batches").execute_in_process(instance=pipeline.instance)
    assert run.success
    return True


@pytest.mark.parametrize("one_key_from", [None, 2], ids=["a key for each job", "one key for all"])
def test_a_backfill_waits_in_no_run_and_goes_on_by_itself(
    model_with_batches: AzureStandin, pipeline: Pipeline, one_key_from: int | None
) -> None:
    from cira_pipeline.definitions import definitions

    pipeline.definitions = definitions(Settings(batch_max_jobs=3, batch_key_min_jobs=one_key_from))
    assert not round_of_batches(pipeline), "no run is begun for nothing"
    urls = [pipeline.server.serve(f"/{number}.pdf", invoice_pdf(number)) for number in ("BT-9001", "BT-9002")]
    jobs = pipeline.submit(*urls)
    (run,) = pipeline.process()
    assert run.success, "waiting is no failure"
    waiting = [pipeline.jobs.status(job) for job in jobs]
    assert {(each.status, each.error_code) for each in waiting} == {(JobStatus.WAITING, "answer_in_batch")}
    assert pipeline.process() == [], "nothing is tried before the answers are there"
    keys = sorted({pipeline.jobs.get(job).shown_under for job in jobs})
    assert len(keys) == (2 if one_key_from is None else 1)
    extracted = STAGES.index(Stage.EXTRACTED_FIELDS)
    assert [statuses(pipeline, key)[extracted] for key in keys] == ["NONE"] * len(keys)

    rounds = 0
    while round_of_batches(pipeline):
        rounds += 1
        assert rounds < 10
    [batch] = ModelBatchRepository(pipeline.database).newest()
    assert (batch.state, batch.answered_count) == ("done", 2)
    (run,) = pipeline.process()
    assert run.success
    assert all(pipeline.jobs.get(job).status is JobStatus.SUCCEEDED for job in jobs)
    assert sorted({pipeline.jobs.get(job).shown_under for job in jobs}) == keys, "no job has changed its key"
    assert [statuses(pipeline, key) for key in keys] == [["MATERIALIZED"] * len(STAGES)] * len(keys)
    assert [billed.by_batch for billed in model_with_batches.bill] == [True, True]
