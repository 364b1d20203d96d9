"""Assigns the tax ids of the page to supplier and customer.

A word of the label (`your`, `customer`), a heading, or the block or column of a party decides. An id that nothing
assigns is the supplier's, who has to state it, unless the page prints two different ones of that scheme.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final, Literal

from cira_pipeline.extraction.offline.facts.candidates import CHECK_DIGITS, LABELLED, Candidate, proven
from cira_pipeline.extraction.offline.facts.details import Found
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.facts.proposals import Proposal
from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.normal import words_of
from cira_pipeline.extraction.offline.page.canvas import Segment
from cira_pipeline.extraction.offline.parse.identifiers import Identifier
from cira_pipeline.extraction.offline.parse.tax_ids import TaxIdentifier, tax_id_in
from cira_pipeline.extraction.offline.parties.both_sides import Parties
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.tax_ids import OTHER, SCHEMES, SECONDARY, VAT, tax_id_is_valid


@dataclass(frozen=True, slots=True)
class _Tuned:
    unchecked: float
    unassigned: float


_TUNED = thresholds(_Tuned)

Side = Literal["supplier", "customer"]
SIDES: Final[tuple[Side, ...]] = ("supplier", "customer")
# Schemes whose ids no VAT id has the form of.
_UNMISTAKABLE: Final = ("GSTIN", "CNPJ")
# Labels that announce ids of other schemes, too: `Org.nr. 987 654 325 MVA`, `GST Reg No` with a Singaporean UEN.
_ALSO: Final = {
    "ORGNR": (VAT, "ORGNR"),
    "UID": (VAT, "UID"),
    "NIF": ("NIF", "CIF"),
    "CIF": ("CIF", "NIF", "CUI"),
    "GST": ("GST", "GSTIN", "GST/HST", "UEN", "ABN"),
}


@dataclass(frozen=True)
class OwnTaxId:
    """A tax id of one side: its scheme, with the label that says so, and its value."""

    scheme: Found
    value: Found

    @property
    def is_main(self) -> bool:
        """Whether the party may be taxed under it, and it is not BT-31."""
        return self.scheme.value != VAT and self.scheme.value not in SECONDARY


def tax_ids(
    facts: Facts, parties: Parties, vat_ids: Mapping[str, Candidate[Identifier]]
) -> Mapping[Side, list[OwnTaxId]]:
    """The tax ids of both sides: the VAT id, then the main ones, then others, each in the order of the page.

    `vat_ids`: those that the record states, by side.
    """
    found: dict[Side, dict[str, OwnTaxId]] = {side: {} for side in SIDES}
    unassigned: list[tuple[TaxIdentifier, OwnTaxId]] = []
    for proposal, read in _labelled(facts):
        owned = OwnTaxId(
            Found(read.scheme, (proposal.label.span,), _confidence(proposal, read)),
            Found(read.value, (read.span,), _confidence(proposal, read)),
        )
        side = _side(facts, parties, proposal, read)
        if side is None:
            unassigned.append((read, owned))
        elif read.value not in found[side]:
            found[side][read.value] = owned
    _assign_the_rest(found, unassigned)
    for side in SIDES:
        _add_vat_id(vat_ids.get(side), found[side])
    shared = found["supplier"].keys() & found["customer"].keys()
    return {side: _ordered(owned for value, owned in found[side].items() if value not in shared) for side in SIDES}


def _ordered(owned: Iterator[OwnTaxId]) -> list[OwnTaxId]:
    def place(each: OwnTaxId) -> tuple[int, int, float]:
        span = each.value.spans[0]
        rank = 0 if each.scheme.value == VAT else 1 if each.is_main else 2
        return rank, span.segment.row.index, span.segment.left

    return sorted(owned, key=place)


def _labelled(facts: Facts) -> Iterator[tuple[Proposal, TaxIdentifier]]:
    """Each id next to a label, once: by the label that lies best to it."""
    seen: set[tuple[Segment, int]] = set()
    answered: set[tuple[Segment, int]] = set()
    vat_ids = {(identifier.span.segment, identifier.span.start) for identifier in facts.vat_ids}
    for scheme, proposal in _announced(facts):
        label, place = proposal.label, proposal.place
        if (label.segment, label.start) in answered or not place.segment.has_digits:
            continue
        languages = frozenset[str]().union(*(meaning.languages for meaning in label.meanings))
        read = tax_id_in(place, _ALSO.get(scheme, (scheme,)), languages)
        if read is None or (read.scheme == VAT and (read.span.segment, read.span.start) in vat_ids):
            continue
        beside = place.relation in {"inline", "right", "wrapped"}
        if not beside and (read.checked is False or read.scheme == OTHER):
            continue
        if any(segment is read.span.segment and abs(start - read.span.start) < 2 for segment, start in seen | vat_ids):
            continue
        answered.add((label.segment, label.start))
        seen.add((read.span.segment, read.span.start))
        yield proposal, read


def _announced(facts: Facts) -> Iterator[tuple[str, Proposal]]:
    """Labels by how surely they name a scheme: their own, `tax number`, `VAT number`."""
    own = [(scheme, proposal) for scheme in sorted(SCHEMES) for proposal in facts.details.of(scheme)]
    yield from sorted(own, key=lambda pair: -pair[1].score)
    for proposal in facts.details.of("tax_number"):
        yield OTHER, proposal
    for concept in ("vat_id", "customer_vat_id"):
        for proposal in facts.proposals.of(concept):
            yield VAT, proposal


def _confidence(proposal: Proposal, read: TaxIdentifier) -> float:
    score = LABELLED * proposal.score
    if read.checked is None:
        return score
    return proven(score, CHECK_DIGITS) if read.checked else _TUNED.unchecked * score


def _side(facts: Facts, parties: Parties, proposal: Proposal, read: TaxIdentifier) -> Side | None:
    label = proposal.label
    around = [word for word, _, end in label.segment.words if end <= label.start][-1:]
    around += [word for word, _, _ in words_of(read.between)]
    around += [word for word, start, end in label.segment.words if label.start <= start and end <= label.end]
    words = lexicon().words
    if proposal.concept == "customer_vat_id" or any(word in words["of_customer"] for word in around):
        return "supplier" if parties.turned else "customer"
    if any(word in words["of_supplier"] for word in around):
        return "customer" if parties.turned else "supplier"
    return parties.side_of(read.span.segment) or parties.side_of(label.segment)


def _assign_the_rest(found: dict[Side, dict[str, OwnTaxId]], unassigned: list[tuple[TaxIdentifier, OwnTaxId]]) -> None:
    values: dict[str, set[str]] = {}
    for read, _ in unassigned:
        values.setdefault(read.scheme, set()).add(read.value)
    for read, owned in unassigned:
        rivals = {each.scheme.value for each in found["supplier"].values() if each.value.value != read.value}
        if len(values[read.scheme]) > 1 or read.scheme in rivals or read.value in found["customer"]:
            continue
        confidence = _TUNED.unassigned * owned.value.confidence
        found["supplier"].setdefault(
            read.value,
            OwnTaxId(
                Found(owned.scheme.value, owned.scheme.spans, confidence),
                Found(owned.value.value, owned.value.spans, confidence),
            ),
        )


def _add_vat_id(candidate: Candidate[Identifier] | None, found: dict[str, OwnTaxId]) -> None:
    if candidate is None or candidate.value.value in found:
        return
    value, spans = candidate.value.value, (candidate.value.span,)
    scheme = next((each for each in _UNMISTAKABLE if tax_id_is_valid(each, value)), VAT)
    found[value] = OwnTaxId(Found(scheme, spans, candidate.score), Found(value, spans, candidate.score))
