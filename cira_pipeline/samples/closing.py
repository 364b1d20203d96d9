"""Draws the part below the totals: payment terms, notes required by law, thanks."""

from __future__ import annotations

from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.facts import terms
from cira_pipeline.samples.footer import bank_lines
from cira_pipeline.samples.letterhead import vat_id_line
from cira_pipeline.samples.sheet import LIGHT


def closing_height(draft: Draft) -> float:
    return 118 if draft.layout.bank_in in ("closing", "both") else 74


def draw_closing(draft: Draft) -> None:
    draft.y += 14
    if draft.bill.reverse_charge:
        _paragraph(draft, draft.word("reverse_charge"))
    _draw_payment(draft)
    if draft.layout.vat_id_in == "closing":
        _paragraph(draft, vat_id_line(draft))
    if draft.layout.bank_in in ("closing", "both") and draft.layout.payment != "box":
        _paragraph(draft, f"{draft.label('pay_to')} {', '.join(bank_lines(draft))}")
    if not draft.bill.is_credit:
        _paragraph(draft, draft.word("thanks"))


def draw_intro(draft: Draft) -> None:
    """Draws a sentence before the table; a credit note names the invoice it corrects."""
    bill = draft.bill
    if bill.corrects is not None:
        number, issued = bill.corrects
        _paragraph(draft, draft.word("intro_credit").format(number=number, date=draft.writing.date(issued)))
    elif draft.layout.intro:
        _paragraph(draft, draft.word("intro"))
    if draft.layout.delivery_address and bill.delivery_place:
        _paragraph(draft, f"{draft.label('ship_to')} {bill.customer.name}, {bill.delivery_place}")


def _draw_payment(draft: Draft) -> None:
    bill = draft.bill
    if draft.layout.payment == "none":
        return
    if bill.is_credit or draft.layout.payment == "terms":
        _paragraph(draft, terms(draft))
        return
    match draft.layout.payment:
        case "sentence":
            asked = draft.word("please_pay").format(amount=draft.money(bill.amount_due), number=bill.number)
            draft.shown |= {"invoice_number"}
            _paragraph(draft, f"{terms(draft)} {asked}")
        case "list":
            _paragraph(draft, f"{draft.label('payment_terms')} {terms(draft)}")
        case _:
            _draw_box(draft)


def _draw_box(draft: Draft) -> None:
    """Terms and account in a frame."""
    lines = [terms(draft), *bank_lines(draft)]
    height = len(lines) * draft.leading + draft.leading + 10
    draft.sheet.box(draft.left, draft.y, draft.right, draft.y + height, stroke=LIGHT, fill="#fafafa")
    y = draft.y + draft.leading
    draft.sheet.text(draft.left + 8, y, draft.word("pay_to"), draft.size, bold=True, colour=draft.layout.accent)
    for line in lines:
        y += draft.leading
        draft.sheet.text(draft.left + 8, y, line, draft.sheet.fitted(draft.right - draft.left - 16, line, draft.size))
    draft.y += height + 14


def _paragraph(draft: Draft, text: str) -> None:
    for line in draft.sheet.wrapped(text, draft.right - draft.left, draft.size):
        draft.y += draft.leading
        draft.sheet.text(draft.left, draft.y, line, draft.size)
    draft.y += 5
