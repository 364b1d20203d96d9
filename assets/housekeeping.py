"""Housekeeping job: removes partition keys of invoices finished long ago, and old runs, from Dagster's tables.

Results, jobs and costs are in CIRA's tables and are never touched. A job that is retried after its key was removed gets
the key back (`sensors/new_invoices.py`).
"""

from datetime import datetime, timedelta

import dagster as dg
from dagster import DagsterInstance, DagsterRunStatus, RunsFilter

from assets.partitions import PARTITIONS_NAME
from cira_pipeline.clock import utc_now
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.partition_keys import PartitionKeys
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource

HOUSEKEEPING = "housekeeping"
# Their jobs are locked while this many keys are removed: about a quarter of a second.
_KEYS_AT_ONCE = 50
_RUNS_AT_ONCE = 200
_ENDED = [DagsterRunStatus.SUCCESS, DagsterRunStatus.FAILURE, DagsterRunStatus.CANCELED]


def housekeeping_job(settings: Settings) -> dg.JobDefinition:
    @dg.op(
        name="tidy",
        description=f"Removes the partition keys whose invoices all ended more than {settings.keep_keys_days} days "
        "ago, none of them failed, and runs with their events and output that ended more than "
        f"{settings.keep_runs_days} days ago.",
    )
    def tidy(context: dg.OpExecutionContext, postgres: PostgresResource) -> None:
        now = utc_now()
        keys = remove_keys(context.instance, postgres.database(), now - timedelta(days=settings.keep_keys_days))
        runs = remove_runs(context.instance, now - timedelta(days=settings.keep_runs_days))
        context.add_output_metadata({"keys removed": keys, "runs removed": runs})

    @dg.job(
        name=HOUSEKEEPING,
        description="Keeps Dagster's tables small. Results, jobs and costs are kept; a job that is retried later gets "
        "its key back.",
    )
    def housekeeping() -> None:
        tidy()

    return housekeeping


def remove_keys(instance: DagsterInstance, database: Database, before: datetime) -> int:
    """Removes keys whose jobs all ended before that time without failing. Returns how many; can be interrupted and
    repeated.
    """
    keys, partition_keys = instance.get_dynamic_partitions(PARTITIONS_NAME), PartitionKeys(database)
    removed = 0
    for start in range(0, len(keys), _KEYS_AT_ONCE):
        with partition_keys.long_done(keys[start : start + _KEYS_AT_ONCE], before) as done:
            for key in done:
                instance.delete_dynamic_partition(PARTITIONS_NAME, key)
        removed += len(done)
    return removed


def remove_runs(instance: DagsterInstance, before: datetime) -> int:
    """Removes runs that ended before that time, with their events and the output of their steps.

    Returns how many.
    """
    old = RunsFilter(statuses=_ENDED, updated_before=before)
    removed = 0
    while records := instance.get_run_records(old, limit=_RUNS_AT_ONCE, ascending=True):
        for record in records:
            run_id = record.dagster_run.run_id
            # Dagster itself leaves these files behind. Deleted first, so that an interrupted pass is repeated.
            instance.compute_log_manager.delete_logs(prefix=[run_id])
            instance.delete_run(run_id)
        removed += len(records)
    return removed
