"""A deployment's quota as Azure counts it: a request weighs its question and the longest answer it allows."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from tests.azure_standin.faults import Fault


@dataclass
class Quota:
    """`None` is no limit. Counted over a sliding window of `window_s` seconds, a minute at Azure."""

    requests_per_minute: int | None = None
    tokens_per_minute: int | None = None
    window_s: float = 60.0
    monotonic: Callable[[], float] = time.monotonic
    _taken: deque[tuple[float, int]] = field(default_factory=deque)
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def take(self, tokens: int) -> tuple[Fault | None, Mapping[str, str]]:
        """Counts a request; the 429 it gets when it is one too many, and the headers of the answer either way."""
        with self._lock:
            now = self.monotonic()
            while self._taken and self._taken[0][0] <= now - self.window_s:
                self._taken.popleft()
            refused = self._exceeded(tokens)
            if not refused:
                self._taken.append((now, tokens))
            headers = self._headers(now)
        if not refused:
            return None, headers
        wait = math.ceil(self._taken[0][0] + self.window_s - now) if self._taken else math.ceil(self.window_s)
        fault = Fault.rate_limited(max(wait, 1))
        return fault, headers | dict(fault.headers) | {f"x-ratelimit-reset-{refused}": f"{max(wait, 1)}"}

    def _exceeded(self, tokens: int) -> str:
        if self.requests_per_minute is not None and len(self._taken) + 1 > self.requests_per_minute:
            return "requests"
        used = sum(taken for _, taken in self._taken)
        # A single question above the limit could never be asked: Azure lets it through when nothing else runs.
        if self.tokens_per_minute is not None and used and used + tokens > self.tokens_per_minute:
            return "tokens"
        return ""

    def _headers(self, now: float) -> dict[str, str]:
        used = sum(taken for _, taken in self._taken)
        headers = {}
        for name, limit, spent in (
            ("requests", self.requests_per_minute, len(self._taken)),
            ("tokens", self.tokens_per_minute, used),
        ):
            if limit is not None:
                headers[f"x-ratelimit-limit-{name}"] = str(limit)
                headers[f"x-ratelimit-remaining-{name}"] = str(max(limit - spent, 0))
        return headers
