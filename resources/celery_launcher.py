"""Dagster's Celery launcher with a health check for lost workers (docs/decisions/0004-dead-runs.md).

Celery keeps a task as started for ever when the worker that executes it dies as a whole, for instance with its machine.
Run monitoring asks this launcher, which asks the workers themselves.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dagster import DagsterRun, Field
from dagster._core.launcher import CheckRunHealthResult, WorkerStatus
from dagster._serdes import ConfigurableClassData
from dagster_celery.launcher import CeleryRunLauncher
from dagster_celery.tags import DAGSTER_CELERY_TASK_ID_TAG

from cira_pipeline.settings import Settings
from resources.celery_workers import RUN_QUEUE, celery_arguments
from resources.heartbeat import GRACE_S, HeartbeatTimeout

_ANSWER_TIMEOUT_S = 3.0


class WatchfulCeleryRunLauncher(CeleryRunLauncher):
    """Launches runs as Celery tasks; broker and backend come from CIRA's settings.

    A run that no worker reports may belong to a living worker that is cut off for a moment: it is given
    `unreachable_grace_seconds` (heartbeat.py).
    """

    def __init__(self, unreachable_grace_s: float, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(default_queue=RUN_QUEUE, inst_data=inst_data, **celery_arguments(Settings()))
        self._heartbeat_timeout = HeartbeatTimeout(unreachable_grace_s)

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        task_id = run.tags.get(DAGSTER_CELERY_TASK_ID_TAG)
        if task_id is None:
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, msg="No Celery task is recorded for this run.")
        state = self.celery.AsyncResult(task_id).state
        if state == "SUCCESS":
            return CheckRunHealthResult(WorkerStatus.SUCCESS)
        if state in ("FAILURE", "REVOKED"):
            return CheckRunHealthResult(WorkerStatus.FAILED, msg=f"The Celery task of this run ended as {state}.")
        if self._is_claimed(task_id):
            self._heartbeat_timeout.heard_from(run.run_id)
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return self._unclaimed(run.run_id)

    def terminate(self, run_id: str) -> bool:
        """Ends the process that executes the run; run monitoring then marks the run as ended."""
        run = self._instance.get_run_by_id(run_id)
        if run is None or DAGSTER_CELERY_TASK_ID_TAG not in run.tags:
            return False
        self._instance.report_run_canceling(run)
        return super().terminate(run_id)

    def _is_claimed(self, task_id: str) -> bool:
        """Whether a worker reports that it has the task, active or reserved."""
        answers = self.celery.control.inspect(timeout=_ANSWER_TIMEOUT_S).query_task([task_id]) or {}
        return any(task_id in known for known in answers.values())

    def _unclaimed(self, run_id: str) -> CheckRunHealthResult:
        if not self._heartbeat_timeout.expired(run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING, msg="No worker reports this run.")
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            msg=f"No worker has reported this run for {self._heartbeat_timeout.grace_s:.0f} s: its process is gone.",
        )

    @classmethod
    def config_type(cls) -> Mapping[str, Any]:
        return {
            "unreachable_grace_seconds": Field(
                float, is_required=False, default_value=GRACE_S, description="seconds before a run is given up"
            )
        }

    @classmethod
    def from_config_value(
        cls, inst_data: ConfigurableClassData, config_value: Mapping[str, Any]
    ) -> WatchfulCeleryRunLauncher:
        return cls(config_value["unreachable_grace_seconds"], inst_data=inst_data)
