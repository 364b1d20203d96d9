"""A Redis that answers and refuses is as good as none: nothing fails for it, and limits and circuits still hold."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import redis

from cira_pipeline.api.rate_limit import RedisFastPath
from cira_pipeline.db.jobs.status_cache import StatusCache
from cira_pipeline.errors import CircuitOpen, ModelRateLimited, StoreUnavailable
from cira_pipeline.jobs import JobId
from cira_pipeline.local_stack.valkey import EmbeddedValkey
from cira_pipeline.resilience.breaker import Breaker
from cira_pipeline.resilience.limiter import RateLimiter
from cira_pipeline.settings import inherited_environment
from tests.local_stack.supervised import eventually

_JOB = JobId("inv_01JZZZZZZZZZZZZZZZZZZZZZZZ")


@pytest.fixture
def valkey(tmp_path: Path, services_folder: Path) -> Iterator[EmbeddedValkey]:
    server = EmbeddedValkey(tmp_path / "valkey", environment=inherited_environment(), marked_by=services_folder)
    server.start()
    try:
        yield server
    finally:
        # One that is busy or cannot save would wait for ten seconds before it ends.
        if server.process is not None:
            server.process.kill()
        server.stop()


def cannot_save(client: redis.Redis, valkey: EmbeddedValkey) -> None:
    """MISCONF: what a server with persistence answers on a full disk."""
    client.config_set("stop-writes-on-bgsave-error", "yes")
    client.config_set("save", "1 1")
    (valkey.folder / "data").rmdir()
    client.set("kept", 1)

    def refuses() -> bool:
        try:
            client.set("kept", 2)
        except redis.ResponseError as error:
            return "MISCONF" in str(error)
        return False

    assert eventually(refuses, 30)


def out_of_memory(client: redis.Redis, _: EmbeddedValkey) -> None:
    client.config_set("maxmemory-policy", "noeviction")
    client.config_set("maxmemory", 1)


def read_only(client: redis.Redis, _: EmbeddedValkey) -> None:
    client.execute_command("REPLICAOF", "127.0.0.1", "1")


def busy(client: redis.Redis, valkey: EmbeddedValkey) -> None:
    client.config_set("busy-reply-threshold", 1)
    threading.Thread(target=_never_ends, args=(valkey.url(),), daemon=True).start()

    def refuses() -> bool:
        try:
            client.ping()
        except redis.RedisError:
            return True
        return False

    assert eventually(refuses, 10)


def _never_ends(url: str) -> None:
    try:
        with redis.Redis.from_url(url) as client:
            client.eval("while true do end", 0)
    except redis.RedisError:
        return


_REFUSALS = pytest.mark.parametrize("refuse", [cannot_save, out_of_memory, read_only, busy])
Refusal = Callable[[redis.Redis, EmbeddedValkey], None]


def begin(refuse: Refusal, valkey: EmbeddedValkey) -> None:
    with redis.Redis.from_url(valkey.url()) as client:
        refuse(client, valkey)


@_REFUSALS
def test_a_dependency_that_is_down_is_left_alone_all_the_same(valkey: EmbeddedValkey, refuse: Refusal) -> None:
    breaker = Breaker("billing", valkey.url(), fail_max=2, reset_timeout_s=60)
    assert breaker.call(lambda: 1) == 1
    begin(refuse, valkey)

    def down() -> None:
        raise StoreUnavailable("down")

    for _ in range(2):
        with pytest.raises(StoreUnavailable):
            breaker.call(down)
    with pytest.raises(CircuitOpen):
        breaker.call(lambda: 1)
    breaker.close()


@_REFUSALS
def test_a_deployment_is_not_asked_more_often_than_allowed(valkey: EmbeddedValkey, refuse: Refusal) -> None:
    limiter = RateLimiter("billing", valkey.url(), requests=2)
    begin(refuse, valkey)
    for _ in range(2):
        limiter.wait_for_turn(1, longest_wait_s=0.1)
    with pytest.raises(ModelRateLimited):
        limiter.wait_for_turn(1, longest_wait_s=0.1)
    limiter.close()


@_REFUSALS
def test_a_clients_rate_holds_and_its_requests_are_answered(valkey: EmbeddedValkey, refuse: Refusal) -> None:
    begin(refuse, valkey)

    async def ask_twice() -> list[bool]:
        path = RedisFastPath(valkey.url())
        exceeded = [(await path.ask("key", 1, _JOB)).rate.exceeded for _ in range(2)]
        await path.close()
        return exceeded

    assert asyncio.run(ask_twice()) == [False, True]


@_REFUSALS
def test_a_status_is_looked_up_where_it_is_true(valkey: EmbeddedValkey, refuse: Refusal) -> None:
    cache = StatusCache(valkey.url(), ttl_s=30)
    begin(refuse, valkey)
    assert cache.get(_JOB) is None
