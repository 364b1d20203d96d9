"""Extracts supplier and customer: names, addresses, VAT ids.

A plain heading (`Verkäufer`, `Bill to`) decides. Without one, the supplier is the sender of the letterhead and the
customer the address in the window.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal

from cira_pipeline.extraction.offline.facts.candidates import CHECK_DIGITS, LABELLED, Candidate, proven
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.page.canvas import Row, Segment
from cira_pipeline.extraction.offline.parse.identifiers import Identifier, labelled_vat_id
from cira_pipeline.extraction.offline.parties.address_window import AddressWindow
from cira_pipeline.extraction.offline.parties.known_parties import known_party, known_vat_id
from cira_pipeline.extraction.offline.parties.letterhead import Letterhead
from cira_pipeline.extraction.offline.parties.names import Party
from cira_pipeline.extraction.offline.parties.sections import RECEIVERS, Sections
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    plain_heading: float
    unlabelled: float
    remaining: float
    label_least: float
    unchecked: float


_TUNED = thresholds(_Tuned)


class Parties:
    """Both sides of the invoice. `items` are the rows of the item table.

    Of a `self_billed` document the sender is the customer and the addressee the supplier, unless headings say so.
    """

    def __init__(self, facts: Facts, items: frozenset[Row] = frozenset(), *, self_billed: bool = False) -> None:
        self._facts = facts
        self._self_billed = self_billed
        self._sections = Sections(facts, items)
        self._letterhead = Letterhead(facts, self._sections)

    @cached_property
    def supplier(self) -> Party:
        read = self._customer_read if self.turned else self._supplier_read
        return known_party(self._facts, "supplier", read, self._sections.role_of)

    @cached_property
    def turned(self) -> bool:
        """Whether the sender is the customer, as on a self-billed document without headings."""
        headed = self._sections.party("supplier") or self._sections.party("customer")
        return self._self_billed and headed is None

    @cached_property
    def _supplier_read(self) -> Party:
        return self._letterhead.behind_trading_name(self._supplier_printed)

    @cached_property
    def _supplier_printed(self) -> Party:
        named = self._sections.party("supplier")
        if named is not None and named.score >= _TUNED.plain_heading:
            return self._letterhead.as_registered(named)
        other = self._customer_read if self.turned else self.customer
        return self._letterhead.supplier(other) or named or self._sections.party("payee") or Party()

    @cached_property
    def customer(self) -> Party:
        read = self._supplier_read if self.turned else self._customer_read
        return known_party(self._facts, "customer", read, self._sections.role_of)

    @cached_property
    def _customer_read(self) -> Party:
        named = self._sections.party("customer")
        if named is not None and named.address:
            return named
        window = AddressWindow(self._facts, self._sections, self._letterhead)
        if named is not None:
            # `Kunde: Name` is a key; the address is in the window nevertheless.
            return replace(named, address=window.address_of(named.name_text))
        return window.customer() or self._sections.party("ship_to") or Party()

    @cached_property
    def receiver(self) -> Party | None:
        """Who the goods go to, under a heading of its own."""
        found = self._sections.party("ship_to")
        return None if found is None or found.name == self._customer_read.name else found

    @cached_property
    def customer_named(self) -> bool:
        """Whether a heading such as `Bill to` names a customer, so that the page is not an anonymous receipt."""
        return self._sections.party("customer") is not None

    @cached_property
    def vat_ids(self) -> dict[str, Candidate[Identifier]]:
        """The best VAT id of each side, by `supplier` and `customer`."""
        best: dict[str, Candidate[Identifier]] = {}
        for role, identifier, score in map(self._as_known, map(self._as_issued, self._owned_vat_ids())):
            if role not in best or best[role].score < score:
                best[role] = Candidate(identifier, identifier.span, score)
        self._free_the_other(best)
        own, other = best.get("supplier"), best.get("customer")
        if own and other and own.value.value == other.value.value:
            del best["customer" if own.score >= other.score else "supplier"]
        return best

    def _as_issued(self, owned: tuple[str, Identifier, float]) -> tuple[str, Identifier, float]:
        """`Ihre USt-IdNr.` on a self-billed document is the supplier's."""
        role, identifier, score = owned
        return ("supplier" if role == "customer" else "customer", identifier, score) if self.turned else owned

    def _as_known(self, owned: tuple[str, Identifier, float]) -> tuple[str, Identifier, float]:
        """Assigns an id to the party that it had on earlier invoices of the supplier."""
        role, identifier, score = owned
        known = known_vat_id(self._facts, identifier.value)
        return owned if known is None else (known[0], identifier, max(score, known[1] if known[0] != role else score))

    def _free_the_other(self, best: dict[str, Candidate[Identifier]]) -> None:
        """Where a label marks one id as the customer's, another id is the supplier's, whatever its place."""
        announced = best.get("customer")
        if announced is None or "supplier" in best or self.turned:
            return
        for concept, identifier, score in self._labelled:
            if concept == "vat_id" and identifier.value != announced.value.value:
                if announced.value.value not in {i.value for c, i, _ in self._labelled if c == "customer_vat_id"}:
                    return
                best["supplier"] = Candidate(identifier, identifier.span, _TUNED.remaining * score)
                return

    @cached_property
    def _labelled(self) -> list[tuple[str, Identifier, float]]:
        """Ids next to a label, with the label's concept, best first; each place once."""
        found: list[tuple[str, Identifier, float]] = []
        seen: set[tuple[Segment, int]] = set()
        for concept in ("customer_vat_id", "vat_id"):
            for proposal in self._facts.proposals.of(concept):
                place = proposal.place
                identifier = labelled_vat_id(place.segment, place.start, place.end)
                if identifier is None or (identifier.span.segment, identifier.span.start) in seen:
                    continue
                if proposal.score < _TUNED.label_least:
                    continue
                seen.add((identifier.span.segment, identifier.span.start))
                score = LABELLED * proposal.score * (1.0 if identifier.checked else _TUNED.unchecked)
                found.append((concept, identifier, proven(score, CHECK_DIGITS) if identifier.checked else score))
        return found

    def _owned_vat_ids(self) -> Iterator[tuple[str, Identifier, float]]:
        for concept, identifier, score in self._labelled:
            role = "customer" if concept == "customer_vat_id" else self._owner(identifier.span.segment)
            yield role, identifier, score
        seen = {(identifier.span.segment, identifier.span.start) for _, identifier, _ in self._labelled}
        alone = not seen and len({identifier.value for identifier in self._facts.vat_ids}) == 1
        for identifier in self._facts.vat_ids:
            if (identifier.span.segment, identifier.span.start) not in seen:
                score = proven(_TUNED.unlabelled, CHECK_DIGITS) if alone else _TUNED.unlabelled
                yield self._owner(identifier.span.segment), identifier, score

    def _owner(self, segment: Segment) -> str:
        return self.side_of(segment) or "supplier"

    def side_of(self, segment: Segment) -> Literal["supplier", "customer"] | None:
        """The side in whose section or block `segment` is, if in any."""
        role = self._sections.role_of(segment)
        if role in RECEIVERS:
            return "customer"
        if role == "supplier":
            return "supplier"
        addressee, sender = (self.supplier, self.customer) if self.turned else (self.customer, self.supplier)
        block = self._sections.block_of[segment].segments
        if self._in(block, addressee):
            return "customer"
        return "supplier" if self._in(block, sender) else None

    @staticmethod
    def _in(block: Sequence[Segment], party: Party) -> bool:
        names = {span.segment for span in (*party.name, *party.address)}
        return any(other in names for other in block)
