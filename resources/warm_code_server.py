"""Dagster's code server, whose runs need not load everything anew: `python -m resources.warm_code_server api grpc ...`.

Dagster starts each run in a fresh interpreter, which imports Dagster and the definitions for seconds before it does
anything. Here runs are forked from a process that has imported them and does nothing else: multiprocessing's own
forkserver instead of its `spawn`, with the same isolation, for each run still is a process of its own
(docs/decisions/0018-warm-runs.md).
"""

from __future__ import annotations

import multiprocessing
from multiprocessing import forkserver
from typing import Any

from dagster._cli import main
from dagster._grpc import server

# Importing is all that happens there: no thread, no connection, nothing that a fork would leave half a copy of.
_PRELOADED = ("dagster._cli", "dagster._grpc.server", "dagster._grpc.impl")


class WarmApiServer(server.DagsterApiServer):
    """Starts runs from the forkserver, which is warm some seconds after this server is."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        origin = options["loadable_target_origin"]
        context = multiprocessing.get_context("forkserver")
        context.set_forkserver_preload([*_PRELOADED, *filter(None, [origin.module_name])])
        self._mp_ctx = context  # type: ignore[assignment]
        forkserver.ensure_running()


if __name__ == "__main__":
    server.DagsterApiServer = WarmApiServer  # type: ignore[misc]
    main()  # type: ignore[no-untyped-call]
