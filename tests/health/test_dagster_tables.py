"""What Dagster itself writes is understood: its daemon's code ticks CIRA's own sensors, its API stops one of them."""

from __future__ import annotations

import logging

import pytest
from dagster._core.test_utils import create_test_daemon_workspace_context
from dagster._core.workspace.load_target import ModuleTarget
from dagster._daemon.sensor import execute_sensor_iteration

from cira_pipeline.health.dagster_tables import DagsterState, Instigator
from cira_pipeline.health.findings import findings
from cira_pipeline.settings import Settings
from tests.health.conftest import state_of
from tests.health.dagster_instance import Dagster


def planner(settings: Settings) -> Instigator:
    dagster = state_of(settings).dagster
    assert isinstance(dagster, DagsterState)
    [found] = [each for each in dagster.instigators if each.name == "new_invoices"]
    return found


def test_stopping_the_real_sensor_through_dagster_is_seen_and_starting_it_again_too(
    dagster: Dagster, settings: Settings, migrated_database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CIRA_POSTGRES_URL", migrated_database_url)
    monkeypatch.setenv("CIRA_HOME", str(settings.home))
    dagster.beat()
    instance = dagster.instance
    target = ModuleTarget("cira_pipeline.definitions", attribute=None, working_directory=None, location_name="cira")
    with create_test_daemon_workspace_context(target, instance) as workspace:
        [location] = workspace.create_request_context().code_locations
        [repository] = location.get_repositories().values()
        sensor = repository.get_sensor("new_invoices")
        list(
            execute_sensor_iteration(
                workspace, logging.getLogger("daemon"), threadpool_executor=None, submit_threadpool_executor=None
            )
        )
        ticked = planner(settings)
        assert (ticked.kind, ticked.running, ticked.failed_ticks) == ("sensor", True, 0)
        assert ticked.interval_s == Settings().sensor_interval_s
        assert ticked.last_tick_age_s is not None
        assert 0 <= ticked.last_tick_age_s < 300
        instance.stop_sensor(sensor.get_remote_origin_id(), sensor.selector_id, sensor)
        assert not planner(settings).running
        assert "sensor_stopped" in {each.code for each in findings(state_of(settings), settings)}
        instance.start_sensor(sensor)
        assert planner(settings).running
