"""Draws number, dates and references of the invoice, and its title."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence

from cira_pipeline.samples import national_blocks
from cira_pipeline.samples.draft import Draft
from cira_pipeline.samples.national import National
from cira_pipeline.samples.sheet import GREY, LIGHT

_FIELDS: Mapping[str, str | None] = {
    "number": "invoice_number",
    "issue_date": "issue_date",
    "due_date": "due_date",
    "delivery_date": None,
    "customer_number": None,
    "purchase_order": "purchase_order",
    "customer_vat_id": "customer_vat_id",
    "supplier_vat_id": "supplier_vat_id",
    "payment_terms": "payment_terms",
    "currency": "currency",
    "contact": None,
    "order_date": None,
    **dict.fromkeys(national_blocks.FACTS),
}
# Fields of labels in national habits only.
_DETAILS: Mapping[str, str] = {
    "delivery_date": "delivery_date",
    "customer_number": "customer_number",
    "contact": "supplier_contact",
}
_MOST_FACTS = 6
Fact = tuple[str, str]


def draw_title(draft: Draft) -> None:
    """Draws the title of the document; `with_number` adds the number after it."""
    title, accent, sheet = draft.word(f"title.{draft.bill.kind}"), draft.layout.accent, draft.sheet
    draft.shown.add("invoice_type")
    match draft.layout.title:
        case "large":
            draft.y += 26
            sheet.text(draft.left, draft.y, title, 19, bold=True, colour=accent)
        case "plain":
            draft.y += 20
            sheet.text(draft.left, draft.y, title, draft.size + 2, bold=True)
        case "capitals":
            draft.y += 24
            sheet.text(draft.left, draft.y, title.upper(), 15, bold=True)
        case "spaced":
            draft.y += 26
            sheet.text(draft.left, draft.y, title.upper(), 15, colour=accent, spacing=3)
        case "right":
            draft.y += 22
            sheet.text(draft.right, draft.y, title, 20, bold=True, colour=accent, align="right")
        case "with_number":
            draft.y += 24
            draft.shown.add("invoice_number")
            label = draft.word(f"number.{draft.bill.kind}")
            # "Facture n° 17", but "Rechnung 17": where the label holds the title, it stands for both.
            head = label if label.casefold().startswith(title.casefold()) and " " in label else title
            sheet.text(draft.left, draft.y, f"{head} {draft.bill.number}", 15, bold=True, colour=accent)
        case "dated":
            draft.y += 22
            draft.shown |= {"invoice_number", "issue_date"}
            written = draft.word("title_sentence").format(
                title=title, number=draft.bill.number, date=draft.writing.date(draft.bill.issue_date)
            )
            sheet.text(draft.left, draft.y, written, draft.size + 2.5, bold=True)
        case "centred":
            draft.y += 24
            middle = (draft.left + draft.right) / 2
            sheet.text(middle, draft.y, title.upper(), 16, bold=True, align="centre")
    draft.y += 8


def draw_place_and_date(draft: Draft) -> None:
    """Draws town and date, as at the beginning of a letter."""
    if draft.layout.place_date and draft.layout.title != "dated":
        bill = draft.bill
        draft.shown.add("issue_date")
        city = bill.supplier.city.split(" ")[0]
        written = draft.word("place_date").format(city=city, date=draft.writing.date(bill.issue_date))
        draft.y += draft.leading
        draft.sheet.text(draft.right, draft.y, written, draft.size, align="right")


def draw_side_facts(draft: Draft) -> None:
    """Draws the facts beside the address; the others follow the title."""
    if draft.layout.facts in _BESIDE:
        _BESIDE[draft.layout.facts](draft, _facts(draft))


def draw_facts_below(draft: Draft) -> None:
    if draft.layout.facts in _BELOW:
        _BELOW[draft.layout.facts](draft, _facts(draft))


def terms(draft: Draft) -> str:
    """The sentence with the terms of payment."""
    draft.shown.add("payment_terms")
    if draft.bill.is_credit:
        return draft.word("terms_credit")
    if draft.bill.national is not None:
        return national_blocks.terms_text(draft, draft.bill.national)
    return draft.word("terms").format(days=draft.bill.days)


def _facts(draft: Draft) -> list[Fact]:
    """Labels and values, without those that make no sense here."""
    bill, layout = draft.bill, draft.layout
    said = {"with_number": {"number"}, "dated": {"number", "issue_date"}}.get(layout.title, set())
    if layout.place_date:
        said = said | {"issue_date"}
    wanted: list[str] = [name for name in layout.facts_shown if name not in said]
    if layout.sign == "bare" and layout.currency_in == "facts":
        wanted.append("currency")
    if layout.vat_id_in == "facts" and "supplier_vat_id" not in wanted:
        wanted.append("supplier_vat_id")
    if bill.national is not None:
        wanted = _with_national(wanted, bill.national)
    if bill.is_credit:
        wanted = [name for name in wanted if name not in ("due_date", "payment_terms", "delivery_date")]
    if not bill.contact:
        wanted = [name for name in wanted if name != "contact"]
    if bill.reverse_charge and "customer_vat_id" not in wanted:
        wanted.append("customer_vat_id")
    found: list[Fact] = []
    for name in wanted:
        if name == "supplier_vat_id" and bill.national is not None:
            found += national_blocks.supplier_ids(draft, bill.national)
        else:
            found.append(_fact(draft, name))
    return found


def _with_national(wanted: list[str], national: National) -> list[str]:
    """`wanted` with what suppliers of the country state; the customer's ids stand with its address."""
    kept = [name for name in wanted if name != "customer_vat_id"]
    more = [name for name in national.side.facts if name not in kept]
    return kept + more[: max(0, _MOST_FACTS - len(kept))]


def _fact(draft: Draft, name: str) -> Fact:
    bill, write = draft.bill, draft.writing
    values = {
        "number": bill.number,
        "issue_date": write.date(bill.issue_date),
        "due_date": write.date(bill.due_date),
        "delivery_date": write.date(bill.delivery_date),
        "customer_number": bill.customer_number,
        "purchase_order": bill.purchase_order,
        "customer_vat_id": bill.customer.vat_id,
        "supplier_vat_id": draft.vat_id,
        "currency": bill.supplier.currency,
        "contact": bill.contact,
        "order_date": write.date(bill.order_date),
        **((bill.national.values or {}) if bill.national is not None else {}),
    }
    shown = _FIELDS[name]
    detail = _DETAILS.get(name) or national_blocks.FACTS.get(name)
    if bill.national is not None and detail is not None:
        draft.values[detail] = bill.delivery_date if name == "delivery_date" else values[name]
    elif shown is not None:
        draft.shown.add(shown)
    label = draft.heading(f"number.{bill.kind}" if name == "number" else name)
    return label, terms(draft) if name == "payment_terms" else values[name]


def _column(draft: Draft, facts: Sequence[Fact]) -> None:
    """Labels left, values behind them on one edge."""
    y = max(draft.right_y + 24, 140)
    x = draft.middle
    gap = max(draft.sheet.width_of(label + draft.layout.colon, draft.size) for label, _ in facts) + 10
    gap = min(gap, (draft.right - x) * 0.62)
    for label, value in facts:
        text = label + draft.layout.colon
        draft.sheet.text(x, y, text, draft.sheet.fitted(gap - 6, text, draft.size), colour=GREY)
        for piece in draft.sheet.wrapped(value, draft.right - x - gap, draft.size):
            draft.sheet.text(x + gap, y, piece, draft.sheet.fitted(draft.right - x - gap, piece, draft.size))
            y += draft.leading + 1.5
    draft.right_y = y


def _boxed(draft: Draft, facts: Sequence[Fact]) -> None:
    """In a frame, the values against its right edge."""
    top = max(draft.right_y + 20, 122)
    y = top + draft.leading
    for label, value in facts:
        half = (draft.right - draft.middle - 16) / 2
        draft.sheet.text(
            draft.middle + 8, y, label + draft.layout.colon, draft.sheet.fitted(half + 8, label, draft.size)
        )
        size = draft.sheet.fitted(half - 12, value, draft.size, bold=True)
        draft.sheet.text(draft.right - 8, y, value, size, bold=True, align="right")
        y += draft.leading + 3
    draft.sheet.box(draft.middle, top, draft.right, y - draft.leading + 4, stroke=draft.layout.accent)
    draft.right_y = y - draft.leading + 6


def _stacked(draft: Draft, facts: Sequence[Fact]) -> None:
    """Each value under its label, at the right."""
    y = max(draft.right_y + 22, 134)
    for label, value in facts:
        draft.sheet.text(draft.middle, y, label, draft.size - 2, colour=GREY)
        y += draft.leading - 1
        draft.sheet.text(draft.middle, y, value, draft.size, bold=True)
        y += draft.leading + 3
    draft.right_y = y


def _strip(draft: Draft, facts: Sequence[Fact]) -> None:
    """One ruled row across the page: labels above, values below."""
    sheet, top = draft.sheet, draft.y + 8
    width = (draft.right - draft.left) / len(facts)
    sheet.box(draft.left, top, draft.right, top + 32, stroke=LIGHT, thickness=0.8)
    sheet.box(draft.left, top, draft.right, top + 15, fill="#eeeeee", stroke=LIGHT)
    for index, (label, value) in enumerate(facts):
        x = draft.left + index * width
        if index:
            sheet.upright(x, top, top + 32, colour=LIGHT)
        sheet.text(x + 4, top + 10.5, label, sheet.fitted(width - 8, label, draft.size - 1.5))
        sheet.text(x + 4, top + 26, value, sheet.fitted(width - 8, value, draft.size))
    draft.y = top + 38


def _pairs(draft: Draft, facts: Sequence[Fact]) -> None:
    """In two columns below the title, label and value on a line."""
    sheet, y = draft.sheet, draft.y + 14
    half = (draft.right - draft.left) / 2
    for index, (label, value) in enumerate(facts):
        x = draft.left + (index % 2) * half
        text = label + draft.layout.colon
        sheet.text(x, y, text, draft.size, bold=True)
        start = x + max(96.0, sheet.width_of(text, draft.size, bold=True) + 8)
        sheet.text(start, y, value, sheet.fitted(x + half - start - 4, value, draft.size))
        if index % 2 or index == len(facts) - 1:
            y += draft.leading + 2
    draft.y = y


def _grid(draft: Draft, facts: Sequence[Fact]) -> None:
    """A ruled table of two columns at the left below the title."""
    sheet, top = draft.sheet, draft.y + 8
    height = draft.leading + 5
    right = draft.left + (draft.right - draft.left) * 0.62
    split = draft.left + (right - draft.left) * 0.5
    for index, (label, value) in enumerate(facts):
        y = top + index * height
        sheet.box(draft.left, y, split, y + height, fill="#f2f2f2", stroke=LIGHT)
        sheet.box(split, y, right, y + height, stroke=LIGHT)
        sheet.text(draft.left + 5, y + height - 5, label, sheet.fitted(split - draft.left - 8, label, draft.size))
        sheet.text(split + 5, y + height - 5, value, sheet.fitted(right - split - 8, value, draft.size))
    draft.y = top + len(facts) * height + 6


def _sentence(draft: Draft, facts: Sequence[Fact]) -> None:
    """Running text, as in a letter."""
    text = ", ".join(f"{label}{draft.layout.colon} {value}" for label, value in facts) + "."
    draft.y += 6
    for line in draft.sheet.wrapped(text, draft.right - draft.left, draft.size):
        draft.y += draft.leading
        draft.sheet.text(draft.left, draft.y, line, draft.size)
    draft.y += 6


def _underlined(draft: Draft, facts: Sequence[Fact]) -> None:
    """A form: each value on a rule, its label below in small."""
    sheet, top = draft.sheet, draft.y + 8
    columns = min(3, len(facts)) or 1
    width = (draft.right - draft.left) / columns
    for index, (label, value) in enumerate(facts):
        x, y = draft.left + (index % columns) * width, top + (index // columns) * 34 + 12
        sheet.text(x + 2, y, value, sheet.fitted(width - 16, value, draft.size + 0.5))
        sheet.rule(x, y + 3.5, x + width - 12, thickness=0.5)
        sheet.text(x + 2, y + 12, label, sheet.fitted(width - 16, label, draft.size - 2.5), colour=GREY)
    draft.y = top + -(-len(facts) // columns) * 34


def _inline(draft: Draft, facts: Sequence[Fact]) -> None:
    """On one line or two, with bars between."""
    lines: list[str] = []
    for label, value in facts:
        part = f"{label}{draft.layout.colon} {value}"
        longer = f"{lines[-1]}  |  {part}" if lines else part
        if lines and draft.sheet.width_of(longer, draft.size) <= draft.right - draft.left:
            lines[-1] = longer
        else:
            lines.append(part)
    for line in lines:
        draft.y += draft.leading + 1
        draft.sheet.text(draft.left, draft.y, line, draft.sheet.fitted(draft.right - draft.left, line, draft.size))
    draft.y += 4


def _list(draft: Draft, facts: Sequence[Fact]) -> None:
    """Under each other below the title, each with its label before it."""
    draft.y += 4
    for label, value in facts:
        draft.y += draft.leading + 0.5
        line = f"{label}{draft.layout.colon} {value}"
        draft.sheet.text(draft.left, draft.y, line, draft.sheet.fitted(draft.right - draft.left, line, draft.size))
    draft.y += 4


def _in_letterhead(draft: Draft, facts: Sequence[Fact]) -> None:
    """Directly below the sender's details, in the same form."""
    y = draft.right_y + 4
    for label, value in facts:
        y += draft.leading
        line = f"{label}{draft.layout.colon} {value}"
        draft.sheet.text(draft.right, y, line, draft.sheet.fitted(draft.right - draft.middle, line, 9), align="right")
    draft.right_y = y


_BESIDE: Mapping[str, Callable[[Draft, Sequence[Fact]], None]] = {
    "column": _column,
    "boxed": _boxed,
    "stacked": _stacked,
    "in_letterhead": _in_letterhead,
}
_BELOW: Mapping[str, Callable[[Draft, Sequence[Fact]], None]] = {
    "strip": _strip,
    "pairs": _pairs,
    "grid": _grid,
    "sentence": _sentence,
    "underlined": _underlined,
    "inline": _inline,
    "list": _list,
}
