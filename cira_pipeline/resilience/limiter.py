"""How many requests and tokens a deployment is asked for in a minute, by all processes together through Redis.

Tokens are counted as the provider's limiter counts them: the question's estimate and the longest answer allowed. A
provider that asks for a pause (`Retry-After`, `x-ratelimit-reset-*`) gets it from all processes. Without Redis, or
while it is away, each process keeps to the whole limit by itself, and the provider's 429 says the rest.
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
"""How often one who waits for his turn looks again, at the most."""
LONGEST_PAUSE_S = 120.0
"""A provider that asks for more is asked again after this long: the header may be wrong, and the quota be raised."""


class RateLimiter:
    """The limits of one deployment, `None` for none. Thread-safe.

    `name` is the key under which processes share the count. `period_s` is the window the limits are for, a minute.
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
        """Returns when a request of so many tokens may be made; it is counted then.

        Raises: ModelRateLimited, without waiting to the end, when that would take longer than `longest_wait_s`.
        """
        ends = self._monotonic() + longest_wait_s
        while True:
            paused_s = self._paused_s()
            if paused_s <= 0 and self._taken(tokens):
                return
            wait_s = max(paused_s, ASKED_AGAIN_S * random.uniform(0.3, 1.0))  # noqa: S311 - no secret
            if self._monotonic() + wait_s >= ends:
                raise ModelRateLimited(
                    f"{self.name}: its requests or tokens of this minute are used up", retry_after_s=wait_s
                )
            self._sleep(wait_s)

    def pause(self, seconds: float) -> None:
        """Lets nobody ask for so long: the provider wants it."""
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
        """Lets go of the connections to Redis."""
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
            # A request larger than the whole limit may go when nothing else does: the provider decides.
            limits.append((self._tokens, "tokens", min(tokens, self._tokens.amount)))
        if self._requests is not None:
            limits.append((self._requests, "requests", 1))
        if not all(strategy.test(limit, self.name, kind, cost=cost) for limit, kind, cost in limits):
            return False
        # One may be taken and the other not, when another process was faster: then less is asked for, never more.
        return all(strategy.hit(limit, self.name, kind, cost=cost) for limit, kind, cost in limits)


def _milliseconds_left(client: redis.Redis, key: str) -> int:
    left = client.pttl(key)
    return left if isinstance(left, int) and left > 0 else 0
