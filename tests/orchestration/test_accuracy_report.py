"""The asset accuracy_report: a person must see how right the records are, and be warned when that gets worse."""

from __future__ import annotations

from typing import Any

import dagster as dg
import pytest
from sqlalchemy import text

from assets.accuracy_report import ACCURACY_REPORT
from cira_pipeline.db.records.labels import LabelRepository
from tests.orchestration.conftest import Pipeline
from tests.orchestration.invoice_pdf import invoice_label, invoice_pdf


def materialise(pipeline: Pipeline) -> tuple[dict[str, dg.MetadataValue], dg.AssetCheckEvaluation]:
    run = pipeline.definitions.resolve_implicit_global_asset_job_def().execute_in_process(
        instance=pipeline.instance, asset_selection=[ACCURACY_REPORT]
    )
    (event,) = [event for event in run.all_events if event.is_step_materialization]
    (check,) = run.get_asset_check_evaluations()
    return dict(event.step_materialization_data.materialization.metadata), check


def process(pipeline: Pipeline, number: str, label: dict[str, Any]) -> None:
    content = invoice_pdf(number)
    (job,) = pipeline.submit(pipeline.server.serve(f"/{number}.pdf", content))
    pipeline.process()
    sha256 = pipeline.jobs.get(job).document_sha256
    assert sha256
    LabelRepository(pipeline.database).put(sha256, label, "test")


def test_without_labels_it_claims_nothing(pipeline: Pipeline) -> None:
    metadata, check = materialise(pipeline)
    assert metadata["labelled_documents"].value == 0
    assert not {"accuracy", "fields_plot"} & set(metadata)
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "nothing was compared" in (check.description or "")


def test_labelled_records_become_figures_pictures_and_rows(pipeline: Pipeline) -> None:
    process(pipeline, "AR-1001", invoice_label("AR-1001"))
    process(pipeline, "AR-1002", {"invoice_number": "SOMETHING-ELSE", "supplier_name": "Bellweather Tools Ltd"})

    metadata, check = materialise(pipeline)

    assert metadata["labelled_documents"].value == 2
    accuracy: Any = metadata["accuracy"].value
    assert 0.5 < float(accuracy) < 1
    assert "Bellweather Tools Ltd" in str(metadata["worst_suppliers"].value)
    assert "| invoice_number | 50.0% | 1 | 1 | 0 |" in str(metadata["fields"].value).replace("\\", "")
    for picture in ("fields_plot", "days_plot", "calibration_plot"):
        assert "](data:image/png;base64,iVBOR" in str(metadata[picture].value)
    assert not check.passed, "one day cannot be compared with another"
    with pipeline.database.engine.connect() as connection:
        row = connection.execute(
            text("SELECT right_count, wrong_count, accuracy FROM cira.accuracy_daily WHERE field = 'invoice_number'")
        ).one()
    assert tuple(row) == (1, 1, 0.5)


def test_a_field_that_goes_wrong_this_week_warns(pipeline: Pipeline) -> None:
    for number in range(3):
        process(pipeline, f"AR-200{number}", invoice_label(f"AR-200{number}"))
    with pipeline.database.engine.begin() as connection:
        connection.execute(text("UPDATE cira.records SET recorded_at = recorded_at - interval '15 days'"))
    for number in range(3):
        wrong = {
            "invoice_number": f"OTHER-{number}",
            "gross_total": "1.00",
            "due_date": "2020-01-01",
            "currency": "JPY",
        }
        process(pipeline, f"AR-300{number}", invoice_label(f"AR-300{number}") | wrong)
    _, check = materialise(pipeline)
    assert not check.passed
    assert check.severity is dg.AssetCheckSeverity.WARN
    assert "all header fields" in str(check.metadata["drifted_fields"].value)
    assert "less accurate than before" in (check.description or "")


def test_it_is_measured_every_day_and_missed_when_it_is_not(pipeline: Pipeline) -> None:
    schedule = pipeline.definitions.resolve_schedule_def("daily_accuracy_report")
    assert schedule.default_status is dg.DefaultScheduleStatus.RUNNING
    spec = pipeline.definitions.resolve_asset_graph().get(ACCURACY_REPORT)
    policy: Any = spec.freshness_policy
    assert policy is not None
    assert pytest.approx(36) == policy.fail_window.to_timedelta().total_seconds() / 3600
