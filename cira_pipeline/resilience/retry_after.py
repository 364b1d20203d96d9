"""Parses the wait in seconds that a server asks for, from any of the headers in use."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

_DURATION = re.compile(r"(?:(\d+)h)?(?:(\d+)m(?!s))?(?:(\d+(?:\.\d+)?)s)?(?:(\d+)ms)?")
_LIMITED = ("requests", "tokens")


def retry_after_s(header: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a `Retry-After` header (RFC 9110, 10.2.3): a number of seconds or an HTTP date.

    `None` when the header is absent or unusable; 0 for a date that has passed. `now` is timezone-aware.
    """
    text = (header or "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    try:
        when = parsedate_to_datetime(text)
    except ValueError:
        return None
    if when.tzinfo is None:
        when = when.replace(tzinfo=UTC)
    return max(0.0, (when - (now or datetime.now(UTC))).total_seconds())


def wait_asked_for_s(headers: Mapping[str, str]) -> float | None:
    """Wait after a refusal: `retry-after-ms`, else `Retry-After`, else the time until the used-up limit is reset.

    Azure sends the first two, OpenAI and some gateways only the last. `None` without any of them.
    """
    milliseconds = headers.get("retry-after-ms", "").strip()
    if re.fullmatch(r"\d+(\.\d+)?", milliseconds):
        return float(milliseconds) / 1000
    wait = retry_after_s(headers.get("retry-after"))
    return wait if wait is not None else used_up_for_s(headers)


def used_up_for_s(headers: Mapping[str, str]) -> float | None:
    """Seconds until a limit that `x-ratelimit-remaining-*` reports as used up is reset by `x-ratelimit-reset-*`."""
    resets = [
        wait
        for limited in _LIMITED
        # Some deployments send -1, which means that they do not count.
        if headers.get(f"x-ratelimit-remaining-{limited}", "").strip() == "0"
        and (wait := _duration_s(headers.get(f"x-ratelimit-reset-{limited}", ""))) is not None
    ]
    return max(resets, default=None)


def _duration_s(text: str) -> float | None:
    """Parses `17`, `17.5`, `250ms`, `6m0s`, `1h0m0s`; numbers alone are seconds."""
    text = text.strip()
    if re.fullmatch(r"\d+(\.\d+)?", text):
        return float(text)
    match = _DURATION.fullmatch(text)
    if not text or match is None:
        return None
    hours, minutes, seconds, milliseconds = (float(part or 0) for part in match.groups())
    return 3600 * hours + 60 * minutes + seconds + milliseconds / 1000
