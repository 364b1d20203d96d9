"""A run's materialisations are written to Dagster's event log several at a time.

docs/decisions/0005-dagster-durability.md says what that is good for, and what it may cost.
"""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from uuid import uuid4

import dagster as dg
from dagster._core.events import DagsterEventBatchMetadata, DagsterEventType

# Dagster writes each event over a connection of its own, unless it is told that a process writes many.

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


LATEST_S = 0.5
"""Nothing that is finished is kept from Dagster's event log for longer, as long as `write_old` is called in time."""


class MaterializationBatches:
    """Holds materialisations back for a moment and hands them on together, by asset, as Dagster's own batches.

    One by one, each takes three statements and two transactions; of a batch, all of them together do. Not thread-safe:
    a step's events come from one thread.
    """

    def __init__(self, instance: dg.DagsterInstance) -> None:
        self._hand_on = instance.handle_new_event
        self._held: list[dg.EventLogEntry] = []
        self._held_since = 0.0

    def handle_new_event(
        self, event: dg.EventLogEntry, *, batch_metadata: DagsterEventBatchMetadata | None = None
    ) -> None:
        """In place of the instance's own. Every other event is written at once."""
        if batch_metadata is not None or event.dagster_event_type is not DagsterEventType.ASSET_MATERIALIZATION:
            self._hand_on(event, batch_metadata=batch_metadata)
            return
        if not self._held:
            self._held_since = time.monotonic()
        self._held.append(event)

    def write_old(self) -> None:
        """Writes what is held when the oldest of it has waited for `LATEST_S`."""
        if self._held and time.monotonic() - self._held_since >= LATEST_S:
            self.write()

    def write(self) -> None:
        held, self._held = self._held, []
        # Dagster keeps an asset's newest materialisation beside its events, and looks for it in the last of a batch.
        by_asset = defaultdict[dg.AssetKey | None, list[dg.EventLogEntry]](list)
        for event in held:
            by_asset[event.get_dagster_event().asset_key].append(event)
        for events in by_asset.values():
            batch_id = str(uuid4())
            for event in events:
                self._hand_on(event, batch_metadata=DagsterEventBatchMetadata(batch_id, event is events[-1]))


@contextmanager
def materialization_batches(instance: dg.DagsterInstance) -> Iterator[MaterializationBatches]:
    """Within the block the materialisations of this process's run wait for each other; after it all are written."""
    batches = MaterializationBatches(instance)
    instance.handle_new_event = batches.handle_new_event  # type: ignore[method-assign]
    try:
        yield batches
    finally:
        del instance.handle_new_event
        batches.write()
