"""`cira eval`: measures the accuracy of records against labelled documents."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal, InvalidOperation
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cira_pipeline.clock import utc_now
from cira_pipeline.errors import ExportFailed
from cira_pipeline.jobs import Policy
from cira_pipeline.models import EngineName
from cira_pipeline.settings import Settings, load_settings

if TYPE_CHECKING:
    from cira_pipeline.evaluation.baseline import Comparison
    from cira_pipeline.evaluation.evaluation import Evaluation, Measured
    from cira_pipeline.evaluation.labels import Label
    from cira_pipeline.evaluation.results import Result
    from cira_pipeline.models import Reading
    from cira_pipeline.pipeline.without_services import Extractor

# Width of tables that are written to a file or a log.
_WIDTH = 160


def _requirement(text: str) -> tuple[str, Decimal]:
    group, sign, share = text.rpartition("=")
    try:
        least = Decimal(share)
    except InvalidOperation:
        least = Decimal(-1)
    if not sign or not group or not 0 <= least <= 1:
        raise typer.BadParameter(f"{text!r}: expected GROUP=SHARE with a share from 0 to 1")
    return group, least


_Share = Annotated[
    list[str] | None, typer.Option(metavar="GROUP=SHARE", help="Exit status 1 if the group's header accuracy is lower.")
]


def evaluate(
    labels: Annotated[Path, typer.Option(help="Labels file (docs/labels.md).")],
    engine: Annotated[EngineName | None, typer.Option(help="Only this engine.")] = None,
    policy: Annotated[Policy | None, typer.Option(help="Policy to use; default: CIRA_POLICY.")] = None,
    jobs: Annotated[int, typer.Option(min=1, max=64, help="Documents processed concurrently, one per process.")] = 1,
    results: Annotated[Path | None, typer.Option(help="Score this output of `cira extract --jsonl` instead.")] = None,
    readings: Annotated[Path | None, typer.Option(help="Folder that caches readings between runs.")] = None,
    kind: Annotated[list[str] | None, typer.Option(help="Only documents of this kind; may be repeated.")] = None,
    by: Annotated[
        str, typer.Option(help="Key of the labels to group by: kind, country, language, layout, ...")
    ] = "kind",
    fields: Annotated[bool, typer.Option("--fields", help="Print a table by field too.")] = False,
    suppliers: Annotated[bool, typer.Option("--suppliers", help="Print a table by supplier too, worst first.")] = False,
    as_json: Annotated[Path | None, typer.Option("--json", help="File to write all figures to, as JSON.")] = None,
    html: Annotated[
        Path | None, typer.Option(help="File for an HTML report that shows wrong and missed fields.")
    ] = None,
    baseline: Annotated[
        Path | None, typer.Option(help="File written by --json in an earlier run, to compare with.")
    ] = None,
    fail_if_worse: Annotated[
        bool, typer.Option("--fail-if-worse", help="Exit status 1 if worse than --baseline.")
    ] = False,
    require: _Share = None,
    require_lines: Annotated[
        list[str] | None, typer.Option(metavar="GROUP=SHARE", help="Exit status 1 if the group's line F1 is lower.")
    ] = None,
    require_values: Annotated[
        list[str] | None,
        typer.Option(metavar="GROUP=SHARE", help="Exit status 1 if fewer of all labelled values are right."),
    ] = None,
) -> None:
    """Measure accuracy on labelled documents by group, field and supplier, and the accuracy of accepted records.

    Stores nothing except the readings. For a labelled document without a result all fields count as missing.
    """
    from cira_pipeline.evaluation import tables
    from cira_pipeline.evaluation.baseline import compare, read_baseline
    from cira_pipeline.evaluation.evaluation import evaluate as measured
    from cira_pipeline.evaluation.labels import read_labels
    from cira_pipeline.evaluation.results import read_results
    from cira_pipeline.evaluation.summary import summary_of

    required = [_requirement(each) for each in require or ()]
    required_lines = [_requirement(each) for each in require_lines or ()]
    required_values = [_requirement(each) for each in require_values or ()]
    before = read_baseline(baseline) if baseline is not None else None
    settings = _settings(engine, policy)
    known = [each for each in read_labels(labels) if not kind or str(each.about.get("kind", "all")) in kind]
    with _folder(readings) as folder:
        found = read_results(results) if results is not None else _run(known, settings, engine, jobs, folder)
        evaluation = measured(known, found)
        summary = summary_of(evaluation, by)
        comparison = compare(before, summary) if before is not None else None
        _print(evaluation, comparison, by, fields=fields, suppliers=suppliers)
        if as_json is not None:
            _write(as_json, json.dumps(summary, indent=1, ensure_ascii=False) + "\n")
        if html is not None:
            _write(html, _page(evaluation, comparison, labels, settings, engine, folder))
    groups = evaluation.by(by)
    failures = [
        *tables.unmet(groups, required, "header accuracy", lambda tally: tally.board.header_accuracy),
        *tables.unmet(groups, required_lines, "line F1", lambda tally: tally.board.lines.f1),
        *tables.unmet(groups, required_values, "accuracy of all values", lambda tally: tally.board.value_accuracy),
    ]
    if comparison is not None and comparison.worse and fail_if_worse:
        failures.append("worse than the baseline")
    for failure in failures:
        typer.secho(failure, err=True, fg="red")
    if failures:
        raise typer.Exit(1)


def _settings(engine: EngineName | None, policy: Policy | None) -> Settings:
    if engine is not None and policy is not None:
        raise typer.BadParameter("--engine runs one engine alone; omit --policy")
    chosen = (Policy.MODEL_FIRST if engine.is_paid else Policy.OFFLINE_ONLY) if engine is not None else policy
    settings = load_settings()
    return settings if chosen is None else settings.model_copy(update={"policy": chosen})


@contextmanager
def _folder(readings: Path | None) -> Iterator[Path]:
    """The given folder of readings, or a temporary one."""
    if readings is not None:
        yield readings
        return
    with tempfile.TemporaryDirectory(prefix="cira-readings-") as folder:
        yield Path(folder)


def _run(
    labels: Sequence[Label], settings: Settings, engine: EngineName | None, jobs: int, readings: Path
) -> list[Result]:
    from rich.progress import track

    from cira_pipeline.cli.screen import progress_console
    from cira_pipeline.evaluation.results import result_of
    from cira_pipeline.pipeline.many_files import extracted

    files = [label.file for label in labels if label.file is not None]
    outcomes = extracted(files, settings, jobs, opening=partial(_opened, readings=readings, only=engine))
    tracked = track(outcomes, total=len(files), description="Measuring", console=progress_console(), transient=True)
    return [result_of(each.model_dump(mode="json"), each.file) for each in tracked]


def _opened(settings: Settings, *, readings: Path, only: EngineName | None) -> Extractor:
    from cira_pipeline.ocr.open_reader import reader_from_settings
    from cira_pipeline.pipeline.reading_cache import KeptReadings
    from cira_pipeline.pipeline.without_services import Extractor

    return Extractor(settings, reader=KeptReadings(reader_from_settings(settings), readings), only=only)


def _print(evaluation: Evaluation, comparison: Comparison | None, by: str, *, fields: bool, suppliers: bool) -> None:
    from rich.console import Console

    from cira_pipeline.evaluation import tables

    console = Console(highlight=False, markup=False, emoji=False)
    if not console.is_terminal:
        console = Console(width=_WIDTH, highlight=False, markup=False, emoji=False)
    groups = evaluation.by(by)
    console.print(tables.overview(groups, by))
    console.print(tables.verdicts(groups, by))
    if evaluation.reliability():
        console.print(tables.reliability_table(evaluation))
    if fields:
        console.print(tables.by_field(groups))
    if suppliers:
        console.print(tables.overview(evaluation.by_supplier(), "supplier"))
    for line in tables.accepted_wrong(evaluation):
        console.print(line, style="yellow", soft_wrap=True)
    if comparison is not None:
        console.print(tables.changes(comparison))


def _page(
    evaluation: Evaluation,
    comparison: Comparison | None,
    labels: Path,
    settings: Settings,
    engine: EngineName | None,
    readings: Path,
) -> str:
    from cira_pipeline.evaluation.evaluation_page import evaluation_page
    from cira_pipeline.evaluation.page_images import page_pictures

    how = f"engine {engine}" if engine is not None else f"policy {settings.effective_policy}"
    return evaluation_page(
        evaluation,
        title=f"Accuracy on {labels.parent.name}/{labels.name}",
        made=f"{how} · {utc_now():%Y-%m-%d %H:%M} UTC",
        reading_of=partial(_reading_of, reader=_reader(settings, readings), settings=settings),
        picture_of=page_pictures(settings).data_url,
        comparison=comparison,
    )


def _reader(settings: Settings, readings: Path) -> Any:
    from cira_pipeline.ocr.open_reader import reader_from_settings
    from cira_pipeline.pipeline.reading_cache import KeptReadings

    return KeptReadings(reader_from_settings(settings), readings)


def _reading_of(document: Measured, *, reader: Any, settings: Settings) -> Reading | None:
    """The cached reading, or a new one; `None` for a document that cannot be read."""
    from cira_pipeline.errors import CiraError
    from cira_pipeline.intake.isolated import recogniser_from_settings

    file = document.label.file
    if file is None or file.suffix.lower() == ".xml":
        return None
    try:
        content = recogniser_from_settings(settings, reads=False)(file.read_bytes())
        reading: Reading = reader.read(content).reading
    except CiraError:
        return None
    return reading


def _write(path: Path, text: str) -> None:
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ExportFailed(f"{path} cannot be written: {error.strerror}", path=str(path)) from error
