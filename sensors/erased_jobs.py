"""Sensor that removes erased jobs from Dagster's event log."""

import dagster as dg

from assets.batch_keys import batch_events
from assets.partitions import PARTITIONS_NAME
from assets.specs import STAGES, invoice_check_specs
from cira_pipeline.db.database import Database
from cira_pipeline.db.jobs.erasure import ErasureRepository
from cira_pipeline.db.jobs.partition_keys import PartitionKeys
from cira_pipeline.jobs import is_batch_key
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from sensors.event_erasure import erase_events

INTERVAL_S = 30


@dg.sensor(
    name="erased_jobs",
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Deletes the entries of erased jobs from Dagster's event log: previews, findings, log lines.",
)
def erased_jobs(context: dg.SensorEvaluationContext, postgres: PostgresResource) -> dg.SkipReason:
    database = postgres.database()
    erasures, keys = ErasureRepository(database), PartitionKeys(database)
    owed = erasures.owed_by_dagster()
    for job_id in owed:
        key = keys.key_of(job_id)
        count = erase_events(context.instance, job_id, key)
        if is_batch_key(key) and context.instance.has_dynamic_partition(PARTITIONS_NAME, key):
            _report_again(context.instance, database, key)
        erasures.gone_from_dagster(job_id)
        context.log.info(f"{job_id}: {count} events erased")
    return dg.SkipReason(f"{len(owed)} erased jobs were removed from the event log.")


def _report_again(instance: dg.DagsterInstance, database: Database, key: str) -> None:
    """Reports the state of a batch's other jobs, as events without a run, since nothing is executed."""
    jobs = PartitionKeys(database).jobs_of([key])[key]
    checks = {check.name for check in invoice_check_specs}
    for event in batch_events(database, Settings(), key, jobs, STAGES, checks):
        instance.report_runless_asset_event(event)
