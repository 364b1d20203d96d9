"""Dagster's daemon wakes when a sensor's interval is over, and opens its connections once."""

from __future__ import annotations

import inspect
import threading
from logging import getLogger
from typing import Any, cast

import pytest
from dagster._daemon import cli, sensor

from resources import fast_sensor_daemon as prompt_daemon
from resources.fast_sensor_daemon import look_as_often_as, open_connections_once


class Sleeps(threading.Event):
    """Notes how long Dagster's own loop would sleep, and does not."""

    def __init__(self) -> None:
        super().__init__()
        self.seconds: list[float] = []

    def wait(self, timeout: float | None = None) -> bool:
        self.seconds.append(timeout or 0)
        return False


@pytest.mark.parametrize(("interval_s", "longest_s"), [(1, 1), (2, 1), (5, 2.5), (60, 5)])
def test_the_daemon_wakes_twice_in_the_interval_of_the_sensor(
    monkeypatch: pytest.MonkeyPatch, interval_s: int, longest_s: float
) -> None:
    monkeypatch.setattr(sensor, "MIN_INTERVAL_LOOP_TIME", 5)
    monkeypatch.setattr(sensor, "execute_sensor_iteration", lambda *_arguments, **_options: iter(()))
    look_as_often_as(interval_s)
    sleeps = Sleeps()
    loop = sensor.execute_sensor_iteration_loop(cast(Any, None), getLogger(), sleeps)
    while not sleeps.seconds:
        next(loop)
    assert 0 < sleeps.seconds[0] <= longest_s
    loop.close()


def test_the_daemon_keeps_its_connections_before_it_begins(monkeypatch: pytest.MonkeyPatch) -> None:
    happened: list[tuple[str, object]] = []
    monkeypatch.setattr(prompt_daemon, "keep_connections", lambda instance: happened.append(("kept", instance)))
    monkeypatch.setattr(
        cli, "daemon_controller_from_instance", lambda instance, **_options: happened.append(("begun", instance))
    )
    open_connections_once()
    command = inspect.unwrap(cli._daemon_run_command)
    assert "daemon_controller_from_instance" in command.__code__.co_names, "Dagster calls it by this name"
    cast(Any, cli).daemon_controller_from_instance("instance")
    assert happened == [("kept", "instance"), ("begun", "instance")]
