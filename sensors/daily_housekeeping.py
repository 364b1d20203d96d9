"""The schedule of housekeeping."""

import dagster as dg


def daily_housekeeping(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="daily_housekeeping",
        job=job,
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Removes partition keys of invoices done long ago and old runs every day at 03:40 UTC.",
    )
