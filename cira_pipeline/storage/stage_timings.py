"""How long stages take, counted in classes: a few dozen rows, however many jobs there were and whoever ran them."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass

from sqlalchemy import Connection, text

from cira_pipeline.jobs import Stage
from cira_pipeline.storage.database import Database

CLASSES_S = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, math.inf)
"""Longest of each class, in seconds."""

_COUNT = text("""
    INSERT INTO cira.stage_timings (stage, up_to_s, runs, seconds) VALUES (:stage, :up_to_s, 1, :seconds)
    ON CONFLICT (stage, up_to_s) DO UPDATE
    SET runs = stage_timings.runs + 1, seconds = stage_timings.seconds + excluded.seconds
""")


@dataclass(frozen=True)
class Timing:
    """`runs` of each class of CLASSES_S, those of shorter classes not included; `seconds` of all together."""

    runs: tuple[int, ...]
    seconds: float


class StageTimings:
    """Thread-safe. Raises: StoreUnavailable."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def note(self, stage: Stage, seconds: float) -> None:
        """Counts one run of a stage that took `seconds`."""
        up_to_s = CLASSES_S[bisect_left(CLASSES_S, seconds)]
        with self._database.single() as connection:
            connection.execute(_COUNT, {"stage": stage, "up_to_s": up_to_s, "seconds": seconds})


def timings(connection: Connection) -> Mapping[Stage, Timing]:
    """Every stage is there. Classes that an earlier version had count in the next longer one of today."""
    runs = {stage: [0] * len(CLASSES_S) for stage in Stage}
    seconds = dict.fromkeys(Stage, 0.0)
    for row in connection.execute(text("SELECT stage, up_to_s, runs, seconds FROM cira.stage_timings")):
        runs[Stage(row.stage)][bisect_left(CLASSES_S, row.up_to_s)] += row.runs
        seconds[Stage(row.stage)] += row.seconds
    return {stage: Timing(tuple(runs[stage]), seconds[stage]) for stage in Stage}
