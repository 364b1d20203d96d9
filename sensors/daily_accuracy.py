"""Schedule of the daily accuracy report."""

import dagster as dg

from assets.accuracy_report import ACCURACY_REPORT

# After the night's batches and before working hours, in most of Europe.
daily_accuracy_report = dg.ScheduleDefinition(
    name="daily_accuracy_report",
    target=dg.AssetSelection.assets(ACCURACY_REPORT),
    cron_schedule="15 4 * * *",
    execution_timezone="UTC",
    default_status=dg.DefaultScheduleStatus.RUNNING,
    description="Measures accuracy against the labels every day at 04:15 UTC.",
)
