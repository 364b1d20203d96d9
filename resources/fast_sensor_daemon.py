"""Dagster's daemon with a faster sensor loop: `python -m resources.fast_sensor_daemon run ...`.

Dagster checks every five seconds whether a sensor's interval is over, whatever the interval is; an interval of five
seconds is then missed by a hair every other time. A client that submits a single invoice waits for just that.

Dagster also opens two connections for each event, among them the events of creating a run: several for each invoice.
"""

from __future__ import annotations

from typing import Any

from dagster import DagsterInstance
from dagster._daemon import cli, sensor

from cira_pipeline.settings import Settings
from resources.event_batches import keep_connections

LEAST_S = 1.0
"""Minimum pause of the loop: each iteration costs queries of Dagster's own, one of them for the names of all tables."""


def look_as_often_as(interval_s: float) -> None:
    """Checks twice in an interval, so that none is missed by much."""
    sensor.MIN_INTERVAL_LOOP_TIME = min(sensor.MIN_INTERVAL_LOOP_TIME, max(interval_s / 2, LEAST_S))  # type: ignore[assignment]


def open_connections_once() -> None:
    """Keeps the daemon's connections open, like those of a run and of the webserver."""
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
