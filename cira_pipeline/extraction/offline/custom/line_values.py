"""Values of declared fields of lines: in the columns of the item table that have their headings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cira_pipeline.custom.declaration import CustomField, CustomType, Declarations, Place
from cira_pipeline.extraction.offline.custom.printed_value import Printed, printed_value
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.tables.header import Column, Header
from cira_pipeline.extraction.offline.tables.line_items import Item, ItemTable
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    slack: float


_TUNED = thresholds(_Tuned)


@dataclass(frozen=True)
class LineColumn:
    """A declared field's column: its header's extent, and the edges of the headers beside it."""

    declared: CustomField
    left: float
    right: float
    from_left: float
    to_right: float


def columns_of(header: Header, declarations: Declarations) -> tuple[LineColumn, ...]:
    """The columns of `header` with the heading of a declared field; a heading that occurs twice is left out."""
    known: dict[str, CustomField] = {
        compact(label): declared for declared, _, label in declarations.labelled(Place.LINE)
    }
    found: dict[str, list[LineColumn]] = {}
    for column in header.columns:
        declared = known.get(compact(column.text))
        if declared is not None:
            found.setdefault(declared.name, []).append(_extent(declared, column, header))
    return tuple(columns[0] for columns in found.values() if len(columns) == 1)


def _extent(declared: CustomField, column: Column, header: Header) -> LineColumn:
    others = [other for other in header.columns if other is not column]
    return LineColumn(
        declared,
        column.left,
        column.right,
        max((other.right for other in others if other.right <= column.left), default=float("-inf")),
        min((other.left for other in others if other.left >= column.right), default=float("inf")),
    )


def line_values(
    facts: Facts, table: ItemTable, item: Item, declarations: Declarations
) -> Iterator[tuple[CustomField, Printed]]:
    """The values of declared fields in the rows of `item`."""
    header = _header_of(table, item)
    if header is None:
        return
    taken = [number.span for number in item.cells.values()]
    for column in columns_of(header, declarations):
        found = [
            value
            for row in item.rows
            for segment, start, end in _stretches(row, column, taken)
            if (value := printed_value(facts, column.declared, segment, start, end)) is not None
            and _only(value, start, end, column.declared)
        ]
        # A value of one row: of two, one belongs to something else.
        if len(found) == 1:
            yield column.declared, found[0]


def _header_of(table: ItemTable, item: Item) -> Header | None:
    """The last header above the item."""
    above = [header for header in table.headers if header.rows[-1].index < item.rows[0].index]
    return above[-1] if above else None


def _stretches(row: Row, column: LineColumn, taken: list[Span]) -> Iterator[tuple[Segment, int, int]]:
    """The words of `row` in the column, one stretch of each segment, without those of other cells."""
    for segment in row.segments:
        slack = _TUNED.slack * segment.height
        words = [
            (start, start + len(token.text))
            for token, start in zip(segment.tokens, segment.starts, strict=True)
            if token.left > column.from_left - slack
            and token.right < column.to_right + slack
            and not any(
                span.segment is segment and span.start < start + len(token.text) and start < span.end for span in taken
            )
        ]
        if not words:
            continue
        start, end = words[0][0], words[-1][1]
        box = Span(segment, start, end).box
        if min(box.right, column.right + slack) - max(box.left, column.left - slack) > 0:
            yield segment, start, end


def _only(found: Printed, start: int, end: int, declared: CustomField) -> bool:
    """Whether the value is all that is printed in the cell; a text and an amount's currency may go beyond it."""
    return declared.type.is_number or declared.type is CustomType.DATE or found.span.end >= end - 1
