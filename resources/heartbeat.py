"""How long a run whose worker does not answer is believed to live (docs/decisions/0004-dead-runs.md)."""

from __future__ import annotations

import time

GRACE_S = 60.0


class HeartbeatTimeout:
    """Since when each run has not been heard of. A run taken for dead too early would be done twice at once."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s
        self._since: dict[str, float] = {}

    def heard_from(self, run_id: str) -> None:
        """The run was heard of."""
        self._since.pop(run_id, None)

    def expired(self, run_id: str) -> bool:
        """The run was not heard of now; whether that has lasted longer than `grace_s` seconds."""
        since = self._since.setdefault(run_id, time.monotonic())
        return time.monotonic() - since >= self.grace_s
