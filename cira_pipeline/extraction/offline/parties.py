"""Supplier and customer: names, addresses, VAT ids.

A plain heading (`Verkäufer`, `Bill to`) decides. Without one the supplier is the company that the page itself speaks
for: letterhead, footer, sender line, web address, VAT id and bank account; the customer is the address in the window.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property, lru_cache

from babel import Locale
from rapidfuzz import fuzz

from cira_pipeline.extraction.offline.blocks import Block, blocks_of, is_postal, is_street, parts_of
from cira_pipeline.extraction.offline.candidates import Candidate
from cira_pipeline.extraction.offline.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.facts import Facts
from cira_pipeline.extraction.offline.identifiers import Identifier, labelled_vat_id
from cira_pipeline.extraction.offline.labels import Label, phrases
from cira_pipeline.extraction.offline.lexicon import LANGUAGES, lexicon
from cira_pipeline.extraction.offline.normal import compact, folded
from cira_pipeline.extraction.offline.sender_lines import SenderLine, sender_lines

ROLES = ("supplier", "customer", "ship_to", "payee")
_DOMAIN = re.compile(r"(?:www\.|@|https?://(?:www\.)?)([a-z0-9äöüß\-]+(?:\.[a-z0-9\-]+)*)\.[a-z]{2,6}\b", re.IGNORECASE)
_PUBLIC_MAIL = frozenset(
    {"gmail", "gmx", "web", "outlook", "hotmail", "yahoo", "orange", "free", "t-online", "icloud", "wanadoo"}
)
_BANKISH = re.compile(
    r"bank|sparkasse|banque|banco|banca|credit\s?agricole|volksb|raiffeisen|caisse|\bing\b", re.IGNORECASE
)
_NOT_NAME = re.compile(r"[@€$%:]|https?:|www\.|\d{5,}")
_REGISTRY = re.compile(
    r"(?i)\b(?:siret|siren|rcs|hrb|hra|kvk|capital|registergericht|amtsgericht|registro mercantil|registered|company no"
    r"|cap\. soc|capitale sociale|rea|krs|regon|cvr|org\.?\s?nr|gesch[äa]ftsf[üu]hrer|si[èe]ge social)\b"
)
_SECTION_ROWS = 14


@dataclass(frozen=True)
class Section:
    """A heading that says whose details follow."""

    role: str
    label: Label
    weight: float


@dataclass(frozen=True)
class Party:
    """What is known of one side. Spans of several lines stand in the order of print."""

    name: tuple[Span, ...] = ()
    address: tuple[Span, ...] = ()
    score: float = 0.0

    @property
    def name_text(self) -> str:
        return " ".join(span.text.strip() for span in self.name)

    @property
    def address_text(self) -> str:
        return ", ".join(span.text.strip(" ,") for span in self.address)


class Parties:
    """Both sides of the invoice."""

    def __init__(self, facts: Facts, items: frozenset[Row] = frozenset()) -> None:
        self._facts = facts
        self._items = items

    @cached_property
    def blocks(self) -> list[Block]:
        return blocks_of(self._facts.canvas)

    @cached_property
    def _block_of(self) -> dict[Segment, Block]:
        return {segment: block for block in self.blocks for segment in block.segments}

    @cached_property
    def sections(self) -> list[Section]:
        """Headings of party blocks, strongest first within reading order."""
        found = []
        for labels in self._facts.labels.values():
            for label in labels:
                if label.segment.row in self._items:
                    continue
                for role in ROLES:
                    weight = label.weight(role) * (1.0 if label.segment.page == 1 else 0.8)
                    short = label.end - label.start <= 3
                    if not weight or not label.first or not _heads(label):
                        continue
                    if not short or label.has_colon or self._heads_address(label):
                        found.append(Section(role, label, weight))
        return found

    def _heads_address(self, label: Label) -> bool:
        """`Aan`, `To`: a short word is a heading when an address stands right under it."""
        block = self._block_of[label.segment]
        index = block.segments.index(label.segment)
        return label.alone and any(is_postal(segment.text) for segment in block.segments[index + 1 : index + 6])

    @cached_property
    def supplier(self) -> Party:
        named = self._from_sections("supplier")
        guessed = self._letterhead()
        if named is not None and named.score >= 0.6:
            return named
        return guessed or named or Party()

    @cached_property
    def customer(self) -> Party:
        named = self._from_sections("customer")
        if named is not None:
            return named
        return self._window() or self._from_sections("ship_to") or Party()

    @cached_property
    def customer_named(self) -> bool:
        """A heading such as `Bill to` names a customer: the page is no anonymous receipt."""
        return self._from_sections("customer") is not None

    def section_of(self, segment: Segment) -> str | None:
        """The role of the nearest heading above `segment` in its column."""
        best: tuple[tuple[float, bool], str] | None = None
        for section in self.sections:
            head = section.label.segment
            if head.page != segment.page or head.top > segment.top or head is segment:
                continue
            if segment.row.index - head.row.index > _SECTION_ROWS or self._table_between(head.row, segment.row):
                continue
            aligned = abs(head.left - segment.left) < 3 * segment.height
            first_of_row = segment.row.segments[0]
            keyed = first_of_row is not segment and abs(head.left - first_of_row.left) < 1.5 * segment.height
            if not aligned and not keyed:
                continue
            distance = (round(segment.top - head.top), not aligned)
            if best is None or distance < best[0]:
                best = (distance, section.role)
        return best[1] if best else None

    def _table_between(self, above: Row, below: Row) -> bool:
        return any(above.index < index < below.index for index in self._item_indexes)

    @cached_property
    def _item_indexes(self) -> frozenset[int]:
        return frozenset(row.index for row in self._items)

    # Names under headings

    def _from_sections(self, role: str) -> Party | None:
        found = [party for section in self.sections if section.role == role if (party := self._party_under(section))]
        return max(found, key=lambda party: party.score, default=None)

    def _party_under(self, section: Section) -> Party | None:
        keyed = self._keyed(section)
        if keyed is not None:
            return keyed
        label = section.label
        if not label.alone:
            return self._inline(section)
        lines = self._lines_under(label) or self._lines_right(label)
        return self._party_of(lines, 0.93 * section.weight)

    def _inline(self, section: Section) -> Party | None:
        """`Sold By : WS Retail Services Pvt. Ltd.,`: the name on the heading's own line."""
        label = section.label
        text = label.segment.text[label.value_start :].rstrip(" ,;")
        if not namelike(text) or not (label.has_colon or company_score(text)):
            return None
        span = Span(label.segment, label.value_start, label.value_start + len(text))
        following = [segment for segment in self._lines_under(label) if segment.left >= label.segment.left]
        address = _address_in([segment for segment in following if not _keyword_line(self._facts, segment)])
        return Party((span,), address, 0.85 * section.weight)

    def _keyed(self, section: Section) -> Party | None:
        """`Name:` and `Anschrift:` lines under the heading."""
        head = section.label.segment
        names: tuple[Span, ...] = ()
        address: tuple[Span, ...] = ()
        for row in self._facts.canvas.rows[head.row.index + 1 : head.row.index + _SECTION_ROWS]:
            if row.page != head.page or row in self._items:
                break
            for segment in row.segments:
                labels = self._facts.labels.get(segment, ())
                if not labels or not labels[0].first or self.section_of(segment) != section.role:
                    continue
                if abs(segment.left - head.left) > 3 * head.height:
                    continue
                if labels[0].weight("name") and not names and (labels[0].has_colon or labels[0].alone):
                    names = self._values_of(labels[0])
                elif labels[0].weight("address") and not address:
                    address = self._values_of(labels[0])
            if names and address:
                break
        return Party(names, address, 0.97 * section.weight) if names else None

    def _values_of(self, label: Label) -> tuple[Span, ...]:
        """The value of a key, with the lines of its column that have no key of their own."""
        if not label.alone:
            return (Span(label.segment, label.value_start, len(label.segment.text)),)
        row = label.segment.row
        right = [segment for segment in row.segments if segment.left >= label.segment.right]
        if not right:
            lines = self._lines_under(label)
            return tuple(_spans(lines[:1]))
        block = self._block_of[right[0]]
        kept = [right[0]]
        index = block.segments.index(right[0])
        for step in (-1, 1):
            position = index + step
            while 0 <= position < len(block.segments):
                segment = block.segments[position]
                others = [other for other in segment.row.segments if other.right < segment.left]
                if any(self._facts.labels.get(other) for other in others):
                    break
                close = abs(segment.row.middle - block.segments[position - step].row.middle) < 2.2 * segment.height
                if not close or (step < 0 and not _between(label, segment)):
                    break
                kept.append(segment)
                position += step
        return tuple(_spans(sorted(kept, key=lambda segment: segment.top)))

    def _lines_under(self, label: Label) -> list[Segment]:
        """The lines right under the heading, down to a gap or another heading."""
        lines: list[Segment] = []
        last = label.segment
        for row in self._facts.canvas.rows[label.segment.row.index + 1 : label.segment.row.index + 14]:
            if row.page != label.segment.page or row.top - last.bottom > (2.6 if not lines else 1.3) * last.height:
                break
            under = [segment for segment in row.segments if _under(label.segment, segment, lines)]
            if not under:
                continue
            if any(section.label.segment is under[0] for section in self.sections):
                break
            lines.append(under[0])
            last = under[0]
        return lines

    def _lines_right(self, label: Label) -> list[Segment]:
        row = label.segment.row
        right = [segment for segment in row.segments if segment.left >= label.segment.right]
        if not right:
            return []
        block = self._block_of[right[0]]
        return list(block.segments[block.segments.index(right[0]) :])

    def _party_of(self, lines: list[Segment], score: float) -> Party | None:
        """Name and address of an address block: the name is its first line that is neither a key nor a salutation."""
        heads = {section.label.segment for section in self.sections if section.label.alone}
        lines = [segment for segment in lines if segment not in heads and not _keyword_line(self._facts, segment)]
        index = next((i for i, segment in enumerate(lines) if namelike(_stripped(segment)[1])), None)
        if index is None or (is_street(lines[index].text) and not company_score(lines[index].text)):
            return None
        start, text = _stripped(lines[index])
        name = [Span(lines[index], start, start + len(text))]
        if _only_salutation(text) and index + 1 < len(lines):
            index += 1
            name.append(Span(lines[index], 0, len(lines[index].text)))
        rest = lines[index + 1 :]
        return Party(tuple(name), _address_in(rest), score)

    # The supplier without a heading

    def _letterhead(self) -> Party | None:
        scored = sorted(self._name_candidates(), key=lambda candidate: -candidate.score)
        if not scored or scored[0].score < 0.38:
            return None
        winner = scored[0]
        rival = next((c for c in scored[1:] if not _same_name(str(c.value), str(winner.value))), None)
        certain = rival is None or winner.score - rival.score > 0.1
        return Party(
            (winner.span,), self._address_near(winner.span), min(winner.score, 0.97) * (1.0 if certain else 0.75)
        )

    def _name_candidates(self) -> Iterator[Candidate[str]]:
        domains = self._domains
        customer = folded(self.customer.name_text)
        counts: Counter[str] = Counter()
        spans: list[tuple[Span, str]] = []
        for segment in self._facts.canvas.segments:
            if len(segment.text) > 220:
                continue
            for start, end in self._name_parts(segment):
                text = segment.text[start:end].strip(" ,.;:")
                if not namelike(text) or folded(text) in _countries():
                    continue
                offset = segment.text.index(text, start)
                spans.append((Span(segment, offset, offset + len(text)), text))
                counts[compact(text)] += 1
        for span, text in spans:
            if customer and _same_name(text, customer):
                continue
            score = self._name_score(span, text, domains, counts[compact(text)])
            if score > 0.2:
                yield Candidate(text, span, score)

    def _name_parts(self, segment: Segment) -> list[tuple[int, int]]:
        """The parts of a line that may be names; of a sender line only its first."""
        sender = next((line for line in self._senders if line.name.segment is segment), None)
        return [(sender.name.start, sender.name.end)] if sender is not None else list(parts_of(segment))

    def _name_score(self, span: Span, text: str, domains: frozenset[str], count: int) -> float:
        segment = span.segment
        top = self._facts.canvas.relative_top(segment)
        words = text.split()
        score = 0.5 * company_score(text)
        score += 0.22 if top < 0.22 else (0.15 if top > 0.82 else (0.0 if top < 0.4 else -0.15))
        score += 0.06 if segment.page == 1 else -0.05
        score += min(0.08 * (count - 1), 0.16)
        if domains and _matches_domain(text, domains):
            score += 0.35
        if _BANKISH.search(text):
            score -= 0.5
        if any(char.isdigit() for char in text) or len(words) > 7:
            score -= 0.2
        if is_street(text) or is_postal(text):
            score -= 0.4
        if segment.height > 1.25 * self._facts.text_height and top < 0.3:
            score += 0.15
        first_part = span.start <= 1
        score += self._block_score(segment) if first_part else 0.0
        role = self.section_of(segment)
        if role in {"customer", "ship_to"}:
            score -= 0.4
        if compact(text) in self._payees:
            score += 0.25
        return score - 0.5 * self._is_vocabulary(segment, text)

    def _block_score(self, segment: Segment) -> float:
        """The block speaks of a sender: VAT id, bank account, phone, and an address."""
        block = self._block_of[segment]
        index = block.segments.index(segment)
        near = block.segments[index : index + 8]
        text = "\n".join(other.text for other in near)
        score = 0.0
        if any(is_postal(other.text) for other in near[:5]):
            score += 0.12
        if len(near) > 2 and is_street(near[1].text) and is_postal(near[2].text):
            score += 0.12
        ids = {identifier.span.segment for identifier in [*self._facts.vat_ids, *self._facts.ibans]}
        if any(other in ids for other in near):
            score += 0.15
        if re.search(
            r"(?i)\b(?:tel|fon|phone|fax|mail|www|siret|kvk|hrb|vat|ust|tva|btw|iva|nif|cif|p\.?\s?iva)\b", text
        ):
            score += 0.12
        if any(sender.name.segment is segment for sender in self._senders) or (
            len(list(parts_of(segment))) >= 3 and is_postal(segment.text)
        ):
            score += 0.3
        if len(near) > 1 and re.search(_REGISTRY, text):
            score += 0.12
        return score

    def _is_vocabulary(self, segment: Segment, text: str) -> bool:
        """The text is a label, a title or a column header rather than a name."""
        key = compact(text)
        known = lexicon()
        if key in known.labels or key in known.titles or key in known.columns:
            return True
        labels = self._facts.labels.get(segment, ())
        covered = sum(label.end - label.start for label in labels)
        if covered > 0.6 * len(segment.text):
            return True
        titled = [hit for hit in phrases(segment, known.titles) if hit[0] == 0]
        return bool(titled) and not company_score(text)

    @cached_property
    def _payees(self) -> frozenset[str]:
        """Names that `Kontoinhaber`, `Titulaire du compte` and the like give: mostly the supplier's own."""
        return frozenset(
            compact(proposal.place.text) for proposal in self._facts.proposals.of("payee") if proposal.score > 0.6
        )

    @cached_property
    def _domains(self) -> frozenset[str]:
        found: Counter[str] = Counter()
        for segment in self._facts.canvas.segments:
            if self.section_of(segment) in {"customer", "ship_to"}:
                continue
            for match in _DOMAIN.finditer(segment.text):
                name = match.group(1).lower().split(".")[-1]
                if name not in _PUBLIC_MAIL and len(name) > 2:
                    found[name] += 1
        return frozenset(found)

    def _address_near(self, span: Span) -> tuple[Span, ...]:
        """The rest of the sender line, or the lines under the name."""
        segment = span.segment
        parts = [Span(segment, start, end) for start, end in parts_of(segment) if start >= span.end]
        if any(is_postal(part.text) for part in parts):
            kept = []
            for part in parts:
                kept.append(part)
                if is_postal(part.text):
                    break
            return tuple(kept)
        block = self._block_of[segment]
        return _address_in(list(block.segments[block.segments.index(segment) + 1 :]))

    # The customer without a heading

    def _window(self) -> Party | None:
        """The address in the upper part of page 1 that is not the supplier's: where an envelope's window is."""
        best: tuple[float, Party] | None = None
        own = self._sender_words
        under = self._under_sender_line()
        if under is not None:
            return under
        for block in self.blocks:
            party = self._window_party(block, own)
            if party is not None and (best is None or party.score > best[0]):
                best = (party.score, party)
        return best[1] if best else None

    def _under_sender_line(self) -> Party | None:
        """The recipient's address under the sender line, its lines as wide apart as they like."""
        canvas = self._facts.canvas
        for sender in self._senders:
            lines: list[Segment] = []
            bottom, height = sender.bottom, sender.height
            near = sender.left - 0.1 * canvas.page_sizes[1][0]
            for row in canvas.rows[sender.row.index + 1 : sender.row.index + 24]:
                mine = [segment for segment in row.segments if near < segment.left < sender.right]
                if row.page != 1 or not mine:
                    continue
                if mine[0].top - bottom > 2.6 * max(height, mine[0].height):
                    break
                lines.append(mine[0])
                bottom, height = mine[0].bottom, mine[0].height
                if is_postal(mine[0].text) and len(lines) > 1:
                    return self._party_of(lines, 0.9)
        return None

    @cached_property
    def _senders(self) -> list[SenderLine]:
        return sender_lines(self._facts.canvas)

    @cached_property
    def _sender_words(self) -> frozenset[str]:
        """Compact names in sender lines and footers: addresses that carry them are the supplier's."""
        spans = [part for sender in self._senders for part in sender.parts[:2]]
        for segment in self._facts.canvas.segments:
            if self._facts.canvas.relative_top(segment) > 0.85:
                spans += [Span(segment, start, end) for start, end in list(parts_of(segment))[:2]]
        return frozenset(key for span in spans if len(key := compact(span.text)) > 3)

    def _window_party(self, block: Block, own: frozenset[str]) -> Party | None:
        canvas = self._facts.canvas
        first = block.segments[0]
        if block.page != 1 or canvas.relative_top(first) > 0.45:
            return None
        postal = next((i for i, segment in enumerate(block.segments) if is_postal(segment.text)), None)
        if postal is None or not 1 <= postal <= 7 or len(block.segments) > 12:
            return None
        lines = list(block.segments)
        while lines and any(sender.name.segment is lines[0] for sender in self._senders):
            lines.pop(0)
        if any(compact(segment.text) in own for segment in lines[:2]):
            return None
        text = "\n".join(segment.text for segment in block.segments)
        score = 0.6
        if re.search(r"(?i)www\.|@|\b(?:tel|fon|fax|phone|iban|bic|siret|hrb|kvk)\b", text):
            score -= 0.3
        if _DOMAIN.search(text) or any(_matches_domain(segment.text, self._domains) for segment in lines[:1]):
            score -= 0.3
        if any(
            section.role in {"ship_to", "supplier", "payee"} and section.label.segment in block.segments
            for section in self.sections
        ):
            score -= 0.25
        # A letterhead opens the page and carries the sender's own number.
        if any(identifier.span.segment in block.segments for identifier in self._facts.vat_ids):
            score -= 0.12
        if block.segments[0].row.index <= 1:
            score -= 0.12
        score += 0.1 if canvas.relative_left(first) < 0.2 else 0.0
        score += 0.1 if canvas.relative_top(first) > 0.1 else 0.0
        party = self._party_of(lines, score)
        return party if party is not None and score > 0.35 else None

    # VAT ids

    @cached_property
    def vat_ids(self) -> dict[str, Candidate[Identifier]]:
        """The best VAT id of each side, by `supplier` and `customer`."""
        best: dict[str, Candidate[Identifier]] = {}
        for role, identifier, score in self._owned_vat_ids():
            if role not in best or best[role].score < score:
                best[role] = Candidate(identifier, identifier.span, score)
        own, other = best.get("supplier"), best.get("customer")
        if own and other and own.value.value == other.value.value:
            del best["customer" if own.score >= other.score else "supplier"]
        return best

    def _owned_vat_ids(self) -> Iterator[tuple[str, Identifier, float]]:
        seen: set[tuple[Segment, int]] = set()
        for concept in ("customer_vat_id", "vat_id"):
            for proposal in self._facts.proposals.of(concept):
                place = proposal.place
                ocr = place.segment.page in self._facts.canvas.ocr_pages
                identifier = labelled_vat_id(place.segment, place.start, place.end, ocr=ocr)
                if identifier is None or (identifier.span.segment, identifier.span.start) in seen:
                    continue
                if proposal.score < 0.4:
                    continue
                seen.add((identifier.span.segment, identifier.span.start))
                score = proposal.score * (1.0 if identifier.checked else 0.78)
                if concept == "customer_vat_id":
                    yield "customer", identifier, score
                else:
                    yield self._owner(proposal.label.segment, identifier), identifier, score
        for identifier in self._facts.vat_ids:
            if (identifier.span.segment, identifier.span.start) not in seen:
                yield self._owner(identifier.span.segment, identifier), identifier, 0.6

    def _owner(self, segment: Segment, identifier: Identifier) -> str:
        role = self.section_of(segment) or self.section_of(identifier.span.segment)
        if role in {"customer", "ship_to"}:
            return "customer"
        if role == "supplier":
            return "supplier"
        names = {span.segment for span in self.customer.name} | {span.segment for span in self.customer.address}
        block = self._block_of[identifier.span.segment]
        if any(other in names for other in block.segments):
            return "customer"
        return "supplier"


@lru_cache(maxsize=1)
def _countries() -> frozenset[str]:
    """Names of countries in the lexicon's languages (Unicode CLDR, through babel)."""
    return frozenset(
        folded(str(name)) for language in LANGUAGES for name in Locale.parse(language).territories.values() if name
    )


def company_score(text: str) -> float:
    """1 with a legal form at its end or middle, less with a word that companies like in their names, else 0."""
    words = [word for word in re.split(r"[\s,()]+", folded(text)) if word]
    known = lexicon()
    for size in (4, 3, 2, 1):
        for index in range(1 if size < 3 else 0, len(words) - size + 1):
            if compact("".join(words[index : index + size])) in known.legal_forms:
                return 1.0
    dotted = compact(words[-1]) if words else ""
    if dotted in known.legal_forms and len(words) > 1:
        return 1.0
    return 0.45 if any(compact(word) in known.weak_forms for word in words) else 0.0


def _heads(label: Label) -> bool:
    """A heading stands alone on its line or is followed by a colon; running text is no heading."""
    rest = label.segment.text[label.value_start :]
    return (
        label.alone
        or label.has_colon
        or (label.end - label.start >= 7 and not company_score(label.segment.text + " " + rest))
    )


def _under(head: Segment, segment: Segment, lines: list[Segment]) -> bool:
    reference = lines[-1] if lines else head
    aligned = abs(segment.left - reference.left) < 1.5 * head.height
    return aligned or (
        not lines
        and min(segment.right, head.right) - max(segment.left, head.left) > 0
        and segment.left >= head.left - head.height
    )


def _between(label: Label, segment: Segment) -> bool:
    """A line above the key's own, yet nearer to it than a line of text: the key stands at the middle of two lines."""
    return label.segment.middle - segment.middle < 1.7 * label.segment.height


def _keyword_line(facts: Facts, segment: Segment) -> bool:
    """`Kunden-Nr.: 123`, `GLN 430...`, a phone line: details that are neither name nor address."""
    labels = facts.labels.get(segment, ())
    following = segment.row.segments[segment.row.segments.index(segment) + 1 :]
    keyed = bool(following) and following[0].text.startswith(":")
    if labels and labels[0].first and (labels[0].has_colon or keyed):
        names = {"name", "address", *ROLES}
        if not any(meaning.concept in names for meaning in labels[0].meanings):
            return True
    keys = {
        "customer_number",
        "registration",
        "tax_number",
        "vat_id",
        "customer_vat_id",
        "contact",
        "order_number",
        "bank",
        "iban",
        "invoice_number",
    }
    if (
        labels
        and labels[0].first
        and any(meaning.concept in keys and meaning.weight > 0.6 for meaning in labels[0].meanings)
    ):
        return labels[0].has_colon or labels[0].alone or any(char.isdigit() for char in segment.text)
    return bool(_DOMAIN.search(segment.text))


def namelike(text: str) -> bool:
    """Mostly letters, short, no address of the web, no amount: what a name may look like."""
    if text.startswith(("(", "*", "•", "-", '"')):
        return False
    letters = sum(char.isalpha() for char in text)
    return (
        letters >= 2 and letters >= 0.5 * len(text.replace(" ", "")) and len(text) <= 90 and not _NOT_NAME.search(text)
    )


def _stripped(segment: Segment) -> tuple[int, str]:
    """The line without `ATTN:`, `z. Hd.` and the like before a name."""
    match = re.match(
        r"(?i)\s*(?:attn|attention|z\.?\s?hd\.?|zhd|t\.?a\.?v\.?|att|à l'attention de|c/o)\s*[:.]?\s+", segment.text
    )
    start = match.end() if match else 0
    return start, segment.text[start:].strip(" ,;")


def _only_salutation(text: str) -> bool:
    return compact(text) in lexicon().words["salutation"]


def _same_name(first: str, second: str) -> bool:
    return fuzz.token_set_ratio(folded(first), folded(second)) >= 90


def _matches_domain(text: str, domains: frozenset[str]) -> bool:
    """`Au bon moulin SARL` and `aubonmoulin.fr`."""
    words = [compact(word) for word in text.split()]
    joined = ""
    for word in words[:5]:
        joined += word
        for domain in domains:
            plain = compact(domain)
            if len(joined) >= 4 and (joined == plain or (len(joined) >= 6 and plain.startswith(joined))):
                return True
    return False


def _spans(segments: list[Segment]) -> Iterator[Span]:
    for segment in segments:
        yield Span(segment, 0, len(segment.text))


def _address_in(lines: list[Segment]) -> tuple[Span, ...]:
    """The lines up to the postal code's, and a country right after it; none when there is no postal code."""
    for index, segment in enumerate(lines[:6]):
        if is_postal(segment.text):
            return tuple(_spans(lines[: index + 1]))
    streets = [segment for segment in lines[:2] if is_street(segment.text)]
    return tuple(_spans(streets[:1])) if streets else ()
