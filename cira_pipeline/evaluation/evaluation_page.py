"""Renders an evaluation as one self-contained HTML file: figures, charts, and each miss marked on its page."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, StrictUndefined

from cira_pipeline.evaluation.baseline import Comparison
from cira_pipeline.evaluation.charts import reliability, stacked_bars
from cira_pipeline.evaluation.evaluation import Evaluation, Measured
from cira_pipeline.evaluation.places import places
from cira_pipeline.evaluation.score import Scoreboard
from cira_pipeline.invoice import HEADER_FIELDS
from cira_pipeline.models import Box, Page, Reading

ReadingOf = Callable[[Measured], Reading | None]
PictureOf = Callable[[Path, Page], str | None]

_MOST_PAGES: Final = 3
_WORST_SUPPLIERS: Final = 25


@dataclass(frozen=True)
class Mark:
    """A rectangle on a page, in the page's units. `kind`: `expected` or `found`."""

    field: str
    kind: str
    box: Box


@dataclass(frozen=True)
class MissedField:
    """A field or cell with a wrong or missing value; `found` is empty where it is missing."""

    field: str
    expected: str
    found: str
    confidence: float | None


@dataclass(frozen=True)
class PageView:
    """A page as a picture (URL) with its marks."""

    page: Page
    picture: str
    marks: Sequence[Mark]


@dataclass(frozen=True)
class Miss:
    """A document with wrong or missing values, and the pages that show them."""

    document: Measured
    fields: Sequence[MissedField]
    pages: Sequence[PageView]


def evaluation_page(
    evaluation: Evaluation,
    *,
    title: str,
    made: str,
    reading_of: ReadingOf,
    picture_of: PictureOf,
    most_misses: int = 60,
    comparison: Comparison | None = None,
) -> str:
    """The evaluation as HTML.

    `made`: text that says when and how it was made. `reading_of`: the reading of a document, `None` without one.
    `picture_of`: the URL of a picture of a page, `None` where it cannot be drawn. `most_misses`: limit of documents
    shown.
    """
    missed, kinds, bins = evaluation.misses(), evaluation.by_kind(), evaluation.reliability()
    page: str = _template().render(
        title=title,
        made=made,
        documents=len(evaluation.documents),
        kinds=kinds,
        suppliers=list(evaluation.by_supplier().items())[:_WORST_SUPPLIERS],
        field_charts={name: _field_chart(tally.board) for name, tally in kinds.items()},
        bins=bins,
        reliability=reliability([(each.confidence, each.right, each.values) for each in bins]),
        misses=[_miss(document, reading_of(document), picture_of) for document in missed[:most_misses]],
        missed=len(missed),
        comparison=comparison,
        share=_share,
    )
    return page


def _field_chart(board: Scoreboard) -> str:
    return stacked_bars(
        [
            (name, board.right[name], board.wrong[name], board.missing[name])
            for name in HEADER_FIELDS
            if board.field_accuracy(name) is not None
        ]
    )


def _miss(document: Measured, reading: Reading | None, picture_of: PictureOf) -> Miss:
    names = (*document.score.wrong, *document.score.missing)
    fields = [
        MissedField(
            field=name,
            expected=_text(document.label.fields[name]),
            found=_text(getattr(document.result.invoice, name) if document.result is not None else None),
            confidence=document.confidences.get(name),
        )
        for name in names
    ]
    fields += [
        MissedField(cell.place, _text(cell.expected), _text(cell.found), confidence=None)
        for cell in document.score.cells
        if cell.outcome != "right"
    ]
    return Miss(document, fields, list(_views(document, names, reading, picture_of)))


def _views(
    document: Measured, names: Sequence[str], reading: Reading | None, picture_of: PictureOf
) -> Iterator[PageView]:
    file = document.label.file
    if reading is None or file is None:
        return
    marks: dict[int, list[Mark]] = {}
    for name in names:
        for number, box in places(reading, name, document.label.fields[name]):
            marks.setdefault(number, []).append(Mark(name, "expected", box))
    for each in document.result.evidence if document.result is not None else ():
        if each.field in document.score.wrong and each.page is not None and each.box is not None:
            marks.setdefault(each.page, []).append(Mark(each.field, "found", each.box))
    chosen = [page for page in reading.pages if page.number in marks] or list(reading.pages[:1])
    for page in chosen[:_MOST_PAGES]:
        picture = picture_of(file, page)
        if picture is not None:
            yield PageView(page, picture, marks.get(page.number, []))


def _text(value: Any) -> str:
    return "" if value is None else str(value)


def _share(value: Decimal | float | None) -> str:
    return "–" if value is None else f"{value:.3f}"


@cache
def _template() -> Any:
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    source = files("cira_pipeline.evaluation").joinpath("evaluation_page.html.j2").read_text(encoding="utf-8")
    return environment.from_string(source)
