"""The sensor that takes erased jobs out of Dagster's own event log."""

import dagster as dg

from cira_pipeline.storage.erasures import ErasureRepository
from resources.postgres import PostgresResource
from sensors.event_erasure import erase_events

INTERVAL_S = 30


@dg.sensor(
    name="erased_jobs",
    minimum_interval_seconds=INTERVAL_S,
    default_status=dg.DefaultSensorStatus.RUNNING,
    description="Deletes what Dagster's event log says about jobs that were erased: previews, findings, log lines.",
)
def erased_jobs(context: dg.SensorEvaluationContext, postgres: PostgresResource) -> dg.SkipReason:
    erasures = ErasureRepository(postgres.database())
    owed = erasures.owed_by_dagster()
    for job_id in owed:
        count = erase_events(context.instance, job_id)
        erasures.gone_from_dagster(job_id)
        context.log.info(f"{job_id}: {count} events erased")
    return dg.SkipReason(f"{len(owed)} erased jobs were taken out of the event log.")
