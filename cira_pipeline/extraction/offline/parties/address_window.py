"""Finds a customer without a heading: the address in the envelope window, or the one that is not the sender's."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import Block, is_postal, parts_of
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parties.letterhead import Letterhead
from cira_pipeline.extraction.offline.parties.names import Party, matches_domain, same_name
from cira_pipeline.extraction.offline.parties.sections import RECEIVERS, Sections
from cira_pipeline.extraction.offline.parties.web_addresses import names_web
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    lowest: float
    least_score: float
    greeted: float
    greeting_words: int
    sender_left: float
    sender_rows: int
    sender_gap: float
    under_sender: float
    foot: float
    telling: int
    postal_line: int
    longest_block: int
    base: float
    reachable: float
    web: float
    other_role: float
    numbered: float
    opening: float
    letterhead: float
    at_left: float
    left: float
    below_top: float
    top: float


_TUNED = thresholds(_Tuned)

_REACHABLE = re.compile(r"(?i)www\.|@|\b(?:tel|fon|fax|phone|iban|bic|siret|hrb|kvk)\b")


class AddressWindow:
    """Addresses in the upper part of the first page."""

    def __init__(self, facts: Facts, sections: Sections, letterhead: Letterhead) -> None:
        self._facts = facts
        self._sections = sections
        self._letterhead = letterhead

    def customer(self) -> Party | None:
        """The address in the upper part of page 1 that is not the supplier's: where an envelope's window is."""
        best: tuple[float, Party] | None = None
        own = self._sender_words
        under = self._under_sender_line()
        if under is not None:
            return under
        for block in self._sections.blocks:
            if self._greeted is not None and block.segments[0].row.index <= 1 and block is not self._greeted:
                continue
            party = self._window_party(block, own)
            if party is not None and (best is None or party.score > best[0]):
                best = (party.score, party)
        if best is None and self._greeted is not None:
            return self._sections.party_of(list(self._greeted.segments), _TUNED.greeted)
        return best[1] if best else None

    @cached_property
    def _greeted(self) -> Block | None:
        """The block above `Dear Mr. Hallam` that names him: the letter is to him, with or without a postal code."""
        canvas = self._facts.canvas
        for greeting in canvas.segments:
            if (
                greeting.page != 1
                or len(greeting.words) < _TUNED.greeting_words
                or not self._facts.begins_with(greeting, "greeting")
            ):
                continue
            person = greeting.words[-1][0]
            for block in self._sections.blocks:
                first = block.segments[0]
                if block.page != 1 or first.top >= greeting.top or canvas.relative_top(first) > _TUNED.lowest:
                    continue
                if any(person in [word for word, _, _ in line.words] for line in block.segments[:2]):
                    return block
        return None

    def address_of(self, name: str) -> tuple[Span, ...]:
        """The address under `name` in the upper part of page 1; nothing where two differ."""
        found = [
            party.address
            for block in self._sections.blocks
            if (party := self._window_party(block, self._sender_words)) and same_name(party.name_text, name)
        ]
        texts = {compact("".join(span.text for span in address)) for address in found}
        return found[0] if len(texts) == 1 else ()

    def _under_sender_line(self) -> Party | None:
        """The recipient's address under the sender line, its lines as wide apart as they like."""
        canvas = self._facts.canvas
        for sender in self._letterhead.senders:
            lines: list[Segment] = []
            bottom, height = sender.bottom, sender.height
            near = sender.left - _TUNED.sender_left * canvas.page_sizes[1][0]
            for row in canvas.rows[sender.row.index + 1 : sender.row.index + 1 + _TUNED.sender_rows]:
                mine = [segment for segment in row.segments if near < segment.left < sender.right]
                if row.page != 1 or not mine:
                    continue
                if mine[0].top - bottom > _TUNED.sender_gap * max(height, mine[0].height):
                    break
                lines.append(mine[0])
                bottom, height = mine[0].bottom, mine[0].height
                if is_postal(mine[0].text) and len(lines) > 1:
                    return self._sections.party_of(lines, _TUNED.under_sender)
        return None

    @cached_property
    def _sender_words(self) -> frozenset[str]:
        """Compact names in sender lines and footers: addresses that carry them are the supplier's."""
        spans = [part for sender in self._letterhead.senders for part in sender.parts[:2]]
        for segment in self._facts.canvas.segments:
            foot = self._facts.canvas.relative_top(segment) > _TUNED.foot
            if foot and self._sections.role_of(segment) not in RECEIVERS:
                spans += [Span(segment, start, end) for start, end in parts_of(segment)[:2]]
        return frozenset(key for span in spans if len(key := compact(span.text)) > _TUNED.telling)

    def _window_party(self, block: Block, own: frozenset[str]) -> Party | None:
        canvas = self._facts.canvas
        first = block.segments[0]
        if block.page != 1 or canvas.relative_top(first) > _TUNED.lowest:
            return None
        postal = next((i for i, segment in enumerate(block.segments) if is_postal(segment.text)), None)
        if postal is None or not 1 <= postal <= _TUNED.postal_line or len(block.segments) > _TUNED.longest_block:
            return None
        lines = list(block.segments)
        while lines and any(sender.name.segment is lines[0] for sender in self._letterhead.senders):
            lines.pop(0)
        if any(compact(segment.text) in own for segment in lines[:2]):
            return None
        text = "\n".join(segment.text for segment in block.segments)
        score = _TUNED.base
        if _REACHABLE.search(text):
            score -= _TUNED.reachable
        if names_web(text) or any(matches_domain(segment.text, self._letterhead.domains) for segment in lines[:1]):
            score -= _TUNED.web
        if any(
            section.role in {"ship_to", "supplier", "payee"} and section.label.segment in block.segments
            for section in self._sections.all
        ):
            score -= _TUNED.other_role
        # A letterhead opens the page and carries the sender's own number.
        owned = any(identifier.span.segment in block.segments for identifier in self._facts.vat_ids)
        opening = block.segments[0].row.index <= 1
        score -= _TUNED.numbered * owned + _TUNED.opening * opening + _TUNED.letterhead * (owned and opening)
        score += _TUNED.at_left if canvas.relative_left(first) < _TUNED.left else 0.0
        score += _TUNED.below_top if canvas.relative_top(first) > _TUNED.top else 0.0
        party = self._sections.party_of(lines, score)
        return party if party is not None and score > _TUNED.least_score else None
