"""Finds a supplier without a heading, by the evidence on the page.

Letterhead, footer, sender line, web address, VAT id, bank account and register entry each support a name. The name with
the most support is taken, with less confidence when another has nearly as much.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise, takewhile

from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import PLAIN, lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import is_postal, is_street, parts_of
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.parse.labels import phrases
from cira_pipeline.extraction.offline.parties.names import (
    Party,
    address_in,
    company_score,
    country_names,
    matches_domain,
    namelike,
    reads_like_a_sentence,
    same_name,
    shares_word,
    whole_lines,
)
from cira_pipeline.extraction.offline.parties.sections import RECEIVERS, ROLES, Sections
from cira_pipeline.extraction.offline.parties.sender_lines import SenderLine, sender_lines
from cira_pipeline.extraction.offline.parties.web_addresses import domains_in
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.letters import folded


@dataclass(frozen=True, slots=True)
class _Tuned:
    keyed_value: float
    key_gap: float
    code_letters: int
    least_score: float
    longest_line: int
    gap: float
    depth: float
    near: float
    long_name: int
    lines_over_town: int
    name_lines: int
    registered: float
    alike: float
    clear: float
    highest: float
    uncertain: float
    town_lines: int
    candidate_least: float
    by_form: float
    by_top: float
    top: float
    by_foot: float
    foot: float
    upper: float
    middle: float
    first_page: float
    later_page: float
    by_repeat: float
    most_repeats: float
    by_domain: float
    by_domain_word: float
    bank: float
    name_words: int
    wordy: float
    place: float
    large: float
    large_top: float
    by_size: float
    person: float
    receiver: float
    by_payee: float
    vocabulary: float
    block_lines: int
    town_near: int
    by_town: float
    by_address: float
    by_number: float
    by_contact: float
    sender_parts: int
    by_sender_line: float
    by_register: float
    vocabulary_share: float
    payee_least: float
    lines_under: int
    column_lines: int
    column_rows: int
    column_edge: float


_TUNED = thresholds(_Tuned)

_BANKISH = re.compile(
    r"bank|sparkasse|banque|banco|banca|credit\s?agricole|volksb|raiffeisen|caisse|\bing\b", re.IGNORECASE
)
_REGISTRY = re.compile(
    r"(?i)\b(?:siret|siren|rcs|hrb|hra|kvk|capital|registergericht|amtsgericht|registro mercantil|registered|company no"
    r"|cap\. soc|capitale sociale|rea|krs|regon|cvr|org\.?\s?nr|gesch[äa]ftsf[üu]hrer|si[èe]ge social)\b"
)
_REACHABLE = re.compile(r"(?i)\b(?:tel|fon|phone|fax|mail|www|siret|kvk|hrb|vat|ust|tva|btw|iva|nif|cif|p\.?\s?iva)\b")
_PRINTED_WORD = re.compile(r"\S+")


class Letterhead:
    """Evidence on the page about its sender."""

    def __init__(self, facts: Facts, sections: Sections) -> None:
        self._facts = facts
        self._sections = sections

    @cached_property
    def senders(self) -> list[SenderLine]:
        return [line for line in sender_lines(self._facts.canvas) if not self._announces_receiver(line.name.segment)]

    def _whole_name(self, span: Span) -> tuple[Span, ...]:
        """`Atoalhados Caçador` over `Unipessoal, Lda.`: one name, when the web addresses bear the upper line only."""
        block = self._sections.block_of[span.segment].segments
        index = block.index(span.segment)
        if not index or span.start > 1 or self._bears(span.text):
            return (span,)
        above = block[index - 1]
        alike = abs(above.height - span.segment.height) < _TUNED.alike * span.segment.height and namelike(above.text)
        if not alike or not self._bears(above.text) or company_score(above.text) == 1:
            return (span,)
        return (Span(above, 0, len(above.text)), span)

    def _announces_receiver(self, segment: Segment) -> bool:
        """`Lieferadresse Hotel Seerose, Am Kai 3, 78464 Konstanz`: where the goods went, in one line."""
        return any(
            label.first and label.weight(role) > PLAIN
            for label in self._facts.labels.get(segment, ())
            for role in RECEIVERS
        )

    def supplier(self, customer: Party) -> Party | None:
        """The likeliest sender that is not `customer`, and no line of its address."""
        scored = sorted(self._name_candidates(customer), key=lambda candidate: -candidate.score)
        if not scored or scored[0].score < _TUNED.least_score:
            return None
        winner = scored[0]
        rival = next((c for c in scored[1:] if not same_name(str(c.value), str(winner.value))), None)
        certain = rival is None or winner.score - rival.score > _TUNED.clear
        return Party(
            self._whole_name(winner.span),
            self._address_near(winner.span, customer),
            min(winner.score, _TUNED.highest) * (1.0 if certain else _TUNED.uncertain),
        )

    def as_registered(self, named: Party) -> Party:
        """`named`, or the company that registers at its address: a heading may name a brand or a branch.

        Only where web addresses bear the registered name and not the other one, and the town's line is the same.
        """
        if self._bears(named.name_text):
            return named
        own = [span.text for span in named.address] + [
            segment.text for segment in self._facts.canvas.segments if self._sections.role_of(segment) == "supplier"
        ]
        towns = {compact(text) for text in own if is_postal(text)}
        for block in self._sections.blocks:
            first = block.segments[0]
            below = {compact(segment.text) for segment in block.segments[1 : 1 + _TUNED.town_lines]}
            if not towns & below or company_score(first.text) < 1 or not self._bears(first.text):
                continue
            row = " ".join(segment.text for segment in first.row.segments)
            if _REGISTRY.search(f"{row} {block.text}") and not same_name(first.text, named.name_text):
                return Party(whole_lines([first]), address_in(list(block.segments[1:])), _TUNED.registered)
        return named

    def behind_trading_name(self, named: Party) -> Party:
        """`Trading name of Pebble Works Limited` under the name: who bills is the company, not what it calls itself."""
        if not named.name:
            return named
        last = named.name[-1].segment
        for line in self._sections.block_of[last].segments[1:]:
            if line.row.index <= last.row.index or line.row.index > last.row.index + _TUNED.name_lines:
                continue
            end = self._facts.end_of_phrase(line, "trading_name")
            company = line.text[end:].strip(" ,.:)")
            if end and namelike(company) and company_score(company) == 1:
                start = line.text.index(company, end)
                address = tuple(span for span in named.address if span.segment is not line)
                return Party((Span(line, start, start + len(company)),), address, named.score)
        return named

    def _bears(self, name: str) -> bool:
        return matches_domain(name, self.domains) or shares_word(name, self.domains)

    def _name_candidates(self, customer: Party) -> Iterator[Candidate[str]]:
        domains = self.domains
        taken = self._lines_of(customer)
        customer_name = folded(customer.name_text)
        counts: Counter[str] = Counter()
        spans: list[tuple[Span, str]] = []
        for segment in self._facts.canvas.segments:
            if len(segment.text) > _TUNED.longest_line or segment in taken or self._announces_receiver(segment):
                continue
            if segment in self._sections.receivers_lines:
                continue
            for start, end in self._name_parts(segment):
                text = segment.text[start:end].strip(" ,.;:")
                if not namelike(text) or folded(text) in country_names() or self._is_place(segment, start, text):
                    continue
                if self._facts.begins_with(segment, "greeting") and not company_score(text):
                    continue
                offset = segment.text.index(text, start)
                spans.append((Span(segment, offset, offset + len(text)), text))
                counts[compact(text)] += 1
        for span, text in spans:
            if customer_name and same_name(text, customer_name):
                continue
            score = self._name_score(span, text, domains, counts[compact(text)])
            if score > _TUNED.candidate_least:
                yield Candidate(text, span, score)

    @staticmethod
    def _is_place(segment: Segment, start: int, text: str) -> bool:
        """`New York` before `NY 10001`, `NL` under a town: a part of an address, or a code."""
        if len(text) <= _TUNED.code_letters:
            return True
        parts = [segment.text[first:last] for first, last in parts_of(segment)]
        if company_score(text) or is_postal(text) or not any(map(is_postal, parts)):
            return False
        named = segment.text[:start].strip() == "" and any(map(is_street, parts[1:]))
        return not named

    def _lines_of(self, party: Party) -> frozenset[Segment]:
        """The party's lines from name to address, including lines between them such as a contact."""
        own = [span.segment for span in (*party.name, *party.address)]
        if not own:
            return frozenset()
        block = self._sections.block_of[own[0]].segments
        last = max((index for index, segment in enumerate(block) if segment in own), default=0)
        return frozenset([*own, *block[block.index(own[0]) : last + 1]])

    def _name_parts(self, segment: Segment) -> list[tuple[int, int]]:
        """The parts of a line that may be names; of a sender line only its first."""
        sender = next((line for line in self.senders if line.name.segment is segment), None)
        if sender is not None:
            return [(sender.name.start, sender.name.end)]
        return [piece for start, end in parts_of(segment) for piece in _before_street(segment, start, end)]

    def _name_score(self, span: Span, text: str, domains: frozenset[str], count: int) -> float:
        segment = span.segment
        top = self._facts.canvas.relative_top(segment)
        words = text.split()
        score = _TUNED.by_form * company_score(text)
        score += (
            _TUNED.by_top
            if top < _TUNED.top
            else (_TUNED.by_foot if top > _TUNED.foot else (0.0 if top < _TUNED.upper else -_TUNED.middle))
        )
        score += _TUNED.first_page if segment.page == 1 else -_TUNED.later_page
        score += min(_TUNED.by_repeat * (count - 1), _TUNED.most_repeats)
        if domains and matches_domain(text, domains):
            score += _TUNED.by_domain
        elif domains and shares_word(text, domains):
            score += _TUNED.by_domain_word
        if _BANKISH.search(text):
            score -= _TUNED.bank
        if len(words) > _TUNED.name_words or any(map(str.isdigit, text)):
            score -= _TUNED.wordy
        if is_street(text) or is_postal(text):
            score -= _TUNED.place
        if segment.height > _TUNED.large * self._facts.text_height and top < _TUNED.large_top:
            score += _TUNED.by_size
        first_part = span.start <= 1
        score += self._block_score(segment) if first_part else 0.0
        if self._facts.begins_with(segment, "person"):
            score -= _TUNED.person
        if self._is_keyed(segment) or reads_like_a_sentence(text):
            score -= _TUNED.keyed_value
        role = self._sections.role_of(segment)
        if role in RECEIVERS:
            score -= _TUNED.receiver
        if compact(text) in self._payees:
            score += _TUNED.by_payee
        return score - _TUNED.vocabulary * self._is_vocabulary(segment, text)

    def _is_keyed(self, segment: Segment) -> bool:
        """`FOR: Laundry`: the value of the key on its left, which says nothing of a party or a name."""
        index = segment.row.segments.index(segment)
        if not index:
            return False
        key = segment.row.segments[index - 1]
        labels = self._facts.labels.get(key, ())
        party = any(meaning.concept in {"name", *ROLES} for label in labels for meaning in label.meanings)
        near = segment.left - key.right <= _TUNED.key_gap * segment.height
        return near and key.text.rstrip().endswith(":") and not party

    def _block_score(self, segment: Segment) -> float:
        """The block speaks of a sender: VAT id, bank account, phone, and an address."""
        block = self._sections.block_of[segment]
        index = block.segments.index(segment)
        near = block.segments[index : index + _TUNED.block_lines]
        text = "\n".join(other.text for other in near)
        score = 0.0
        if any(is_postal(other.text) for other in near[: _TUNED.town_near]):
            score += _TUNED.by_town
        if len(near) > 2 and is_street(near[1].text) and is_postal(near[2].text):
            score += _TUNED.by_address
        elif len(near) > 3 and is_street(near[2].text) and is_postal(near[3].text) and not company_score(near[1].text):
            # `Texte & Lektorat` below a person's name: an activity, not a name.
            score += _TUNED.by_address
        if not self._numbered.isdisjoint(near):
            score += _TUNED.by_number
        if _REACHABLE.search(text):
            score += _TUNED.by_contact
        if any(sender.name.segment is segment for sender in self.senders) or (
            len(parts_of(segment)) >= _TUNED.sender_parts and is_postal(segment.text)
        ):
            score += _TUNED.by_sender_line
        if len(near) > 1 and _REGISTRY.search(text):
            score += _TUNED.by_register
        return score

    @cached_property
    def _numbered(self) -> frozenset[Segment]:
        """Lines with a VAT id or an account."""
        return frozenset(identifier.span.segment for identifier in [*self._facts.vat_ids, *self._facts.ibans])

    def _is_vocabulary(self, segment: Segment, text: str) -> bool:
        """The text is a label, a title or a column header rather than a name."""
        key = compact(text)
        known = lexicon()
        if key in known.labels or key in known.titles or key in known.columns:
            return True
        labels = self._facts.labels.get(segment, ())
        covered = sum(label.end - label.start for label in labels)
        if covered > _TUNED.vocabulary_share * len(segment.text):
            return True
        titled = [hit for hit in phrases(segment, known.titles) if hit[0] == 0]
        return bool(titled) and not company_score(text)

    @cached_property
    def _payees(self) -> frozenset[str]:
        """Names that `Kontoinhaber`, `Titulaire du compte` and the like give: mostly the supplier's own."""
        return frozenset(
            compact(proposal.place.text)
            for proposal in self._facts.proposals.of("payee")
            if proposal.score > _TUNED.payee_least
        )

    @cached_property
    def domains(self) -> frozenset[str]:
        """Web domains outside the customer's details."""
        found: set[str] = set()
        for segment in self._facts.canvas.segments:
            own = set(domains_in(segment.text)) if "." in segment.text else set()
            if own and self._sections.role_of(segment) not in RECEIVERS:
                found |= own
        return frozenset(found)

    def _address_near(self, span: Span, customer: Party) -> tuple[Span, ...]:
        """The rest of the sender line, or the lines under the name; else where else the page prints it."""
        segment = span.segment
        block = self._sections.block_of[segment]
        near = (
            _address_after(span)
            or address_in(self._own_lines(block.segments[block.segments.index(segment) + 1 :], customer))
            or address_in(self._own_lines(self._column_under(segment), customer))
        )
        if any(is_postal(part.text) for part in near):
            return near
        return self._address_with_name(span) or self._address_beside(span, customer) or near

    def _own_lines(self, lines: Sequence[Segment], customer: Party) -> list[Segment]:
        """The lines up to another party's: `To:` and the customer's name may stand close under the supplier's."""
        others = self._lines_of(customer) | {
            section.label.segment for section in self._sections.all if section.role in RECEIVERS
        }
        return list(takewhile(lambda line: line not in others, lines))

    def _address_with_name(self, name: Span) -> tuple[Span, ...]:
        """The name once more, with its address after it or under it: a sender line, the footer."""
        for segment in self._facts.canvas.segments:
            first = next(iter(self._name_parts(segment)), None)
            if first is None or segment is name.segment or self._sections.role_of(segment) in RECEIVERS:
                continue
            own = Span(segment, *first)
            if compact(own.text) != compact(name.text) and not self._begins(name, own):
                continue
            block = self._sections.block_of[segment].segments
            under = address_in(list(block[block.index(segment) + 1 : block.index(segment) + 1 + _TUNED.lines_under]))
            for found in (_address_after(own), under):
                if any(is_postal(part.text) for part in found):
                    return found
        return ()

    @staticmethod
    def _begins(name: Span, other: Span) -> bool:
        """A long name goes on in the next line: what both begin with is long enough to be no chance."""
        short, long = sorted((compact(name.text), compact(other.text)), key=len)
        return len(short) >= _TUNED.long_name and long.startswith(short)

    def _address_beside(self, name: Span, customer: Party) -> tuple[Span, ...]:
        """The one address of the letterhead that is not the customer's: beside the name, or under a slogan."""
        found: list[tuple[Span, ...]] = []
        taken, theirs = self._lines_of(customer), compact(customer.address_text)
        for segment in self._facts.canvas.segments:
            if segment.page != 1 or self._facts.canvas.relative_top(segment) > _TUNED.depth:
                continue
            if segment in taken or not is_postal(segment.text) or self._sections.role_of(segment) in RECEIVERS:
                continue
            if compact(segment.text) in theirs or (theirs and theirs in compact(segment.text)):
                continue
            parts = [Span(segment, start, end) for start, end in parts_of(segment)]
            town = next((place for place, part in enumerate(parts) if is_postal(part.text)), 0)
            if town and is_street(parts[0].text):
                found.append(tuple(parts[: town + 1]))
                continue
            block = self._sections.block_of[segment].segments
            index = block.index(segment)
            street = next(
                (
                    line
                    for line in range(index - 1, max(index - _TUNED.lines_over_town, 0) - 1, -1)
                    if is_street(block[line].text)
                ),
                None,
            )
            if street is not None and not taken & set(block[street:index]):
                found.append(whole_lines(block[street : index + 1]))
            elif street is None and (part := _street_over(self._facts, segment)) is not None and part.start:
                found.append((part, *whole_lines(block[index : index + 1])))
        texts = {compact("".join(part.text for part in address)) for address in found}
        above = [
            address
            for address in found
            if address[0].segment.top <= name.segment.bottom + _TUNED.near * name.segment.height
        ]
        return above[0] if len(texts) == 1 and above else ()

    def _column_under(self, segment: Segment) -> list[Segment]:
        """The lines under `segment` with its left edge, over the small gaps that a letterhead has."""
        lines: list[Segment] = []
        last = segment
        for row in self._facts.canvas.rows[segment.row.index + 1 : segment.row.index + 1 + _TUNED.column_rows]:
            mine = [
                other for other in row.segments if abs(other.left - segment.left) < _TUNED.column_edge * last.height
            ]
            if not mine:
                continue
            if row.page != segment.page or mine[0].top - last.bottom > _TUNED.gap * last.height:
                break
            last = mine[0]
            lines.append(last)
        return lines[: _TUNED.column_lines]


def _street_over(facts: Facts, town: Segment) -> Span | None:
    """The street over the line of the town, where a name is printed so close beside it that both are one text."""
    for row in reversed(facts.canvas.rows[max(town.row.index - _TUNED.lines_over_town, 0) : town.row.index]):
        if row.page != town.page:
            break
        for segment in row.segments:
            for token, start in zip(segment.tokens, segment.starts, strict=True):
                span = Span(segment, start, len(segment.text))
                if abs(token.left - town.left) < _TUNED.column_edge * town.height and is_street(span.text):
                    return span
    return None


def _before_street(segment: Segment, start: int, end: int) -> list[tuple[int, int]]:
    """`Skovbjerg Service ApS Møllevej 4B`: a street printed close beside a legal form is no part of the name."""
    if company_score(segment.text[start:end]) < 1:
        return [(start, end)]
    words = [match.span() for match in _PRINTED_WORD.finditer(segment.text[start:end])]
    for left, right in pairwise(words):
        if compact(segment.text[start + left[0] : start + left[1]]) not in _forms():
            continue
        name, rest = segment.text[start : start + left[1]], segment.text[start + right[0] : end]
        if company_score(name) == 1 and is_street(rest) and not company_score(rest):
            return [(start, start + left[1]), (start + right[0], end)]
    return [(start, end)]


def _forms() -> frozenset[str]:
    return lexicon().legal_forms


def _address_after(name: Span) -> tuple[Span, ...]:
    """The parts of the name's own line up to the town: `Firma - Straße 1 - 12345 Ort`."""
    segment = name.segment
    parts = [Span(segment, start, end) for start, end in parts_of(segment) if start >= name.end]
    town = next((index for index, part in enumerate(parts) if is_postal(part.text)), None)
    return tuple(parts[: town + 1]) if town is not None else ()
