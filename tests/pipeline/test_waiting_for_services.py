"""What every job needs may be away for a while: then jobs wait, and nobody has to start them again by hand."""

from __future__ import annotations

import errno
import subprocess
from dataclasses import replace
from typing import Any

import pytest

from cira_pipeline.errors import ReadingTimedOut
from cira_pipeline.intake.isolated import Recogniser
from cira_pipeline.jobs import JobStatus, Stage
from cira_pipeline.models import Document
from cira_pipeline.pipeline.deferral import MOST_ATTEMPTS, MOST_UNEXPECTED
from cira_pipeline.sandbox.pool import WorkerPool
from tests.pipeline.conftest import House, resume, time_has_come


def test_documents_wait_for_a_docling_serve_that_is_down(house: House) -> None:
    nobody = house.processor(reader="docling_serve", docling_serve_url="http://127.0.0.1:1", breaker_failures=4)
    first, second = house.submit("BT-1", "BT-2")
    house.process(nobody, first)
    house.process(nobody, second)
    jobs = [house.jobs.get(job_id) for job_id in (first, second)]
    assert [(job.status, job.stage, job.error_code) for job in jobs] == [
        (JobStatus.WAITING, Stage.OCR_TEXT, "reader_unavailable"),
        (JobStatus.WAITING, Stage.OCR_TEXT, "circuit_open"),
    ]
    time_has_come(house)
    assert set(resume(house, house.settings())) == {first, second}
    house.process(house.processor(), first, second)
    assert {house.status(job_id) for job_id in (first, second)} == {JobStatus.SUCCEEDED}


def test_jobs_wait_for_an_object_store_that_fails_and_fail_when_it_does_so_for_good(house: House) -> None:
    """A disk that is full or a bucket that is away for a minute is nobody's reason to start a job by hand."""
    processor = house.processor()
    (job_id,) = house.submit("BT-1")
    (house.folder / "objects").mkdir(exist_ok=True)
    in_the_way = house.folder / "objects" / "documents"
    in_the_way.write_bytes(b"a file where a folder has to be")
    house.process(processor, job_id)
    job = house.jobs.get(job_id)
    assert (job.status, job.error_code, job.attempts) == (JobStatus.WAITING, "store_unavailable", 1)
    in_the_way.unlink()
    time_has_come(house)
    assert resume(house, house.settings()) == (job_id,)
    house.process(processor, job_id)
    assert house.status(job_id) is JobStatus.SUCCEEDED


def test_a_reader_that_does_not_start_is_tried_a_few_times(house: House) -> None:
    broken = replace(
        house.processor(),
        recognise=Recogniser(house.settings(), WorkerPool(["nowhere"], processes=1, memory_mb=600, crashes=1)),
    )
    (job_id,) = house.submit("BT-1")
    for attempt in range(1, MOST_ATTEMPTS):
        house.process(broken, job_id)
        job = house.jobs.get(job_id)
        assert (job.status, job.error_code, job.attempts) == (JobStatus.WAITING, "reader_unavailable", attempt)
        time_has_come(house)
        resume(house, house.settings())
    house.process(broken, job_id)
    assert house.status(job_id) is JobStatus.FAILED


def test_a_machine_that_can_start_no_process_fails_no_job(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_more(*_: object, **__: Any) -> None:
        raise BlockingIOError(errno.EAGAIN, "Resource temporarily unavailable")

    pool = WorkerPool(["cira_pipeline.intake.in_worker"], processes=1, memory_mb=600, crashes=1)
    short = replace(house.processor(), recognise=Recogniser(house.settings(), pool))
    (job_id,) = house.submit("BT-1")
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "Popen", no_more)
        house.process(short, job_id)
    job = house.jobs.get(job_id)
    assert (job.status, job.error_code) == (JobStatus.WAITING, "reader_unavailable")
    assert "temporarily unavailable" in (job.error_message or "")
    time_has_come(house)
    resume(house, house.settings())
    house.process(short, job_id)
    pool.close()
    assert house.status(job_id) is JobStatus.SUCCEEDED


@pytest.mark.parametrize(
    ("error", "code", "message"),
    [
        (RuntimeError("this process is spoilt"), "internal_error", "RuntimeError: this process is spoilt"),
        (ReadingTimedOut("kept from its work"), "reading_timed_out", "kept from its work"),
    ],
)
def test_what_may_be_this_process_or_this_machine_is_tried_again_in_another_run_and_then_fails(
    house: House, error: Exception, code: str, message: str
) -> None:
    def broken(_: bytes) -> Document:
        raise error

    spoilt, sound = replace(house.processor(), recognise=broken), house.processor()
    unlucky, hopeless = house.submit("BT-1", "BT-2")
    for attempt in range(1, MOST_UNEXPECTED):
        house.process(spoilt, unlucky, hopeless)
        job = house.jobs.get(hopeless)
        assert (job.status, job.error_code, job.attempts) == (JobStatus.WAITING, code, attempt)
        time_has_come(house)
        resume(house, house.settings())
    house.process(sound, unlucky)
    house.process(spoilt, hopeless)
    assert [house.status(each) for each in (unlucky, hopeless)] == [JobStatus.SUCCEEDED, JobStatus.FAILED]
    assert house.jobs.get(hopeless).error_message == message
