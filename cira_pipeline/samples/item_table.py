"""Draws the item table: columns of the layout, wrapped descriptions, page breaks with a repeated header."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from cira_pipeline.samples.bill import BilledLine
from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.sheet import GREY, LIGHT, Align

_WIDTHS: Mapping[str, float] = {
    "position": 26,
    "article": 48,
    "quantity": 48,
    "unit": 46,
    "quantity_unit": 66,
    "unit_price": 68,
    "discount": 46,
    "tax_rate": 42,
    "tax_amount": 62,
    "net_amount": 74,
    "gross_amount": 74,
    "commodity": 52,
}
_LEFT_ALIGNED = frozenset({"position", "article", "description", "unit", "quantity_unit", "commodity"})
_FIELDS: Mapping[str, tuple[str, ...]] = {
    "description": ("description",),
    "quantity": ("quantity",),
    "unit": ("unit",),
    "quantity_unit": ("quantity", "unit"),
    "unit_price": ("unit_price",),
    "tax_rate": ("tax_rate",),
    "net_amount": ("net_amount",),
}
# Fields of labels in national habits only.
_DETAILS: Mapping[str, tuple[str, ...]] = {
    "position": ("line_id",),
    "article": ("seller_item_id",),
    "commodity": ("classification", "classification_scheme"),
}


@dataclass(frozen=True)
class _Column:
    name: str
    left: float
    right: float

    @property
    def align_left(self) -> bool:
        return self.name in _LEFT_ALIGNED


def draw_items(draft: Draft, on_new_page: Callable[[Draft], None]) -> None:
    """All lines of the bill; `on_new_page` ends a full page and begins the next one."""
    columns = _columns(draft)
    for column in columns:
        draft.line_parts.update(_FIELDS.get(column.name, ()))
        if draft.bill.national is not None:
            draft.line_parts.update(_DETAILS.get(column.name, ()))
    draft.y += 12
    _draw_head(draft, columns)
    top, carried = draft.y, Decimal(0)
    for position, line in enumerate(draft.bill.lines, start=1):
        height = _row_height(draft, columns, line)
        heading = _section(draft, position)
        needed = height + (draft.leading + 6 if heading else 0)
        if draft.y + needed > draft.bottom - 16:
            _close(draft, columns, top)
            _draw_carried(draft, columns, carried)
            on_new_page(draft)
            draft.y += 10
            _draw_head(draft, columns)
            top = draft.y
            _draw_carried(draft, columns, carried)
        if heading:
            draft.y += draft.leading + 4
            draft.sheet.text(columns[0].left + 3, draft.y - 2, heading, draft.size, bold=True)
        _draw_row(draft, columns, line, position, height)
        carried += line.net_amount
    _close(draft, columns, top)


def _section(draft: Draft, position: int) -> str:
    """The heading above the line at `position`, if it has one: the delivery of the line."""
    lines = len(draft.bill.lines)
    sections = draft.layout.sections and draft.bill.national is None
    if not sections or lines < 4 or (position - 1) % max(3, lines // 3):
        return ""
    number = 4000 + sum(ord(char) for char in draft.bill.number) + position
    delivered = draft.writing.date(draft.bill.delivery_date)
    return draft.word("section").format(number=number, date=delivered)


def _columns(draft: Draft) -> list[_Column]:
    """Every column but the description has its width; that one takes what is left."""
    names = _names(draft)
    scale = draft.size / 9.0
    if draft.layout.font in ("courier", "vera"):
        scale *= 1.18
    taken = sum(_WIDTHS[name] * scale for name in names if name != "description")
    free = draft.right - draft.left - taken
    columns, x = [], draft.left
    for name in names:
        width = free if name == "description" else _WIDTHS[name] * scale
        columns.append(_Column(name, x, x + width))
        x += width
    return columns


def _names(draft: Draft) -> Sequence[str]:
    """The columns of the layout, without those that the habits of the country do not have."""
    national = draft.bill.national
    if national is None:
        return draft.layout.columns
    rates = ("tax_rate", "tax_amount", "gross_amount") if not national.regime.line_rates else ()
    names: list[str] = [name for name in draft.layout.columns if name != "discount" and name not in rates]
    if national.habits.classification:
        names.insert(names.index("description") + 1, "commodity")
    return names


def _draw_head(draft: Draft, columns: list[_Column]) -> None:
    sheet, ruling, size = draft.sheet, draft.layout.ruling, draft.size - 0.7
    top, height = draft.y, draft.leading + 6
    colour = "#1a1a1a"
    if ruling in ("filled_head", "zebra"):
        sheet.box(draft.left, top, draft.right, top + height, fill=draft.layout.accent)
        colour = "#ffffff"
    elif ruling == "grid":
        sheet.box(draft.left, top, draft.right, top + height, fill="#e9e9e9", stroke=GREY)
    for column in columns:
        path = {"quantity_unit": "column.quantity", "article": "article"}.get(column.name, f"column.{column.name}")
        text = draft.heading(path)
        bare = draft.layout.sign == "bare" and draft.layout.currency_in == "heads"
        if column.name in ("unit_price", "net_amount") and bare:
            # A page whose amounts are bare must say the currency somewhere.
            text = f"{text} {draft.writing.currency_mark}"
            draft.shown.add("currency")
        _cell(draft, column, top + height - 6, [text], size, bold=True, colour=colour)
    draft.y = top + height
    if ruling in ("head", "rows", "columns"):
        sheet.rule(draft.left, draft.y, draft.right, thickness=0.9, colour=draft.layout.accent)


def _row_height(draft: Draft, columns: list[_Column], line: BilledLine) -> float:
    names, details = _description(draft, columns, line)
    lines = len(names) + int(draft.layout.two_line_rows)
    return draft.leading * lines + (draft.leading - 1.5) * len(details) + 6


def _description(draft: Draft, columns: list[_Column], line: BilledLine) -> tuple[list[str], list[str]]:
    column = next(column for column in columns if column.name == "description")
    # In rows of two lines the description has the first one for itself.
    width = (draft.right if draft.layout.two_line_rows else column.right) - column.left - 8
    names = draft.sheet.wrapped(line.name, width, draft.size)
    shown = draft.layout.details and line.detail
    return names, draft.sheet.wrapped(line.detail, width, draft.size - 1.2) if shown else []


def _draw_row(draft: Draft, columns: list[_Column], line: BilledLine, position: int, height: float) -> None:
    sheet, ruling = draft.sheet, draft.layout.ruling
    if ruling == "zebra" and position % 2 == 0:
        sheet.box(draft.left, draft.y, draft.right, draft.y + height, fill="#f1f3f5")
    baseline = draft.y + draft.leading
    names, details = _description(draft, columns, line)
    for column in columns:
        if column.name == "description":
            _cell(draft, column, baseline, names, draft.size)
            y = baseline + draft.leading * (len(names) - 1)
            for detail in details:
                y += draft.leading - 1.5
                _cell(draft, column, y, [detail], draft.size - 1.2, colour=GREY)
        else:
            below = draft.layout.two_line_rows and column.name not in ("position", "article")
            y = draft.y + height - 6 if below else baseline
            _cell(draft, column, y, [_value(draft, column.name, line, position)], draft.size)
    draft.y += height
    if ruling in ("rows", "grid"):
        sheet.rule(draft.left, draft.y, draft.right, thickness=0.4, colour=GREY if ruling == "grid" else LIGHT)


def _value(draft: Draft, column: str, line: BilledLine, position: int) -> str:
    write = draft.writing
    money = write.money if draft.layout.line_sign else write.amount
    match column:
        case "position":
            return str(position)
        case "article":
            return article_number(line)
        case "commodity":
            return line.commodity
        case "quantity":
            return write.number(line.quantity, 2) if draft.layout.full_quantities else write.quantity(line.quantity)
        case "unit":
            return draft.word(f"unit.{line.unit}")
        case "quantity_unit":
            return f"{write.quantity(line.quantity)} {draft.word(f'unit.{line.unit}')}"
        case "unit_price":
            return money(line.unit_price)
        case "discount":
            return f"{write.rate(line.discount)} %" if line.discount else "–"
        case "tax_amount":
            return money(line.tax_amount)
        case "gross_amount":
            return money(line.net_amount + line.tax_amount)
        case "tax_rate":
            return f"{write.rate(line.tax_rate)} %"
        case _:
            return money(line.net_amount)


def article_number(line: BilledLine) -> str:
    """Always the same for a good."""
    return f"{sum(ord(char) * (index + 7) for index, char in enumerate(line.name)) % 90_000 + 10_000:05}"


def _cell(
    draft: Draft,
    column: _Column,
    y: float,
    lines: list[str],
    size: float,
    *,
    bold: bool = False,
    colour: str = "#1a1a1a",
) -> None:
    for index, text in enumerate(lines):
        fitted = draft.sheet.fitted(column.right - column.left - 5, text, size, bold=bold)
        x = column.left + 3 if column.align_left else column.right - 3
        align: Align = "left" if column.align_left else "right"
        draft.sheet.text(x, y + index * draft.leading, text, fitted, bold=bold, colour=colour, align=align)


def _close(draft: Draft, columns: list[_Column], top: float) -> None:
    sheet, ruling = draft.sheet, draft.layout.ruling
    if ruling in ("grid", "columns"):
        for edge in [columns[0].left, *(column.right for column in columns)]:
            sheet.upright(edge, top - (draft.leading + 6 if ruling == "grid" else 0), draft.y, colour=GREY)
    if ruling in ("head", "columns", "filled_head", "zebra"):
        sheet.rule(draft.left, draft.y + 1, draft.right, thickness=0.6, colour=draft.layout.accent)


def _draw_carried(draft: Draft, columns: list[_Column], amount: Decimal) -> None:
    if not draft.layout.carried:
        return
    draft.y += draft.leading
    description = next(column for column in columns if column.name == "description")
    draft.sheet.text(description.left + 3, draft.y, draft.word("carried"), draft.size, italic=True)
    draft.sheet.text(draft.right - 3, draft.y, draft.writing.amount(amount), draft.size, italic=True, align="right")
    draft.y += 4
