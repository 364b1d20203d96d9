"""What a server asks for in `Retry-After`, in seconds."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime


def retry_after_s(header: str | None, *, now: datetime | None = None) -> float | None:
    """Seconds to wait, from a `Retry-After` header (RFC 9110, 10.2.3): a number of seconds or an HTTP date.

    `None` when the header is absent or says nothing usable; a date that has passed is 0. `now` is aware.
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
