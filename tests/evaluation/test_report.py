"""The accuracy report: a fall that matters must be told, one that chance explains must not."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from cira_pipeline.evaluation.report import ALL_FIELDS, RECENT_DAYS, LabelledRecord, report_on
from cira_pipeline.evaluation.report_pictures import report_pictures
from cira_pipeline.invoice import Invoice, LineItem
from cira_pipeline.models import EngineName, Evidence, Record, Verdict

TODAY = date(2026, 6, 30)
BEFORE = TODAY - timedelta(days=20)
LABEL = {"invoice_number": "A-1", "gross_total": "119.00"}
RIGHT = Invoice(invoice_number="A-1", gross_total=Decimal("119.00"))
WRONG_TOTAL = Invoice(invoice_number="A-1", gross_total=Decimal("19.00"))
NO_TOTAL = Invoice(invoice_number="A-1")


def labelled(
    *invoices: Invoice,
    day: date = TODAY,
    supplier: str = "Bellweather",
    confidence: float = 0.9,
    label: dict[str, Any] | None = None,
) -> list[LabelledRecord]:
    return [
        LabelledRecord(
            document_sha256=f"{supplier}{day}{number}",
            day=day,
            label={"supplier_name": supplier} | (label or LABEL),
            record=Record(
                invoice=invoice.model_copy(update={"supplier_name": supplier}),
                verdict=Verdict.ACCEPTED,
                engine=EngineName.OFFLINE,
                engines=(EngineName.OFFLINE,),
                evidence=tuple(
                    Evidence(field=name, engine=EngineName.OFFLINE, text="x", confidence=confidence)
                    for name in ("invoice_number", "gross_total")
                    if getattr(invoice, name) is not None
                ),
                findings=(),
            ),
        )
        for number, invoice in enumerate(invoices)
    ]


def drifted(records: Sequence[LabelledRecord]) -> list[str]:
    return sorted(each.field for each in report_on(records, TODAY).drifts)


def test_a_field_that_is_often_wrong_since_this_week_is_named() -> None:
    before = labelled(*[RIGHT] * 60, day=BEFORE)
    assert drifted(before + labelled(*[RIGHT] * 20)) == []
    assert drifted(before + labelled(*[RIGHT] * 10, *[WRONG_TOTAL] * 10)) == [ALL_FIELDS, "gross_total"]


def test_one_wrong_invoice_among_few_is_no_drift() -> None:
    assert drifted(labelled(*[RIGHT] * 60, day=BEFORE) + labelled(RIGHT, RIGHT, WRONG_TOTAL)) == []


def test_getting_better_is_no_drift() -> None:
    assert drifted(labelled(*[NO_TOTAL] * 60, day=BEFORE) + labelled(*[RIGHT] * 60)) == []


def test_wrong_and_missing_values_are_counted_apart_by_field() -> None:
    report = report_on(labelled(RIGHT, RIGHT, WRONG_TOTAL, NO_TOTAL), TODAY)
    total = report.fields.loc["gross_total"]
    assert (total["recent_right"], total["recent_wrong"], total["recent_missing"]) == (2, 1, 1)
    assert total["recent_accuracy"] == 0.5
    assert report.fields.loc["invoice_number"]["recent_accuracy"] == 1.0
    assert report.accuracy == pytest.approx(10 / 12)
    assert report.accuracy_before is None


def test_days_outside_the_window_do_not_count() -> None:
    report = report_on(labelled(RIGHT) + labelled(WRONG_TOTAL, day=TODAY - timedelta(days=RECENT_DAYS + 30)), TODAY)
    assert report.documents == 1


def test_invented_and_overlooked_lines_are_counted_and_never_mixed_with_header_fields() -> None:
    lines = {
        "line_items": [{"description": "Wrench", "net_amount": "100.00"}, {"description": "Bolt", "net_amount": "1"}]
    }
    invoice = RIGHT.model_copy(
        update={
            "line_items": (
                LineItem(description="Wrench", net_amount=Decimal(100)),
                LineItem(description="Total", net_amount=Decimal(119)),
            )
        }
    )
    report = report_on(labelled(invoice, label=LABEL | lines), TODAY)
    row = report.fields.loc["line_items"]
    assert (row["recent_right"], row["recent_wrong"], row["recent_missing"]) == (1, 1, 1)
    assert report.accuracy == 1.0


def test_the_supplier_that_is_read_worst_comes_first_with_what_is_wrong() -> None:
    report = report_on(labelled(RIGHT, RIGHT) + labelled(WRONG_TOTAL, RIGHT, supplier="Kestrel"), TODAY)
    assert list(report.suppliers.index) == ["Kestrel", "Bellweather"]
    assert report.suppliers.loc["Kestrel"]["documents"] == 2
    assert report.suppliers.loc["Kestrel"]["most_often"] == "gross_total"


def test_confidence_that_promises_too_much_shows_as_calibration_error() -> None:
    honest = report_on(labelled(*[RIGHT] * 9, WRONG_TOTAL, confidence=0.95), TODAY)
    boasting = report_on(labelled(RIGHT, *[WRONG_TOTAL] * 9, confidence=0.95), TODAY)
    assert honest.calibration_error == pytest.approx(0.0)
    assert boasting.calibration_error == pytest.approx(0.95 - 0.55)


def test_days_are_counted_by_supplier_and_field() -> None:
    report = report_on(labelled(RIGHT, WRONG_TOTAL) + labelled(RIGHT, day=BEFORE, supplier="Kestrel"), TODAY)
    counted = {
        (row.day, row.supplier, row.field): (row.right, row.wrong, row.missing) for row in report.daily.itertuples()
    }
    assert counted[TODAY, "Bellweather", "gross_total"] == (1, 1, 0)
    assert counted[BEFORE, "Kestrel", "gross_total"] == (1, 0, 0)
    assert len(counted) == 6


def test_no_label_means_no_figure_and_no_picture() -> None:
    report = report_on([], TODAY)
    assert (report.documents, report.accuracy, report.calibration_error, report.drifts) == (0, None, None, ())
    assert report_pictures(report) == {}


def test_the_pictures_are_pictures() -> None:
    report = report_on(labelled(*[RIGHT] * 3, WRONG_TOTAL) + labelled(RIGHT, NO_TOTAL, day=BEFORE), TODAY)
    pictures = report_pictures(report)
    assert set(pictures) == {"fields", "days", "calibration"}
    assert all(png.startswith(b"\x89PNG") and len(png) < 60_000 for png in pictures.values())
