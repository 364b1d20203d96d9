"""Rate limit of API keys and lookup of cached job statuses, in one round trip to Redis.

The limit is a generic cell rate algorithm (ITU-T I.371, leaky bucket): a key may use its requests of one minute in a
burst, and they are restored one by one. While Redis is unavailable, each process counts on its own.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import redis.asyncio
from redis import RedisError
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff
from redis.exceptions import NoScriptError

from cira_pipeline.db.jobs.status_cache import JobStatusEntry, entry_key, parse_entry
from cira_pipeline.jobs import JobId
from cira_pipeline.resilience.shared_redis import Availability

TIMEOUT_S = 0.25
PAUSE_S = 5.0
WINDOW_S = 60.0
_MAX_LOCAL = 10_000
_CONNECTIONS = 32

# KEYS[1]: the key's counter. ARGV: microseconds a request costs, microseconds of the window. Returns the used part of
# the window and whether the request fits. The time is Redis's own, so that all processes agree.
_COUNT = """
local now = redis.call('TIME')
now = now[1] * 1000000 + now[2]
local used = (tonumber(redis.call('GET', KEYS[1])) or 0) - now
if used < 0 then used = 0 end
local cost, window = tonumber(ARGV[1]), tonumber(ARGV[2])
if used + cost > window then return {used, 0} end
used = used + cost
redis.call('SET', KEYS[1], string.format('%.0f', now + used), 'PX', math.ceil(used / 1000) + 1)
return {used, 1}
"""
_COUNT_SHA = hashlib.sha1(_COUNT.encode(), usedforsecurity=False).hexdigest()


@dataclass(frozen=True)
class Rate:
    """State of a key's rate limit; `retry_after_s` is 0 if the request is within it."""

    limit: int
    remaining: int
    reset_s: float
    retry_after_s: float

    @property
    def exceeded(self) -> bool:
        return self.retry_after_s > 0


@dataclass(frozen=True)
class Asked:
    rate: Rate
    entry: JobStatusEntry | None
    """The job's status, if one was requested and is cached."""


class RedisFastPath:
    """Redis client with a timeout of `TIMEOUT_S` and a pause of `PAUSE_S` after a failure.

    For one event loop. `redis_url` may be `None`. No method raises.
    """

    def __init__(
        self,
        redis_url: str | None,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._monotonic = monotonic
        self._availability = Availability("rates of keys: each process counts alone", PAUSE_S, monotonic)
        self._trying = False
        self._local: dict[str, float] = {}
        self._client: redis.asyncio.Redis | None = None
        if redis_url:
            self._client = redis.asyncio.Redis.from_url(
                redis_url,
                socket_timeout=TIMEOUT_S,
                socket_connect_timeout=TIMEOUT_S,
                retry=Retry(NoBackoff(), 0),
                decode_responses=True,
                max_connections=_CONNECTIONS,
            )

    @property
    def available(self) -> bool:
        """Whether Redis is configured and answered the last request."""
        return self._client is not None and not self._availability.away

    async def ask(self, key_id: str, per_minute: int, job_id: JobId | None = None) -> Asked:
        """Counts one request of the key and looks up the status of `job_id`, if given."""
        if self._client is None or not self._may_try():
            return Asked(self._count_here(key_id, per_minute), None)
        try:
            async with self._client.pipeline(transaction=False) as pipeline:
                cost_us, window_us = int(WINDOW_S * 1e6 / per_minute), int(WINDOW_S * 1e6)
                # EVALSHA directly: redis-py's script objects check at every call whether the script is loaded.
                pipeline.evalsha(_COUNT_SHA, 1, f"cira:rate:{key_id}", cost_us, window_us)
                if job_id is not None:
                    pipeline.hget(entry_key(job_id), "entry")
                # The commands fail independently: a full Redis cannot count, but still returns the status.
                counted, *found = await pipeline.execute(raise_on_error=False)
        except (RedisError, OSError) as error:
            self._availability.failed(error)
            return Asked(self._count_here(key_id, per_minute), None)
        finally:
            self._trying = False
        self._availability.answered()
        if isinstance(counted, Exception):
            await self._teach(counted)
            rate = self._count_here(key_id, per_minute)
        else:
            used_us, fits = counted
            rate = _rate(per_minute, float(used_us) / 1e6, fits=bool(fits))
        entry = parse_entry(found[0]) if found and isinstance(found[0], str) else None
        return Asked(rate, entry)

    async def _teach(self, error: Exception) -> None:
        """Loads the script again if Redis was restarted and has lost it."""
        if isinstance(error, NoScriptError) and self._client is not None:
            try:
                await self._client.script_load(_COUNT)
            except (RedisError, OSError) as failure:
                self._availability.failed(failure)

    async def ping(self) -> Literal["ok", "away", "not_configured"]:
        """Whether Redis answers now, regardless of a pause."""
        if self._client is None:
            return "not_configured"
        try:
            await self._client.ping()
        except (RedisError, OSError) as error:
            self._availability.failed(error)
            return "away"
        return "ok"

    async def close(self) -> None:
        if self._client is not None:
            await self._client.aclose()

    def _count_here(self, key_id: str, per_minute: int) -> Rate:
        now = self._monotonic()
        used_s = max(0.0, self._local.get(key_id, 0.0) - now)
        fits = used_s + WINDOW_S / per_minute <= WINDOW_S
        if fits:
            used_s += WINDOW_S / per_minute
            if len(self._local) >= _MAX_LOCAL:
                self._local = {key: until for key, until in self._local.items() if until > now}
            self._local[key_id] = now + used_s
        return _rate(per_minute, used_s, fits=fits)

    def _may_try(self) -> bool:
        if not self._availability.away:
            return True
        # After an outage one request tries Redis; the others do not wait for it.
        if self._trying or self._availability.paused:
            return False
        self._trying = True
        return True


def _rate(limit: int, used_s: float, *, fits: bool) -> Rate:
    cost_s = WINDOW_S / limit
    remaining = int((WINDOW_S - used_s) / cost_s + 1e-6) if fits else 0
    return Rate(limit, remaining, reset_s=used_s, retry_after_s=0.0 if fits else max(used_s + cost_s - WINDOW_S, 0.001))
