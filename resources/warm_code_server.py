"""Dagster's code server, whose runs need not load everything anew: `python -m resources.warm_code_server api grpc ...`.

Dagster starts each run in a fresh interpreter, which imports Dagster and the definitions for seconds before it does
anything. Here runs are forked from a process that has imported them and does nothing else: multiprocessing's own
forkserver instead of its `spawn`, with the same isolation, for each run still is a process of its own
(docs/decisions/0018-warm-runs.md).

It also outlives a database that is away: Dagster's thread that looks after the processes of runs ends with the first
error it meets, and then no dead run is noticed any more, and the server never ends when it is told to.
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
"""So long a server that was told to end waits for its runs. Meanwhile it starts none; those it ends are done again."""
_log = logging.getLogger(__name__)
# Importing is all that happens there: no thread, no connection, nothing that a fork would leave half a copy of.
_PRELOADED = ("dagster._cli", "dagster._grpc.server", "dagster._grpc.impl")


class WarmApiServer(server.DagsterApiServer):
    """Starts runs from the forkserver, which is warm some seconds after this server is."""

    _told_to_end_at: float | None = None

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        origin = options["loadable_target_origin"]
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_PRELOADED, *filter(None, [origin.module_name])])
        self._mp_ctx = context  # type: ignore[assignment]
        forkserver.ensure_running()

    def _check_for_orphaned_runs(self) -> None:
        """Every half second, in a thread of its own: notes runs whose processes have ended."""
        try:
            super()._check_for_orphaned_runs()
        except Exception:  # noqa: BLE001 - whatever it is, the next look may go well
            _log.exception("looking for dead runs failed; it is tried again")
        if self._shutdown_once_executions_finish_event.is_set():
            if self._told_to_end_at is None:
                self._told_to_end_at = time.monotonic()
            if time.monotonic() - self._told_to_end_at >= RUNS_MAY_TAKE_S:
                self._server_termination_event.set()


if __name__ == "__main__":
    server.DagsterApiServer = WarmApiServer  # type: ignore[misc]
    main()  # type: ignore[no-untyped-call]
