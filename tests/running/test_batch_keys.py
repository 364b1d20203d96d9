"""A key that stands for a batch, through sensor, daemon and runs, and what Dagster's buttons do with it."""

from __future__ import annotations

import pytest

from assets.specs import STAGES
from cira_pipeline.jobs import JobStatus, is_batch_key
from tests.orchestration.invoice_pdf import invoice_pdf
from tests.running.conftest import BATCH_KEY_MIN_JOBS, RunningCira

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]

ASSETS = [stage.value for stage in STAGES]
LATE = "/batch-late.pdf"


def test_a_batch_with_a_failed_job_is_one_failed_partition_and_a_backfill_does_only_that_job(cira: RunningCira) -> None:
    good = [
        cira.server.serve(f"/batch-{number}.pdf", invoice_pdf(f"BATCH-{number}"))
        for number in range(1, BATCH_KEY_MIN_JOBS)
    ]
    jobs = cira.submit(cira.server.url(LATE), *good)
    late, *others = cira.wait_for_end(*jobs)
    assert (late.status, {job.status for job in others}) == (JobStatus.FAILED, {JobStatus.SUCCEEDED})
    (key,) = {job.shown_under for job in (late, *others)}
    assert is_batch_key(key)
    for asset in ASSETS:
        cira.wait_until(lambda: key in cira.ui.partitions(asset)["failed"], f"{asset} is failed")  # noqa: B023
        shown = cira.ui.partitions(asset)
        assert not set(jobs) & {each for keys in shown.values() for each in keys}, "no job has a key of its own"

    cira.server.serve(LATE, invoice_pdf("BATCH-0"))
    backfill = cira.ui.backfill([key], ASSETS)

    cira.wait_until(lambda: cira.ui.backfill_status(backfill) == "COMPLETED_SUCCESS", "the backfill is done")
    for asset in ASSETS:
        assert key in cira.ui.partitions(asset)["materialized"], asset
    ended = [cira.jobs.get(job) for job in jobs]
    assert {job.status for job in ended} == {JobStatus.SUCCEEDED}
    assert [job.attempts for job in ended] == [2, *([1] * len(good))]
    assert set(cira.ui.check("validated_record", "cost")) >= {key}
