"""Daily report on accuracy in production: one unpartitioned asset with charts and a check for drift."""

from base64 import b64encode
from collections.abc import Mapping
from datetime import UTC, date, timedelta
from math import isnan

import dagster as dg

from assets.metadata import table_cell
from assets.specs import asset_key
from cira_pipeline.clock import utc_now
from cira_pipeline.db.database import Database
from cira_pipeline.db.records.accuracy_days import AccuracyOfDay, AccuracyRepository
from cira_pipeline.evaluation.report import (
    BASELINE_DAYS,
    RECENT_DAYS,
    WINDOW_DAYS,
    AccuracyReport,
    LabelledRecord,
    report_on,
    window_start,
)
from cira_pipeline.jobs import Stage
from resources.postgres import PostgresResource

ACCURACY_REPORT = dg.AssetKey("accuracy_report")
DRIFT_CHECK = "drift"
# A daily run, with some hours of tolerance before it counts as overdue.
FRESH_FOR = timedelta(hours=36)
STALE_SOON = timedelta(hours=26)


def report_accuracy(database: Database, today: date) -> AccuracyReport:
    """Evaluates all labelled records of the report's window and stores the result in `cira.accuracy_daily`.

    Labels may arrive late, so all days of the window are evaluated again. Raises: StoreUnavailable.
    """
    since = window_start(today)
    repository = AccuracyRepository(database)
    report = report_on(
        (
            LabelledRecord(
                document_sha256=stored.document_sha256,
                day=stored.recorded_at.astimezone(UTC).date(),
                record=stored.record,
                label=label,
            )
            for stored, label in repository.labelled(since)
        ),
        today,
    )
    repository.replace_days(
        since,
        [
            AccuracyOfDay(row.day, row.supplier, row.field, int(row.right), int(row.wrong), int(row.missing))
            for row in report.daily.itertuples()
        ],
    )
    return report


@dg.asset(
    key=ACCURACY_REPORT,
    deps=[asset_key(Stage.VALIDATED_RECORD)],
    group_name="accuracy",
    kinds={"python", "pandas", "postgres"},
    description=f"Accuracy of the records of the last {WINDOW_DAYS} days against their labels, by field, day and "
    f"supplier, and calibration of their confidence. The last {RECENT_DAYS} days are compared with the "
    f"{BASELINE_DAYS} before. The counts are stored in cira.accuracy_daily. Records without a label are not evaluated.",
    check_specs=[
        dg.AssetCheckSpec(
            DRIFT_CHECK,
            asset=ACCURACY_REPORT,
            description=f"No field is less accurate in the last {RECENT_DAYS} days than in the {BASELINE_DAYS} "
            "before, beyond what chance explains. Also warns when nothing could be compared.",
        )
    ],
    freshness_policy=dg.FreshnessPolicy.time_window(fail_window=FRESH_FOR, warn_window=STALE_SOON),
)
def accuracy_report(context: dg.AssetExecutionContext, postgres: PostgresResource) -> dg.MaterializeResult:  # type: ignore[type-arg]
    report = report_accuracy(postgres.database(), utc_now().date())
    context.log.info(f"{report.documents} labelled documents of the last {WINDOW_DAYS} days")
    return dg.MaterializeResult(metadata=_metadata(report), check_results=[_drift(report)])


def _metadata(report: AccuracyReport) -> Mapping[str, dg.MetadataValue]:
    # Loads matplotlib, which no other run needs.
    from cira_pipeline.evaluation.report_pictures import report_pictures

    metadata: dict[str, dg.MetadataValue] = {
        "labelled_documents": dg.MetadataValue.int(report.documents),
        "labelled_fields": dg.MetadataValue.int(report.labelled_recently),
    }
    shares = {
        "accuracy": report.accuracy,
        "accuracy_before": report.accuracy_before,
        "calibration_error": report.calibration_error,
    }
    metadata |= {name: dg.MetadataValue.float(round(share, 4)) for name, share in shares.items() if share is not None}
    if report.documents:
        metadata["fields"] = dg.MetadataValue.md(_fields_table(report))
        metadata["worst_suppliers"] = dg.MetadataValue.md(_suppliers_table(report))
    pictures = report_pictures(report)
    titles = {"fields": "accuracy by field", "days": "accuracy by day", "calibration": "confidence against accuracy"}
    return metadata | {f"{name}_plot": _picture(titles[name], png) for name, png in pictures.items()}


def _drift(report: AccuracyReport) -> dg.AssetCheckResult:
    if report.accuracy is None or report.accuracy_before is None:
        lacking = f"the last {RECENT_DAYS} days" if report.accuracy is None else f"the {BASELINE_DAYS} days before"
        description = f"nothing was compared: no record of {lacking} has a label; label documents to measure accuracy"
    elif report.drifts:
        description = "less accurate than before: " + ", ".join(
            f"{each.field} ({each.before:.1%} -> {each.recent:.1%})" for each in report.drifts
        )
    else:
        description = (
            f"{report.accuracy:.1%} of the labelled header fields are right, before {report.accuracy_before:.1%}"
        )
    return dg.AssetCheckResult(
        check_name=DRIFT_CHECK,
        passed=report.accuracy is not None and report.accuracy_before is not None and not report.drifts,
        severity=dg.AssetCheckSeverity.WARN,
        description=description,
        metadata={"drifted_fields": dg.MetadataValue.json([each.field for each in report.drifts])},
    )


def _fields_table(report: AccuracyReport) -> str:
    drifted = {each.field for each in report.drifts}
    rows = [
        f"| {table_cell(name)} | {_share(row['recent_accuracy'])} | {row['recent_right']:.0f} "
        f"| {row['recent_wrong']:.0f} | {row['recent_missing']:.0f} | {_share(row['before_accuracy'])} "
        f"| {'drift' if name in drifted else ''} |"
        for name, row in report.fields.iterrows()
    ]
    head = f"| field | last {RECENT_DAYS} days | right | wrong | missing | {BASELINE_DAYS} days before | |"
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | ---: | --- |", *rows])


def _suppliers_table(report: AccuracyReport) -> str:
    rows = [
        f"| {table_cell(name or 'unknown')} | {row['documents']:.0f} | {_share(row['accuracy'])} | {row['wrong']:.0f} "
        f"| {row['missing']:.0f} | {table_cell(row['most_often'])} |"
        for name, row in report.suppliers.iterrows()
    ]
    head = "| supplier | documents | right | wrong | missing | most often |"
    return "\n".join([head, "| --- | ---: | ---: | ---: | ---: | --- |", *rows])


def _share(value: float) -> str:
    return "" if isnan(value) else f"{value:.1%}"


def _picture(title: str, png: bytes) -> dg.MetadataValue:
    return dg.MetadataValue.md(f"![{title}](data:image/png;base64,{b64encode(png).decode()})")
