"""Draws the letterhead at the top of the first page."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.national_blocks import state_party, supplier_id_lines
from cira_pipeline.samples.sheet import GREY

_TOP = 52.0


def draw_letterhead(draft: Draft) -> None:
    """Sets `left_y` and `right_y` below it."""
    _LETTERHEADS[draft.layout.letterhead](draft)


def address_lines(draft: Draft) -> list[str]:
    supplier = draft.bill.supplier
    draft.shown.add("supplier_address")
    if draft.bill.national is not None:
        state_party(draft, "supplier")
    return [supplier.street, supplier.town]


def contact_lines(draft: Draft) -> list[str]:
    supplier = draft.bill.supplier
    lines = [f"{draft.label('phone')} {supplier.phone}", supplier.email, supplier.web]
    draft.state(supplier_phone=supplier.phone, supplier_email=supplier.email)
    if draft.layout.vat_id_in == "letterhead":
        lines += tax_id_lines(draft)
    return lines


def tax_id_lines(draft: Draft) -> list[str]:
    """The supplier's VAT id, or all its tax ids in the habits of a country."""
    if draft.bill.national is not None:
        return supplier_id_lines(draft, draft.bill.national)
    draft.shown.add("supplier_vat_id")
    return [f"{draft.label('supplier_vat_id')} {draft.vat_id}"]


def _left(draft: Draft) -> None:
    x = draft.left
    y = _name(draft, x, _TOP, draft.middle - x - 12)
    draft.left_y = _small(draft, x, y, address_lines(draft))
    draft.right_y = _small(draft, draft.middle, _TOP, contact_lines(draft))


def _right(draft: Draft) -> None:
    x = draft.middle
    y = _name(draft, x, _TOP, draft.right - x)
    draft.right_y = _small(draft, x, y + 2, [*address_lines(draft), *contact_lines(draft)])
    draft.left_y = _TOP


def _centre(draft: Draft) -> None:
    sheet, supplier, x = draft.sheet, draft.bill.supplier, draft.sheet.width / 2
    draft.shown.add("supplier_name")
    sheet.text(x, _TOP + 4, supplier.name, 20, bold=True, colour=draft.layout.accent, align="centre")
    sheet.text(x, _TOP + 18, supplier.slogan, 9, italic=True, colour=GREY, align="centre")
    contact = contact_lines(draft)
    sheet.text(x, _TOP + 34, " · ".join(address_lines(draft)), 8, align="centre")
    sheet.text(x, _TOP + 45, " · ".join(contact[:3]), 8, align="centre")
    y = _TOP + 45
    for line in contact[3:]:
        y += 11
        sheet.text(x, y, line, 8, align="centre")
    sheet.rule(draft.left, y + 9, draft.right, thickness=1.1, colour=draft.layout.accent)
    draft.left_y = draft.right_y = y + 12


def _band(draft: Draft) -> None:
    sheet, supplier = draft.sheet, draft.bill.supplier
    draft.shown.add("supplier_name")
    sheet.box(0, 0, sheet.width, 74, fill=draft.layout.accent)
    width = (draft.right - draft.left) * 0.62
    size = sheet.fitted(width, supplier.name, 20, bold=True)
    sheet.text(draft.left, 40, supplier.name, size, bold=True, colour="#ffffff")
    sheet.text(draft.left, 56, supplier.slogan, 9, colour="#ffffff")
    draft.state(supplier_phone=supplier.phone, supplier_email=supplier.email)
    for index, line in enumerate((supplier.phone, supplier.web)):
        sheet.text(draft.right, 40 + 13 * index, line, 8, colour="#ffffff", align="right")
    draft.left_y = 80
    lines = [*address_lines(draft), supplier.email]
    if draft.layout.vat_id_in == "letterhead":
        lines += tax_id_lines(draft)
    draft.right_y = _small(draft, draft.middle, 98, lines)


def _monogram(draft: Draft) -> None:
    sheet, supplier, x = draft.sheet, draft.bill.supplier, draft.left
    initials = "".join(word[0] for word in supplier.name.split() if word[0].isalpha())[:2].upper()
    sheet.box(x, _TOP - 18, x + 40, _TOP + 22, fill=draft.layout.accent)
    sheet.text(x + 20, _TOP + 9, initials, 20, bold=True, colour="#ffffff", align="centre")
    y = _name(draft, x + 50, _TOP, draft.middle - x - 58)
    draft.left_y = max(y, _TOP + 24)
    draft.right_y = _small(draft, draft.middle, _TOP - 10, [*address_lines(draft), *contact_lines(draft)])


def _rule(draft: Draft) -> None:
    sheet, supplier = draft.sheet, draft.bill.supplier
    draft.shown.add("supplier_name")
    width = draft.right - draft.left
    size = sheet.fitted(width * 0.55, supplier.name, 17, bold=True)
    sheet.text(draft.left, _TOP, supplier.name, size, bold=True, colour=draft.layout.accent)
    sheet.rule(draft.left, _TOP + 8, draft.right, thickness=2, colour=draft.layout.accent)
    sheet.text(draft.right, _TOP, supplier.slogan, 8.5, italic=True, colour=GREY, align="right")
    draft.left_y = _TOP + 14
    draft.state(supplier_phone=supplier.phone, supplier_email=supplier.email)
    line = "  |  ".join([*address_lines(draft), supplier.phone, supplier.email])
    sheet.text(draft.left, _TOP + 20, line, sheet.fitted(width, line, 8))
    draft.left_y = draft.right_y = _TOP + 26
    if draft.layout.vat_id_in == "letterhead":
        draft.left_y = draft.right_y = _small(draft, draft.left, _TOP + 30, tax_id_lines(draft))


def _plain(draft: Draft) -> None:
    """Plain text without design, as a small company types it in a word processor."""
    supplier = draft.bill.supplier
    draft.shown.add("supplier_name")
    lines = [*address_lines(draft), *contact_lines(draft)]
    y = _TOP
    draft.sheet.text(draft.left, y, supplier.name, draft.size + 1, bold=True)
    for line in lines:
        y += draft.leading
        draft.sheet.text(draft.left, y, line, draft.size)
    draft.left_y, draft.right_y = y + 8, _TOP - 12


def _none(draft: Draft) -> None:
    """No letterhead, as on preprinted paper; sender line and footer name the supplier."""
    draft.left_y, draft.right_y = 104, 104


def _name(draft: Draft, x: float, y: float, width: float) -> float:
    """The supplier's name and slogan; the y below."""
    sheet, supplier = draft.sheet, draft.bill.supplier
    draft.shown.add("supplier_name")
    size = max(12.0, sheet.fitted(width, supplier.name, 18, bold=True))
    for index, line in enumerate(sheet.wrapped(supplier.name, width, size, bold=True)):
        y += size * 1.1 if index else 0
        sheet.text(x, y, line, size, bold=True, colour=draft.layout.accent)
    y += 12
    sheet.text(x, y, supplier.slogan, sheet.fitted(width, supplier.slogan, 8.5), colour=GREY)
    return y + 4


def _small(draft: Draft, x: float, y: float, lines: list[str]) -> float:
    for line in lines:
        y += 11
        size = draft.sheet.fitted(draft.right - x, line, 8)
        draft.sheet.text(x, y, line, size)
    return y


_LETTERHEADS: Mapping[str, Callable[[Draft], None]] = {
    "left": _left,
    "right": _right,
    "centre": _centre,
    "band": _band,
    "monogram": _monogram,
    "rule": _rule,
    "plain": _plain,
    "none": _none,
}
