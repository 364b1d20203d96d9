"""Finds names, addresses and VAT ids of confirmed invoices that are printed on this page, too."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.page.printed_text import printed
from cira_pipeline.extraction.offline.parties.names import Party
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    base: float
    by_trust: float
    most_customer: float
    sure: float


_TUNED = thresholds(_Tuned)


def known_party(facts: Facts, role: str, read: Party, role_of: Callable[[Segment], str | None]) -> Party:
    """`read`, or a confirmed party whose name is on the page, if its confidence is higher.

    `role_of` gives the role of the heading above a text; the heading of another party rules it out.
    """
    for name, trust in facts.memory.spelled(f"{role}_name"):
        score = _TUNED.base + _TUNED.by_trust * trust
        if role == "customer":
            score = min(score, _TUNED.most_customer)
        if compact(read.name_text) == compact(name):
            return Party(read.name, _address(facts, role, read), max(read.score, score))
        spans = _printed(facts, name, role, role_of)
        if spans and score > read.score:
            return Party(spans, _address(facts, role, Party()), score)
    return read


def known_vat_id(facts: Facts, value: str) -> tuple[str, float] | None:
    """Whose VAT id `value` was on earlier invoices, and the trust in it."""
    found = [
        (role, trust)
        for role in ("supplier", "customer")
        for known, trust in facts.memory.spelled(f"{role}_vat_id")
        if compact(known) == compact(value)
    ]
    return found[0] if len(found) == 1 else None


def _printed(facts: Facts, name: str, role: str, role_of: Callable[[Segment], str | None]) -> tuple[Span, ...]:
    """The first place of `name` that is not below the heading of another party."""
    others = {"supplier", "customer", "ship_to"} - {role}
    for spans in printed(facts.canvas, name):
        if role_of(spans[0].segment) not in others:
            return spans
    return ()


def _address(facts: Facts, role: str, read: Party) -> tuple[Span, ...]:
    """A confirmed address that is printed on the page; it replaces another one only with high confidence."""
    for address, trust in facts.memory.spelled(f"{role}_address"):
        if compact(read.address_text) == compact(address) or (read.address and trust < _TUNED.sure):
            return read.address
        spans = next(printed(facts.canvas, address), ())
        if spans:
            return spans
    return read.address
