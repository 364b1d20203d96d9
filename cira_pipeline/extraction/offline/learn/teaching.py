"""Makes a lesson from a confirmed invoice and its reading: place and spelling of each value.

Only values on the page are learned. A value that is not on the page, or in too many places to identify the right one,
is left out.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.document_type import titles_of
from cira_pipeline.extraction.offline.learn.anchors import anchors_of
from cira_pipeline.extraction.offline.learn.column_lessons import columns_of
from cira_pipeline.extraction.offline.learn.supplier_keys import keys_of
from cira_pipeline.extraction.offline.memory.layout_marks import marks_of, part_of
from cira_pipeline.extraction.offline.memory.lesson import Anchor, Heading, Lesson, Relation, Sighting, shape_of
from cira_pipeline.extraction.offline.memory.supplier_memory import CONCEPT_OF, MISLED
from cira_pipeline.extraction.offline.normal import compact, words_of
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.page.printed_text import printed
from cira_pipeline.extraction.offline.parse.identifiers import bare
from cira_pipeline.extraction.offline.tables.line_items import item_table
from cira_pipeline.extraction.offline.tables.totals import TOLERANCE
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import AMOUNT_FIELDS, DATE_FIELDS, HEADER_FIELDS, TERMS, Invoice
from cira_pipeline.models import Reading
from cira_pipeline.printed.dates import dates_in


@dataclass(frozen=True, slots=True)
class _Tuned:
    most_places: int
    a_title: float
    large: float
    upper: float
    longest_title: int
    most_title_words: int
    shortest_title: int
    longest_supplier: int
    longest_spelled: int


_TUNED = thresholds(_Tuned)

SPELLED = (
    "supplier_name",
    "supplier_address",
    "supplier_vat_id",
    "customer_name",
    "customer_address",
    "customer_vat_id",
    "payment_iban",
    "invoice_type",
)
_ANY: tuple[Relation, ...] = ("inline", "right", "below", "above")
# A party is below its heading; above a sentence is another sentence.
_RELATIONS: Mapping[str, tuple[Relation, ...]] = {
    "supplier_name": ("below",),
    "customer_name": ("below",),
    "payment_terms": ("inline", "right"),
}


def lesson_of(reading: Reading, invoice: Invoice, *, complete: bool) -> Lesson | None:
    """The lesson of `invoice`, known to be correct, about the page that it was read from.

    `complete`: fields that it lacks are known to be absent, too. `None` when its supplier has no key, or none of its
    values is on the page.
    """
    keys = keys_of(invoice)
    if not keys or not reading.lines:
        return None
    facts = Facts(reading)
    table = item_table(facts)
    items = frozenset(table.rows | table.region)
    names = frozenset(_letters_of_parties(invoice))
    doubtful = contradicting(invoice)
    sightings = {
        name: found
        for name in CONCEPT_OF
        if name not in doubtful and (found := tuple(_sightings(facts, invoice, name, items, names)))
    }
    if not sightings:
        return None
    # Nobody looks for details: one that a reviewer left empty may be printed all the same.
    absent = tuple(
        name for name in HEADER_FIELDS if complete and getattr(invoice, name) is None and not TERMS[name].detail
    )
    return Lesson(
        keys=keys,
        supplier=(invoice.supplier_name or "")[: _TUNED.longest_supplier],
        marks=marks_of(facts.canvas, items),
        sightings=sightings,
        misleading=_misleading(facts, sightings, absent),
        absent=absent,
        spelled=_spelled(facts, invoice),
        title=_title(facts, invoice),
        columns=columns_of(facts, invoice.line_items),
        number_shape=shape_of(invoice.invoice_number) if "invoice_number" in sightings else None,
        month_first=None if doubtful & set(DATE_FIELDS) else _month_first(facts, invoice),
        decimal="," if facts.convention.decimal == "," else "." if facts.convention.certain else None,
    )


def contradicting(invoice: Invoice) -> frozenset[str]:
    """Fields that were confirmed although they contradict each other: one of them is in the wrong place."""
    found: set[str] = set()
    net, tax, gross = invoice.net_total, invoice.tax_total, invoice.gross_total
    if net is not None and gross is not None and (abs(net) > abs(gross) or _unequal(net, tax, gross)):
        found |= set(AMOUNT_FIELDS)
    if invoice.issue_date is not None and invoice.due_date is not None and invoice.due_date < invoice.issue_date:
        found |= set(DATE_FIELDS)
    return frozenset(found)


def _unequal(net: Decimal, tax: Decimal | None, gross: Decimal) -> bool:
    return tax is not None and abs(net + tax - gross) > TOLERANCE


def spans_of(facts: Facts, name: str, value: object) -> Iterator[Span]:
    """The places of `value` of field `name`, compared by its value rather than its spelling."""
    if name in AMOUNT_FIELDS and isinstance(value, Decimal):
        for numbers in facts.numbers.values():
            yield from (each.span for each in numbers if not each.percent and abs(each.value) == abs(value))
    elif name in DATE_FIELDS and isinstance(value, date):
        for segment, dates in facts.dates.items():
            for each in dates:
                if each.value == value or (not each.certain and _swapped(each.value) == value):
                    yield Span(segment, each.span.start, each.span.end)
    elif name in ("supplier_vat_id", "customer_vat_id"):
        yield from (each.span for each in facts.vat_ids if each.value == bare(str(value)))
        yield from (spans[0] for spans in printed(facts.canvas, str(value)))
    else:
        yield from (spans[0] for spans in printed(facts.canvas, str(value)))


def _sightings(
    facts: Facts, invoice: Invoice, name: str, items: frozenset[object], names: frozenset[str]
) -> Iterator[Sighting]:
    value = getattr(invoice, name)
    if value is None:
        return
    spans = {(span.segment, span.start): span for span in spans_of(facts, name, value)}
    outside = [span for span in spans.values() if span.segment.row not in items]
    chosen = outside or list(spans.values())
    if len(chosen) > _TUNED.most_places:
        return
    for span in chosen:
        anchors = tuple(
            anchor
            for anchor in anchors_of(facts, span)
            if anchor.key not in names and anchor.relation in _RELATIONS.get(name, _ANY)
        )
        yield sighting_of(facts, span, anchors)


def sighting_of(facts: Facts, span: Span, anchors: tuple[Anchor, ...]) -> Sighting:
    width, height = facts.canvas.page_sizes.get(span.page, (0.0, 0.0))
    box = span.box
    return Sighting(
        page=part_of(facts.canvas, span.page),
        left=round(box.left / width, 4) if width else 0.0,
        right=round(box.right / width, 4) if width else 0.0,
        top=round(box.top / height, 4) if height else 0.0,
        anchors=anchors,
    )


def _letters_of_parties(invoice: Invoice) -> Iterator[str]:
    """Names and lines of addresses, which are next to many values without being a label."""
    for text in (invoice.supplier_name, invoice.customer_name):
        if text:
            yield compact(text)
    for text in (invoice.supplier_address, invoice.customer_address):
        for part in (text or "").split(","):
            yield "".join(word for word, _, _ in words_of(part) if not any(char.isdigit() for char in word))


def _misleading(
    facts: Facts, sightings: Mapping[str, tuple[Sighting, ...]], absent: tuple[str, ...]
) -> Mapping[str, tuple[str, ...]]:
    """Labels of a field by the lexicon, on a page whose value of the field is next to another label or absent."""
    found: dict[str, set[str]] = {}
    for name in MISLED:
        if name not in sightings and name not in absent:
            continue
        own = {anchor.key for sighting in sightings.get(name, ()) for anchor in sighting.anchors}
        for segment, labels in facts.labels.items():
            for label in labels:
                key = "".join(word for word, start, end in segment.words if label.start <= start and end <= label.end)
                if key not in own and any(meaning.concept == name for meaning in label.meanings):
                    found.setdefault(name, set()).add(key)
    return {name: tuple(sorted(keys)) for name, keys in found.items()}


def _spelled(facts: Facts, invoice: Invoice) -> Mapping[str, str]:
    found: dict[str, str] = {}
    for name in SPELLED:
        value = getattr(invoice, name)
        if value is None:
            continue
        known = name == "invoice_type" or next(iter(spans_of(facts, name, value)), None) is not None
        if name == "payment_iban":
            known = any(each.value == bare(value) for each in facts.ibans)
            value = bare(value)
        if known and len(value) <= _TUNED.longest_spelled:
            found[name] = value
    return found


def _title(facts: Facts, invoice: Invoice) -> Heading | None:
    """The title of this supplier's invoices, where the lexicon knows none: large, short, at the top."""
    if invoice.invoice_type is None or any(title.score > _TUNED.a_title for title in titles_of(facts)):
        return None
    names = set(_letters_of_parties(invoice))
    found = [
        (segment.height, heading)
        for segment in facts.canvas.segments
        if segment.page == 1
        and segment.height > _TUNED.large * facts.text_height
        and facts.canvas.relative_top(segment) < _TUNED.upper
        and (heading := _before_numbers(segment)) is not None
        and heading.key not in names
        and not (invoice.supplier_name and heading.key in compact(invoice.supplier_name))
    ]
    return max(found, key=lambda each: each[0])[1] if found else None


def _before_numbers(segment: Segment) -> Heading | None:
    """`Gutzettel FV/049`: the words before the first with a digit, of which a title has few."""
    end = 0
    for token, start in zip(segment.tokens, segment.starts, strict=True):
        if any(char.isdigit() for char in token.text):
            break
        end = start + len(token.text)
    words = words_of(segment.text[:end])
    key = "".join(word for word, _, _ in words)
    if not _TUNED.shortest_title <= len(key) <= _TUNED.longest_title or len(words) > _TUNED.most_title_words:
        return None
    return Heading(key=key, text=segment.text[:end])


def _month_first(facts: Facts, invoice: Invoice) -> bool | None:
    """The order of day and month, as far as the confirmed dates show it."""
    orders = set()
    for name in DATE_FIELDS:
        value = getattr(invoice, name)
        for span in spans_of(facts, name, value) if value is not None else ():
            orders |= {
                reading.first == "month"
                for printed in dates_in(span.text)
                if printed.sign in {"-", "/"} and value.day != value.month
                for reading in printed.readings
                if reading.value == value and reading.first != "year"
            }
    return orders.pop() if len(orders) == 1 else None


def _swapped(value: date) -> date | None:
    return value.replace(month=value.day, day=value.month) if value.day <= 12 else None
