"""Accuracy report of an installation: accuracy of labelled fields in recent records, and its drift.

The last `RECENT_DAYS` are compared with the `BASELINE_DAYS` before them. A fall is drift when it is large enough to
matter and statistically significant (Fisher's exact test, one-sided, Bonferroni-corrected for the number of fields).

Functions import pandas and SciPy themselves, because every pipeline run imports this module and few write a report.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, Final

from cira_pipeline.evaluation.score import score
from cira_pipeline.models import Record

if TYPE_CHECKING:
    import pandas as pd

RECENT_DAYS: Final = 7
BASELINE_DAYS: Final = 30
WINDOW_DAYS: Final = RECENT_DAYS + BASELINE_DAYS

DRIFT_SHARE: Final = 0.02
DRIFT_P: Final = 0.01
CONFIDENCE_BINS: Final = 10
WORST_SUPPLIERS: Final = 10
ALL_FIELDS: Final = "all header fields"
LINES: Final = "line_items"
UNKNOWN_SUPPLIER: Final = ""

_OUTCOMES = ("right", "wrong", "missing")
_WINDOWS = ("recent", "before")
_COLUMNS = ("day", "document", "supplier", "field", "outcome", "count", "confidence")


@dataclass(frozen=True)
class LabelledRecord:
    """A record with its label. `day`: the day (UTC) on which the record got its current values."""

    document_sha256: str
    day: date
    record: Record
    label: Mapping[str, Any]


@dataclass(frozen=True)
class Drift:
    """One field whose accuracy fell: shares before and recently (0 to 1), and the p-value of the fall."""

    field: str
    before: float
    recent: float
    p_value: float


@dataclass(frozen=True, eq=False)
class AccuracyReport:
    """Tables of the report; shares are 0 to 1, NaN where nothing is labelled.

    `fields`: one row for each field, lowest accuracy first, with its counts in both windows. `daily`: counts by day,
    supplier and field. `calibration`: one row for each bin of confidence with its mean, the share right and the number
    of values. `suppliers`: over both windows, lowest accuracy first.
    """

    today: date
    documents: int
    fields: pd.DataFrame
    daily: pd.DataFrame
    calibration: pd.DataFrame
    suppliers: pd.DataFrame
    drifts: tuple[Drift, ...]

    @property
    def labelled_recently(self) -> int:
        """Header fields with a label in the last `RECENT_DAYS`."""
        return int(self.fields["recent_labelled"].get(ALL_FIELDS, 0))

    @property
    def accuracy(self) -> float | None:
        """Share of labelled header fields that are right, in the last `RECENT_DAYS`."""
        return self._share("recent")

    @property
    def accuracy_before(self) -> float | None:
        return self._share("before")

    @property
    def calibration_error(self) -> float | None:
        """Expected calibration error: mean distance of confidence and accuracy, weighted by the number of values."""
        values = self.calibration["values"].sum()
        if not values:
            return None
        distance = (self.calibration["confidence"] - self.calibration["accuracy"]).abs()
        return float((distance * self.calibration["values"]).sum() / values)

    def _share(self, window: str) -> float | None:
        labelled = self.fields[f"{window}_labelled"].get(ALL_FIELDS, 0)
        return float(self.fields.loc[ALL_FIELDS, f"{window}_accuracy"]) if labelled else None


def window_start(today: date) -> date:
    """The first day that a report of `today` covers."""
    return today - timedelta(days=WINDOW_DAYS - 1)


def report_on(records: Iterable[LabelledRecord], today: date) -> AccuracyReport:
    """The report over the `records` of the last `WINDOW_DAYS` up to `today`; others are ignored."""
    import pandas as pd

    rows = [row for each in records if window_start(today) <= each.day <= today for row in _outcomes(each)]
    outcomes = pd.DataFrame(rows, columns=list(_COLUMNS))
    fields = _by_field(outcomes, recent_from=today - timedelta(days=RECENT_DAYS - 1))
    return AccuracyReport(
        today=today,
        documents=int(outcomes["document"].nunique()),
        fields=fields,
        daily=_counted(outcomes, ["day", "supplier", "field"]).reset_index(),
        calibration=_calibration(outcomes),
        suppliers=_by_supplier(outcomes),
        drifts=tuple(_drifts(fields)),
    )


def _outcomes(labelled: LabelledRecord) -> Iterator[tuple[Any, ...]]:
    """One row for each labelled header field, and up to three for the lines: right, extra (wrong) and missing."""
    invoice = labelled.record.invoice
    result = score(invoice, labelled.label)
    supplier = labelled.label.get("supplier_name") or invoice.supplier_name or UNKNOWN_SUPPLIER
    confidences = {each.field: each.confidence for each in labelled.record.evidence}
    where = (labelled.day, labelled.document_sha256, str(supplier))
    for outcome in _OUTCOMES:
        for name in getattr(result, outcome):
            # A missing value has no confidence.
            yield (*where, name, outcome, 1, confidences.get(name) if outcome != "missing" else None)
    if result.lines is not None:
        counts = (result.lines.right, result.lines.extra, result.lines.lost)
        for outcome, count in zip(_OUTCOMES, counts, strict=True):
            if count:
                yield (*where, LINES, outcome, count, None)


def _counted(outcomes: pd.DataFrame, by: list[str]) -> pd.DataFrame:
    """Columns `right`, `wrong`, `missing`, `labelled` and `accuracy`, indexed by `by`."""
    counts = outcomes.pivot_table(index=by, columns="outcome", values="count", aggfunc="sum", fill_value=0)
    counts = counts.reindex(columns=list(_OUTCOMES), fill_value=0).astype(int)
    counts["labelled"] = counts.sum(axis="columns")
    counts["accuracy"] = counts["right"] / counts["labelled"]
    return counts


def _by_field(outcomes: pd.DataFrame, recent_from: date) -> pd.DataFrame:
    import pandas as pd

    header = outcomes[outcomes["field"] != LINES].assign(field=ALL_FIELDS)
    everything = pd.concat([outcomes, header], ignore_index=True)
    recent = everything["day"] >= recent_from
    windows = {"recent": _counted(everything[recent], ["field"]), "before": _counted(everything[~recent], ["field"])}
    fields = pd.concat([counts.add_prefix(f"{name}_") for name, counts in windows.items()], axis="columns")
    counted = [name for name in fields.columns if not name.endswith("accuracy")]
    fields[counted] = fields[counted].fillna(0).astype(int)
    fields["change"] = fields["recent_accuracy"] - fields["before_accuracy"]
    return fields.sort_values(["recent_accuracy", "before_accuracy"], na_position="last")


def _drifts(fields: pd.DataFrame) -> Iterator[Drift]:
    from scipy.stats import fisher_exact

    comparable = fields[(fields["recent_labelled"] > 0) & (fields["before_labelled"] > 0)]
    for name, row in comparable.iterrows():
        table = [[row[f"{window}_right"], row[f"{window}_wrong"] + row[f"{window}_missing"]] for window in _WINDOWS]
        p_value = float(fisher_exact(table, alternative="less").pvalue)
        if row["change"] <= -DRIFT_SHARE and p_value < DRIFT_P / len(comparable):
            yield Drift(str(name), float(row["before_accuracy"]), float(row["recent_accuracy"]), p_value)


def _calibration(outcomes: pd.DataFrame) -> pd.DataFrame:
    import pandas as pd

    with_confidence = outcomes.dropna(subset=["confidence"])
    confidence = with_confidence["confidence"].astype(float)
    bins = (confidence * CONFIDENCE_BINS).astype(int).clip(upper=CONFIDENCE_BINS - 1)
    right = (with_confidence["outcome"] == "right").astype(float)
    by_bin = pd.DataFrame({"bin": bins, "confidence": confidence, "right": right}).groupby("bin")
    return pd.DataFrame(
        {
            "confidence": by_bin["confidence"].mean(),
            "accuracy": by_bin["right"].mean(),
            "values": by_bin["right"].size(),
        }
    )


def _by_supplier(outcomes: pd.DataFrame) -> pd.DataFrame:
    """Suppliers by accuracy of their header fields, lowest first; of equal ones, those with more documents first."""
    header = outcomes[outcomes["field"] != LINES]
    suppliers = _counted(header, ["supplier"])
    suppliers["documents"] = header.groupby("supplier")["document"].nunique()
    failing = header[header["outcome"] != "right"].groupby("supplier")["field"]
    suppliers["most_often"] = failing.agg(lambda fields: ", ".join(fields.value_counts().index[:3]))
    suppliers["most_often"] = suppliers["most_often"].fillna("")
    return suppliers.sort_values(["accuracy", "documents"], ascending=[True, False]).head(WORST_SUPPLIERS)
