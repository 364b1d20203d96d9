"""Values of declared header fields: beside and below their labels, like the fields of every invoice."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cira_pipeline.custom.declaration import CustomField, CustomType, Declarations
from cira_pipeline.custom.values import Value
from cira_pipeline.extraction.offline.custom.printed_value import Printed, printed_value
from cira_pipeline.extraction.offline.facts.candidates import LABELLED, contested, proven
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.page.canvas import Row, Span
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    least: float
    lead: float
    among_items: float
    text_below: float
    repeated: float


_TUNED = thresholds(_Tuned)


@dataclass(frozen=True)
class FoundValue:
    """A value of a declared field; `rivals`: texts of other places that are as likely, then there is no value."""

    declared: CustomField
    value: Value
    span: Span
    confidence: float
    rivals: tuple[str, ...] = ()


def header_values(facts: Facts, declarations: Declarations, items: frozenset[Row]) -> Iterator[FoundValue]:
    """The values of the declared header fields; those in `items`, rows of the item table, score low."""
    others = frozenset(meaning.concept for meanings in lexicon().labels.values() for meaning in meanings)
    others |= {each.path for each in declarations.header.values()}
    for declared in declarations.header.values():
        found = _best(facts, declared, others, items)
        if found is not None:
            yield found


def _best(facts: Facts, declared: CustomField, others: frozenset[str], items: frozenset[Row]) -> FoundValue | None:
    scored = sorted(_scored(facts, declared, others, items), key=lambda each: -each[0])
    if not scored or scored[0][0] < _TUNED.least:
        return None
    score, winner = scored[0]
    rivals = [(other, each) for other, each in scored if each.value != winner.value]
    lead = score - rivals[0][0] if rivals else 1.0
    if lead < _TUNED.lead:
        return FoundValue(declared, winner.value, winner.span, 0.0, (winner.span.text, rivals[0][1].span.text))
    repeated = sum(each.value == winner.value for _, each in scored) > 1
    confidence = proven(LABELLED * score, _TUNED.repeated if repeated else 0.0)
    return FoundValue(declared, winner.value, winner.span, contested(confidence, lead))


def _scored(
    facts: Facts, declared: CustomField, others: frozenset[str], items: frozenset[Row]
) -> Iterator[tuple[float, Printed]]:
    for proposal in facts.proposals.of(declared.path):
        if facts.proposals.rival(proposal, others) is not None:
            continue
        place = proposal.place
        if _is_label(facts, proposal):
            continue
        found = printed_value(facts, declared, place.segment, place.start, place.end)
        if found is None:
            continue
        score = proposal.score
        score *= _TUNED.among_items if place.segment.row in items else 1.0
        score *= _TUNED.text_below if declared.type is CustomType.TEXT and place.relation == "below" else 1.0
        yield score, found


def _is_label(facts: Facts, proposal: Proposal) -> bool:
    """Whether the place begins with a label itself: `Cost centre:` over `Order date:` has no value."""
    place = proposal.place
    return any(
        label.start <= place.start < label.end or (label.start == place.start and label.has_colon)
        for label in facts.labels.get(place.segment, ())
    )
