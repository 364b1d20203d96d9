"""Scores what `cira extract --jsonl` printed against a labels file.

    cira extract --jsonl DOCUMENT... > results.jsonl
    python benchmarks/score_extract.py results.jsonl LABELS.jsonl --fields --require pdf-text=0.75

One row for each `kind` of the labels, or of those given with `--kind`. A labelled document without a result counts as
all missing. `--require` and
`--require-lines` end with exit code 1 when a kind's header accuracy or line F1 is below the share given.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from rich import box
from rich.console import Console
from rich.table import Table

from cira_pipeline.accuracy.labels import Label, read_labels
from cira_pipeline.accuracy.score import Scoreboard, score
from cira_pipeline.errors import LabelsInvalid
from cira_pipeline.invoice import HEADER_FIELDS, Invoice

# Of tables that go into a file or a log.
_WIDTH = 160


class ResultsError(Exception):
    pass


@dataclass
class Kind:
    """Everything counted about the documents of one kind. `accepted_wrong`: accepted, though a value is wrong."""

    board: Scoreboard = field(default_factory=Scoreboard)
    outcomes: Counter[str] = field(default_factory=Counter)
    accepted_wrong: list[str] = field(default_factory=list)
    cost_usd: Decimal = Decimal(0)
    seconds: list[float] = field(default_factory=list)

    def add(self, label: Label, result: Mapping[str, Any] | None) -> None:
        if result is None:
            self.board.add_failed(label.fields)
            self.outcomes["no result"] += 1
            return
        outcome = str(result.get("verdict") or result.get("status") or "failed")
        measured = score(_invoice(result), label.fields)
        self.board.add(measured)
        self.outcomes[outcome] += 1
        self.cost_usd += Decimal(str(result.get("cost_usd") or 0))
        self.seconds.append(float(result.get("seconds") or 0))
        if outcome == "accepted" and measured.wrong:
            self.accepted_wrong.append(f"{label.file}: {', '.join(measured.wrong)}")


def main(arguments: Sequence[str] | None = None) -> int:
    options = _options(arguments)
    try:
        results = _read_results(options.results)
        labels = read_labels(options.labels)
        kinds = _count(labels, results, only=options.kind)
    except (ResultsError, LabelsInvalid) as error:
        Console(stderr=True).print(f"[red]{error}[/red]", soft_wrap=True)
        return 2
    console = Console()
    if not console.is_terminal:
        console = Console(width=_WIDTH)
    console.print(_overview(kinds))
    for name, kind in sorted(kinds.items()):
        for document in kind.accepted_wrong:
            console.print(f"accepted though wrong, {name}: {document}", style="yellow", soft_wrap=True)
    if options.fields:
        console.print(_by_field(kinds))
    failures = [
        *_unmet(kinds, options.require, "header accuracy", lambda kind: kind.board.header_accuracy),
        *_unmet(kinds, options.require_lines, "line F1", lambda kind: kind.board.lines.f1),
    ]
    for failure in failures:
        console.print(failure, style="red", soft_wrap=True)
    return 1 if failures else 0


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("results", type=Path, help="what `cira extract --jsonl` printed")
    parser.add_argument("labels", type=Path, help="labels file, see docs/accuracy.md")
    parser.add_argument("--fields", action="store_true", help="also one row for each header field")
    parser.add_argument("--kind", action="append", default=[], help="only documents of this kind; may be repeated")
    share = {"type": _requirement, "action": "append", "default": [], "metavar": "KIND=SHARE"}
    parser.add_argument("--require", **share, help="least header accuracy of a kind, 0 to 1")
    parser.add_argument("--require-lines", **share, help="least line F1 of a kind, 0 to 1")
    return parser.parse_args(arguments)


def _requirement(text: str) -> tuple[str, Decimal]:
    kind, sign, share = text.rpartition("=")
    try:
        least = Decimal(share)
    except InvalidOperation:
        least = Decimal(-1)
    if not sign or not kind or not 0 <= least <= 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not KIND=SHARE with a share from 0 to 1")
    return kind, least


def _read_results(path: Path) -> dict[Path, Mapping[str, Any]]:
    """Results by the file they are of."""
    results: dict[Path, Mapping[str, Any]] = {}
    try:
        lines = path.read_text(encoding="utf-8").split("\n")
    except (OSError, UnicodeDecodeError) as error:
        raise ResultsError(f"{path} cannot be read: {error}") from error
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            result = json.loads(line, parse_float=str)
            results[Path(result["file"])] = result
        except (json.JSONDecodeError, KeyError, TypeError) as error:
            raise ResultsError(f"{path}, line {number}: not a result of `cira extract --jsonl`: {error}") from error
    return results


def _count(
    labels: Iterable[Label], results: Mapping[Path, Mapping[str, Any]], *, only: Sequence[str]
) -> dict[str, Kind]:
    by_path = {path.resolve(): result for path, result in results.items()}
    by_name: dict[str, list[Mapping[str, Any]]] = defaultdict(list)
    for path, result in results.items():
        by_name[path.name].append(result)
    kinds: dict[str, Kind] = defaultdict(Kind)
    for label in labels:
        name = str(label.about.get("kind", "all"))
        if only and name not in only:
            continue
        if label.file is None:
            raise ResultsError(f"the label of document {label.sha256} names no file")
        # Results that were made elsewhere have other folders; a name that is unique will do.
        same_name = by_name[label.file.name]
        result = by_path.get(label.file.resolve()) or (same_name[0] if len(same_name) == 1 else None)
        kinds[name].add(label, result)
    return dict(kinds)


def _invoice(result: Mapping[str, Any]) -> Invoice:
    try:
        return Invoice.model_validate(result.get("fields") or {})
    except ValidationError as error:
        raise ResultsError(f"{result['file']}: `fields` are not those of an invoice: {error}") from error


def _overview(kinds: Mapping[str, Kind]) -> Table:
    table = Table(title="accuracy by kind of document", box=box.MARKDOWN)
    table.add_column("kind")
    for heading in ("documents", "exact", "header", "wrong", "missing", "line F1", "tax F1"):
        table.add_column(heading, justify="right")
    for heading in ("outcomes", "accepted wrong", "USD", "median s"):
        table.add_column(heading, justify="left" if heading == "outcomes" else "right")
    for name, kind in sorted(kinds.items()):
        board = kind.board
        table.add_row(
            name,
            str(board.documents),
            str(board.exact_documents),
            _share(board.header_accuracy),
            _share(board.wrong_share),
            _share(board.missing_share),
            _share(board.lines.f1),
            _share(board.tax_breakdown.f1),
            ", ".join(f"{outcome} {count}" for outcome, count in sorted(kind.outcomes.items())),
            str(len(kind.accepted_wrong)),
            f"{kind.cost_usd:.4f}",
            f"{statistics.median(kind.seconds):.2f}" if kind.seconds else "-",
        )
    return table


def _by_field(kinds: Mapping[str, Kind]) -> Table:
    table = Table(title="header fields: accuracy (right / wrong / missing)", box=box.MARKDOWN)
    table.add_column("field")
    for name in sorted(kinds):
        table.add_column(name, justify="right")
    for name in HEADER_FIELDS:
        cells = []
        for _, kind in sorted(kinds.items()):
            board = kind.board
            counts = f"({board.right[name]}/{board.wrong[name]}/{board.missing[name]})"
            accuracy = board.field_accuracy(name)
            cells.append("-" if accuracy is None else f"{_share(accuracy)} {counts}")
        table.add_row(name, *cells)
    return table


def _unmet(kinds: Mapping[str, Kind], required: Iterable[tuple[str, Decimal]], what: str, measure: Any) -> list[str]:
    unmet = []
    for name, least in required:
        reached = measure(kinds[name]) if name in kinds else None
        if reached is None:
            unmet.append(f"{name}: {what} of at least {least} is required, and nothing was measured")
        elif reached < least:
            unmet.append(f"{name}: {what} is {reached:.4f}, at least {least} is required")
    return unmet


def _share(value: Decimal | None) -> str:
    return "-" if value is None else f"{value:.3f}"


if __name__ == "__main__":
    sys.exit(main())
