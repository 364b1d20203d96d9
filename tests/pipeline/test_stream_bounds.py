"""However many jobs a run has, only so many are in flight, read and held ready: memory does not grow with the batch."""

from __future__ import annotations

import threading
import time
from collections import Counter
from types import SimpleNamespace
from typing import Any, cast

import pytest

from cira_pipeline.jobs import JobId, Stage, new_job_id
from cira_pipeline.pipeline.processor import JobContext, Processor
from cira_pipeline.pipeline.stream import StageDone, stream
from cira_pipeline.resilience.source_hosts import SourceHosts
from cira_pipeline.settings import Settings

JOBS = [new_job_id() for _ in range(60)]
THREADS, READERS = 6, 2


class Counting:
    """Stands in for the stages and counts who is in them at once. Nothing else of a Processor is used here."""

    def __init__(self, **given: Any) -> None:
        self.settings = Settings(_env_file=None, stage_threads=THREADS, reading_processes=READERS, **given)
        self.jobs = self.reader = self.timings = self
        self.fetcher = SimpleNamespace(hosts=SourceHosts())
        self.done = 0
        self.interrupted = False
        self.left: list[JobId] = []
        self.order: list[JobId] = []
        self.clients: dict[JobId, str] = {}
        self.held_up: dict[str, threading.Event] = {}
        self.most: Counter[str] = Counter()
        self._now: Counter[str] = Counter()
        self._lock = threading.Lock()

    def start(self, job_id: JobId, *_arguments: object, **_claim: Any) -> object:
        return SimpleNamespace(job_id=job_id, url="file:///invoice.pdf")

    advance = start

    def sources(self, _job_ids: object) -> dict[JobId, str]:
        return {}

    def keep(self) -> None:
        """Figures of a Processor's stages, of which there are none."""

    def left_by_dead_runs(self, *_arguments: object) -> list[JobId]:
        return self.left

    def clients_of(self, *_arguments: object) -> dict[JobId, str]:
        return self.clients

    def interrupt(self) -> None:
        self.interrupted = True

    def run(self, job_context: JobContext, stage: Stage) -> object:
        with self._lock:
            self.order.append(job_context.job.job_id)
            for what in ("any", stage):
                self._now[what] += 1
                self.most[what] = max(self.most[what], self._now[what])
        time.sleep(0.002)
        if stage is Stage.OCR_TEXT and (held_up := self.held_up.get(self.clients.get(job_context.job.job_id, ""))):
            held_up.wait(60)
        with self._lock:
            self.done += 1
            self._now.subtract(("any", stage))
        return object()


def streamed(counting: Counting) -> Any:
    return stream(cast(Processor, counting), JOBS, tuple(Stage), run_id="run")


def test_no_more_jobs_are_in_flight_than_there_are_threads_and_readers() -> None:
    counting = Counting()
    assert len(list(streamed(counting))) == len(JOBS) * len(Stage)
    assert counting.most["any"] <= THREADS
    assert counting.most[Stage.OCR_TEXT] <= READERS
    assert counting.most["any"] > READERS, "while some are read, others go on"
    assert not counting.interrupted


def test_jobs_of_a_dead_run_come_last_and_one_at_a_time() -> None:
    counting = Counting()
    counting.left = [JOBS[7], JOBS[0], JOBS[30]]
    assert len(list(streamed(counting))) == len(JOBS) * len(Stage)
    assert counting.order[-3 * len(Stage) :] == [job_id for job_id in counting.left for _ in Stage]
    assert counting.most["any"] > READERS, "all others go together"


@pytest.mark.parametrize("reader", ["local", "docling_serve"])
def test_a_client_whose_documents_are_read_without_end_keeps_nobody_else_waiting(reader: str) -> None:
    counting = Counting(reader=reader, docling_serve_url="http://127.0.0.1:9")
    counting.clients = {job_id: "hostile" if number < 55 else "other" for number, job_id in enumerate(JOBS)}
    counting.held_up = {"hostile": threading.Event()}
    ended = 0
    for event in streamed(counting):
        ended += event.stage is Stage.VALIDATED_RECORD
        if ended == 5 and not counting.held_up["hostile"].is_set():
            assert counting.clients[event.job_id] == "other", "all of theirs, and none of the hostile ones"
            counting.held_up["hostile"].set()
    assert ended == len(JOBS)


def test_a_client_alone_takes_all_threads_and_readers() -> None:
    counting = Counting()
    counting.clients = dict.fromkeys(JOBS, "acme")
    list(streamed(counting))
    assert counting.most["any"] > READERS
    assert counting.most[Stage.OCR_TEXT] == READERS


def test_docling_serve_is_asked_by_all_threads_since_it_has_a_queue_of_its_own() -> None:
    counting = Counting(reader="docling_serve", docling_serve_url="http://127.0.0.1:9")
    list(streamed(counting))
    assert READERS < counting.most[Stage.OCR_TEXT] <= THREADS


def test_stages_wait_for_a_dagster_that_is_slower_than_they_are() -> None:
    counting = Counting()
    running = streamed(counting)
    next(running)
    before, ends_at = -1, time.monotonic() + 60
    while counting.done != before and time.monotonic() < ends_at:
        before = counting.done
        time.sleep(0.5)
    # What stands in the queue, what each thread wants to put there, and the one that was taken.
    assert counting.done <= 4 * THREADS + THREADS + 1
    assert len(list(running)) == len(JOBS) * len(Stage) - 1


def test_the_events_of_a_job_come_in_the_order_of_its_stages() -> None:
    stages: dict[JobId, list[Stage]] = {}
    for event in streamed(Counting()):
        assert isinstance(event, StageDone)
        stages.setdefault(event.job_id, []).append(event.stage)
    assert set(map(tuple, stages.values())) == {tuple(Stage)}


@pytest.mark.parametrize("taken", [1, 100])
def test_a_run_that_is_stopped_begins_nothing_more(taken: int) -> None:
    counting = Counting()
    running = streamed(counting)
    for _ in range(taken):
        next(running)
    running.close()
    done = counting.done
    assert counting.interrupted
    assert done < len(JOBS) * len(Stage)
    time.sleep(0.2)
    assert counting.done == done
