"""Writes a run's materialisations to Dagster's event log several at a time.

docs/decisions/0005-dagster-durability.md explains benefit and risk.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import dagster as dg
from dagster._core.events import DagsterEventBatchMetadata, DagsterEventType

# Dagster opens a connection for each event, unless it is told that a process writes many.

# Generous: only a broken database takes longer for a statement of Dagster's, and then the run may as well fail.
_STATEMENT_TIMEOUT_MS = 300_000
_RECYCLE_S = 1_800
_MOST_BEYOND_ONE = 20


def keep_connections(instance: dg.DagsterInstance) -> None:
    """Keeps one connection open for each of Dagster's stores while `instance` lives, as its webserver does.

    Opening one costs more than writing an event (docs/decisions/0005-dagster-durability.md). Each write is committed
    before the next, so what Dagster shows is as current as before.
    """
    instance.optimize_for_webserver(
        statement_timeout=_STATEMENT_TIMEOUT_MS, pool_recycle=_RECYCLE_S, max_overflow=_MOST_BEYOND_ONE
    )


LATEST_S = 0.5
"""Maximum delay of a finished materialisation in Dagster's event log, provided that `write_old` is called in time."""


class MaterializationBatches:
    """Buffers materialisations for a moment and writes them by asset, as batches in Dagster's own format.

    A single one takes three statements and two transactions, as does a whole batch. Not thread-safe: the events of a
    step come from one thread.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._hand_on = instance.handle_new_event
        self._held: list[dg.EventLogEntry] = []
        self._held_since = 0.0

    def handle_new_event(
        self, event: dg.EventLogEntry, *, batch_metadata: DagsterEventBatchMetadata | None = None
    ) -> None:
        """Replaces the instance's own method. Every other event is written at once."""
        if batch_metadata is not None or event.dagster_event_type is not DagsterEventType.ASSET_MATERIALIZATION:
            self._hand_on(event, batch_metadata=batch_metadata)
            return
        if not self._held:
            self._held_since = time.monotonic()
        self._held.append(event)

    def write_old(self) -> None:
        """Writes the buffer when its oldest event has waited for `LATEST_S`."""
        if self._held and time.monotonic() - self._held_since >= LATEST_S:
            self.write()

    def write(self) -> None:
        held, self._held = self._held, []
        # Dagster stores an asset's newest materialisation beside its events, and takes it from the end of a batch.
        by_asset = defaultdict[dg.AssetKey | None, list[dg.EventLogEntry]](list)
        for event in held:
            by_asset[event.get_dagster_event().asset_key].append(event)
        for events in by_asset.values():
            batch_id = str(uuid4())
            for event in events:
                self._hand_on(event, batch_metadata=DagsterEventBatchMetadata(batch_id, event is events[-1]))


@contextmanager
def materialization_batches(instance: dg.DagsterInstance) -> Iterator[MaterializationBatches]:
    """Buffers the materialisations of this process's run inside the block; all are written at its end."""
    batches = MaterializationBatches(instance)
    instance.handle_new_event = batches.handle_new_event  # type: ignore[method-assign]
    try:
        yield batches
    finally:
        del instance.handle_new_event
        batches.write()
