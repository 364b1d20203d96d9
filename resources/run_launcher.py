"""Dagster's default launcher with a health check: a run whose process is gone is detected and ended.

The code server that started a run reports its crash at once. When the code server itself went down with its runs (a
killed container, a restarted machine), there is no such report, and Dagster shows the run as started for ever. Run
monitoring asks this launcher (docs/decisions/0004-dead-runs.md).
"""

from __future__ import annotations

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

from resources.heartbeat import HeartbeatTimeout

_ANSWER_TIMEOUT_S = 5


class WatchfulRunLauncher(DefaultRunLauncher):
    """Launches runs through the code server; a run that its code server does not know is not running.

    A code server that does not answer may be busy or restarting, and its runs may be alive: they get a grace period
    (heartbeat.py).
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._heartbeat_timeout = HeartbeatTimeout()

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            # Finished meanwhile, which monitoring sees by itself, or never launched by a code server.
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, msg="No code server is recorded for this run.")
        try:
            answer = deserialize_value(
                client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=_ANSWER_TIMEOUT_S),
                CanCancelExecutionResult,
            )
        except DagsterUserCodeUnreachableError:
            return self._unreachable(run.run_id)
        self._heartbeat_timeout.heard_from(run.run_id)
        if answer.can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            msg="The code server was restarted and does not know this run: its process is gone.",
        )

    def _unreachable(self, run_id: str) -> CheckRunHealthResult:
        if not self._heartbeat_timeout.expired(run_id):
            return CheckRunHealthResult(WorkerStatus.RUNNING, msg="The code server does not answer.")
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            msg=f"The run's code server has not answered for {self._heartbeat_timeout.grace_s:.0f} s.",
        )
