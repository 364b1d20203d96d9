"""Dagster's code server with preloaded runs: `python -m resources.warm_code_server api grpc ...`.

Dagster starts each run in a fresh interpreter, which imports Dagster and the definitions for seconds before it does
anything. Here runs are forked from a process that has imported them and does nothing else: multiprocessing's own
forkserver instead of its `spawn`, with the same isolation, as each run is still a process of its own
(docs/decisions/0018-warm-runs.md).

It also survives a database outage: Dagster's thread that monitors the processes of runs ends with the first error,
after which dead runs are not detected any more, and the server never ends when it is asked to.
"""

from __future__ import annotations

import logging
import multiprocessing
import time
from multiprocessing import forkserver
from typing import Any

from dagster._cli import main
from dagster._grpc import server

RUNS_MAY_TAKE_S = 20.0
"""How long a terminating server waits for its runs. It starts none meanwhile; runs it ends are executed again."""
_log = logging.getLogger(__name__)
# Only imports happen there: no threads or connections, which a fork would copy in an undefined state.
_PRELOADED = ("dagster._cli", "dagster._grpc.server", "dagster._grpc.impl")


class WarmApiServer(server.DagsterApiServer):
    """Starts runs from the forkserver, which has loaded its modules some seconds after this server has started."""

    _told_to_end_at: float | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        origin = options["loadable_target_origin"]
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_PRELOADED, *filter(None, [origin.module_name])])
        self._mp_ctx = context  # type: ignore[assignment]
        forkserver.ensure_running()

    def _check_for_orphaned_runs(self) -> None:
        """Every half second, in a thread of its own: detects runs whose processes have ended."""
        try:
            super()._check_for_orphaned_runs()
        except Exception:  # noqa: BLE001 - the next check may succeed, whatever failed
            _log.exception("the check for dead runs failed and will be repeated")
        if self._shutdown_once_executions_finish_event.is_set():
            if self._told_to_end_at is None:
                self._told_to_end_at = time.monotonic()
            if time.monotonic() - self._told_to_end_at >= RUNS_MAY_TAKE_S:
                self._server_termination_event.set()


if __name__ == "__main__":
    server.DagsterApiServer = WarmApiServer  # type: ignore[misc]
    main()  # type: ignore[no-untyped-call]
