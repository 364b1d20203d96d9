"""Dagster's default launcher, with the health check it lacks: a run whose process is gone is noticed and ended.

The code server that started a run reports its crash at once. When the code server itself went down with its runs (a
killed container, a restarted machine), nobody does, and Dagster shows the run as started for ever. Run monitoring asks
this launcher (docs/decisions/0004-dead-runs.md).
"""

from __future__ import annotations

import time

from dagster import DagsterRun
from dagster._core.errors import DagsterUserCodeUnreachableError
from dagster._core.launcher import CheckRunHealthResult, DefaultRunLauncher, WorkerStatus
from dagster._grpc.types import CanCancelExecutionRequest, CanCancelExecutionResult
from dagster._serdes import ConfigurableClassData, deserialize_value

UNREACHABLE_GRACE_S = 60.0
_ANSWER_TIMEOUT_S = 5


class WatchfulRunLauncher(DefaultRunLauncher):
    """Runs are started by the code server; a code server that does not know a run does not run it.

    A code server that does not answer may be busy or restarting, and its runs may live: they are given
    `UNREACHABLE_GRACE_S` seconds, for a run taken for dead too early would be done twice at once.
    """

    def __init__(self, inst_data: ConfigurableClassData | None = None) -> None:
        super().__init__(inst_data)
        self._unreachable_since: dict[str, float] = {}

    @property
    def supports_check_run_worker_health(self) -> bool:
        return True

    def check_run_worker_health(self, run: DagsterRun) -> CheckRunHealthResult:
        client = self._get_grpc_client_for_termination(run.run_id)  # type: ignore[no-untyped-call]
        if client is None:
            # Finished meanwhile, which monitoring sees for itself, or never launched by a code server.
            return CheckRunHealthResult(WorkerStatus.NOT_FOUND, msg="No code server is noted for this run.")
        try:
            answer = deserialize_value(
                client.can_cancel_execution(CanCancelExecutionRequest(run_id=run.run_id), timeout=_ANSWER_TIMEOUT_S),
                CanCancelExecutionResult,
            )
        except DagsterUserCodeUnreachableError:
            return self._unreachable(run.run_id)
        self._unreachable_since.pop(run.run_id, None)
        if answer.can_cancel:
            return CheckRunHealthResult(WorkerStatus.RUNNING)
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND,
            msg="The code server was started anew and does not know this run: its process is gone.",
        )

    def _unreachable(self, run_id: str) -> CheckRunHealthResult:
        since = self._unreachable_since.setdefault(run_id, time.monotonic())
        if time.monotonic() - since < UNREACHABLE_GRACE_S:
            return CheckRunHealthResult(WorkerStatus.RUNNING, msg="The code server does not answer.")
        return CheckRunHealthResult(
            WorkerStatus.NOT_FOUND, msg=f"The run's code server has not answered for {UNREACHABLE_GRACE_S:.0f} s."
        )
