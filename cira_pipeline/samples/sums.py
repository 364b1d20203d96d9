"""The totals: net, taxes, gross, what was paid before and what is due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.sheet import LIGHT


class _Row(NamedTuple):
    label: str
    amount: Decimal
    strong: bool = False


def sums_height(draft: Draft) -> float:
    """Points that totals and breakdown need."""
    rows = len(draft.bill.taxes) + (4 if draft.bill.prepaid else 3)
    return (rows + (len(draft.bill.taxes) + 3 if draft.layout.totals_breakdown else 0)) * (draft.leading + 4) + 16


def draw_sums(draft: Draft) -> None:
    draft.y += 8
    _TOTALS[draft.layout.totals](draft, _rows(draft))
    if draft.layout.totals_breakdown and draft.layout.totals != "table":
        _draw_breakdown(draft)


def _rows(draft: Draft) -> list[_Row]:
    bill = draft.bill
    draft.shown |= {"net_total", "gross_total"}
    rows = [_Row(draft.word("total.net_total"), bill.net_total)]
    if len(bill.taxes) == 1:
        draft.shown.add("tax_total")
        draft.tax_parts |= {"rate", "net", "tax"}
    draft.tax_parts |= {"rate", "tax"}
    rows += [_Row(draft.tax_label(row.rate or Decimal(0)), row.tax or Decimal(0)) for row in bill.taxes]
    gross = "total.gross_credit" if bill.is_credit else "total.gross_total"
    rows.append(_Row(draft.word(gross), bill.gross_total, strong=True))
    if bill.prepaid:
        rows.append(_Row(draft.word("prepaid"), -bill.prepaid))
    if bill.prepaid or draft.layout.due_line:
        draft.shown.add("amount_due")
        rows.append(_Row(draft.word("total.amount_due"), bill.amount_due, strong=True))
    return rows


def _draw_rows(draft: Draft, rows: list[_Row], left: float, right: float, *, fill_last: bool = False) -> None:
    sheet = draft.sheet
    for index, row in enumerate(rows):
        if row.strong and fill_last and index == len(rows) - 1:
            draft.y += 4
            sheet.box(left - 6, draft.y + 3, right + 6, draft.y + draft.leading + 9, fill=draft.layout.accent)
        elif row.strong:
            sheet.rule(left, draft.y + 3, right, thickness=0.8)
        draft.y += draft.leading + 4
        white = row.strong and fill_last and index == len(rows) - 1
        colour = "#ffffff" if white else "#1a1a1a"
        amount = draft.money(row.amount)
        room = right - left - sheet.width_of(amount, draft.size + 0.5, bold=row.strong) - 8
        size = sheet.fitted(room, row.label, draft.size, bold=row.strong)
        sheet.text(left, draft.y, row.label, size, bold=row.strong, colour=colour)
        sheet.text(right, draft.y, amount, draft.size + 0.5 * row.strong, bold=row.strong, colour=colour, align="right")
    draft.y += 8


def _right(draft: Draft, rows: list[_Row]) -> None:
    _draw_rows(draft, rows, draft.middle - 10, draft.right - 3)


def _filled(draft: Draft, rows: list[_Row]) -> None:
    _draw_rows(draft, rows, draft.middle, draft.right - 6, fill_last=True)


def _left(draft: Draft, rows: list[_Row]) -> None:
    _draw_rows(draft, rows, draft.left, draft.left + (draft.right - draft.left) * 0.5)


def _boxed(draft: Draft, rows: list[_Row]) -> None:
    top = draft.y
    _draw_rows(draft, rows, draft.middle, draft.right - 8)
    draft.sheet.box(draft.middle - 10, top, draft.right, draft.y, stroke=draft.layout.accent, thickness=0.8)
    draft.y += 4


def _strip(draft: Draft, rows: list[_Row]) -> None:
    """All sums side by side in one ruled row."""
    sheet, top = draft.sheet, draft.y + 6
    width = (draft.right - draft.left) / len(rows)
    for index, row in enumerate(rows):
        left, right = draft.left + index * width, draft.left + (index + 1) * width
        sheet.box(left, top, right, top + 17, fill="#efefef", stroke=LIGHT)
        sheet.box(left, top + 17, right, top + 36, stroke=LIGHT)
        sheet.text(right - 5, top + 12, row.label, sheet.fitted(width - 10, row.label, draft.size - 1), align="right")
        text = draft.money(row.amount)
        size = sheet.fitted(width - 10, text, draft.size + row.strong, bold=row.strong)
        sheet.text(right - 5, top + 30, text, size, bold=row.strong, align="right")
    draft.y = top + 46


def _table(draft: Draft, rows: list[_Row]) -> None:
    """The breakdown at the left, the totals at the right of it."""
    top = draft.y
    _draw_breakdown(draft)
    bottom = draft.y
    draft.y = top
    _draw_rows(draft, rows, draft.middle + 10, draft.right - 3)
    draft.y = max(draft.y, bottom)


def _draw_breakdown(draft: Draft) -> None:
    """A small table: rate, net, tax of each rate."""
    draft.tax_parts |= {"rate", "net", "tax"}
    sheet, size, left = draft.sheet, draft.size - 1, draft.left
    edges = [left + 60, left + 140, left + 215]
    draft.y += draft.leading + 2
    heads = [draft.word("total.rate"), draft.word("total.base"), draft.word("total.amount")]
    _cells(draft, edges, heads, size, bold=True)
    sheet.rule(left, draft.y + 4, edges[-1], thickness=0.5)
    for row in draft.bill.taxes:
        draft.y += draft.leading + 1
        values = [draft.writing.rate(row.rate or Decimal(0)) + " %"]
        values += [draft.writing.amount(amount or Decimal(0)) for amount in (row.net, row.tax)]
        _cells(draft, edges, values, size)
    draft.y += 10


def _cells(draft: Draft, edges: list[float], texts: list[str], size: float, *, bold: bool = False) -> None:
    for index, (edge, text) in enumerate(zip(edges, texts, strict=True)):
        width = edge - (edges[index - 1] if index else draft.left) - 6
        fitted = draft.sheet.fitted(width, text, size, bold=bold)
        draft.sheet.text(edge, draft.y, text, fitted, bold=bold, align="right")


_TOTALS: Mapping[str, Callable[[Draft, list[_Row]], None]] = {
    "right": _right,
    "filled": _filled,
    "left": _left,
    "boxed": _boxed,
    "strip": _strip,
    "table": _table,
}
