"""Reads the results of `cira extract --jsonl`, and pairs them with labels."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from cira_pipeline.errors import ResultsInvalid
from cira_pipeline.evaluation.labels import Label
from cira_pipeline.invoice import Invoice
from cira_pipeline.models import Evidence, Finding


@dataclass(frozen=True)
class Result:
    """Result of one document. `outcome` is its verdict, or the status of a document without a verdict."""

    file: Path
    invoice: Invoice
    outcome: str
    evidence: tuple[Evidence, ...]
    findings: tuple[Finding, ...]
    engine: str
    cost_usd: Decimal
    seconds: float
    error_code: str = ""


def read_results(path: Path) -> tuple[Result, ...]:
    """The results in the file at `path`. Raises: ResultsInvalid naming the invalid line."""
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsInvalid(f"{path} cannot be read: {error}") from error
    return tuple(_parsed(line, f"{path}, line {number}") for number, line in enumerate(lines, 1) if line.strip())


def result_of(row: Mapping[str, Any], where: str) -> Result:
    """One line of `cira extract --jsonl`, parsed from JSON. Raises: ResultsInvalid."""
    try:
        return Result(
            file=Path(row["file"]),
            invoice=Invoice.model_validate(row.get("fields") or {}),
            outcome=str(row.get("verdict") or row.get("status") or "failed"),
            evidence=tuple(Evidence.model_validate(each) for each in row.get("evidence") or ()),
            findings=tuple(Finding.model_validate(each) for each in row.get("findings") or ()),
            engine=str(row.get("engine") or ""),
            cost_usd=Decimal(str(row.get("cost_usd") or 0)),
            seconds=float(row.get("seconds") or 0),
            error_code=str((row.get("error") or {}).get("code", "")),
        )
    except (KeyError, TypeError, ValueError, ArithmeticError, ValidationError) as error:
        raise ResultsInvalid(f"{where}: not a result of `cira extract --jsonl`: {error}") from error


def matched(labels: Iterable[Label], results: Iterable[Result]) -> list[tuple[Label, Result | None]]:
    """Each label with its result, by path, or by a unique file name where the results were made in another folder.

    Raises: ResultsInvalid when a label names no file.
    """
    by_path: dict[Path, Result] = {}
    by_name: dict[str, list[Result]] = defaultdict(list)
    for result in results:
        by_path[result.file.resolve()] = result
        by_name[result.file.name].append(result)
    pairs = []
    for label in labels:
        if label.file is None:
            raise ResultsInvalid(f"the label of document {label.sha256} names no file: add `file` to it")
        same_name = by_name[label.file.name]
        pairs.append((label, by_path.get(label.file.resolve()) or (same_name[0] if len(same_name) == 1 else None)))
    return pairs


def _parsed(line: str, where: str) -> Result:
    try:
        row = json.loads(line, parse_float=str)
    except (json.JSONDecodeError, RecursionError) as error:
        raise ResultsInvalid(f"{where}: not a result of `cira extract --jsonl`: {error}") from error
    if not isinstance(row, dict):
        raise ResultsInvalid(f"{where}: not a result of `cira extract --jsonl`: not a JSON object")
    # Boxes and confidences are JSON numbers, amounts are strings.
    return result_of(row, where)
