"""Schedule of the daily housekeeping."""

import dagster as dg


def daily_housekeeping(job: dg.JobDefinition) -> dg.ScheduleDefinition:
    return dg.ScheduleDefinition(
        name="daily_housekeeping",
        job=job,
        cron_schedule="40 3 * * *",
        execution_timezone="UTC",
        default_status=dg.DefaultScheduleStatus.RUNNING,
        description="Removes old runs, and partition keys of invoices finished long ago, every day at 03:40 UTC.",
    )
