"""Charts of an accuracy report, as PNG."""

from __future__ import annotations

from collections.abc import Mapping
from io import BytesIO

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from cira_pipeline.evaluation.report import ALL_FIELDS, BASELINE_DAYS, LINES, RECENT_DAYS, AccuracyReport

_RECENT, _BEFORE, _GREY = "#1f4e79", "#9fbcd6", "#808080"
_DPI = 90


def report_pictures(report: AccuracyReport) -> Mapping[str, bytes]:
    """Name -> PNG of the charts `fields`, `days` and `calibration`, without those that have no data."""
    pictures: dict[str, bytes] = {}
    if not report.fields.empty:
        pictures |= {"fields": _fields(report), "days": _days(report)}
    if not report.calibration.empty:
        pictures["calibration"] = _calibration(report)
    return pictures


def _fields(report: AccuracyReport) -> bytes:
    shown = report.fields[::-1]
    figure = Figure(figsize=(7.5, 1.2 + 0.32 * len(shown)), layout="constrained")
    axes = figure.subplots()
    rows = range(len(shown))
    windows = (("before", _BEFORE, f"{BASELINE_DAYS} days before"), ("recent", _RECENT, f"last {RECENT_DAYS} days"))
    for offset, (window, colour, label) in zip((-0.2, 0.2), windows, strict=True):
        axes.barh([row + offset for row in rows], shown[f"{window}_accuracy"], height=0.38, color=colour, label=label)
    axes.set_yticks(list(rows), list(shown.index))
    _share_axis(axes, "x", "share of labelled values right")
    axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2, frameon=False)
    return _png(figure)


def _days(report: AccuracyReport) -> bytes:
    header = report.daily[report.daily["field"] != LINES]
    by_day = header.groupby("day")[["right", "labelled"]].sum()
    figure = Figure(figsize=(7.5, 2.6), layout="constrained")
    axes = figure.subplots()
    axes.plot(list(by_day.index), by_day["right"] / by_day["labelled"], marker="o", color=_RECENT)
    before = report.accuracy_before
    if before is not None:
        axes.axhline(before, color=_GREY, linestyle="--", linewidth=1, label=f"{BASELINE_DAYS} days before")
        axes.legend(loc="lower left", frameon=True)
    axes.tick_params(axis="x", rotation=30)
    axes.set_title(ALL_FIELDS, fontsize=10)
    _share_axis(axes, "y", "share right")
    return _png(figure)


def _calibration(report: AccuracyReport) -> bytes:
    bins = report.calibration
    figure = Figure(figsize=(4.6, 4.2), layout="constrained")
    axes = figure.subplots()
    axes.plot([0, 1], [0, 1], color=_GREY, linestyle="--", linewidth=1)
    axes.plot(bins["confidence"], bins["accuracy"], color=_RECENT, linewidth=1)
    axes.scatter(
        bins["confidence"], bins["accuracy"], s=20 + 180 * bins["values"] / bins["values"].max(), color=_RECENT
    )
    for _, row in bins.iterrows():
        place = (row["confidence"], row["accuracy"])
        axes.annotate(f"{row['values']:.0f}", place, textcoords="offset points", xytext=(8, -12), fontsize=8)
    _share_axis(axes, "x", "confidence")
    _share_axis(axes, "y", "share right")
    return _png(figure)


def _share_axis(axes: Axes, which: str, label: str) -> None:
    axes.set(**{f"{which}lim": (0, 1.02), f"{which}label": label})
    axes.grid(axis="both", color="#e5e5e5", linewidth=0.8)
    axes.set_axisbelow(True)


def _png(figure: Figure) -> bytes:
    buffer = BytesIO()
    figure.savefig(buffer, format="png", dpi=_DPI)
    return buffer.getvalue()
