"""When a call is sent again: what surely did not arrive, what was refused for now, and what does no harm twice."""

from __future__ import annotations

import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import httpx

from ..errors import CiraError, ServiceUnreachable
from ..resilience.retry_after import retry_after_s
from ..shown_url import shown_url
from .calls import Call

AsyncSleep = Callable[[float], Awaitable[None]]
SyncSleep = Callable[[float], None]

_NEVER_ARRIVED = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_MAY_PASS = frozenset({408, 502, 503, 504})
_TOO_MANY = 429


@dataclass(frozen=True)
class Patience:
    """How long a call may take: each try `timeout_s`, `attempts` tries, between them a pause that doubles from
    `first_pause_s` (with jitter), or what `Retry-After` says if that is at most `longest_pause_s`."""

    timeout_s: float = 30.0
    attempts: int = 4
    first_pause_s: float = 0.5
    longest_pause_s: float = 60.0

    def timeout(self) -> httpx.Timeout:
        return httpx.Timeout(self.timeout_s, connect=min(self.timeout_s, 10.0))

    def pause_s(
        self, tried: int, call: Call[Any], failure: CiraError, *, jitter: Callable[[], float] = random.random
    ) -> float | None:
        """Seconds until the call is sent again after `tried` tries; `None`: it is not."""
        if tried >= self.attempts or not _worth_it(call, failure):
            return None
        asked_for = failure.detail.get("retry_after_s")
        if isinstance(asked_for, int | float):
            return asked_for if asked_for <= self.longest_pause_s else None
        pause_s: float = self.first_pause_s * 2 ** (tried - 1)
        return min(self.longest_pause_s, pause_s * (0.5 + jitter()))


def no_answer(base_url: str, call: Call[Any], error: httpx.RequestError) -> CiraError:
    """For a call that got no answer, whatever the reason."""
    arrived = not isinstance(error, _NEVER_ARRIVED)
    unknown = "; whether it was done is not known" if arrived and not call.repeatable else ""
    return ServiceUnreachable(
        f"{shown_url(base_url)} does not answer ({type(error).__name__}){unknown}", never_arrived=not arrived
    )


def refused(response: httpx.Response, failure: CiraError) -> CiraError:
    """`failure`, with what the answer says about a next time."""
    failure.detail["status"] = response.status_code
    after_s = retry_after_s(response.headers.get("retry-after"))
    if after_s is not None:
        failure.detail["retry_after_s"] = after_s
    return failure


def _worth_it(call: Call[Any], failure: CiraError) -> bool:
    status = failure.detail.get("status")
    if status == _TOO_MANY:
        # Refused before anything was done. A day's quota is not waited for.
        return failure.code != "quota_exhausted"
    if failure.detail.get("never_arrived"):
        return True
    return call.repeatable and (status in _MAY_PASS or "never_arrived" in failure.detail)
