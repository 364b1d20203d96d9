"""What a hostile document can do to a worker, and what it cannot do to anybody else."""

from __future__ import annotations

import math
import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from cira_pipeline.errors import (
    DocumentError,
    DocumentTooSlow,
    ReadingCrashed,
    ReadingFailed,
    ReadingOutOfMemory,
    ReadingTimedOut,
    RunInterrupted,
)
from cira_pipeline.local_stack.fork_server_process import fork_server_child
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool
from cira_pipeline.sandbox.starting import short_address

ROOT = Path(__file__).parents[2]
PATIENCE_S = 60.0


MODULES = ["tests.sandbox.poison"]


@pytest.fixture(scope="module")
def fork_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    folder = tmp_path_factory.mktemp("a folder whose path is longer than the kernel takes for a socket" * 2)
    child = fork_server_child(
        address=folder / "fork-server.socket", modules=MODULES, folder=folder, log=folder / "fork-server.log"
    )
    child.launch()
    child.wait_until_ready()
    yield folder / "fork-server.socket"
    child.stop()


@pytest.fixture(params=["fresh", "forked"])
def pool(request: pytest.FixtureRequest, caplog: pytest.LogCaptureFixture) -> Iterator[WorkerPool]:
    """Workers in fresh interpreters, and forked from a fork server."""
    caplog.set_level("INFO", "cira_pipeline.sandbox.starting")
    server = request.getfixturevalue("fork_server") if request.param == "forked" else None
    pool = WorkerPool(MODULES, processes=2, memory_mb=600, crashes=2, fork_server=server)
    yield pool
    pool.abandon()
    pool.close()
    assert not caplog.messages, "a worker that was to be forked was started afresh"


def ask(
    pool: WorkerPool, content: bytes, call: str = "act", timeout_s: float = PATIENCE_S, step_timeout_s: float = math.inf
) -> Message:
    request = Message({"call": f"tests.sandbox.poison:{call}"}, content)
    return pool.ask(request, timeout_s=timeout_s, step_timeout_s=step_timeout_s)


def test_a_worker_stays_warm_from_one_document_to_the_next(pool: WorkerPool) -> None:
    large = os.urandom(5_000_000)
    first, second = ask(pool, b"invoice"), ask(pool, large)
    assert first.facts["pid"] == second.facts["pid"]
    assert second.content == large


@pytest.mark.parametrize(("document", "what"), [(b"crash", "SIGSEGV"), (b"exit", "code 3")])
def test_a_document_that_ends_its_reader_fails_alone(pool: WorkerPool, document: bytes, what: str) -> None:
    with ThreadPoolExecutor(2) as threads:
        poisoned = threads.submit(ask, pool, document)
        others = [threads.submit(ask, pool, b"invoice") for _ in range(10)]
        with pytest.raises(ReadingCrashed, match=what) as caught:
            poisoned.result()
        assert not caught.value.retryable
        assert [other.result().content for other in others] == [b"invoice"] * 10


def test_a_reader_that_dies_once_costs_the_document_nothing(pool: WorkerPool, tmp_path: Path) -> None:
    path = str(tmp_path / "seen").encode()
    assert ask(pool, path, call="crash_once").content == path


@pytest.mark.parametrize("document", [b"hang", b"hang holding the interpreter"])
def test_an_endless_document_is_stopped_in_time_also_in_native_code(pool: WorkerPool, document: bytes) -> None:
    pid = ask(pool, b"invoice").facts["pid"]
    started = time.monotonic()
    with pytest.raises(ReadingTimedOut) as caught:
        ask(pool, document, timeout_s=0.5)
    assert time.monotonic() - started < PATIENCE_S
    assert caught.value.retryable
    assert not psutil.pid_exists(pid)
    assert ask(pool, b"invoice").content == b"invoice"


def test_a_document_that_is_computed_without_end_is_told_from_a_reader_that_was_kept_from_its_work(
    pool: WorkerPool,
) -> None:
    pid = ask(pool, b"invoice").facts["pid"]
    with pytest.raises(DocumentTooSlow, match="the document took more than 3 s of processor time"):
        ask(pool, b"compute", timeout_s=3)
    assert not psutil.pid_exists(pid)
    assert issubclass(DocumentTooSlow, DocumentError), "its job is rejected"


def test_a_busy_machine_is_no_reason_to_reject_a_document(pool: WorkerPool) -> None:
    ask(pool, b"invoice")
    started = time.monotonic()
    assert ask(pool, b"compute half the time", timeout_s=1.6).content == b"compute half the time"
    assert time.monotonic() - started > 1.6


def test_a_page_has_a_limit_of_its_own_and_many_pages_together_may_take_longer(pool: WorkerPool) -> None:
    assert ask(pool, b"page after page", step_timeout_s=1.5).content == b"page after page"
    with pytest.raises(DocumentTooSlow, match="a page of the document took more than 2 s of processor time"):
        ask(pool, b"an endless page", step_timeout_s=2)
    assert ask(pool, b"invoice").content == b"invoice"


def test_a_document_that_crashes_late_has_no_second_time_limit(pool: WorkerPool) -> None:
    started = time.monotonic()
    with pytest.raises((ReadingTimedOut, DocumentTooSlow)):
        ask(pool, b"crash late", timeout_s=3)
    assert time.monotonic() - started < PATIENCE_S / 2


@pytest.mark.parametrize("document", [b"swell", b"claim"])
def test_a_memory_bomb_ends_with_its_own_code_and_takes_no_more_than_its_limit(
    pool: WorkerPool, document: bytes
) -> None:
    with pytest.raises(ReadingOutOfMemory) as caught:
        ask(pool, document)
    assert not caught.value.retryable
    assert ask(pool, b"invoice").content == b"invoice"


def test_a_reader_that_a_document_has_taken_over_is_not_believed(pool: WorkerPool) -> None:
    with pytest.raises(ReadingCrashed):
        ask(pool, b"", call="garbage")
    assert ask(pool, b"invoice").content == b"invoice"


def test_what_the_reader_says_of_a_document_arrives_as_it_was_said(pool: WorkerPool) -> None:
    pid = ask(pool, b"invoice").facts["pid"]
    with pytest.raises(ReadingFailed, match="page 2 is damaged") as caught:
        ask(pool, b"refuse")
    assert caught.value.detail == {"page": 2}
    assert ask(pool, b"invoice").facts["pid"] == pid


def test_a_reader_that_gave_up_on_a_step_is_not_used_again(pool: WorkerPool) -> None:
    pid = ask(pool, b"invoice").facts["pid"]
    with pytest.raises(ReadingTimedOut):
        ask(pool, b"give up")
    assert ask(pool, b"invoice").facts["pid"] != pid


def test_a_reader_killed_between_two_documents_is_replaced(pool: WorkerPool) -> None:
    pid = ask(pool, b"invoice").facts["pid"]
    os.kill(pid, signal.SIGKILL)
    assert ask(pool, b"invoice").facts["pid"] != pid


def test_no_secret_reaches_the_process_that_opens_documents_of_strangers(
    pool: WorkerPool, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("CIRA_POSTGRES_URL", "CIRA_AZURE_OPENAI_API_KEY", "AWS_SECRET_ACCESS_KEY", "DAGSTER_POSTGRES_URL"):
        monkeypatch.setenv(name, "hunter2")
    told = ask(pool, b"", call="environment").facts
    assert "PATH" in told["names"]
    assert not [value for value in told["values"] if "hunter2" in value]


def test_a_stopped_run_does_not_wait_for_its_documents(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(4) as threads:
        asked = [threads.submit(ask, pool, b"hang", timeout_s=10 * PATIENCE_S) for _ in range(4)]
        time.sleep(0.3)
        started = time.monotonic()
        pool.abandon()
        for each in asked:
            with pytest.raises(RunInterrupted):
                each.result(timeout=PATIENCE_S)
    assert time.monotonic() - started < PATIENCE_S
    assert ask(pool, b"invoice").content == b"invoice"


ASKING = """
import sys, threading, time
from pathlib import Path
from cira_pipeline.sandbox.messages import Message
from cira_pipeline.sandbox.pool import WorkerPool

fork_server = Path(sys.argv[1]) if sys.argv[1:] else None
pool = WorkerPool(["tests.sandbox.poison"], processes=2, memory_mb=600, crashes=2, fork_server=fork_server)
call = {"call": "tests.sandbox.poison:act"}
idle = pool.ask(Message(call, b"invoice"), timeout_s=60).facts["pid"]
for hanging in (b"hang holding the interpreter", b"hang"):
    request = Message(call, hanging)
    threading.Thread(target=pool.ask, args=(request,), kwargs={"timeout_s": 600}, daemon=True).start()
time.sleep(1)
while True:
    time.sleep(0.1)
    print("asking", flush=True)
"""


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
@pytest.mark.parametrize("forked", [False, True])
def test_no_reader_outlives_the_run_however_it_ends(
    request: pytest.FixtureRequest, forked: bool, how: signal.Signals
) -> None:
    server = [str(request.getfixturevalue("fork_server"))] if forked else []
    before = _workers()
    run = subprocess.Popen(
        [sys.executable, "-c", ASKING, *server], cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    )
    assert run.stdout is not None
    run.stdout.readline()
    readers = _workers() - before
    assert len(readers) == 2
    assert {reader.ppid() == run.pid for reader in readers} == {not forked}
    run.send_signal(how)
    run.wait(PATIENCE_S)
    run.stdout.close()
    gone, left = psutil.wait_procs(readers, timeout=PATIENCE_S)
    assert len(gone) == 2
    assert not left


def _workers() -> set[psutil.Process]:
    """Every process of this machine that can act a document of these tests, without fork servers."""
    found = set()
    for process in psutil.process_iter(["cmdline", "ppid"]):
        arguments = process.info["cmdline"] or []
        worker = "cira_pipeline.sandbox.worker" in arguments
        parent = psutil.Process(process.info["ppid"]).cmdline() if process.info["ppid"] else []
        if MODULES[0] in arguments and (worker or parent == arguments):
            found.add(process)
    return found


def test_a_worker_knows_how_it_ended_whoever_started_it(pool: WorkerPool) -> None:
    with pytest.raises(ReadingCrashed) as caught:
        ask(pool, b"exit")
    assert caught.value.detail == {"code": 3}


def test_without_its_fork_server_a_pool_starts_workers_afresh(tmp_path: Path) -> None:
    pool = WorkerPool(MODULES, processes=1, memory_mb=600, crashes=1, fork_server=tmp_path / "none")
    assert ask(pool, b"invoice").content == b"invoice"
    pool.close()


def test_a_fork_server_that_has_loaded_something_else_is_not_asked_for_more(fork_server: Path) -> None:
    pool = WorkerPool(
        ["cira_pipeline.intake.in_worker", *MODULES], processes=1, memory_mb=600, crashes=1, fork_server=fork_server
    )
    worker = psutil.Process(ask(pool, b"invoice").facts["pid"])
    assert worker.ppid() == os.getpid()
    pool.close()


def test_a_worker_outlives_its_fork_server_and_the_next_one_comes_from_its_successor(tmp_path: Path) -> None:
    address = tmp_path / "fork-server.socket"
    child = fork_server_child(address=address, modules=MODULES, folder=tmp_path, log=tmp_path / "log")
    child.launch()
    child.wait_until_ready()
    pool = WorkerPool(MODULES, processes=1, memory_mb=600, crashes=1, fork_server=address)
    first = ask(pool, b"invoice").facts["pid"]
    assert child.process is not None
    child.process.kill()
    child.process.wait()
    assert ask(pool, b"invoice").facts["pid"] == first
    with pytest.raises(ReadingCrashed, match="unknown exit status"):
        ask(pool, b"crash")
    child.launch()
    child.wait_until_ready()
    assert psutil.Process(ask(pool, b"invoice").facts["pid"]).ppid() == child.pid
    pool.close()
    child.stop()


@pytest.mark.parametrize("request_bytes", [b"no JSON", b"[]", b"{}", b'{"modules": 1, "memory_bytes": "x"}', b""])
def test_nonsense_does_not_keep_a_fork_server_from_answering_others(fork_server: Path, request_bytes: bytes) -> None:
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as silent:
        with short_address(fork_server) as name:
            silent.connect(name)
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as connection:
            with short_address(fork_server) as name:
                connection.connect(name)
            connection.send(request_bytes)
            assert connection.recv(1_000) == b""
        pool = WorkerPool(MODULES, processes=1, memory_mb=600, crashes=1, fork_server=fork_server)
        worker = psutil.Process(ask(pool, b"invoice").facts["pid"])
        assert worker.ppid() != os.getpid()
        pool.close()


def test_workers_are_started_by_a_daemonic_process_too() -> None:
    """A Celery worker is one; multiprocessing gives it no children."""
    import multiprocessing

    context = multiprocessing.get_context("fork")
    receiving, sending = context.Pipe(duplex=False)
    process = context.Process(target=_ask_in_daemonic_process, args=(sending,), daemon=True)
    process.start()
    assert receiving.poll(PATIENCE_S)
    assert receiving.recv() == b"invoice"
    process.join(PATIENCE_S)


def _ask_in_daemonic_process(sending: object) -> None:
    pool = WorkerPool(["tests.sandbox.poison"], processes=1, memory_mb=600, crashes=1)
    sending.send(ask(pool, b"invoice").content)  # type: ignore[attr-defined]
    pool.close()


def test_documents_beyond_the_number_of_workers_wait(pool: WorkerPool) -> None:
    with ThreadPoolExecutor(8) as threads:
        pids = {threads.submit(ask, pool, b"invoice").result().facts["pid"] for _ in range(8)}
    assert len(pids) <= 2
    assert threading.active_count() < 50
