"""A model that knows the answers: it finds labelled values in the numbered lines it is given, and names their lines."""

from __future__ import annotations

import re
import threading
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Any

from cira_pipeline.extraction.azure_openai.vocabulary import LINES, STANDARD, AskedTable
from cira_pipeline.fields import FieldKind, Term
from tests.azure_standin.mistakes import Mistakes
from tests.azure_standin.spelling import spellings

Label = Mapping[str, Any]

_NUMBERED = re.compile(r"^(\d+)\| (.*)$")
# Kinds whose values stand on several lines of print, with what separates them in a label.
_SEVERAL = {FieldKind.ADDRESS: r",\s*|\n", FieldKind.TEXT: r",\s*|\n"}
_LONGEST_ITEM = 12
"""Lines of print that one item takes at most."""
_COLUMNS_BEFORE = 3
"""Columns before the description, each a line of print."""


class LabelAnswers:
    """Answers a question about the labelled document that its lines fit best; `mistakes` spoils some fields."""

    def __init__(self, labels: Iterable[Label], mistakes: Mistakes | None = None) -> None:
        self._labels = list(labels)
        self._mistakes = mistakes
        self._lock = threading.Lock()

    def __call__(self, message: str) -> Mapping[str, Any]:
        page = Page(message)
        answer = _answer(self.label_of(page), page)
        if self._mistakes is not None and page.lines:
            with self._lock:
                answer = self._mistakes.spoil(answer, page.lines)
        return answer

    def label_of(self, page: Page) -> Label:
        """The label that fits these lines best."""
        return max(self._labels, key=lambda fields: _fit(fields, page), default={})


class Page:
    """The numbered lines of a question, and where texts stand in them."""

    def __init__(self, message: str) -> None:
        found = (_NUMBERED.match(line) for line in message.splitlines())
        self.lines = {int(match.group(1)): match.group(2) for match in found if match}
        self._squeezed = {number: _squeezed(text) for number, text in self.lines.items()}
        self._whole = "\n".join(hay for hay, _ in self._squeezed.values())

    def find(self, texts: Iterable[str], *, after: int = 0, before: int | None = None) -> dict[str, Any] | None:
        """The first place of the likeliest of `texts` that stands between these lines."""
        within = (
            place
            for place in self.places(texts)
            if place["line"] > after and (before is None or place["line"] < before)
        )
        return next(within, None)

    def nearest(self, texts: Iterable[str], line: int, *, within: int) -> dict[str, Any] | None:
        """The place that is nearest to `line`, not farther than `within` lines."""
        near = [place for place in self.places(texts) if abs(place["line"] - line) <= within]
        return min(near, key=lambda place: abs(place["line"] - line), default=None)

    def places(self, texts: Iterable[str]) -> Iterator[dict[str, Any]]:
        """All places of the texts, one for each line and text, the likeliest text first."""
        for text in texts:
            wanted = _wanted(text)
            if not wanted or wanted not in self._whole:
                continue
            for number, (hay, origin) in self._squeezed.items():
                printed = self._alone(number, hay, origin, wanted)
                if printed is not None:
                    yield {"text": printed, "line": number}

    def _alone(self, number: int, hay: str, origin: Sequence[int], wanted: str) -> str | None:
        line, at = self.lines[number], hay.find(wanted)
        while at >= 0:
            start, end = origin[at], origin[at + len(wanted) - 1] + 1
            if not _cut_out(line, start, end):
                return line[start:end]
            at = hay.find(wanted, at + 1)
        return None


@lru_cache(maxsize=200_000)
def _wanted(text: str) -> str:
    return _squeezed(text)[0]


def _squeezed(text: str) -> tuple[str, list[int]]:
    chars, origin = [], []
    for index, original in enumerate(text):
        for char in unicodedata.normalize("NFKD", original).casefold():
            if not char.isspace() and not unicodedata.combining(char):
                chars.append(char)
                origin.append(index)
    return "".join(chars), origin


def _cut_out(line: str, start: int, end: int) -> bool:
    before, after = line[:start], line[end:]
    if line[start].isalnum() and before[-1:].isalnum():
        return True
    if line[end - 1].isalnum() and after[:1].isalnum():
        return True
    number_before = line[start].isdigit() and before[-1:] in {".", ","} and before[-2:-1].isdigit()
    number_after = line[end - 1].isdigit() and after[:1] in {".", ","} and after[1:2].isdigit()
    return number_before or number_after


def _fit(label: Label, page: Page) -> int:
    names = ("invoice_number", "gross_total", "issue_date", "supplier_name", "customer_name", "net_total")
    return sum(page.find(spellings(name, label[name])) is not None for name in names if label.get(name))


def _answer(label: Label, page: Page) -> dict[str, Any]:
    fields = [
        {"field": name, **span}
        for name, term in STANDARD.header.items()
        for span in _texts(name, term, label.get(name), page)
    ]
    fields += [
        {"field": name, **span} for name, value in (label.get("custom") or {}).items() for span in _found(value, page)
    ]
    items = list(_items(label.get(LINES) or (), page))
    rows = [_row(LINES, cells) for _, cells in items]
    for asked in STANDARD.tables.values():
        if asked.name != LINES:
            rows += _rows(asked, label.get(asked.table) or (), dict(items), page)
    return {"fields": fields, "rows": [row for row in rows if row["cells"]]}


def _texts(path: str, term: Term, value: Any, page: Page) -> Iterator[dict[str, Any]]:
    """Where the labelled `value` is printed: one span, or one for each line of print."""
    if value is None:
        return
    if term.kind in _SEVERAL:
        for part in re.split(_SEVERAL[term.kind], str(value)):
            yield from _found(part, page)
    elif (span := page.find(spellings(path, str(value)))) is not None:
        yield span


def _found(text: Any, page: Page) -> Iterator[dict[str, Any]]:
    span = page.find([str(text)])
    if span is not None:
        yield span


def _row(table: str, cells: Iterable[dict[str, Any]]) -> dict[str, Any]:
    return {"table": table, "cells": list(cells)}


def _rows(
    asked: AskedTable, labels: Iterable[Label], items: Mapping[int, Sequence[dict[str, Any]]], page: Page
) -> Iterator[dict[str, Any]]:
    """Rows of a table other than the line items; one that belongs to an item shows the start of that item.

    The cells of a row stand on one line where they can.
    """
    for label in labels:
        if any(label.get(name) != value for name, value in asked.chosen.items()):
            continue
        places = {
            name: list(page.places(spellings(f"{asked.table}.{name}", str(label[name]))))
            for name, term in asked.columns.items()
            if term.kind is not FieldKind.POSITION and label.get(name) is not None
        }
        count = Counter(line for found in places.values() for line in {place["line"] for place in found})
        row = min(count, key=lambda line: (-count[line], line), default=0)
        cells = [
            {"column": name, **next((place for place in found if place["line"] == row), found[0])}
            for name, found in places.items()
            if found
        ]
        item = items.get(label.get("line") or 0)
        if cells and item:
            cells.append(item[0] | {"column": "line"})
        yield _row(asked.name, cells)


def _items(labels: Iterable[Label], page: Page) -> Iterator[tuple[int, list[dict[str, Any]]]]:
    """Numbers and cells of the items, each found by the start of its description and cells on the lines that follow."""
    after = 0
    terms = STANDARD.tables[LINES].columns
    for number, label in enumerate(labels, start=1):
        words = str(label.get("description") or "").split()
        starts = (" ".join(words[:count]) for count in (len(words), 6, 3, 2) if 0 < count <= len(words))
        description = page.find(list(starts), after=after)
        if words and description is None:
            continue
        start = description["line"] - 1 if description else after
        cells = [{"column": "description", **description}] if description else []
        named = [(name, value) for name in terms if name != "description" and (value := label.get(name)) is not None]
        for name, value in (*named, *(label.get("custom") or {}).items()):
            texts = list(spellings(f"{LINES}.{name}", str(value)))
            span = page.find(texts, after=start, before=start + _LONGEST_ITEM)
            before = page.nearest(texts, start + 1, within=_COLUMNS_BEFORE) if description else None
            # Numbers of the line and of its goods stand before the description, and counts may.
            if before is not None and (span is None or (name in terms and terms[name].kind is FieldKind.REFERENCE)):
                span = before
            if span is not None:
                cells.append({"column": name, **span})
        if cells:
            after = max(min(cell["line"] for cell in cells) - 1, after)
            yield number, cells
