"""Grace period of a run whose worker does not answer (docs/decisions/0004-dead-runs.md)."""

from __future__ import annotations

import time

GRACE_S = 60.0


class HeartbeatTimeout:
    """Tracks since when each run is silent. A run declared dead too early would be executed twice at once."""

    def __init__(self, grace_s: float = GRACE_S) -> None:
        self.grace_s = grace_s
        self._since: dict[str, float] = {}

    def heard_from(self, run_id: str) -> None:
        """Notes that the run is alive."""
        self._since.pop(run_id, None)

    def expired(self, run_id: str) -> bool:
        """Notes that the run is silent; returns whether that has lasted longer than `grace_s` seconds."""
        since = self._since.setdefault(run_id, time.monotonic())
        return time.monotonic() - since >= self.grace_s
