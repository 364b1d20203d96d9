"""Extracts item numbers and commodity codes of lines from their columns."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from stdnum import ean

from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import words_of
from cira_pipeline.extraction.offline.page.canvas import Row, Span
from cira_pipeline.extraction.offline.tables.header import Column, Header
from cira_pipeline.extraction.offline.tables.line_items import Item, ItemTable
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    slack: float
    share: float
    longest: int
    shortest: int
    step: int
    confidence: float


_TUNED = thresholds(_Tuned)

_CODE = re.compile(r"(?=.*\d)[\w./+-]+|[A-Z]{3,12}")
_TARIFF = re.compile(r"\d{4}(?:[ .]?\d{2}){0,3}")
# `Item no` may head the numbers of the lines or those of the goods.
_POSITION = re.compile(r"\d{1,3}(?:\.\d{1,3}){0,3}\.?")
# India's codes of services are chapter 99 of its tariff, whatever the column is called.
_SERVICES = re.compile(r"99\d{2}(?:\d{2})?")
_GTIN = "0160"
_NUMBER_SIGNS = ("#", "№")


def item_codes(table: ItemTable) -> Mapping[int, Mapping[str, Found]]:
    """Fields of `LineItem` with item numbers and commodity codes, by the position of the line in the table."""
    found: dict[int, dict[str, Found]] = {}
    for header in table.headers:
        own = [(index, item) for index, item in enumerate(table.items) if _header_of(table.headers, item) is header]
        for column in _code_columns(header):
            cells = {index: span for index, item in own if (span := _cell(item, column)) is not None}
            if len(cells) < _TUNED.share * len(own):
                continue
            if len({span.text for span in cells.values()}) == len(cells) and all(
                _counts(span.text, len(own)) for span in cells.values()
            ):
                column = replace(column, concept="position")
            elif column.concept == "number" or (
                column.concept == "position" and all(_POSITION.fullmatch(span.text) for span in cells.values())
            ):
                continue
            for index, span in cells.items():
                for field, value in _meaning(column, span.text).items():
                    found.setdefault(index, {}).setdefault(field, Found(value, (span,), _TUNED.confidence))
    return found


def _counts(text: str, lines: int) -> bool:
    """`3`, `30` or `01.03`: the number of a line among so many, of their own or in tens."""
    first = text.rstrip(".").split(".")[0]
    return bool(_POSITION.fullmatch(text)) and int(first) <= _TUNED.step * lines


def _header_of(headers: Sequence[Header], item: Item) -> Header | None:
    return next((each for each in reversed(headers) if each.rows[0].index < item.rows[0].index), None)


def _code_columns(header: Header) -> Iterator[Column]:
    """Columns of codes, of which there may be several; without another column, they may have the descriptions."""
    if header.column("description") is None:
        return
    for column in header.columns:
        if column.concept in {"article", "position"}:
            yield column
        elif not column.concept and (column.text.strip() in _NUMBER_SIGNS or "position" in column.options):
            yield replace(column, concept="number")
        elif not column.concept and "article" in column.options:
            yield replace(column, concept="article")


def _cell(item: Item, column: Column) -> Span | None:
    """The code under the heading, in the first row of the item that has one, that is nothing else of the item."""
    taken = [number.span for number in item.cells.values()] + item.description
    taken += [item.unit] if item.unit is not None else []
    for row in sorted(item.rows, key=lambda row: row.index):
        spans = [span for span in _under(row, column) if not any(_overlap(span, other) for other in taken)]
        if spans:
            break
    if len(spans) != 1:
        return None
    text = spans[0].text
    words = text.split()
    if len(text) > _TUNED.longest or len(words) > 2 or not all(_CODE.fullmatch(word) for word in words):
        return None
    if len(words) == 2 and any(_POSITION.fullmatch(word) for word in words):
        return None
    return spans[0]


def _under(row: Row, column: Column) -> list[Span]:
    """What is printed under the heading; where nothing is, what is printed close to it."""
    return list(_within(row, column, 0.0)) or list(_within(row, column, _TUNED.slack))


def _within(row: Row, column: Column, slack_heights: float) -> Iterator[Span]:
    for segment in row.segments:
        slack = slack_heights * segment.height
        inside = [
            index
            for index, token in enumerate(segment.tokens)
            if token.left < column.right + slack and token.right > column.left - slack
        ]
        if inside:
            first, last = inside[0], inside[-1]
            yield Span(segment, segment.starts[first], segment.starts[last] + len(segment.tokens[last].text))


def _overlap(one: Span, other: Span) -> bool:
    return one.segment is other.segment and one.start < other.end and other.start < one.end


def _meaning(column: Column, text: str) -> Mapping[str, str]:
    heading = {word for word, _, _ in words_of(column.text)}
    value = " ".join(text.split())
    if column.concept == "position" and _POSITION.fullmatch(value):
        return {"line_id": value.rstrip(".")}
    digits = re.sub(r"[ .]", "", value)
    words = lexicon().words
    if heading & words["commodity"] and _TARIFF.fullmatch(value):
        scheme = (
            "SAC"
            if _SERVICES.fullmatch(digits) and heading & {"hsn", "sac"}
            else "HSN"
            if heading & {"hsn", "sac"}
            else None
        )
        return {"classification": digits, **({"classification_scheme": scheme} if scheme else {})}
    if heading & words["commodity"]:
        return {"classification": value}
    if digits.isdigit() and len(digits) in (8, 12, 13, 14) and ean.is_valid(digits) and heading & words["barcode"]:
        return {"standard_item_id": digits, "standard_item_scheme": _GTIN}
    if heading & words["barcode"]:
        return {}
    if len(value) < _TUNED.shortest or (heading & words["of_customer"] and heading & words["of_supplier"]):
        return {}
    return {"buyer_item_id" if heading & words["of_customer"] else "seller_item_id": value}
