"""Rate limiter for requests and tokens per minute of a deployment, shared by all processes through Redis.

Tokens are counted like the provider's limiter counts them: the request's estimate and the longest answer allowed. A
pause that the provider asks for (`Retry-After`, `x-ratelimit-reset-*`) applies to all processes. Without Redis, or
during its outage, each process applies the whole limit by itself, and the provider's 429 enforces the rest.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable

import redis
from limits import RateLimitItem, RateLimitItemPerSecond
from limits.storage import MemoryStorage, RedisStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from cira_pipeline.errors import ModelRateLimited
from cira_pipeline.resilience.shared_redis import SharedRedis

ASKED_AGAIN_S = 0.5
"""Maximum interval at which a waiting caller checks again."""
LONGEST_PAUSE_S = 120.0
"""Maximum pause after which a provider is asked again: the header may be wrong, or the quota raised meanwhile."""


class RateLimiter:
    """Rate limits of one deployment, `None` for none. Thread-safe.

    `name` is the key under which processes share the count. `period_s` is the window of the limits, in seconds.
    """

    def __init__(
        self,
        name: str,
        redis_url: str | None = None,
        *,
        requests: int | None = None,
        tokens: int | None = None,
        period_s: int = 60,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self.name = name
        self._requests = RateLimitItemPerSecond(requests, period_s, "cira") if requests else None
        self._tokens = RateLimitItemPerSecond(tokens, period_s, "cira") if tokens else None
        self._monotonic = monotonic
        self._sleep = sleep
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._own_lock = threading.Lock()
        self._shared: SlidingWindowCounterRateLimiter | None = None
        self._paused_until = 0.0
        self._redis = SharedRedis(redis_url, f"limits of {name}: each process counts alone", monotonic=monotonic)
        if redis_url and self._redis.client is not None:
            storage = RedisStorage(redis_url, self._redis.client.connection_pool, key_prefix="cira:rate")
            self._shared = SlidingWindowCounterRateLimiter(storage)

    def wait_for_turn(self, tokens: int, *, longest_wait_s: float) -> None:
        """Waits until a request of `tokens` tokens is allowed, and counts it.

        Raises: ModelRateLimited as soon as it is known that the wait would exceed `longest_wait_s`.
        """
        ends = self._monotonic() + longest_wait_s
        while True:
            paused_s = self._paused_s()
            if paused_s <= 0 and self._taken(tokens):
                return
            wait_s = max(paused_s, ASKED_AGAIN_S * random.uniform(0.3, 1.0))  # noqa: S311 - no secret
            if self._monotonic() + wait_s >= ends:
                raise ModelRateLimited(
                    f"{self.name}: the quota of requests or tokens of this minute is used up", retry_after_s=wait_s
                )
            self._sleep(wait_s)

    def pause(self, seconds: float) -> None:
        """Pauses all callers for `seconds`, as the provider asked."""
        seconds = min(seconds, LONGEST_PAUSE_S)
        if seconds <= 0:
            return
        self._paused_until = max(self._paused_until, self._monotonic() + seconds)

        def pause_all(client: redis.Redis) -> None:
            milliseconds = max(1, int(seconds * 1000))
            if _milliseconds_left(client, self._pause_key) < milliseconds:
                client.set(self._pause_key, 1, px=milliseconds)

        self._redis.ask(pause_all)

    def close(self) -> None:
        """Closes the connections to Redis."""
        self._redis.close()

    @property
    def _pause_key(self) -> str:
        return f"cira:rate:pause:{self.name}"

    def _paused_s(self) -> float:
        own_s = self._paused_until - self._monotonic()
        shared_ms = self._redis.ask(lambda client: _milliseconds_left(client, self._pause_key)) or 0
        return max(own_s, shared_ms / 1000, 0.0)

    def _taken(self, tokens: int) -> bool:
        if self._requests is None and self._tokens is None:
            return True
        shared = self._shared
        if shared is not None:
            taken = self._redis.ask(lambda _: self._hit(shared, tokens))
            if taken is not None:
                return taken
        with self._own_lock:
            return self._hit(self._own, tokens)

    def _hit(self, strategy: SlidingWindowCounterRateLimiter, tokens: int) -> bool:
        limits: list[tuple[RateLimitItem, str, int]] = []
        if self._tokens is not None:
            # A request larger than the whole limit is allowed when the window is empty: the provider decides.
            limits.append((self._tokens, "tokens", min(tokens, self._tokens.amount)))
        if self._requests is not None:
            limits.append((self._requests, "requests", 1))
        if not all(strategy.test(limit, self.name, kind, cost=cost) for limit, kind, cost in limits):
            return False
        # One may be counted and the other not, when another process was faster: then less is used, never more.
        return all(strategy.hit(limit, self.name, kind, cost=cost) for limit, kind, cost in limits)


def _milliseconds_left(client: redis.Redis, key: str) -> int:
    left = client.pttl(key)
    return left if isinstance(left, int) and left > 0 else 0
