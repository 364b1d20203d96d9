"""Optional Redis shared by processes: after a failure it is skipped for a while, and each process works without it."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable
from typing import Any, TypeVar

import redis

from cira_pipeline.errors import ConfigurationError

T = TypeVar("T")

_log = logging.getLogger(__name__)

TIMEOUT_S = 1.0
PAUSE_S = 10.0
"""How long a Redis that did not answer is skipped, in seconds."""


class Availability:
    """Availability of Redis by its last answers or failures. Thread-safe.

    `meanwhile`: what applies during an outage, for the log, which has one line at its beginning and one at its end.
    """

    def __init__(self, meanwhile: str, pause_s: float, monotonic: Callable[[], float]) -> None:
        self.away = False
        self.failures = 0
        self._meanwhile = meanwhile
        self._pause_s = pause_s
        self._monotonic = monotonic
        self._asked_again_at = 0.0
        self._lock = threading.Lock()

    @property
    def paused(self) -> bool:
        return self._monotonic() < self._asked_again_at

    def failed(self, error: Exception) -> None:
        with self._lock:
            self.failures += 1
            self._asked_again_at = self._monotonic() + self._pause_s
            first, self.away = not self.away, True
        if first:
            _log.warning("Redis is away (%s); %s", error, self._meanwhile)

    def answered(self) -> None:
        if self.away:
            with self._lock:
                back, self.away = self.away, False
            if back:
                _log.warning("Redis is back after %d failed calls (until now %s)", self.failures, self._meanwhile)


class SharedRedis(Availability):
    """A Redis that several processes use, or none without a URL. `options` are those of `redis.Redis`.

    Raises: ConfigurationError when `redis_url` is invalid.
    """

    def __init__(
        self,
        redis_url: str | None,
        meanwhile: str,
        *,
        timeout_s: float = TIMEOUT_S,
        pause_s: float = PAUSE_S,
        monotonic: Callable[[], float] = time.monotonic,
        **options: Any,
    ) -> None:
        super().__init__(meanwhile, pause_s, monotonic)
        self.client: redis.Redis | None = None
        if redis_url:
            timeouts = {"socket_timeout": timeout_s, "socket_connect_timeout": timeout_s}
            try:
                self.client = redis.Redis.from_url(redis_url, **timeouts, **options)
            except ValueError:
                # Not chained: the cause may quote the URL with its password.
                raise ConfigurationError("CIRA_REDIS_URL is not a Redis URL; expected redis://host:6379/0") from None

    def ask(self, function: Callable[[redis.Redis], T]) -> T | None:
        """Result of `function` with the client; `None` when there is no Redis or it does not answer."""
        if self.client is None or self.paused:
            return None
        try:
            answer = function(self.client)
        except (redis.RedisError, OSError) as error:
            self.failed(error)
            return None
        self.answered()
        return answer

    def close(self) -> None:
        """Closes the connections."""
        if self.client is not None:
            self.client.close()
