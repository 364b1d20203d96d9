"""Sensor that submits the files in the inbox folder."""

import dagster as dg

from cira_pipeline.db.disk_space import disk_space
from cira_pipeline.db.jobs.repository import JobRepository
from cira_pipeline.errors import DiskFull
from cira_pipeline.intake.folder import scan_folder
from cira_pipeline.settings import Settings
from resources.postgres import PostgresResource
from resources.redis import RedisResource


def inbox_sensor(settings: Settings) -> dg.SensorDefinition:
    """Watches `settings.inbox_path`. A file is submitted once it has stopped growing; a changed file is a new job."""

    @dg.sensor(
        name="inbox_files",
        minimum_interval_seconds=settings.sensor_interval_s,
        default_status=dg.DefaultSensorStatus.RUNNING,
        description=f"Submits every file dropped into {settings.inbox_path}. The files stay where they are.",
    )
    def inbox_files(
        context: dg.SensorEvaluationContext, postgres: PostgresResource, redis: RedisResource
    ) -> dg.SkipReason:
        try:
            disk_space(settings).demand()
        except DiskFull as full:
            return dg.SkipReason(f"No files are submitted for now: {full.message}.")
        settings.inbox_path.mkdir(parents=True, exist_ok=True)
        submissions = scan_folder(settings.inbox_path)
        if not submissions:
            return dg.SkipReason(f"No files in {settings.inbox_path}.")
        jobs = JobRepository(postgres.database(), redis.status_cache())
        created = [each.job.job_id for each in jobs.submit(submissions) if each.created]
        if created:
            context.log.info(f"Submitted {', '.join(created)}")
        return dg.SkipReason(f"{len(created)} new jobs from {len(submissions)} files; new_invoices starts their runs.")

    return inbox_files
