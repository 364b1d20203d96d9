"""Compares an evaluation with a baseline evaluation: improvements and regressions."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from cira_pipeline.errors import ResultsInvalid
from cira_pipeline.evaluation.summary import FORM

_RANK: Final = {"right": 2, "missing": 1, "wrong": 0}
_MEASURES: Final = ("header_accuracy", "line_f1", "tax_f1", "rows_f1", "value_accuracy", "touchless")


@dataclass(frozen=True)
class Change:
    """One difference between two evaluations.

    `where`: name of a document or kind; `what`: field, table or measure; `before` and `now`: the outcome, row counts
    or share in each run.
    """

    where: str
    what: str
    before: str
    now: str
    better: bool


@dataclass(frozen=True)
class Comparison:
    """Changes of single values and of the measures of whole kinds, over the `documents` that both runs contain."""

    documents: int
    values: Sequence[Change]
    kinds: Sequence[Change]

    @property
    def changes(self) -> Sequence[Change]:
        return (*self.kinds, *self.values)

    @property
    def worse(self) -> bool:
        """Whether a measure of any kind fell, or a document with a wrong value is newly accepted."""
        accepted_wrong = any(each.what == "accepted though wrong" and not each.better for each in self.values)
        return accepted_wrong or any(not each.better for each in self.kinds)


def read_baseline(path: Path) -> Mapping[str, Any]:
    """The evaluation in a file written by `cira eval --json`. Raises: ResultsInvalid."""
    try:
        summary = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise ResultsInvalid(f"{path} cannot be read: {error}") from error
    if not isinstance(summary, dict) or summary.get("form") != FORM or not isinstance(summary.get("documents"), dict):
        raise ResultsInvalid(f"{path} was not written by `cira eval --json` of this version: write it again")
    return summary


def compare(before: Mapping[str, Any], now: Mapping[str, Any]) -> Comparison:
    """Compares two evaluations, both as `summary_of` returns them, in what both measured."""
    common = sorted(set(before["documents"]) & set(now["documents"]))
    values = [
        change for name in common for change in _document(name, before["documents"][name], now["documents"][name])
    ]
    return Comparison(len(common), values, list(_kinds(before["kinds"], now["kinds"])))


def _document(name: str, before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    was, has = _outcomes(before), _outcomes(now)
    for field in (field for field in was if field in has and was[field] != has[field]):
        yield Change(name, field, was[field], has[field], better=_RANK[has[field]] > _RANK[was[field]])
    earlier, later = _tables(before), _tables(now)
    for table in (table for table in earlier if table in later and earlier[table] != later[table]):
        better = later[table]["right"] - later[table]["extra"] > earlier[table]["right"] - earlier[table]["extra"]
        yield Change(name, table, _rows(earlier[table]), _rows(later[table]), better=better)
    was_accepted, is_accepted = _wrong_if_accepted(before), _wrong_if_accepted(now)
    if was_accepted != is_accepted:
        yield Change(name, "accepted though wrong", was_accepted or "-", is_accepted or "-", better=not is_accepted)


def _outcomes(document: Mapping[str, Any]) -> dict[str, str]:
    return {field: outcome for outcome in _RANK for field in document[outcome]}


def _tables(document: Mapping[str, Any]) -> dict[str, Mapping[str, int]]:
    """Table -> its rows. A file of an earlier version has only these two."""
    tables = {name: document[name] for name in ("lines", "tax_breakdown") if document[name] is not None}
    known = {"line_items", "tax_breakdown"}
    return tables | {name: rows for name, rows in document.get("tables", {}).items() if name not in known}


def _wrong_if_accepted(document: Mapping[str, Any]) -> str:
    return ", ".join(document["wrong"]) if document["outcome"] == "accepted" else ""


def _rows(table: Mapping[str, int]) -> str:
    return f"{table['right']} right, {table['extra']} extra, {table['lost']} lost"


def _kinds(before: Mapping[str, Any], now: Mapping[str, Any]) -> Iterator[Change]:
    for kind in sorted(set(before) & set(now)):
        measures = [(name, before[kind].get(name), now[kind].get(name)) for name in _MEASURES]
        measures.append(
            (
                "accuracy of accepted",
                before[kind]["accepted"]["header_accuracy"],
                now[kind]["accepted"]["header_accuracy"],
            )
        )
        for name, was, has in measures:
            if was is not None and has is not None and was != has:
                yield Change(kind, name.replace("_", " "), f"{was:.4f}", f"{has:.4f}", better=has > was)
