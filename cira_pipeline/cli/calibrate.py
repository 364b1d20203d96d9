"""`cira calibrate`: fits confidences to probabilities, and the acceptance threshold, with labelled documents."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from cira_pipeline.clock import utc_now
from cira_pipeline.errors import LabelsInvalid
from cira_pipeline.settings import load_settings

if TYPE_CHECKING:
    from cira_pipeline.evaluation.labels import Label
    from cira_pipeline.pipeline.accept_curve import Point
    from cira_pipeline.pipeline.calibration import Case, Observer
    from cira_pipeline.validation.confidence.calibration import Calibration


def calibrate(
    labels: Annotated[list[Path], typer.Argument(metavar="LABELS...", help="Labels files (docs/labels.md).")],
    readings: Annotated[Path, typer.Option(help="Folder that caches readings; each document is read once.")],
    out: Annotated[Path, typer.Option(help="File to write the calibration to.")],
    accuracy: Annotated[
        float, typer.Option(min=0.5, max=1, help="Minimum share of correct header fields in accepted records.")
    ] = 0.995,
    losses: Annotated[int, typer.Option(min=0, max=20, help="Extra variants of each reading, with words removed.")] = 2,
    images: Annotated[Path | None, typer.Option(help="Folder for the reliability diagram and the curve (SVG).")] = None,
    folds: Annotated[
        int, typer.Option(min=0, help="Folds of the cross-validation; 0: leave one supplier out at a time.")
    ] = 0,
) -> None:
    """Fit the confidences of extracted values, and the acceptance threshold, to labelled documents.

    Every configured engine extracts every document. The printed figures are cross-validated: they are measured on
    suppliers that were not used for fitting.
    """
    from rich.console import Console

    from cira_pipeline.pipeline.accept_curve import accept_curve, least_threshold
    from cira_pipeline.validation.confidence.fitting import fit, fit_without_each_supplier

    observer = _observer(readings, losses)
    cases = _cases(observer, _labels(labels))
    observations = [each for case in cases for each in case.observations]
    try:
        calibration, without = fit(observations), fit_without_each_supplier(observations, folds=folds)
    except ValueError as error:
        raise LabelsInvalid(str(error)) from error
    judged = _judged(cases)
    curve = accept_curve(judged, without)
    threshold = least_threshold(curve, accuracy)
    about = _about(cases, curve, threshold, observer)
    out.write_text(_written(calibration, threshold, about), encoding="utf-8")
    Console(width=120).print(_curve_table(curve, threshold))
    if images is not None:
        _draw(images, judged, without, threshold)
    typer.echo(f"Calibration written to {out}; records are accepted from confidence {threshold}.")


def _judged(cases: Sequence[Case]) -> list[Case]:
    """The cases that determine the threshold: real documents (else generated ones), extracted by `offline` alone.

    That engine extracts every document; a paid engine's answer can only raise a record's confidence.
    """
    alone = [case for case in cases if case.engine == "offline" and not case.second_opinion]
    return [case for case in alone if case.source == "real"] or [case for case in alone if case.source == "generated"]


def _draw(folder: Path, cases: Sequence[Case], without: Mapping[str, Calibration], threshold: float) -> None:
    from cira_pipeline.evaluation.charts import BLUE, GREEN, RED, reliability, touchless_curve
    from cira_pipeline.evaluation.reliability import binned
    from cira_pipeline.pipeline.accept_curve import accept_curve

    values = [
        (without[case.supplier].confidence(each.name, each.features), each.right)
        for case in cases
        for each in case.observations
    ]
    bins = [(each.confidence, each.right, each.values) for each in binned(values)]
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "reliability.svg").write_text(reliability(bins) + "\n", encoding="utf-8")
    lines = []
    kinds = sorted({case.kind for case in cases})
    for kind, colour in zip(kinds, (BLUE, GREEN, RED), strict=False):
        curve = accept_curve([case for case in cases if case.kind == kind], without)
        lines.append((kind, colour, [(point.touchless, point.accuracy) for point in curve if point.records]))
    point = next(each for each in accept_curve(cases, without) if each.threshold == threshold)
    chart = touchless_curve(lines, chosen=(point.touchless, point.accuracy))
    (folder / "touchless.svg").write_text(chart + "\n", encoding="utf-8")


def _observer(readings: Path, losses: int) -> Observer:
    from cira_pipeline.extraction.answers import AnswersInMemory
    from cira_pipeline.ocr.open_reader import reader_from_settings
    from cira_pipeline.pipeline.calibration import Observer
    from cira_pipeline.pipeline.engines import engines_from_settings
    from cira_pipeline.pipeline.reading_cache import KeptReadings

    settings = load_settings()
    return Observer(
        settings=settings,
        reader=KeptReadings(reader_from_settings(settings), readings),
        engines=engines_from_settings(settings, AnswersInMemory()),
        today=utc_now().date(),
        losses=losses,
    )


def _labels(files: Sequence[Path]) -> list[Label]:
    """Labels of documents that are read from a page, not parsed from XML."""
    from cira_pipeline.evaluation.labels import read_labels

    return [
        label for file in files for label in read_labels(file) if label.about.get("kind") not in ("xml", "hybrid-pdf")
    ]


def _cases(observer: Observer, labels: Sequence[Label]) -> list[Case]:
    from rich.console import Console
    from rich.progress import track

    from cira_pipeline.evaluation.labels import suppliers_of

    suppliers = suppliers_of(labels)
    console = Console(stderr=True)
    return [
        case
        for label in track(labels, description="Reading", console=console, transient=True)
        for case in observer.cases(label, suppliers[label.sha256])
    ]


def _about(cases: Sequence[Case], curve: Sequence[Point], threshold: float, observer: Observer) -> dict[str, Any]:
    """Provenance of the calibration: date, engine versions, documents, suppliers and cross-validated figures."""
    point = next(point for point in curve if point.threshold == threshold)
    observations = [each for case in cases for each in case.observations]
    return {
        "fitted_on": utc_now().date().isoformat(),
        "engines": {str(name): engine.version for name, engine in observer.engines.items() if name.reads_page},
        "documents": dict(Counter(case.source for case in cases)),
        "suppliers": len({case.supplier for case in cases}),
        "values": {
            "right": sum(each.right for each in observations),
            "wrong": sum(not each.right for each in observations),
        },
        "cross_validated": {
            "records": point.of,
            "touchless": round(point.touchless, 4),
            "accuracy_of_accepted": round(point.accuracy, 4),
            "wrong_values": point.wrong,
        },
    }


def _written(calibration: Calibration, threshold: float, about: Mapping[str, Any]) -> str:
    stored = {
        "about": about,
        "accept_confidence": threshold,
        "intercepts": calibration.intercepts,
        "engines": calibration.engines,
        "weights": calibration.weights,
    }
    return json.dumps(stored, indent=2) + "\n"


def _curve_table(curve: Sequence[Point], threshold: float) -> Any:
    from rich import box
    from rich.table import Table

    table = Table(title="accepted records, suppliers not used for fitting", box=box.MARKDOWN)
    for heading in ("threshold", "accepted", "touchless", "header accuracy", "wrong", "missing"):
        table.add_column(heading, justify="right")
    for index, point in enumerate(curve):
        if point.threshold == threshold or index % 10 == 0:
            table.add_row(
                f"{point.threshold:.3f}" + (" *" if point.threshold == threshold else ""),
                f"{point.records}/{point.of}",
                f"{point.touchless:.3f}",
                f"{point.accuracy:.4f}",
                str(point.wrong),
                str(point.labelled - point.right - point.wrong),
            )
    return table
