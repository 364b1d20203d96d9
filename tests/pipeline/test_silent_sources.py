"""A source that says nothing holds up no other job, loses none of its own, and is served when it is back."""

from __future__ import annotations

import select
import socket
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from cira_pipeline.db.jobs.repository import Submission
from cira_pipeline.jobs import JobId, JobStatus, Stage
from cira_pipeline.pipeline.stream import JobDeferred, StageFailed
from tests.extraction.einvoice.documents import CII
from tests.pipeline.conftest import House, time_has_come

FLOOD = 60
INVOICE = CII.encode()


class Source:
    """Answers with an e-invoice once it is `awake`; before, it accepts connections and says nothing."""

    def __init__(self, address: str) -> None:
        self.awake = threading.Event()
        self.most_at_once = 0
        self._asking: list[socket.socket] = []
        self._counting = threading.Lock()
        self._server = ThreadingHTTPServer((address, 0), self._handler())
        self._server.daemon_threads = True
        self.netloc = f"{address}:{self._server.server_port}"

    @contextmanager
    def running(self) -> Iterator[Source]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self.awake.set()
            self._server.shutdown()
            self._server.server_close()

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        owner = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                with owner._counting:
                    owner._asking.append(self.connection)
                    still_there = sum(not _given_up(each) for each in owner._asking)
                    owner.most_at_once = max(owner.most_at_once, still_there)
                owner.awake.wait(20)
                with owner._counting:
                    owner._asking.remove(self.connection)
                with suppress(ConnectionError):
                    self.send_response(200)
                    self.send_header("Content-Length", str(len(INVOICE)))
                    self.end_headers()
                    self.wfile.write(INVOICE)

            def log_message(self, *_arguments: object) -> None:
                """Nothing on the console."""

        return Handler


def _given_up(connection: socket.socket) -> bool:
    """Whether the client has closed its end."""
    readable, _, _ = select.select([connection], [], [], 0)
    return bool(readable) and connection.recv(1, socket.MSG_PEEK) == b""


@pytest.fixture
def silent() -> Iterator[Source]:
    with Source("127.0.0.2").running() as source:
        yield source


def submit(house: House, netloc: str, count: int, client: str) -> list[JobId]:
    urls = (f"http://{netloc}/{client}/{number}.xml" for number in range(count))
    return [each.job.job_id for each in house.jobs.submit(Submission(url, client=client) for url in urls)]


def test_jobs_of_a_silent_source_wait_and_hold_up_no_other_and_go_on_when_it_is_back(
    house: House, silent: Source
) -> None:
    processor = house.processor(
        policy="offline_only",
        fetch_allowed_hosts=("127.0.0.0/8",),
        fetch_stall_timeout_s=2,
        source_max_requests=3,
        source_failures=3,
        source_pause_s=20,
    )
    with Source("127.0.0.1").running() as well:
        well.awake.set()
        flood = submit(house, silent.netloc, FLOOD, "flood")
        other = submit(house, well.netloc, 1, "other")
        ended: list[JobId] = []
        for event in house.process(processor, *flood, *other):
            assert not isinstance(event, StageFailed), event
            if isinstance(event, JobDeferred) or event.stage is Stage.VALIDATED_RECORD:
                ended.append(event.job_id)
    assert ended[0] == other[0], "it came last and was done while the silent source was waited for"
    assert silent.most_at_once <= 3
    assert Counter(house.status(each) for each in flood) == {JobStatus.WAITING: FLOOD}
    codes = {house.jobs.get(each).error_code for each in flood}
    assert codes <= {"source_paused", "source_busy", "source_unavailable"}

    silent.awake.set()
    processor.fetcher.hosts._own.clear()  # the pause is over
    time_has_come(house)
    house.process(processor, *flood)
    assert Counter(house.status(each).final for each in flood) == {True: FLOOD}
    assert {house.jobs.get(each).error_code for each in flood} <= {None, "verdict_rejected"}


def test_one_missing_file_fails_at_once_however_many_there_are(house: House) -> None:
    processor = house.processor(policy="offline_only", fetch_allowed_hosts=("127.0.0.1",), source_failures=2)
    with Missing().running() as server:
        jobs = submit(house, f"127.0.0.1:{server.port}", 6, "a")
        house.process(processor, *jobs)
    assert {house.status(each) for each in jobs} == {JobStatus.FAILED}
    assert {house.jobs.get(each).error_code for each in jobs} == {"source_not_found"}


class Missing:
    """A server that has no file."""

    def __init__(self) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                self.send_error(404)

            def log_message(self, *_arguments: object) -> None:
                """Nothing on the console."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.port = self._server.server_port

    @contextmanager
    def running(self) -> Iterator[Missing]:
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        try:
            yield self
        finally:
            self._server.shutdown()
            self._server.server_close()
