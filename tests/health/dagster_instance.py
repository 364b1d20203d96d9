"""Dagster's instance over a test's PostgreSQL, written to through Dagster's own API as its daemon does."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import dagster as dg
from dagster import DagsterRunStatus
from dagster._core.definitions.run_request import InstigatorType
from dagster._core.remote_origin import (
    RegisteredCodeLocationOrigin,
    RemoteInstigatorOrigin,
    RemoteRepositoryOrigin,
)
from dagster._core.scheduler.instigation import (
    InstigatorState,
    InstigatorStatus,
    SensorInstigatorData,
    TickData,
    TickStatus,
)
from dagster._core.test_utils import create_run_for_test
from dagster._daemon.types import DaemonHeartbeat
from dagster_shared.error import SerializableErrorInfo

from cira_pipeline.local_stack.dagster_home import dagster_storage_url

DAEMONS = ("SENSOR", "SCHEDULER", "QUEUED_RUN_COORDINATOR", "MONITORING", "EVENT_LOG_CONSUMER")


@dataclass
class Dagster:
    """`beat` and `tick` are what the daemon does; `stop` and `start` what a person does to a sensor."""

    instance: dg.DagsterInstance

    def works(self) -> Dagster:
        """As it is some seconds after its start."""
        self.beat()
        self.sensor("new_invoices")
        self.tick("new_invoices")
        return self

    def beat(self, *daemons: str, age_s: float = 0) -> None:
        for daemon in daemons or DAEMONS:
            self.instance.add_daemon_heartbeat(DaemonHeartbeat(time.time() - age_s, daemon, "a daemon", []))

    def sensor(self, name: str, status: InstigatorStatus = InstigatorStatus.DECLARED_IN_CODE) -> None:
        data = SensorInstigatorData(min_interval=5)
        state = InstigatorState(_origin(name), InstigatorType.SENSOR, status, data)
        known = self.instance.get_instigator_state(state.instigator_origin_id, state.selector_id)
        (self.instance.update_instigator_state if known else self.instance.add_instigator_state)(state)

    def stop(self, name: str) -> None:
        origin = _origin(name)
        self.instance.stop_sensor(origin.get_id(), origin.get_selector().get_id(), None)

    def tick(self, name: str, *, age_s: float = 0, status: TickStatus = TickStatus.SKIPPED) -> None:
        origin = _origin(name)
        self.instance.create_tick(
            TickData(
                instigator_origin_id=origin.get_id(),
                instigator_name=name,
                instigator_type=InstigatorType.SENSOR,
                status=status,
                timestamp=time.time() - age_s,
                error=SerializableErrorInfo("it failed", [], None) if status is TickStatus.FAILURE else None,
                selector_id=origin.get_selector().get_id(),
            )
        )

    def run(self, status: DagsterRunStatus) -> str:
        """A new run in this state; its id."""
        return str(create_run_for_test(self.instance, "process_invoices", status=status).run_id)

    def retried_by(self, run_id: str, retry_id: str) -> None:
        self.instance.add_run_tags(run_id, {"dagster/auto_retry_run_id": retry_id})


def _origin(name: str) -> RemoteInstigatorOrigin:
    location = RegisteredCodeLocationOrigin("cira")
    return RemoteInstigatorOrigin(RemoteRepositoryOrigin(location, "__repository__"), name)


@contextmanager
def dagster_over(postgres_url: str, folder: Path) -> Iterator[Dagster]:
    folder.mkdir(parents=True)
    storage = {"postgres": {"postgres_url": dagster_storage_url(postgres_url, relaxed=True)}}
    # JSON is YAML.
    (folder / "dagster.yaml").write_text(json.dumps({"storage": storage, "telemetry": {"enabled": False}}))
    with dg.DagsterInstance.from_config(str(folder)) as instance:
        yield Dagster(instance)
