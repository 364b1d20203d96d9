"""Draws the part below the totals: payment terms, notes required by law, thanks."""

from __future__ import annotations

from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.facts import terms
from cira_pipeline.samples.footer import bank_lines
from cira_pipeline.samples.letterhead import tax_id_lines
from cira_pipeline.samples.sheet import LIGHT


def closing_height(draft: Draft) -> float:
    height = 118.0 if draft.layout.bank_in in ("closing", "both") else 74.0
    # Accounts of some countries have more parts, and there are more remarks.
    return height if draft.bill.national is None else height + 6 * draft.leading


def draw_closing(draft: Draft) -> None:
    draft.y += 14
    if draft.bill.reverse_charge:
        _paragraph(draft, draft.word("reverse_charge"))
    _draw_payment(draft)
    if draft.layout.vat_id_in == "closing":
        for line in tax_id_lines(draft):
            _paragraph(draft, line)
    _draw_remarks(draft)
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
    national = bill.national
    if national is not None and national.ship_to is not None:
        name, address = national.ship_to
        draft.state(delivery_name=name, delivery_address=address)
        _paragraph(draft, f"{draft.label('ship_to')} {name}, {address}")
    elif draft.layout.delivery_address and bill.delivery_place and national is None:
        _paragraph(draft, f"{draft.label('ship_to')} {bill.customer.name}, {bill.delivery_place}")


def _draw_remarks(draft: Draft) -> None:
    """Where to send cheques, and what late payment costs."""
    national = draft.bill.national
    if national is None or draft.bill.is_credit:
        return
    if national.side.remit_to:
        _paragraph(draft, f"{draft.label('remit_to')} {draft.bill.supplier.name}, {national.side.remit_to}")
    if draft.layout.intro:
        text = draft.word("late_payment")
        draft.state(late_payment_terms=text)
        _paragraph(draft, text)


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
