"""Draws the footer of every page: company details, bank account, page number."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from cira_pipeline.samples.draft import FOOTER_HEIGHT, Draft
from cira_pipeline.samples.letterhead import tax_id_lines
from cira_pipeline.samples.national_blocks import account_lines, registration_lines, state_party
from cira_pipeline.samples.sheet import GREY

_SIZE = 7.0


def draw_footer(draft: Draft) -> None:
    top = draft.sheet.height - FOOTER_HEIGHT
    if draft.pages > 1:
        numbered = draft.word("page").format(page=draft.sheet.page, pages=draft.pages)
        draft.sheet.text(draft.right, top - 2, numbered, 7.5, colour=GREY, align="right")
    _FOOTERS[draft.layout.footer](draft, top + 12)


def bank_lines(draft: Draft) -> list[str]:
    supplier = draft.bill.supplier
    if draft.bill.national is not None:
        return account_lines(draft, draft.bill.national)
    draft.shown.add("payment_iban")
    return [
        supplier.bank,
        f"IBAN{draft.layout.colon} {draft.iban}",
        f"BIC{draft.layout.colon} {supplier.bic}",
    ]


def _company_lines(draft: Draft) -> list[str]:
    supplier = draft.bill.supplier
    draft.shown |= {"supplier_name", "supplier_address"}
    if draft.bill.national is not None:
        state_party(draft, "supplier")
    return [supplier.name, supplier.street, supplier.town]


def _legal_lines(draft: Draft) -> list[str]:
    supplier = draft.bill.supplier
    lines = [supplier.register, supplier.managers]
    if draft.bill.national is not None:
        lines += registration_lines(draft, draft.bill.national)
    if draft.layout.vat_id_in == "footer":
        lines += tax_id_lines(draft)
    return [line for line in lines if line]


def _bank(draft: Draft) -> list[str]:
    return bank_lines(draft) if draft.layout.bank_in in ("footer", "both") else []


def _columns(draft: Draft, top: float) -> None:
    supplier = draft.bill.supplier
    contact = [f"{draft.label('phone')} {supplier.phone}", supplier.email, supplier.web]
    draft.state(supplier_phone=supplier.phone, supplier_email=supplier.email)
    columns = [part for part in (_company_lines(draft), contact, _bank(draft), _legal_lines(draft)) if part]
    draft.sheet.rule(draft.left, top - 6, draft.right, thickness=0.5, colour=draft.layout.accent)
    width = (draft.right - draft.left) / len(columns)
    for index, lines in enumerate(columns):
        x, y = draft.left + index * width, top + 4
        for line in lines:
            # A number is never broken over two lines.
            numbered = draft.bill.national is not None and any(char.isdigit() for char in line)
            unbroken = "IBAN" in line or numbered or draft.sheet.width_of(line, _SIZE) < width * 1.15
            for piece in [line] if unbroken else draft.sheet.wrapped(line, width - 8, _SIZE):
                draft.sheet.text(x, y, piece, draft.sheet.fitted(width - 8, piece, _SIZE), colour=GREY)
                y += 9


def _line(draft: Draft, top: float) -> None:
    parts = [*_company_lines(draft), *_bank(draft), *_legal_lines(draft)]
    draft.sheet.rule(draft.left, top + 8, draft.right, thickness=0.4, colour=GREY)
    text = " · ".join(parts)
    y = top + 19
    for piece in draft.sheet.wrapped(text, draft.right - draft.left, _SIZE):
        draft.sheet.text(draft.left, y, piece, _SIZE, colour=GREY)
        y += 9


def _two_lines(draft: Draft, top: float) -> None:
    for index, parts in enumerate((_company_lines(draft) + _legal_lines(draft), _bank(draft))):
        text = "  |  ".join(parts)
        size = draft.sheet.fitted(draft.right - draft.left, text, _SIZE)
        draft.sheet.text(draft.left, top + 18 + index * 10, text, size, colour=GREY)


def _centred(draft: Draft, top: float) -> None:
    y = top + 8
    for parts in (_company_lines(draft), _bank(draft), _legal_lines(draft)):
        if parts:
            text = " – ".join(parts)
            size = draft.sheet.fitted(draft.right - draft.left, text, _SIZE)
            draft.sheet.text(draft.sheet.width / 2, y, text, size, colour=GREY, align="centre")
            y += 10


def _none(_draft: Draft, _top: float) -> None:
    """No footer: letterhead and closing contain the details."""


_FOOTERS: Mapping[str, Callable[[Draft, float], None]] = {
    "columns": _columns,
    "line": _line,
    "two_lines": _two_lines,
    "centred": _centred,
    "none": _none,
}
