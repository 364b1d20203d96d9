"""When a webhook that was not taken is tried again, and when it is given up."""

from __future__ import annotations

import random
from datetime import datetime, timedelta

FIRST_WAIT_S = 5.0
LONGEST_WAIT_S = 4 * 3600.0
_GROWTH = 1.5
_JITTER = 0.2


def next_attempt_at(
    now: datetime, owed_since: datetime, *, give_up_after_s: float, asked_for_s: float | None = None
) -> datetime | None:
    """Each wait is one and a half times as long as everything before it, up to four hours, more or less a fifth.

    So the time between attempts grows exponentially, also from a replay on, and receivers that were down are not met by
    all at once. Never sooner than the receiver asked for. `None`: the event is given up.
    """
    elapsed_s = max((now - owed_since).total_seconds(), 0.0)
    wait_s = min(max(FIRST_WAIT_S, _GROWTH * elapsed_s), LONGEST_WAIT_S)
    wait_s *= random.uniform(1 - _JITTER, 1 + _JITTER)  # noqa: S311 - no secret
    wait_s = max(wait_s, asked_for_s or 0.0)
    if elapsed_s + wait_s > give_up_after_s:
        return None
    return now + timedelta(seconds=wait_s)
