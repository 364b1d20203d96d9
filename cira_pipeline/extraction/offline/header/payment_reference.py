"""Extracts the reference to state with the payment (BT-83): structured references, OCR lines, and labelled codes."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.candidates import CHECK_DIGITS, LABELLED, proven
from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.identifiers import iban_holds
from cira_pipeline.extraction.offline.parse.labels import Place
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.accounts import is_giro
from cira_pipeline.printed.payment_references import (
    CHECKS_BY_LANGUAGE,
    SELF_CHECKING,
    is_kid,
    is_luhn,
    is_structured_communication,
)


@dataclass(frozen=True, slots=True)
class _Tuned:
    unchecked: float
    free: float
    longest: int
    most_groups: int
    biller_rows: int


_TUNED = thresholds(_Tuned)

_START = re.compile(r"[\s:;.#=|·,–-]*")
_DIGITS = re.compile(r"\d(?:[ ]?\d)+-?(?![^\W_])(?![./]\d)")
_GROUPS = re.compile(r"\d+(?: \d+)*")
_CODE = re.compile(r"[^\W_](?:[\w./-]*[^\W_])?")
# `# 1234567890 4 # 1234 00 5 > 50501055#41#`: reference, amount and account of a Swedish giro slip.
_SWEDISH_LINE = re.compile(r"#\s*(\d{2,25})\s*#(?:\s*\d+\s+\d{2}\s+\d)?\s*>\s*(\d{2,8})\s*#\d{2}#")
# `+71<123456789012347+12345678<`: kind, reference and creditor of a Danish giro slip.
_DANISH_LINE = re.compile(r"\+?(71|75)\s*<\s*(\d{15,16})\s*\+\s*(\d{8})\s*<")
_BELGIAN = re.compile(r"(?:\+{3}|\*{3}) ?(\d{3}) ?/ ?(\d{4}) ?/ ?(\d{5}) ?(?:\+{3}|\*{3})")


def payment_reference(facts: Facts) -> Found | None:
    """The reference: one that its check digits prove, else the code beside its label; `None` where two differ."""
    proved: dict[str, Found] = {}
    for found in (*_machine_lines(facts), *_structured(facts), *_bpay(facts)):
        proved.setdefault(str(found.value), found)
    if proved:
        return next(iter(proved.values())) if len(proved) == 1 else None
    return next(_labelled(facts), None)


def _machine_lines(facts: Facts) -> Iterator[Found]:
    for segment in facts.canvas.segments:
        if not segment.has_digits:
            continue
        text = segment.text
        swedish = _SWEDISH_LINE.search(text) if "#" in text else None
        if swedish is not None and is_luhn(swedish.group(1)) and is_giro(swedish.group(2)):
            yield _sure(segment, *swedish.span(1))
        danish = _DANISH_LINE.search(text) if "<" in text else None
        if danish is not None and is_luhn(danish.group(2)):
            yield _sure(segment, *danish.span(2))
        belgian = _BELGIAN.search(text) if "/" in text else None
        if belgian is not None and is_structured_communication("".join(belgian.groups())):
            yield _sure(segment, *belgian.span(), value="".join(belgian.groups()))


def _sure(segment: Segment, start: int, end: int, value: str | None = None) -> Found:
    span = Span(segment, start, end)
    return Found(value or span.text, (span,), proven(LABELLED, CHECK_DIGITS))


def _structured(facts: Facts) -> Iterator[Found]:
    """References with right check digits beside a label of a reference."""
    for proposal in facts.details.of("payment_reference", "structured_reference"):
        place = proposal.place
        begun = _START.match(place.segment.text, place.start, place.end)
        start = begun.end() if begun else place.start
        for form, check in SELF_CHECKING:
            # The signs around a Belgian communication belong to its form.
            match = form.match(place.segment.text, start) or form.match(place.segment.text, place.start)
            if match is None:
                continue
            if check(_compact(match.group())):
                value = _compact(match.group())
                confidence = proven(LABELLED * proposal.score, CHECK_DIGITS)
                yield Found(value, (Span(place.segment, match.start(), match.end()),), confidence)
                break
        else:
            yield from _wrapped(facts, proposal, start)


def _wrapped(facts: Facts, proposal: Proposal, start: int) -> Iterator[Found]:
    """A reference that the end of its line cuts, where its check digits prove the rest in the next line."""
    segment = proposal.place.segment
    first = segment.text[start:]
    row = next(iter(facts.canvas.rows[segment.row.index + 1 : segment.row.index + 2]), None)
    if row is None or row.page != segment.page or not _GROUPS.fullmatch(first):
        return
    below = row.segments[0]
    rest = _GROUPS.match(below.text)
    if rest is None:
        return
    for form, check in SELF_CHECKING:
        whole = f"{first} {rest.group()}"
        if form.fullmatch(whole) and check(_compact(whole)):
            spans = Span(segment, start, len(segment.text)), Span(below, 0, rest.end())
            yield Found(_compact(whole), spans, proven(LABELLED * proposal.score, CHECK_DIGITS))
            return


def _compact(text: str) -> str:
    return "".join(char for char in text.upper() if char.isalnum() or char == "-")


def _bpay(facts: Facts) -> Iterator[Found]:
    """The customer reference number beside a BPAY biller code."""
    for biller in facts.details.of("biller_code"):
        for proposal in facts.details.of("bpay_reference"):
            place, other = proposal.place, biller.label.segment
            match = _DIGITS.match(place.segment.text, place.start, place.end)
            apart = abs(place.segment.row.index - other.row.index)
            if match is not None and other.page == place.segment.page and apart <= _TUNED.biller_rows:
                span = Span(place.segment, match.start(), match.end())
                yield Found(match.group().replace(" ", ""), (span,), _TUNED.free * LABELLED * proposal.score)
                return


def _labelled(facts: Facts) -> Iterator[Found]:
    for proposal in facts.details.of("payment_reference"):
        place = proposal.place
        if place.relation == "below" and not proposal.label.alone:
            continue
        begun = _START.match(place.segment.text, place.start, place.end)
        start = begun.end() if begun else place.start
        if any(date.span.start <= start < date.span.end for date in facts.dates_of(place.segment)):
            continue
        found = _national(proposal, start) or _free(proposal, place, start)
        if found is not None:
            yield found


def _national(proposal: Proposal, start: int) -> Found | None:
    """The digits that a label of one country's reference announces."""
    languages = frozenset[str]().union(*(meaning.languages for meaning in proposal.label.meanings))
    checks = [check for language, check in CHECKS_BY_LANGUAGE.items() if language in languages]
    match = _DIGITS.match(proposal.place.segment.text, start, proposal.place.end)
    if not checks or match is None:
        return None
    value = match.group().replace(" ", "")
    if is_kid not in checks:
        value = value.rstrip("-")
    if len(value) > _TUNED.longest:
        return None
    holds = any(check(value) for check in checks)
    score = LABELLED * proposal.score
    span = Span(proposal.place.segment, match.start(), match.end())
    return Found(value, (span,), proven(score, CHECK_DIGITS) if holds else _TUNED.unchecked * score)


def _free(proposal: Proposal, place: Place, start: int) -> Found | None:
    """The first code after the label, digits in groups as one."""
    text = place.segment.text
    digits = _DIGITS.match(text, start, place.end)
    match = digits or _CODE.match(text, start, place.end)
    if match is None or not any(char.isdigit() for char in match.group()):
        return None
    value = " ".join(match.group().split()).rstrip("-")
    groups = len(value.split())
    if len(value) > _TUNED.longest or groups > _TUNED.most_groups or iban_holds(value.replace(" ", "").upper()):
        return None
    if sum(map(str.isdigit, value)) < 3 or re.fullmatch(r"(?:19|20)\d\d", value):
        return None
    span = Span(place.segment, match.start(), match.start() + len(match.group().rstrip("-")))
    return Found(value.replace(" ", "") if digits else value, (span,), _TUNED.free * LABELLED * proposal.score)
