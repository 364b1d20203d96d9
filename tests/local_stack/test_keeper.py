"""One real service and what watches over it."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest
import redis

from cira_pipeline.local_stack.keeper import Keeper, shorten
from cira_pipeline.local_stack.stopped_processes import STOPPED_PATIENCE_S, StoppedProcesses
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.local_stack.watch import Watch
from cira_pipeline.settings import inherited_environment
from tests.local_stack.supervised import eventually


@pytest.fixture
def valkey(tmp_path: Path, services_folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey", environment=inherited_environment(), marked_by=services_folder)
    server.start()
    try:
        yield server
    finally:
        # One that is frozen or cannot save would wait for ten seconds before it ends.
        if server.process is not None:
            server.process.kill()
        server.stop()


def test_a_service_that_lives_and_does_not_answer_is_started_again(valkey: EmbeddedValkey) -> None:
    now, said = [0.0], list[str]()
    keeper = Keeper(valkey, say=said.append, stopping=threading.Event(), monotonic=lambda: now[0])
    keeper.look()
    before = valkey.pid
    assert before is not None
    os.kill(before, signal.SIGSTOP)
    for _ in range(4):
        now[0] += valkey.silence_patience_s / 2
        keeper.look()
        if valkey.pid is None:
            break
    assert any("has not answered" in line for line in said)
    keeper.look()
    now[0] += 2
    keeper.look()
    assert valkey.pid not in (None, before)
    assert valkey.answers()


def test_a_service_that_refuses_is_not_taken_for_a_hung_one(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url()) as client:
        client.config_set("stop-writes-on-bgsave-error", "yes")
        client.config_set("save", "1 1")
        (valkey.folder / "data").rmdir()
        client.set("kept", 1)

        def refuses() -> bool:
            try:
                client.ping()
            except redis.ResponseError as error:
                return "MISCONF" in str(error)
            return False

        assert eventually(refuses, 30)
    assert valkey.answers()


def test_its_writes_need_no_disk(valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url(), decode_responses=True) as client:
        assert client.config_get("appendonly") == {"appendonly": "no"}
        assert client.config_get("save") == {"save": ""}
        assert client.config_get("stop-writes-on-bgsave-error") == {"stop-writes-on-bgsave-error": "no"}
        client.set("written", 1)
    assert list((valkey.folder / "data").iterdir()) == []


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_watch_survives_what_a_step_raises_and_shows_when_it_ends() -> None:
    said, stopping, steps = list[str](), threading.Event(), list[type[BaseException]]()
    errors: list[type[BaseException]] = [OSError, redis.ResponseError, AssertionError, MemoryError, SystemExit]

    def step() -> None:
        kind = errors[len(steps)]
        steps.append(kind)
        raise kind("MISCONF")

    watch = Watch("Valkey", step, every_s=0.01, stopping=stopping, say=said.append)
    watch.start()
    assert eventually(lambda: not watch.alive, 10)
    assert steps == errors
    assert watch.failures == 4
    assert [line.rpartition("error: ")[2] for line in said] == [
        "OSError: MISCONF",
        "ResponseError: MISCONF",
        "AssertionError: MISCONF",
        "MemoryError: MISCONF",
    ]


def test_a_stopped_process_goes_on_after_the_patience_and_not_before(valkey: EmbeddedValkey, tmp_path: Path) -> None:
    now = [time.monotonic()]
    stopped = StoppedProcesses(tmp_path, monotonic=lambda: now[0])
    pid = valkey.pid
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    assert eventually(lambda: psutil.Process(pid).status() == psutil.STATUS_STOPPED, 10)
    assert stopped.continued({pid}) == []
    assert not valkey.answers()
    now[0] += STOPPED_PATIENCE_S
    assert [process.pid for process in stopped.continued({os.getpid()})] == [pid]
    assert eventually(valkey.answers, 30)


def test_a_log_is_cut_while_its_process_goes_on_writing_to_it(tmp_path: Path) -> None:
    log = tmp_path / "api.log"
    with log.open("ab", buffering=0) as appending:
        appending.write(b"an old line\n" * 100)
        shorten(log, 10_000)
        assert log.stat().st_size == 1_200
        shorten(log, 1_000)
        appending.write(b"a new line\n")
    assert log.read_bytes() == b"a new line\n"
    assert (tmp_path / "api.log.1").read_bytes() == b"an old line\n" * 100
