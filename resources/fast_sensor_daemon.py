"""Dagster's daemon for a busy queue and an empty one: `python -m resources.fast_sensor_daemon run ...`.

Dagster looks every five seconds whether a sensor's interval is over, whatever the interval is; one of five seconds is
then missed by a hair every other time. Who submits a single invoice waits for just that.

And it opens two connections for each event, also for those it writes when it creates a run: some for each invoice.
"""

from __future__ import annotations

from typing import Any

from dagster import DagsterInstance
from dagster._daemon import cli, sensor

from cira_pipeline.settings import Settings
from resources.event_batches import keep_connections

LEAST_S = 1.0
"""Each look costs queries of Dagster's own, among them one for the names of all tables."""


def look_as_often_as(interval_s: float) -> None:
    """Twice in an interval, so that none is missed by much."""
    sensor.MIN_INTERVAL_LOOP_TIME = min(sensor.MIN_INTERVAL_LOOP_TIME, max(interval_s / 2, LEAST_S))  # type: ignore[assignment]


def open_connections_once() -> None:
    """The daemon's connections stay open, like a run's and the webserver's."""
    commands: Any = cli
    begin = commands.daemon_controller_from_instance

    def with_connections_kept(instance: DagsterInstance, *arguments: Any, **options: Any) -> Any:
        keep_connections(instance)
        return begin(instance, *arguments, **options)

    commands.daemon_controller_from_instance = with_connections_kept


if __name__ == "__main__":
    look_as_often_as(Settings().sensor_interval_s)
    open_connections_once()
    cli.main()
