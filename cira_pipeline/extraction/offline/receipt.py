"""Extracts till receipts: one narrow column with the company at the top, its address, a date and a total.

A receipt has no customer and few labels. Its total is confirmed by cash less change, or by the total with its rounding
printed again.
"""

from __future__ import annotations

import re
from collections import Counter
from dataclasses import dataclass
from decimal import Decimal
from statistics import median

from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.header.dates import DateChoice
from cira_pipeline.extraction.offline.page.blocks import is_postal, is_street
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.parties.names import Party, company_score, namelike
from cira_pipeline.extraction.offline.tables.labelled_amounts import Amount
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    widest: int
    head_rows: int
    fewest_texts: int
    right_quantile: float
    left_quantile: float
    registered: float
    company: float
    by_form: float
    highest: float
    key_weight: float
    name_rows: int
    form: float
    weak_form: float
    name_letters: int
    address_lines: int
    lone_date: float
    commonest_date: float
    total_least: float
    paid: float
    rounded: float
    tendered_least: float


_TUNED = thresholds(_Tuned)

_REGISTRATION = re.compile(
    r"\s*\(?\s*(?:co\.?\s?(?:reg\.?)?\s?no\.?\s*:?\s*)?[0-9]{5,12}\s?-?\s?[A-Z]{0,2}\s*\)?.*$", re.IGNORECASE
)
_WITH_NUMBER = re.compile(
    r"(?P<name>[^\W\d][^(:]{3,59}?)\s*\(\s*(?:co\.?\s?)?(?:reg\.?\s?)?(?:no\.?\s*:?\s*)?\d{5,12}\s?-\s?[A-Z]{1,2}\s*\)",
    re.I,
)
_KEYS = frozenset(
    {
        "contact",
        "tax_number",
        "registration",
        "invoice_number",
        "issue_date",
        "vat_id",
        "tendered",
        "other_date",
        "page",
    }
)
_LARGEST_ROUNDING = Decimal("0.05")


def is_receipt(facts: Facts) -> bool:
    """Whether the document is a till receipt: one page, as narrow in letters as a till roll."""
    segments = facts.canvas.segments
    if facts.canvas.last_page != 1 or len(segments) < _TUNED.fewest_texts:
        return False
    letter = median((segment.right - segment.left) / max(len(segment.text), 1) for segment in segments)
    rights = sorted(segment.right for segment in segments)
    lefts = sorted(segment.left for segment in segments)
    width = rights[int(_TUNED.right_quantile * (len(rights) - 1))] - lefts[int(_TUNED.left_quantile * (len(lefts) - 1))]
    return width / max(letter, 1e-6) <= _TUNED.widest


def company(facts: Facts) -> Party:
    """The company and its address, from the lines above the first key (phone, tax number, document number)."""
    head = _head(facts)
    index = _name_index(head)
    if index is None:
        return Party()
    name = head[index]
    registered = _registered(facts) if company_score(_bare(name)) < _TUNED.weak_form else None
    if registered is not None:
        address = _address(head[index + 1 :])
        return Party((registered,), tuple(Span(line, 0, len(line.text)) for line in address), _TUNED.registered)
    end = len(_REGISTRATION.sub("", name.text)) or len(name.text)
    address = _address(head[index + 1 :])
    score = _TUNED.company + _TUNED.by_form * company_score(name.text)
    return Party(
        (Span(name, 0, end),), tuple(Span(line, 0, len(line.text)) for line in address), min(score, _TUNED.highest)
    )


def _registered(facts: Facts) -> Span | None:
    """`ACME TRADING (306295-X)` in the head: the number of the register is behind the company and not a slogan."""
    for row in facts.canvas.rows[: _TUNED.head_rows]:
        for segment in row.segments:
            match = _WITH_NUMBER.match(segment.text)
            if match and namelike(match["name"]) and not is_street(match["name"]):
                return Span(segment, 0, match.end("name"))
    return None


def _head(facts: Facts) -> list[Segment]:
    lines: list[Segment] = []
    for row in facts.canvas.rows[: _TUNED.head_rows]:
        if _is_key_row(facts, row):
            if any(is_postal(line.text) or is_street(line.text) for line in lines):
                break
            continue
        lines.extend(row.segments)
    return lines


def _is_key_row(facts: Facts, row: Row) -> bool:
    first = row.segments[0]
    for label in facts.labels.get(first, ()):
        concepts = {meaning.concept for meaning in label.meanings if meaning.weight > _TUNED.key_weight}
        if label.start <= 2 and concepts & _KEYS:
            return label.has_colon or any(char.isdigit() for char in row.text) or label.alone
    return bool(facts.dates_of(first)) or bool(re.search(r"(?i)www\.|@|https?:|\btel\b|\bfax\b|\bgst\b", row.text))


def _name_index(head: list[Segment]) -> int | None:
    """The first line with a legal form above the address, else the first that can be a name."""
    address = next((i for i, line in enumerate(head) if is_postal(line.text)), len(head))
    above = range(min(address, _TUNED.name_rows))
    for floor in (_TUNED.form, _TUNED.weak_form):
        found = next((i for i in above if company_score(_bare(head[i])) >= floor and _can_name(head[i])), None)
        if found is not None:
            return found
    return next((i for i in above if _can_name(head[i]) and not is_street(head[i].text)), None)


def _bare(line: Segment) -> str:
    return _REGISTRATION.sub("", line.text) or line.text


def _can_name(line: Segment) -> bool:
    text = _bare(line)
    return namelike(text) and sum(char.isalpha() for char in text) >= _TUNED.name_letters


def _address(lines: list[Segment]) -> list[Segment]:
    """From the first line of an address to the line after the postal code's that still belongs to it."""
    kept: list[Segment] = []
    postal = False
    for line in lines:
        bare = re.sub(r"[()\s]", "", line.text)
        if re.fullmatch(r"[\dA-Z]*\d{5,}-?[A-Z0-9]{0,3}", bare) or re.match(
            r"(?i)(?:\(|co\.|formerly|licensee)", line.text
        ):
            continue
        if postal and (line.has_digits or len(kept) > _TUNED.address_lines):
            break
        if company_score(line.text) >= _TUNED.form and not kept:
            continue
        kept.append(line)
        postal = postal or is_postal(line.text)
    return kept if postal or any(is_street(line.text) for line in kept) else []


def date_printed(facts: Facts) -> DateChoice | None:
    """The only date of the receipt, in any place."""
    printed = [date for dates in facts.dates.values() for date in dates]
    values = Counter(date.value for date in printed)
    if not values:
        return None
    (value, count), *others = values.most_common(2)
    if others and others[0][1] == count:
        return None
    first = next(date for date in printed if date.value == value)
    return DateChoice(value, first.span, _TUNED.lone_date if not others else _TUNED.commonest_date, first.certain)


def total(
    facts: Facts, amounts: dict[str, list[Amount]], chosen: Candidate[Decimal] | None
) -> Candidate[Decimal] | None:
    """The amount paid: `chosen` unless rounding or the change handed back show another one."""
    tendered = [amount.number for amount in _tendered(facts)]
    printed = [number for numbers in facts.numbers.values() for number in numbers if number.decimals == 2]
    grosses = [amount.number for amount in amounts.get("gross_total", []) if amount.score > _TUNED.total_least]
    paid = _paid(tendered, printed)
    if paid is not None and (
        chosen is None
        or abs(chosen.value - paid.value) <= _LARGEST_ROUNDING
        or paid.value in {n.value for n in grosses}
    ):
        return Candidate(paid.value, paid.span, _TUNED.paid)
    if chosen is None:
        return None
    rounded = _rounded(chosen, amounts, printed)
    return Candidate(rounded.value, rounded.span, _TUNED.rounded) if rounded is not None else chosen


def _tendered(facts: Facts) -> list[Amount]:
    return [
        Amount(number, proposal.score)
        for proposal in facts.proposals.of("tendered")
        if proposal.place.relation != "below" and proposal.score > _TUNED.tendered_least
        for number in facts.numbers_of(proposal.place.segment)
        if number.decimals == 2
    ]


def _paid(tendered: list[Number], printed: list[Number]) -> Number | None:
    """An amount with cash - change = amount, all three printed."""
    for cash in tendered:
        for change in tendered:
            if change.value >= cash.value or change.span == cash.span:
                continue
            match = [number for number in printed if number.value == cash.value - change.value and number.value]
            if match and change.value:
                return match[0]
    return None


def _rounded(chosen: Candidate[Decimal], amounts: dict[str, list[Amount]], printed: list[Number]) -> Number | None:
    """`chosen` with its rounding, when the rounding and the result are printed below it."""
    for rounding in amounts.get("rounding", []):
        if not 0 < abs(rounding.value) <= _LARGEST_ROUNDING:
            continue
        if rounding.number.span.segment.row.index < chosen.span.segment.row.index:
            # An amount below its rounding is rounded already.
            continue
        for result in (chosen.value + rounding.value, chosen.value - rounding.value):
            match = [number for number in printed if number.value == result]
            if match:
                return match[-1]
    return None
