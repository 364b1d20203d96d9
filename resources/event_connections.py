"""Dagster writes each event over a connection of its own, unless it is told that a process writes many."""

from __future__ import annotations

import dagster as dg

# Generous: a statement of Dagster's that takes longer is one of a broken database, and its run may as well fail.
_STATEMENT_TIMEOUT_MS = 300_000
_RECYCLE_S = 1_800
_MOST_BEYOND_ONE = 20


def keep_connections(instance: dg.DagsterInstance) -> None:
    """One connection for each of Dagster's stores stays open for the life of `instance`, as in its webserver.

    Opening one costs more than an event does (docs/decisions/0005-dagster-durability.md). Each write is committed
    before the next: what Dagster shows is as true as before.
    """
    instance.optimize_for_webserver(
        statement_timeout=_STATEMENT_TIMEOUT_MS, pool_recycle=_RECYCLE_S, max_overflow=_MOST_BEYOND_ONE
    )
