"""A document that crashes its reader, or never ends, among others: it fails, they are done, and nobody goes round."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.ocr.isolated import IsolatedReader
from cira_pipeline.pipeline.processor import DocumentRead, Processor
from cira_pipeline.pipeline.stream import StageDone, StageFailed, stream
from cira_pipeline.sandbox.pool import WorkerPool
from tests.pipeline.conftest import House
from tests.sandbox.poison import CRASHING, ENDLESS

PATIENCE_S = 60.0


@pytest.fixture(scope="module")
def pool() -> Iterator[WorkerPool]:
    pool = WorkerPool(["cira_pipeline.ocr.in_worker"], processes=2, memory_mb=3_000, crashes=2)
    yield pool
    pool.abandon()
    pool.close()


def poisonable(house: House, pool: WorkerPool, **given: Any) -> Processor:
    processor = house.processor(policy="offline_only", reading_processes=2, **given)
    reader = IsolatedReader(processor.settings, pool, call="tests.sandbox.poison:read")
    return replace(processor, reader=reader)


def submit_marked(house: House, number: str, mark: bytes) -> JobId:
    (job,) = house.submit(number)
    path = house.folder / f"{number}.pdf"
    path.write_bytes(path.read_bytes() + mark)
    return job


def test_a_document_that_crashes_its_reader_takes_none_of_its_run_with_it(house: House, pool: WorkerPool) -> None:
    before = house.submit("BT-1", "BT-2")
    poisonous = submit_marked(house, "BT-3", CRASHING)
    after = house.submit("BT-4", "BT-5")
    house.process(poisonable(house, pool), *before, poisonous, *after)
    assert [house.status(job) for job in (*before, *after)] == [JobStatus.SUCCEEDED] * 4
    failed = house.jobs.get(poisonous)
    assert (failed.status, failed.stage, failed.error_code) == (JobStatus.FAILED, Stage.OCR_TEXT, "reading_crashed")
    assert failed.attempts == 1


def test_an_endless_document_ends_at_its_limit_and_the_others_are_done(house: House, pool: WorkerPool) -> None:
    house.process(poisonable(house, pool), *house.submit("BT-1"))
    endless = submit_marked(house, "BT-2", ENDLESS)
    others = house.submit("BT-3", "BT-4")
    house.process(poisonable(house, pool, reading_timeout_s=20), endless, *others)
    assert [house.status(job) for job in others] == [JobStatus.SUCCEEDED] * 2
    assert house.jobs.get(endless).error_code == "reading_timed_out"


def test_a_run_that_is_stopped_ends_at_once_and_fails_no_document(house: House, pool: WorkerPool) -> None:
    endless = submit_marked(house, "BT-1", ENDLESS)
    running: Any = stream(poisonable(house, pool), [endless], tuple(Stage), run_id="run")
    assert isinstance(next(running), StageDone)
    time.sleep(0.5)
    started = time.monotonic()
    running.close()
    assert time.monotonic() - started < PATIENCE_S
    job = house.jobs.get(endless)
    assert (job.status, job.error_code) == (JobStatus.RUNNING, None)


def test_a_document_of_more_words_than_are_accepted_is_rejected_and_read_once(house: House) -> None:
    (job,) = house.submit("BT-1")
    house.process(house.processor(policy="offline_only", max_words=5), job)
    rejected = house.jobs.get(job)
    assert (rejected.status, rejected.stage) == (JobStatus.REJECTED, Stage.OCR_TEXT)
    assert rejected.error_code == "document_too_many_words"
    assert "at most 5 are accepted" in str(rejected.error_message)

    alone = stream(house.processor(policy="offline_only", max_words=5), [job], (Stage.EXTRACTED_FIELDS,), run_id="run")
    assert [event.error.code for event in alone if isinstance(event, StageFailed)] == ["document_too_many_words"]

    house.jobs.retry(job)
    events = house.process(house.processor(policy="offline_only"), job)
    assert house.status(job) is JobStatus.SUCCEEDED
    [read] = [event.result for event in events if isinstance(event, StageDone) and event.stage is Stage.OCR_TEXT]
    assert isinstance(read, DocumentRead)
    assert read.reused
