"""Dagster's daemon, which looks at its sensors as often as they ask for: `python -m resources.prompt_daemon run ...`.

Dagster looks every five seconds whether a sensor's interval is over, whatever the interval is; one of five seconds is
then missed by a hair every other time. Who submits a single invoice waits for just that.
"""

from __future__ import annotations

from dagster._daemon import sensor
from dagster._daemon.cli import main

from cira_pipeline.settings import Settings

LEAST_S = 1.0
"""Each look asks PostgreSQL a dozen things, among them, by Dagster's own code, for the names of all tables."""


def look_as_often_as(interval_s: float) -> None:
    """Twice in an interval, so that none is missed by much."""
    sensor.MIN_INTERVAL_LOOP_TIME = min(sensor.MIN_INTERVAL_LOOP_TIME, max(interval_s / 2, LEAST_S))  # type: ignore[assignment]


if __name__ == "__main__":
    look_as_often_as(Settings().sensor_interval_s)
    main()
