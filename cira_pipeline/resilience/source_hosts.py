"""Request limit and circuit breaker for each source host of documents, shared through Redis.

All processes together make at most `limit` requests to a host at once. After `failures` failures in a row its circuit
opens for `pause_s` seconds, then one trial request at a time is allowed; each failed trial doubles the pause, up to
`longest_pause_s`, and a success closes the circuit. Without Redis, or during its outage, each process keeps its own
state. The state of a host is one JSON object, changed by `WATCH` and `MULTI`; it is removed with the last request of a
host without failures, and a day after its last change in any case.

pybreaker, used for the model (`breaker.py`), keeps one client and keys without expiry for each name, has no limit of
requests and no listing: host names are untrusted and unbounded in number.
"""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from typing import Literal, cast
from uuid import uuid4

import redis

from cira_pipeline.errors import (
    CiraError,
    DocumentTooLarge,
    DownloadTimedOut,
    SourceBusy,
    SourcePaused,
    SourceUnavailable,
    TooManyRedirects,
)
from cira_pipeline.resilience.shared_redis import SharedRedis
from cira_pipeline.settings import Settings

KEPT_S = 86_400
"""Time after which an unused host is forgotten, in seconds."""
SLOW_S = 120.0
"""How long a host counts as slow after jobs had to wait for a request to it, in seconds."""
TURN_WAIT_S = 2.0
"""How long a request waits for its turn at a host before its job is deferred, in seconds."""
ASKED_AGAIN_S = 0.05
KEPT_ERROR_CHARS = 300
ANSWERED = (DocumentTooLarge, TooManyRedirects)
_INDEX = "cira:sources"

CircuitState = Literal["closed", "open", "half-open"]


@dataclass(frozen=True)
class HostState:
    """State of one host, for operators. `slow`: jobs had to wait for a request to it recently."""

    host: str
    state: CircuitState
    in_flight: int
    limit: int
    failures: int
    open_until: datetime | None
    last_error: str | None
    last_error_at: datetime | None
    slow: bool
    pause_left_s: float = 0.0


@dataclass(frozen=True)
class _Record:
    """Stored state of a host. Instants are seconds since 1970; `flights` holds the expiry of each request in flight."""

    failures: int = 0
    pause_s: float = 0.0
    open_until: float = 0.0
    trial_until: float = 0.0
    slow_until: float = 0.0
    last_error: str | None = None
    last_error_at: float | None = None
    flights: dict[str, float] = field(default_factory=dict)

    def at(self, now: float) -> _Record:
        """The state without expired requests, whose process ended before it could report."""
        return replace(self, flights={mine: ends for mine, ends in self.flights.items() if ends > now})

    def worth_keeping(self, now: float) -> bool:
        return bool(self.flights or self.failures or self.open_until > now or self.slow_until > now)


class SourceHosts:
    """Request limits and circuit breakers of all source hosts. Thread-safe.

    Parameters
    ----------
    redis_url
        Redis through which processes share the state; `None`: each has its own.
    limit
        Maximum requests in flight to one host.
    failures, pause_s, longest_pause_s
        Failures in a row that open the circuit, and the first and longest pause in seconds.
    """

    def __init__(
        self,
        redis_url: str | None = None,
        *,
        limit: int = 8,
        failures: int = 5,
        pause_s: float = 30.0,
        longest_pause_s: float = 900.0,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self.limit = limit
        self._failures = failures
        self._pause_s = pause_s
        self._longest_pause_s = max(longest_pause_s, pause_s)
        self._clock = clock
        self._own: dict[str, _Record] = {}
        self._own_lock = threading.Lock()
        self._redis = SharedRedis(redis_url, "hosts of sources: each process counts alone")

    @contextmanager
    def asking(self, host: str, *, longest_s: float) -> Iterator[None]:
        """Runs the block as one request to `host` that ends within `longest_s` seconds, and records its outcome.

        An error that leaves the circuit open has `paused_s`: how long the host stays paused.
        Raises: SourceBusy, SourcePaused, both without running the block.
        """
        mine = uuid4().hex
        ends = time.monotonic() + min(TURN_WAIT_S, longest_s)
        while (refused := self._admit(host, mine, longest_s)) is not None:
            if time.monotonic() >= ends or refused.detail["wait_s"] > ends - time.monotonic():  # type: ignore[operator]
                raise refused
            time.sleep(ASKED_AGAIN_S)
        try:
            yield
        except BaseException as error:
            self._ended(host, mine, error)
            raise
        self._ended(host, mine, None)

    def look(self, host: str) -> HostState:
        """State of a host. A host without recent requests is closed and has nothing in flight."""
        return self._state(host, self._read(host))

    def states(self) -> tuple[HostState, ...]:
        """All hosts with requests in flight or recent failures, by name."""
        records = self._redis.ask(self._all_shared)
        if records is None:
            with self._own_lock:
                records = dict(self._own)
        now = self._clock()
        live = {host: record.at(now) for host, record in records.items()}
        return tuple(self._state(host, live[host]) for host in sorted(live) if live[host].worth_keeping(now))

    def note_slow(self, host: str) -> None:
        """Notes that jobs were deferred because no request to the host could be made for a while."""
        self._change(host, lambda record: replace(record, slow_until=self._clock() + SLOW_S))

    @property
    def shared(self) -> bool:
        """Whether the state is shared by all processes now, instead of kept by this process alone."""
        return self._redis.ask(lambda client: bool(client.ping())) is True

    def close(self) -> None:
        """Closes the connections to Redis."""
        self._redis.close()

    def _admit(self, host: str, mine: str, longest_s: float) -> CiraError | None:
        """Counts the request, or returns the error why it must not be made."""
        refused: CiraError | None = None

        def admitted(record: _Record) -> _Record:
            nonlocal refused
            now = self._clock()
            record = record.at(now)
            refused = self._refusal(host, record, now)
            if refused is not None:
                return record
            trial_until = now + longest_s if record.failures >= self._failures else record.trial_until
            return replace(record, flights={**record.flights, mine: now + longest_s}, trial_until=trial_until)

        self._change(host, admitted)
        return refused

    def _refusal(self, host: str, record: _Record, now: float) -> CiraError | None:
        if record.open_until > now:
            return self._paused(host, record, record.open_until - now)
        if record.failures >= self._failures and record.trial_until > now:
            return self._paused(host, record, min(record.trial_until - now, self._pause_s))
        if len(record.flights) >= self.limit:
            return SourceBusy(
                f"{host} has {len(record.flights)} requests in flight; at most {self.limit} are allowed at once",
                host=host,
                wait_s=0.0,
            )
        return None

    def _paused(self, host: str, record: _Record, wait_s: float) -> SourcePaused:
        last = f"; the last failure: {record.last_error}" if record.last_error else ""
        return SourcePaused(
            f"{host} is paused for another {wait_s:.0f} s, because it failed or asked for a pause{last}",
            host=host,
            wait_s=wait_s,
        )

    def _ended(self, host: str, mine: str, error: BaseException | None) -> None:
        pause_s = 0.0

        def ended(record: _Record) -> _Record:
            nonlocal pause_s
            now = self._clock()
            record = record.at(now)
            tried = record.failures >= self._failures
            left = {each: ends for each, ends in record.flights.items() if each != mine}
            record = replace(record, flights=left, trial_until=0.0 if tried else record.trial_until)
            if isinstance(error, SourceUnavailable | DownloadTimedOut):
                record = self._failed(record, error, now)
                pause_s = max(0.0, record.open_until - now)
            elif _answered(error):
                record = replace(record, failures=0, pause_s=0.0, open_until=0.0)
            return record

        self._change(host, ended)
        if pause_s > TURN_WAIT_S and isinstance(error, CiraError):
            error.detail["paused_s"] = pause_s

    def _failed(self, record: _Record, error: CiraError, now: float) -> _Record:
        asked = error.detail.get("retry_after_s")
        asked_s = min(float(asked), self._longest_pause_s) if isinstance(asked, int | float) else 0.0
        # A host that answers 429 and names a time is only busy.
        failures = record.failures if asked_s and error.detail.get("status") == 429 else record.failures + 1
        pause_s, open_until = record.pause_s, record.open_until
        if failures >= self._failures and open_until <= now:
            pause_s = min(pause_s * 2 or self._pause_s, self._longest_pause_s)
            open_until = now + pause_s
        return replace(
            record,
            failures=failures,
            pause_s=pause_s,
            open_until=max(open_until, now + asked_s if asked_s else 0.0),
            last_error=f"{error.code}: {error.message}"[:KEPT_ERROR_CHARS],
            last_error_at=now,
        )

    def _state(self, host: str, record: _Record) -> HostState:
        now = self._clock()
        record = record.at(now)
        state: CircuitState = "closed"
        if record.open_until > now:
            state = "open"
        elif record.failures >= self._failures:
            state = "half-open"
        return HostState(
            host=host,
            state=state,
            in_flight=len(record.flights),
            limit=self.limit,
            failures=record.failures,
            open_until=_instant(record.open_until) if record.open_until > now else None,
            last_error=record.last_error,
            last_error_at=_instant(record.last_error_at) if record.last_error_at else None,
            slow=record.slow_until > now,
            pause_left_s=max(0.0, record.open_until - now),
        )

    def _read(self, host: str) -> _Record:
        record = self._redis.ask(lambda client: _record(client.get(_key(host))))
        if record is None:
            with self._own_lock:
                record = self._own.get(host, _Record())
        return record

    def _change(self, host: str, change: Callable[[_Record], _Record]) -> None:
        if self._redis.ask(lambda client: self._change_shared(client, host, change)):
            return
        with self._own_lock:
            record = change(self._own.get(host, _Record()))
            if record.worth_keeping(self._clock()):
                self._own[host] = record
            else:
                self._own.pop(host, None)

    def _change_shared(self, client: redis.Redis, host: str, change: Callable[[_Record], _Record]) -> bool:
        key = _key(host)
        with client.pipeline() as pipe:
            while True:
                try:
                    pipe.watch(key)  # type: ignore[no-untyped-call]
                    before = _record(pipe.get(key))
                    after = change(before)
                    if after == before:
                        return True
                    pipe.multi()
                    if after.worth_keeping(self._clock()):
                        pipe.set(key, json.dumps(asdict(after)), ex=KEPT_S)
                        pipe.zadd(_INDEX, {host: self._clock()})
                    else:
                        pipe.delete(key)
                        pipe.zrem(_INDEX, host)
                    pipe.execute()
                except redis.WatchError:
                    continue
                return True

    def _all_shared(self, client: redis.Redis) -> dict[str, _Record]:
        client.zremrangebyscore(_INDEX, 0, self._clock() - KEPT_S)
        hosts = [str(name, "utf-8") for name in cast("list[bytes]", client.zrange(_INDEX, 0, -1))]
        values = client.mget([_key(host) for host in hosts]) if hosts else []
        return {host: _record(value) for host, value in zip(hosts, values, strict=True) if value is not None}


def _answered(error: BaseException | None) -> bool:
    """Whether the host did its part. A refused address, an unknown name or an invalid certificate is no evidence."""
    if isinstance(error, CiraError):
        return isinstance(error, ANSWERED) or not error.detail.keys().isdisjoint(("status", "s3_code"))
    return error is None


def _key(host: str) -> str:
    return f"cira:source:{host}"


def _record(value: object) -> _Record:
    return _Record(**json.loads(value)) if isinstance(value, bytes | str) else _Record()


def _instant(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, UTC)


def source_hosts_from_settings(settings: Settings) -> SourceHosts:
    """The source hosts with this installation's limits; all processes with the same Redis share the state."""
    return SourceHosts(
        settings.redis_address,
        limit=settings.source_max_requests,
        failures=settings.source_failures,
        pause_s=settings.source_pause_s,
        longest_pause_s=settings.source_longest_pause_s,
    )
