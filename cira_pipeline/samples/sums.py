"""Draws the totals: net, taxes, gross, amount paid before and amount due."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import NamedTuple

from cira_pipeline.invoice import AllowanceCharge, Withholding
from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.national import National
from cira_pipeline.samples.sheet import GREY, LIGHT

_MOST_SIDE_BY_SIDE = 6


class _Row(NamedTuple):
    label: str
    amount: Decimal
    strong: bool = False


def sums_height(draft: Draft) -> float:
    """Points that totals and breakdown need."""
    bill = draft.bill
    rows = len(bill.taxes) + 3 + bool(bill.prepaid) + 2 * bool(bill.allowance_rate)
    if bill.national is not None:
        rows += sum(
            bool(each) for each in (bill.shipping, bill.withheld, bill.rounding, bill.previous_balance, bill.tip)
        )
        rows += bool(bill.tax_reduction)
    return (rows + (len(draft.bill.taxes) + 3 if draft.layout.totals_breakdown else 0)) * (draft.leading + 4) + 16


def draw_sums(draft: Draft) -> None:
    draft.y += 8
    rows = _rows(draft) if draft.bill.national is None else _national_rows(draft, draft.bill.national)
    # More sums than fit side by side stand below each other.
    many = draft.bill.national is not None and len(rows) > _MOST_SIDE_BY_SIDE
    _TOTALS["right" if many and draft.layout.totals == "strip" else draft.layout.totals](draft, rows)
    if draft.layout.totals_breakdown and draft.layout.totals != "table":
        _draw_breakdown(draft)


def _national_rows(draft: Draft, national: National) -> list[_Row]:
    """The totals as companies of the country print them."""
    bill = draft.bill
    untaxed = [_shipping(draft)] if bill.shipping and not national.habits.shipping_taxed else []
    before, net_shown = _before_taxes(draft, national)
    taxes = _tax_rows(draft, national, net_shown=net_shown)
    rest = _after_gross(draft)
    # Where only a rounding or a withheld tax follows, many print the amount due alone.
    only_due = bool(rest) and not draft.layout.due_line and not (bill.prepaid or bill.previous_balance or bill.tip)
    rows = [*before, *taxes, *untaxed]
    due = bool(rest) or draft.layout.due_line
    if not only_due:
        draft.shown.add("gross_total")
        rows.append(_Row(_gross_label(draft, due=due), bill.gross_total, strong=True))
    rows += rest
    if due:
        draft.shown.add("amount_due")
        label = draft.heading("total.amount_due")
        if only_due and draft.layout.sign == "bare" and draft.layout.currency_in == "totals":
            draft.shown.add("currency")
            label = f"{label} ({bill.supplier.currency})"
        rows.append(_Row(label, bill.amount_due, strong=True))
    return rows


def _before_taxes(draft: Draft, national: National) -> tuple[list[_Row], bool]:
    """The rows above the taxes, and whether one of them is the net total."""
    bill = draft.bill
    taxed_shipping = bool(bill.shipping) and national.habits.shipping_taxed
    if not bill.allowance and not bill.shipping:
        draft.shown.add("net_total")
        return [_Row(draft.heading("total.net_total"), bill.net_total)], True
    draft.values["line_total"] = bill.line_total
    rows = [_Row(draft.word("sum_of_lines"), bill.line_total)]
    parts = []
    if bill.allowance:
        label = draft.word("allowance").format(rate=draft.writing.rate(bill.allowance_rate))
        rows.append(_Row(label, -bill.allowance))
        draft.values["allowance_total"] = bill.allowance
        parts.append(
            AllowanceCharge(kind="allowance", amount=bill.allowance, percent=bill.allowance_rate, reason=label)
        )
    if bill.shipping:
        draft.values |= {"charge_total": bill.shipping, "shipping_amount": bill.shipping}
        parts.append(AllowanceCharge(kind="charge", amount=bill.shipping, reason=draft.word("shipping")))
    draft.values["allowances_charges"] = tuple(parts)
    if taxed_shipping:
        rows.append(_shipping(draft))
    net_shown = draft.layout.spelling % 2 == 0 and (taxed_shipping or not bill.shipping)
    if net_shown:
        draft.shown.add("net_total")
        rows.append(_Row(draft.words.pick("total.net_total", 1), bill.net_total))
    return rows, net_shown


def _shipping(draft: Draft) -> _Row:
    return _Row(draft.word("shipping"), draft.bill.shipping)


def _tax_rows(draft: Draft, national: National, *, net_shown: bool) -> list[_Row]:
    bill = draft.bill
    labels = {tax.name: tax.labels[draft.layout.spelling % len(tax.labels)] for tax in national.regime.taxes}
    rows = []
    for tax in bill.taxes:
        label = labels[tax.name or ""].format(rate=draft.writing.rate(tax.rate or Decimal(0)))
        rows.append(_Row(label, tax.tax or Decimal(0)))
    if bill.taxes:
        draft.tax_parts.add("tax")
        if all(_letters(name) in _letters(label) for name, label in labels.items()):
            draft.tax_parts.add("name")
        if all("{rate}" in label for label in labels.values()):
            draft.tax_parts.add("rate")
        if net_shown and all(tax.net == bill.net_total for tax in bill.taxes):
            draft.tax_parts.add("net")
    if len(bill.taxes) == 1:
        draft.shown.add("tax_total")
    return rows


def _letters(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _after_gross(draft: Draft) -> list[_Row]:
    """What lies between the total with taxes and the amount due."""
    bill = draft.bill
    rows = []
    if bill.withheld:
        national = bill.national
        withheld = national.habits.withheld if national is not None else None
        rate = draft.writing.rate(bill.withheld)
        rows.append(_Row(draft.word("withholding").format(rate=rate), -bill.withholding))
        row = Withholding(name=withheld.name if withheld else None, rate=bill.withheld, amount=bill.withholding)
        _state_withheld(draft, row)
    if bill.tip:
        rows.append(_Row(draft.word("tip"), bill.tip))
        draft.values["tip_amount"] = bill.tip
    if bill.previous_balance:
        rows.append(_Row(draft.word("previous_balance"), bill.previous_balance))
        draft.values["previous_balance"] = bill.previous_balance
    if bill.prepaid:
        rows.append(_Row(draft.word("prepaid"), -bill.prepaid))
        draft.values["prepaid_amount"] = bill.prepaid
    if bill.tax_reduction:
        label = draft.word("tax_reduction")
        rows.append(_Row(label, -bill.tax_reduction))
        _state_withheld(draft, Withholding(name=label, amount=bill.tax_reduction))
    if bill.rounding:
        rows.append(_Row(draft.word("rounding"), bill.rounding))
        draft.values["rounding_amount"] = bill.rounding
    return rows


def _state_withheld(draft: Draft, row: Withholding) -> None:
    before = draft.values.get("withholding_total", Decimal(0))
    draft.values["withholding_total"] = before + (row.amount or Decimal(0))
    draft.values["withholdings"] = (*draft.values.get("withholdings", ()), row)


def _rows(draft: Draft) -> list[_Row]:
    bill, order = draft.bill, draft.layout.totals_order
    draft.shown.add("gross_total")
    draft.tax_parts |= {"rate", "tax"}
    due = bool(bill.prepaid) or draft.layout.due_line
    gross = _Row(_gross_label(draft, due=due), bill.gross_total, strong=True)
    # Only a breakdown, or a bill with a single rate, shows the net amount of a rate.
    path = "total.tax" if order != "included" else "receipt.tax"
    taxes = [_Row(draft.tax_label(row.rate or Decimal(0), path), row.tax or Decimal(0)) for row in bill.taxes]
    if len(bill.taxes) == 1:
        draft.shown.add("tax_total")
    if order == "included":
        rows = [gross, *taxes]
    else:
        draft.shown.add("net_total")
        if len(bill.taxes) == 1:
            draft.tax_parts.add("net")
        net = _net_rows(draft)
        rows = [*net, *taxes, gross] if order == "net_first" else [gross, *taxes, *net]
    if bill.prepaid:
        rows.append(_Row(draft.word("prepaid"), -bill.prepaid))
    if due:
        draft.shown.add("amount_due")
        rows.append(_Row(draft.heading("total.amount_due"), bill.amount_due, strong=True))
    return rows


def _net_rows(draft: Draft) -> list[_Row]:
    bill = draft.bill
    net = _Row(draft.heading("total.net_total"), bill.net_total)
    if not bill.allowance_rate:
        return [net]
    rate = draft.writing.rate(bill.allowance_rate)
    return [
        _Row(draft.word("sum_of_lines"), bill.line_total),
        _Row(draft.word("allowance").format(rate=rate), -bill.allowance),
        net,
    ]


def _gross_label(draft: Draft, *, due: bool) -> str:
    """Where another line says what is due, the first spelling: some of the others say the same."""
    path = "total.gross_credit" if draft.bill.is_credit else "total.gross_total"
    label = draft.words.pick(path, 0) if due else draft.heading(path)
    if draft.layout.sign == "bare" and draft.layout.currency_in == "totals":
        draft.shown.add("currency")
        label = f"{label} ({draft.bill.supplier.currency})"
    return label


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


def _dotted(draft: Draft, rows: list[_Row]) -> None:
    """Across the whole page, dots between label and amount."""
    sheet = draft.sheet
    for row in rows:
        draft.y += draft.leading + 3
        amount = draft.money(row.amount)
        sheet.text(draft.left, draft.y, row.label, draft.size, bold=row.strong)
        sheet.text(draft.right, draft.y, amount, draft.size, bold=row.strong, align="right")
        start = draft.left + sheet.width_of(row.label, draft.size, bold=row.strong) + 6
        end = draft.right - sheet.width_of(amount, draft.size, bold=row.strong) - 6
        step = sheet.width_of(". ", draft.size)
        # On one grid, so that the dots of all rows stand below each other.
        first = draft.left + (int((start - draft.left) / step) + 1) * step
        dots = ". " * max(0, int((end - first) / step))
        sheet.text(first, draft.y, dots.strip(), draft.size, colour=GREY)
    draft.y += 8


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
    if not draft.bill.taxes:
        return
    draft.tax_parts |= {"rate", "net", "tax", "name"} if draft.bill.national is not None else {"rate", "net", "tax"}
    sheet, size, left = draft.sheet, draft.size - 1, draft.left
    edges = [left + 60, left + 140, left + 215]
    draft.y += draft.leading + 2
    heads = [draft.word("total.rate"), draft.word("total.base"), draft.word("total.amount")]
    _cells(draft, edges, heads, size, bold=True)
    sheet.rule(left, draft.y + 4, edges[-1], thickness=0.5)
    for row in draft.bill.taxes:
        draft.y += draft.leading + 1
        values = [f"{row.name or ''} {draft.writing.rate(row.rate or Decimal(0))} %".strip()]
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
    "dotted": _dotted,
}
