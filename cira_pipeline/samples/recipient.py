"""Draws the customer's address, in the envelope window or below a label."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.national_blocks import customer_id_lines, state_party
from cira_pipeline.samples.sheet import GREY, LIGHT

_WINDOW_TOP = 132.0
_COUNTRIES = {
    "DE": "Deutschland",
    "AT": "Österreich",
    "GB": "United Kingdom",
    "IE": "Ireland",
    "FR": "France",
    "NL": "Nederland",
    "ES": "España",
    "IT": "Italia",
    "PT": "Portugal",
    "PL": "Polska",
    "DK": "Danmark",
    "SE": "Sverige",
}


def draw_recipient(draft: Draft) -> None:
    """Moves `left_y` or `right_y` below the block."""
    draft.shown |= {"customer_name", "customer_address"}
    _RECIPIENTS[draft.layout.recipient](draft)


def _lines(draft: Draft) -> list[str]:
    customer = draft.bill.customer
    lines = [customer.name, customer.contact, customer.street, customer.town]
    if customer.country != draft.bill.supplier.country:
        lines.append(_COUNTRIES[customer.country])
    if draft.bill.national is not None:
        state_party(draft, "customer")
        lines += customer_id_lines(draft, draft.bill.national)
    return [line for line in lines if line]


def _sender_line(draft: Draft, x: float, y: float) -> float:
    """The small line above the address that shows in the window too."""
    if not draft.layout.sender_line:
        return y
    supplier = draft.bill.supplier
    draft.shown |= {"supplier_name", "supplier_address"}
    if draft.bill.national is not None:
        state_party(draft, "supplier")
    text = f"{supplier.name} · {supplier.street} · {supplier.town}"
    size = draft.sheet.fitted(draft.middle - x - 14, text, 6.5)
    draft.sheet.text(x, y, text, size, colour=GREY)
    draft.sheet.rule(x, y + 3, x + draft.sheet.width_of(text, size), thickness=0.3, colour=GREY)
    return y + 18


def _block(draft: Draft, x: float, y: float, *, bold_name: bool = False) -> float:
    for index, line in enumerate(_lines(draft)):
        width = (draft.middle - 14 if x < draft.middle else draft.right) - x
        for piece in draft.sheet.wrapped(line, width, draft.size + 0.5):
            draft.sheet.text(x, y, piece, draft.size + 0.5, bold=bold_name and index == 0)
            y += draft.leading + 0.6
    return y


def _window(draft: Draft) -> None:
    y = _sender_line(draft, draft.left, max(draft.left_y + 24, _WINDOW_TOP))
    draft.left_y = _block(draft, draft.left, y)


def _labelled(draft: Draft) -> None:
    y = _sender_line(draft, draft.left, draft.left_y + 26)
    draft.sheet.text(draft.left, y, draft.label("bill_to"), draft.size - 1, bold=True, colour=draft.layout.accent)
    draft.left_y = _block(draft, draft.left, y + draft.leading + 2, bold_name=True)


def _boxed(draft: Draft) -> None:
    top = max(draft.left_y + 20, 118)
    y = _sender_line(draft, draft.left + 8, top + 12)
    y = y if draft.layout.sender_line else top + 18
    end = _block(draft, draft.left + 8, y)
    draft.sheet.box(draft.left, top, draft.middle - 8, end + 2, stroke=LIGHT, thickness=0.9)
    draft.left_y = end + 4


def _right(draft: Draft) -> None:
    """At the right, as in French letters; the supplier is then at the left."""
    y = max(draft.right_y + 26, _WINDOW_TOP)
    draft.right_y = _block(draft, draft.middle, y, bold_name=True)


def _beside_supplier(draft: Draft) -> None:
    """Supplier and customer side by side, both under a label where the language has one."""
    top = max(draft.left_y, draft.right_y) + 24
    supplier = draft.bill.supplier
    draft.shown |= {"supplier_name", "supplier_address"}
    if draft.bill.national is not None:
        state_party(draft, "supplier")
    draft.sheet.text(draft.left, top, draft.label("supplier"), draft.size - 1, colour=GREY)
    y = top + draft.leading + 1
    for line in (supplier.name, supplier.street, supplier.town):
        draft.sheet.text(draft.left, y, line, draft.sheet.fitted(draft.middle - draft.left - 14, line, draft.size))
        y += draft.leading
    draft.left_y = y
    draft.sheet.text(draft.middle, top, draft.label("bill_to"), draft.size - 1, colour=GREY)
    draft.right_y = _block(draft, draft.middle, top + draft.leading + 1)


_RECIPIENTS: Mapping[str, Callable[[Draft], None]] = {
    "window": _window,
    "labelled": _labelled,
    "boxed": _boxed,
    "right": _right,
    "beside_supplier": _beside_supplier,
}
