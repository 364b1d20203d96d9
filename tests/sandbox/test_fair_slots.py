"""No client's documents take the last worker, however many it sends."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack

import pytest

from cira_pipeline.errors import ReadingCrashed, RunInterrupted
from cira_pipeline.sandbox.fair_slots import FairSlots, on_behalf_of
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool, worker_pool
from cira_pipeline.settings import Settings

PATIENCE_S = 60.0


class NotNow(Exception):
    """There is no slot at the moment."""


def at_once() -> None:
    raise NotNow


def held_by(slots: FairSlots, owner: str, holding: ExitStack) -> int:
    """Takes all slots that `owner` gets without waiting."""
    taken = 0
    while True:
        try:
            holding.enter_context(slots.slot(owner, at_once))
        except NotNow:
            return taken
        taken += 1


@pytest.mark.parametrize(
    ("usual", "spare", "taken"),
    [
        (1, 1, {"hostile": 1, "other": 1}),
        (2, 1, {"hostile": 2, "other": 1}),
        (4, 1, {"hostile": 4, "other": 1}),
        (2, 2, {"hostile": 2, "second": 1, "other": 1}),
        (8, 8, {"hostile": 8, "second": 4, "third": 2, "fourth": 1, "other": 1}),
    ],
)
def test_a_slot_is_left_for_a_client_that_holds_none(usual: int, spare: int, taken: dict[str, int]) -> None:
    slots = FairSlots(usual, spare)
    with ExitStack() as holding:
        assert {owner: held_by(slots, owner, holding) for owner in taken} == taken
    with ExitStack() as holding:
        assert held_by(slots, "other", holding) == usual, "all were given back"


def test_a_freed_slot_goes_to_the_client_that_holds_fewest_not_to_the_one_that_waits_longest() -> None:
    slots, order, stop = FairSlots(2), [], threading.Event()

    def wait(owner: str) -> None:
        with slots.slot(owner, lambda: None):
            order.append(owner)
            stop.wait(PATIENCE_S)

    with ThreadPoolExecutor(8) as threads, ExitStack() as holding:
        first = ExitStack()
        first.enter_context(slots.slot("hostile", at_once))
        holding.enter_context(slots.slot("hostile", at_once))
        for _ in range(5):
            threads.submit(wait, "hostile")
        time.sleep(0.3)
        threads.submit(wait, "other")
        time.sleep(0.3)
        first.close()
        deadline = time.monotonic() + PATIENCE_S
        while not order and time.monotonic() < deadline:
            time.sleep(0.01)
        stop.set()
    assert order[0] == "other"
    assert len(order) == 6


@pytest.fixture(params=[1, 2])
def pool(request: pytest.FixtureRequest) -> Iterator[WorkerPool]:
    """As in the REST service, on machines with one and with two processors."""
    processes = request.param
    pool = WorkerPool(
        ["tests.sandbox.poison"], processes=processes, spare=processes, warm=True, memory_mb=600, crashes=2
    )
    yield pool
    pool.abandon()
    pool.close()


def ask(pool: WorkerPool, owner: str, content: bytes, timeout_s: float = PATIENCE_S) -> Message:
    with on_behalf_of(owner):
        return pool.ask(Message({"call": "tests.sandbox.poison:act"}, content), timeout_s=timeout_s)


def test_another_clients_document_is_done_while_one_client_keeps_its_workers_busy(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(20) as threads:
        hostile = [threads.submit(ask, pool, "hostile", b"hang", 10 * PATIENCE_S) for _ in range(20)]
        time.sleep(1)
        for _ in range(10):
            assert ask(pool, "other", b"invoice").content == b"invoice"
        assert not [each for each in hostile if each.done()]
        pool.abandon()
        for each in hostile:
            with pytest.raises(RunInterrupted):
                each.result(timeout=PATIENCE_S)


def test_a_client_whose_documents_end_their_workers_does_not_make_others_wait_for_new_ones(pool: WorkerPool) -> None:
    assert ask(pool, "other", b"invoice")
    stop = threading.Event()

    def crash() -> int:
        count = 0
        while not stop.is_set():
            with pytest.raises(ReadingCrashed):
                ask(pool, "hostile", b"crash")
            count += 1
        return count

    with ThreadPoolExecutor(4) as threads:
        crashing = [threads.submit(crash) for _ in range(4)]
        for _ in range(20):
            assert ask(pool, "other", b"invoice").content == b"invoice"
            time.sleep(0.1)
        stop.set()
        assert sum(each.result(timeout=PATIENCE_S) for each in crashing) > 0


def test_a_service_has_two_workers_at_least_and_starts_the_first_ahead() -> None:
    settings = Settings(_env_file=None, reading_processes=1, recognition_memory_mb=601)
    pool = worker_pool(settings, reads=False)
    assert pool.most == 2
    pool.start_ahead()
    deadline = time.monotonic() + PATIENCE_S
    while not pool.pids() and time.monotonic() < deadline:
        time.sleep(0.05)
    assert len(pool.pids()) == 1
    pool.close()
    assert worker_pool(settings).most == 2, "runs, too"
