"""Stage durations as a histogram: a few dozen rows, however many jobs there were and whichever process ran them."""

from __future__ import annotations

import logging
import math
import threading
import time
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from sqlalchemy import Connection, text

from cira_pipeline.db.database import Database
from cira_pipeline.errors import StoreUnavailable
from cira_pipeline.jobs import Stage

CLASSES_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, math.inf)
"""Upper bounds of the histogram's buckets, in seconds."""

KEPT_EVERY_S = 5.0

_log = logging.getLogger(__name__)
_COUNT = text("""
    INSERT INTO cira.stage_timings (stage, up_to_s, runs, seconds) VALUES (:stage, :up_to_s, :runs, :seconds)
    ON CONFLICT (stage, up_to_s) DO UPDATE
    SET runs = stage_timings.runs + excluded.runs, seconds = stage_timings.seconds + excluded.seconds
""")


@dataclass(frozen=True)
class Timing:
    """Histogram of one stage: `runs` by bucket of CLASSES_S, not cumulative; `seconds` is the sum of all."""

    runs: tuple[int, ...]
    seconds: float


class StageTimings:
    """Collects stage durations. Thread-safe. Written every few seconds and by `keep`, as all runs share these rows.

    Never interrupts work: without PostgreSQL the durations are written later.
    """

    def __init__(self, database: Database, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self._database = database
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._noted: dict[tuple[Stage, float], _Noted] = {}
        self._kept_at = monotonic()

    def note(self, stage: Stage, seconds: float) -> None:
        """Counts one run of a stage that took `seconds`."""
        up_to_s = CLASSES_S[bisect_left(CLASSES_S, seconds)]
        with self._lock:
            self._add({(stage, up_to_s): _Noted(1, seconds)})
            due = self._monotonic() - self._kept_at >= KEPT_EVERY_S
        if due:
            self.keep()

    def keep(self) -> None:
        """Writes the collected durations."""
        with self._lock:
            noted, self._noted = self._noted, {}
            self._kept_at = self._monotonic()
        # One order for all writers, so that concurrent writers cannot deadlock.
        rows = [
            {"stage": stage, "up_to_s": up_to_s, "runs": of_class.runs, "seconds": of_class.seconds}
            for (stage, up_to_s), of_class in sorted(noted.items())
        ]
        if not rows:
            return
        try:
            with self._database.begin() as connection:
                connection.execute(_COUNT, rows)
        except StoreUnavailable as error:
            _log.warning("stage durations could not be stored and are kept for the next attempt: %s", error)
            with self._lock:
                self._add(noted)

    def _add(self, noted: Mapping[tuple[Stage, float], _Noted]) -> None:
        for key, more in noted.items():
            before = self._noted.get(key, _Noted(0, 0.0))
            self._noted[key] = _Noted(before.runs + more.runs, before.seconds + more.seconds)


class _Noted(NamedTuple):
    runs: int
    seconds: float


def timings(connection: Connection) -> Mapping[Stage, Timing]:
    """Histogram of every stage. Buckets of an earlier version count in the next longer current one."""
    runs = {stage: [0] * len(CLASSES_S) for stage in Stage}
    seconds = dict.fromkeys(Stage, 0.0)
    for row in connection.execute(text("SELECT stage, up_to_s, runs, seconds FROM cira.stage_timings")):
        runs[Stage(row.stage)][bisect_left(CLASSES_S, row.up_to_s)] += row.runs
        seconds[Stage(row.stage)] += row.seconds
    return {stage: Timing(tuple(runs[stage]), seconds[stage]) for stage in Stage}
