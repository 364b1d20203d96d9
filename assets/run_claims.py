"""Which jobs a Dagster run may take up, by what started it: the sensor, a person, or a backfill."""

from __future__ import annotations

import dagster as dg
from dagster import DagsterInstance
from dagster._core.storage.tags import BACKFILL_ID_TAG, RETRY_NUMBER_TAG

from assets.partitions import BATCH_TAG
from cira_pipeline.processing.claims import Claim


def claim_of(run: dg.DagsterRun, instance: DagsterInstance, *, key_count: int) -> Claim:
    """What `run`, which names `key_count` partition keys, may take up.

    A rejected document is a result: only a run that a person started for that one key processes it again.
    """

    def is_alive(run_id: str) -> bool:
        other = instance.get_run_by_id(run_id)
        return other is not None and not other.is_finished

    planned_as = planned_batch(run)
    return Claim(
        planned_as=planned_as,
        rejected_too=planned_as is None and key_count == 1 and BACKFILL_ID_TAG not in run.tags,
        is_alive=is_alive,
    )


def planned_batch(run: dg.DagsterRun) -> str | None:
    """The batch that `new_invoices` planned the run for; `None` when a person started it, or executes it again."""
    by_a_person = run.parent_run_id is not None and RETRY_NUMBER_TAG not in run.tags
    return None if by_a_person else run.tags.get(BATCH_TAG)
