"""Erases one job from Dagster's event log, whose metadata shows invoice content.

For a job with its own key everything is deleted. For a run batch the events that name the job are deleted and written
again without it.

Dagster can wipe a whole asset or delete a whole run, and a run holds the events of up to a hundred jobs; wiping single
partitions is declared but not implemented in its own stores (1.13). So this works on the tables of its event log, by
Dagster's own description of them; docs/decisions/0016-webhooks-and-erasure.md states what remains.
"""

from collections.abc import Collection, Sequence

import dagster as dg
from dagster._core.instance.utils import RUNLESS_RUN_ID
from dagster._core.storage.event_log import SqlEventLogStorage
from dagster._core.storage.event_log.schema import (
    AssetCheckExecutionsTable,
    AssetEventTagsTable,
    AssetKeyTable,
    SqlEventLogStorageTable,
)
from sqlalchemy import ColumnElement, Connection, delete, or_, select, update

from assets.partitions import invoice_jobs
from assets.specs import STAGES, asset_key
from cira_pipeline.errors import ConfigurationError
from cira_pipeline.jobs import JobId

_EVENTS, _CHECKS = SqlEventLogStorageTable.c, AssetCheckExecutionsTable.c
# Events about one job. Events about a run as a whole (it started, it failed) remain: they name jobs and codes.
_OF_A_JOB = (
    dg.DagsterEventType.ASSET_CHECK_EVALUATION.value,
    dg.DagsterEventType.ASSET_MATERIALIZATION.value,
    dg.DagsterEventType.ASSET_OBSERVATION.value,
)


def erase_events(instance: dg.DagsterInstance, job_id: JobId, partition_key: str) -> int:
    """Deletes the events, check results and log lines about a job and its own partition key; returns how many events.

    `partition_key` is the job's key in Dagster: its own id, or a batch's key. Idempotent.
    Raises: ConfigurationError when the event log is not stored in a database.
    """
    storage = instance.event_log_storage
    # An instance may return a wrapper around the real storage.
    storage = getattr(storage, "event_log_storage", storage)
    if not isinstance(storage, SqlEventLogStorage):
        raise ConfigurationError(
            f"Dagster stores its events in {type(storage).__name__}; correct `storage` in dagster.yaml to a database"
        )
    keys = [asset_key(stage) for stage in STAGES]
    assets, last = [key.to_string() for key in keys], AssetKeyTable.c.last_materialization
    with storage.index_transaction() as connection:
        run_ids = _runs(connection, {job_id, partition_key}, assets)
        count = sum(_erase_from_run(connection, run_id, job_id, assets) for run_id in run_ids)
        if partition_key != job_id:
            # Results of the batch from an earlier erasure: Dagster keeps one result of a check without a run.
            _erase_from_run(connection, RUNLESS_RUN_ID, partition_key, assets)
        connection.execute(
            update(AssetKeyTable)
            .where(or_(last.contains(job_id), last.contains(partition_key)))
            # Dagster then looks up the newest one in the log.
            .values(last_materialization=None)
        )
    instance.delete_dynamic_partition(invoice_jobs.name or "", job_id)
    for key in keys:
        # The cached status counts materialised partitions.
        storage.wipe_asset_cached_status(key)
    return count


def _runs(connection: Connection, keys: Collection[str], assets: Sequence[str]) -> Sequence[str]:
    """Runs of these keys, by Dagster's index of assets and partitions; an empty id: without a run."""
    found = connection.scalars(
        select(_EVENTS.run_id).distinct().where(_EVENTS.asset_key.in_(assets), _EVENTS.partition.in_(sorted(keys)))
    )
    return [run_id for run_id in found if run_id is not None]


def _erase_from_run(connection: Connection, run_id: str, name: str, assets: Sequence[str]) -> int:
    """Deletes events of the partition `name`, and events that mention it."""
    of_the_partition = _EVENTS.asset_key.in_(assets) & (_EVENTS.partition == name)
    tells_of_it = _EVENTS.event.contains(name) & or_(
        _EVENTS.dagster_event_type.is_(None), _EVENTS.dagster_event_type.in_(_OF_A_JOB)
    )
    where: ColumnElement[bool] = (_EVENTS.run_id == run_id) & or_(of_the_partition, tells_of_it)
    ids = connection.scalars(select(_EVENTS.id).where(where)).all()
    connection.execute(delete(AssetEventTagsTable).where(AssetEventTagsTable.c.event_id.in_(ids)))
    connection.execute(
        delete(AssetCheckExecutionsTable).where(
            _CHECKS.run_id == run_id, or_(_CHECKS.partition == name, _CHECKS.evaluation_event.contains(name))
        )
    )
    connection.execute(delete(SqlEventLogStorageTable).where(_EVENTS.id.in_(ids)))
    return len(ids)
