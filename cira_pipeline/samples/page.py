"""Prints a bill as PDF in its layout, with the invoice that a correct reading of it gives."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from cira_pipeline.invoice import HEADER_FIELDS, Invoice, LineItem, TaxLine
from cira_pipeline.samples.bill import Bill, BilledLine
from cira_pipeline.samples.catalogue import Words, words
from cira_pipeline.samples.closing import closing_height, draw_closing, draw_intro
from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.facts import draw_facts_below, draw_place_and_date, draw_side_facts, draw_title, terms
from cira_pipeline.samples.footer import draw_footer
from cira_pipeline.samples.habits import national_words
from cira_pipeline.samples.item_table import article_number, draw_items
from cira_pipeline.samples.layout import Layout
from cira_pipeline.samples.letterhead import draw_letterhead
from cira_pipeline.samples.recipient import draw_recipient
from cira_pipeline.samples.sheet import GREY, Sheet, family
from cira_pipeline.samples.sums import draw_sums, sums_height
from cira_pipeline.samples.writing import Writing

_LETTER = (612.0, 792.0)
_NAMES_OF_VAT = frozenset({"VAT", "MWST", "IVA", "Moms", None})


@dataclass(frozen=True)
class Stamp:
    """A word put on the paper, its middle at `x` and `y` as shares of the page (0 to 1, from the top left)."""

    text: str
    x: float
    y: float
    size: float = 22
    colour: str = "#b03a2e"
    degrees: float = 12


@dataclass(frozen=True)
class Printed:
    """A printed document. `truth`: exactly the values that its pages show."""

    pdf: bytes
    pages: int
    truth: Invoice


def print_bill(bill: Bill, layout: Layout, *, stamp: Stamp | None = None, wording: Words | None = None) -> Printed:
    """The PDF of `bill`; `stamp` is put on its first page. The same bill and layout give the same bytes.

    `wording` is what the supplier calls things, its language's words if not given. A credit note may print minus
    signs; its truth is what is credited.
    """
    printed = bill.negative() if layout.negative_credits and bill.is_credit else bill
    country = bill.supplier.country
    language = wording or (national_words(country) if bill.national is not None else words(bill.supplier.language))
    draft = _drawn(printed, layout, language, pages=1, stamp=stamp)
    if draft.sheet.page > 1:
        # Only now it is known of how many pages the footer speaks.
        draft = _drawn(printed, layout, language, pages=draft.sheet.page, stamp=stamp)
    return Printed(draft.sheet.finished(), draft.sheet.page, truth_of(replace(draft, bill=bill)))


def truth_of(draft: Draft) -> Invoice:
    """The fields that `draft` has shown."""
    whole = bill_as_invoice(draft.bill, unit=lambda line: draft.word(f"unit.{line.unit}"), details=draft.layout.details)
    lines = tuple(LineItem(**{name: getattr(line, name) for name in draft.line_parts}) for line in whole.line_items)
    # The only tax, and VAT, has no name in a record.
    parts = draft.tax_parts - {"name"} if _is_vat(whole.tax_breakdown) else draft.tax_parts
    taxes = tuple(TaxLine(**{name: getattr(row, name) for name in parts}) for row in whole.tax_breakdown)
    header = {name: getattr(whole, name) for name in HEADER_FIELDS if name in draft.shown}
    if "payment_terms" in header:
        header["payment_terms"] = terms(draft)
    tables = {"line_items": lines, "tax_breakdown": taxes if draft.tax_parts else ()}
    return Invoice(**{**header, **tables, **draft.values})


def bill_as_invoice(bill: Bill, *, unit: Callable[[BilledLine], str], details: bool) -> Invoice:
    """All values of `bill`. `unit` says how a line's unit is written; terms are the layout's words, so not here."""
    return Invoice(
        invoice_number=bill.number,
        issue_date=bill.issue_date,
        invoice_type=bill.kind,
        currency=bill.supplier.currency,
        due_date=None if bill.is_credit else bill.due_date,
        purchase_order=bill.purchase_order,
        supplier_name=bill.supplier.name,
        supplier_vat_id=bill.supplier.vat_id,
        supplier_address=bill.supplier.address,
        customer_name=bill.customer.name,
        customer_vat_id=bill.customer.vat_id,
        customer_address=bill.customer.address,
        payment_iban=bill.supplier.iban,
        net_total=bill.net_total,
        tax_total=bill.tax_total,
        gross_total=bill.gross_total,
        amount_due=bill.amount_due,
        tax_breakdown=bill.taxes,
        line_items=tuple(
            LineItem(
                description=f"{line.name} {line.detail}" if details and line.detail else line.name,
                quantity=line.quantity,
                unit=unit(line),
                unit_price=line.unit_price,
                tax_rate=line.tax_rate,
                net_amount=line.net_amount,
                line_id=str(position),
                seller_item_id=article_number(line),
                classification=line.commodity or None,
                classification_scheme=_scheme(line.commodity),
            )
            for position, line in enumerate(bill.lines, start=1)
        ),
    )


def _scheme(commodity: str) -> str | None:
    """HSN for goods, SAC for services, whose codes begin with 99 in India."""
    if not commodity:
        return None
    return "SAC" if commodity.startswith("99") else "HSN"


def _drawn(bill: Bill, layout: Layout, language: Words, *, pages: int, stamp: Stamp | None) -> Draft:
    draft = Draft(
        sheet=_sheet(layout, bill),
        bill=bill,
        layout=layout,
        words=language,
        writing=_writing(bill, layout, language),
        pages=pages,
    )
    if stamp is not None:
        x, y = stamp.x * draft.sheet.width, stamp.y * draft.sheet.height
        draft.sheet.stamp(x, y, stamp.text, stamp.size, colour=stamp.colour, degrees=stamp.degrees)
    draw_letterhead(draft)
    draw_recipient(draft)
    draw_side_facts(draft)
    draft.y = max(draft.left_y, draft.right_y) + 6
    draw_place_and_date(draft)
    draw_title(draft)
    draw_facts_below(draft)
    draw_intro(draft)
    draw_items(draft, _next_page)
    _keep_together(draft, sums_height(draft))
    draw_sums(draft)
    _keep_together(draft, closing_height(draft))
    draw_closing(draft)
    draw_footer(draft)
    return draft


def _writing(bill: Bill, layout: Layout, language: Words) -> Writing:
    if bill.national is None:
        return layout.writing(bill.supplier, language.locale)
    return bill.national.habits.writing(layout.sign, layout.numbers, layout.dates)


def _sheet(layout: Layout, bill: Bill) -> Sheet:
    fonts = family(layout.font if _western(bill) else "vera")
    sheet = Sheet(fonts, title=bill.number)
    if bill.national is not None and bill.national.habits.paper == "letter":
        sheet = Sheet(fonts, width=_LETTER[0], height=_LETTER[1], title=bill.number)
    if not layout.landscape:
        return sheet
    return Sheet(fonts, width=sheet.height, height=sheet.width, title=bill.number)


def _western(bill: Bill) -> bool:
    """Whether all names have the letters of the fonts that are not embedded; a customer may live in another country."""
    supplier, customer = bill.supplier, bill.customer
    names = (supplier.name, supplier.address, customer.name, customer.address, *(line.name for line in bill.lines))
    try:
        "".join(names).encode("cp1252")
    except UnicodeEncodeError:
        return False
    return True


def _keep_together(draft: Draft, height: float) -> None:
    if draft.y + height > draft.bottom:
        _next_page(draft)


def _next_page(draft: Draft) -> None:
    draw_footer(draft)
    draft.sheet.new_page()
    title = f"{draft.word(f'title.{draft.bill.kind}')} {draft.bill.number}"
    draft.sheet.text(draft.left, 56, draft.bill.supplier.name, draft.size, bold=True, colour=draft.layout.accent)
    draft.sheet.text(draft.right, 56, title, draft.size, colour=GREY, align="right")
    draft.sheet.rule(draft.left, 62, draft.right, thickness=0.5, colour=GREY)
    draft.y = 70


def _is_vat(rows: Sequence[TaxLine]) -> bool:
    return {row.name for row in rows} <= _NAMES_OF_VAT
