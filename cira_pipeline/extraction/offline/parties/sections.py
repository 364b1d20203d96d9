"""Finds headings of parties (`Verkäufer`, `Bill to`, `Facturé à`), and the names below them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import PLAIN, lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.blocks import Block, blocks_of, is_postal, is_street, parts_of
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span, whole
from cira_pipeline.extraction.offline.parse.labels import Label
from cira_pipeline.extraction.offline.parties.names import (
    Party,
    address_in,
    company_score,
    namelike,
    only_salutation,
    whole_lines,
    without_attention,
)
from cira_pipeline.extraction.offline.parties.web_addresses import names_web
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    rows: int
    gap: float
    plain: float
    alone: float
    short: int
    later_page: float
    upper: float
    lower: float
    town_lines: int
    aligned: int
    keyed: float
    under: float
    inline: float
    by_key: float
    value_gap: float
    lines_rows: int
    first_gap: float
    line_gap: float
    address_parts: int
    long_heading: int
    under_edge: float
    between: float


_TUNED = thresholds(_Tuned)

ROLES = ("supplier", "customer", "ship_to", "payee")
# Labels of details that stand in an address block without being name or address.
_DETAILS = frozenset(
    {
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
)

RECEIVERS = frozenset({"customer", "ship_to"})
"""Roles of recipients of the goods or the invoice."""


@dataclass(frozen=True)
class Section:
    """A heading that names the role of the party below it."""

    role: str
    label: Label
    weight: float


class Sections:
    """The document's party headings. `items` are the rows of the item table: nothing in them is a heading."""

    def __init__(self, facts: Facts, items: frozenset[Row] = frozenset()) -> None:
        self._facts = facts
        self._items = items

    @cached_property
    def blocks(self) -> list[Block]:
        return blocks_of(self._facts.canvas)

    @cached_property
    def block_of(self) -> dict[Segment, Block]:
        return {segment: block for block in self.blocks for segment in block.segments}

    @cached_property
    def all(self) -> list[Section]:
        """Headings of party blocks, in reading order."""
        found = []
        for labels in self._facts.labels.values():
            for label in labels:
                if label.segment.row in self._items or names_web(label.segment.text):
                    continue
                for role in ROLES:
                    weight = label.weight(role) * self._height_trust(label.segment)
                    short = label.end - label.start <= _TUNED.short
                    if not weight or not label.first or not _heads(label):
                        continue
                    if weight < _TUNED.plain:
                        # `Zahlbar durch` heads the payer's address on a Swiss payment slip, and begins sentences.
                        if not label.alone:
                            continue
                        weight = _TUNED.alone
                    if not short or label.has_colon or self._heads_address(label) or self._keys_name(label):
                        found.append(Section(role, label, weight))
        return found

    def _height_trust(self, segment: Segment) -> float:
        """Party headings are in the upper part of the first page; payment slips repeat them at its foot."""
        if segment.page > 1:
            return _TUNED.later_page
        return 1.0 if self._facts.canvas.relative_top(segment) < _TUNED.upper else _TUNED.lower

    def _heads_address(self, label: Label) -> bool:
        """`Aan`, `To`: a short word is a heading when an address is directly below it, or a company beside it."""
        if label.alone and self._heads_right(label):
            return True
        block = self.block_of[label.segment]
        index = block.segments.index(label.segment)
        return label.alone and any(
            is_postal(segment.text) for segment in block.segments[index + 1 : index + 1 + _TUNED.town_lines]
        )

    def _keys_name(self, label: Label) -> bool:
        """`To`, beside a name and above the key `Address`: a short word is the key of a party."""
        row = label.segment.row
        place = row.segments.index(label.segment)
        beside = row.segments[place + 1 : place + 2]
        below = self._facts.below_in_column(label.segment)
        keyed = self._facts.labels.get(below, ()) if below is not None else ()
        return (
            label.alone
            and any(namelike(segment.text) for segment in beside)
            and any(key.first and key.weight("address") for key in keyed)
        )

    def role_of(self, segment: Segment) -> str | None:
        """The role of the nearest heading above `segment` in its column."""
        best: tuple[tuple[float, bool], str] | None = None
        for section in self.all:
            head = section.label.segment
            if head.page != segment.page or head.top > segment.top or head is segment:
                continue
            if segment.row.index - head.row.index > _TUNED.rows or self._table_between(head.row, segment.row):
                continue
            aligned = abs(head.left - segment.left) < _TUNED.aligned * segment.height
            first_of_row = segment.row.segments[0]
            keyed = first_of_row is not segment and abs(head.left - first_of_row.left) < _TUNED.keyed * segment.height
            if (not aligned and not keyed) or self._apart(head, segment):
                continue
            distance = (round(segment.top - head.top), not aligned)
            if best is None or distance < best[0]:
                best = (distance, section.role)
        return best[1] if best else None

    def _apart(self, head: Segment, segment: Segment) -> bool:
        """Whether a title of the document or a gap separates the segment from the block of the heading."""
        last = head.row
        for row in self._facts.canvas.rows[head.row.index + 1 : segment.row.index + 1]:
            if row.top - last.bottom > _TUNED.gap * head.height:
                return True
            last = row
        return False

    def _table_between(self, above: Row, below: Row) -> bool:
        return any(above.index < index < below.index for index in self._item_indexes)

    @cached_property
    def _item_indexes(self) -> frozenset[int]:
        return frozenset(row.index for row in self._items)

    def party(self, role: str) -> Party | None:
        """The best name under a heading of `role`."""
        found = [party for section in self.all if section.role == role if (party := self._party_under(section))]
        return max(found, key=lambda party: party.score, default=None)

    def _party_under(self, section: Section) -> Party | None:
        keyed = self._keyed(section)
        if keyed is not None:
            return keyed
        label = section.label
        if not label.alone:
            return self._inline(section)
        if self._keys_name(label):
            return self._beside_key(label, _TUNED.by_key * section.weight)
        under, right = self._lines_under(label), self._lines_right(label)
        if right and (not under or self._is_key(under[0]) or self._heads_right(label)):
            under = right
        score = _TUNED.under * section.weight
        return self.party_of(under, score) or self._in_one_line(under, score)

    def _beside_key(self, label: Label, score: float) -> Party | None:
        """The name beside the key `To`, and the address beside the key below it."""
        name, *lines = self._lines_right(label)
        key = self._facts.below_in_column(label.segment)
        keyed = self._facts.labels.get(key, ()) if key is not None else ()
        start = next((each.value_start for each in keyed if each.weight("address") and not each.alone), None)
        address = [whole(line) for line in lines if line is not key and (is_street(line.text) or is_postal(line.text))]
        if key is not None and start is not None:
            address.insert(0, Span(key, start, len(key.text)))
        return Party((whole(name),), tuple(address), score)

    @staticmethod
    def _in_one_line(lines: list[Segment], score: float) -> Party | None:
        """`Firma SARL, 18 rue Longue, 13001 Marseille` alone under a heading: all of a party in one line.

        Over an address of several lines such a line is the sender's.
        """
        if not lines or not _whole_address(lines[0]):
            return None
        name, *address = (Span(lines[0], start, end) for start, end in parts_of(lines[0]))
        return Party((name,), tuple(address), score) if namelike(name.text) and not is_street(name.text) else None

    def _is_key(self, segment: Segment) -> bool:
        """The line under the heading is a key with its own value beside it, and so the heading is one, too."""
        labels = self._facts.labels.get(segment, ())
        beside = segment.row.segments[segment.row.segments.index(segment) + 1 :]
        return bool(labels) and labels[0].first and labels[0].alone and bool(beside)

    def _inline(self, section: Section) -> Party | None:
        """`Sold By : WS Retail Services Pvt. Ltd.,`: the name on the heading's own line."""
        label = section.label
        sentence = self._name_and_address(section)
        if sentence is not None:
            return sentence
        text = label.segment.text[label.value_start :].rstrip(" ,;")
        if not namelike(text) or not (label.has_colon or company_score(text)) or _begins_with_street(text):
            return None
        span = Span(label.segment, label.value_start, label.value_start + len(text))
        following = [segment for segment in self._lines_under(label) if segment.left >= label.segment.left]
        address = address_in([segment for segment in following if not keyword_line(self._facts, segment)])
        return Party((span,), address, _TUNED.inline * section.weight)

    @staticmethod
    def _name_and_address(section: Section) -> Party | None:
        """`Buyer: Firma SARL, 18 rue Longue, 13001 Marseille - VAT FR...`: all of a party after its heading."""
        label = section.label
        parts = [
            Span(label.segment, max(start, label.value_start), end)
            for start, end in parts_of(label.segment)
            if end > label.value_start
        ]
        town = next((index for index, part in enumerate(parts) if is_postal(part.text)), 0)
        named = bool(parts) and namelike(parts[0].text) and not is_street(parts[0].text)
        headed = label.has_colon or _precedes_address(label)
        if not headed or not named or not any(is_street(part.text) for part in parts[1 : town + 1]):
            return None
        return Party((parts[0],), tuple(parts[1 : town + 1]), _TUNED.inline * section.weight)

    def _keyed(self, section: Section) -> Party | None:
        """`Name:` and `Anschrift:` lines under the heading."""
        head = section.label.segment
        names: tuple[Span, ...] = ()
        address: tuple[Span, ...] = ()
        for row in self._facts.canvas.rows[head.row.index + 1 : head.row.index + _TUNED.rows]:
            if row.page != head.page or row in self._items:
                break
            for segment in row.segments:
                labels = self._facts.labels.get(segment, ())
                if not labels or not labels[0].first or self.role_of(segment) != section.role:
                    continue
                if abs(segment.left - head.left) > _TUNED.aligned * head.height:
                    continue
                if labels[0].weight("name") and not names and (labels[0].has_colon or labels[0].alone):
                    names = self._values_of(labels[0])
                elif labels[0].weight("address") and not address:
                    address = self._values_of(labels[0])
            if names and address:
                break
        return Party(names, address, _TUNED.by_key * section.weight) if names else None

    def _values_of(self, label: Label) -> tuple[Span, ...]:
        """The value of a key, with the lines of its column that have no key of their own."""
        if not label.alone:
            return (Span(label.segment, label.value_start, len(label.segment.text)),)
        row = label.segment.row
        right = [segment for segment in row.segments if segment.left >= label.segment.right]
        if not right:
            lines = self._lines_under(label)
            return whole_lines(lines[:1])
        block = self.block_of[right[0]]
        kept = [right[0]]
        index = block.segments.index(right[0])
        for step in (-1, 1):
            position = index + step
            while 0 <= position < len(block.segments):
                segment = block.segments[position]
                others = [other for other in segment.row.segments if other.right < segment.left]
                if any(self._facts.labels.get(other) for other in others):
                    break
                close = (
                    abs(segment.row.middle - block.segments[position - step].row.middle)
                    < _TUNED.value_gap * segment.height
                )
                if not close or (step < 0 and not _between(label, segment)):
                    break
                kept.append(segment)
                position += step
        return whole_lines(sorted(kept, key=lambda segment: segment.top))

    def _lines_under(self, label: Label) -> list[Segment]:
        """The lines right under the heading, down to a gap or another heading."""
        lines: list[Segment] = []
        last = label.segment
        for row in self._facts.canvas.rows[
            label.segment.row.index + 1 : label.segment.row.index + 1 + _TUNED.lines_rows
        ]:
            if (
                row.page != label.segment.page
                or row.top - last.bottom > (_TUNED.first_gap if not lines else _TUNED.line_gap) * last.height
            ):
                break
            under = [segment for segment in row.segments if _under(label.segment, segment, lines)]
            if not under:
                continue
            if any(section.label.segment is under[0] for section in self.all):
                break
            lines.append(under[0])
            last = under[0]
        return lines

    @cached_property
    def receivers_lines(self) -> frozenset[Segment]:
        """The lines under or beside a heading of who receives the invoice or the goods: never the supplier's."""
        found: set[Segment] = set()
        for section in self.all:
            if section.role in RECEIVERS and section.weight >= PLAIN and section.label.alone:
                beside = self._heads_right(section.label)
                lines = self._lines_right(section.label)[:1] if beside else self._lines_under(section.label)
                found.update(lines)
        return frozenset(found)

    def _heads_right(self, label: Label) -> bool:
        """`To | Firma Ltd`: the name stands beside its key."""
        right = self._lines_right(label)[:1]
        return bool(right) and company_score(right[0].text) == 1 and not self._facts.labels.get(right[0])

    def _lines_right(self, label: Label) -> list[Segment]:
        row = label.segment.row
        right = [segment for segment in row.segments if segment.left >= label.segment.right]
        if not right:
            return []
        block = self.block_of[right[0]]
        return list(block.segments[block.segments.index(right[0]) :])

    def party_of(self, lines: list[Segment], score: float) -> Party | None:
        """Name and address of an address block: the name is its first line that is neither a key nor a salutation."""
        heads = {section.label.segment for section in self.all if section.label.alone}
        lines = [
            segment
            for segment in lines
            if segment not in heads and not keyword_line(self._facts, segment) and not _whole_address(segment)
        ]
        index = next((i for i, segment in enumerate(lines) if namelike(without_attention(segment)[1])), None)
        if index is None or self._only_street(lines, index):
            return None
        start, text = without_attention(lines[index])
        name = [Span(lines[index], start, start + len(text))]
        if only_salutation(text) and index + 1 < len(lines):
            index += 1
            name.append(whole(lines[index]))
        if index + 1 < len(lines) and _goes_on(name[-1].text, lines[index + 1].text):
            index += 1
            name.append(whole(lines[index]))
        rest = [line for line in lines[index + 1 :] if not self._is_contact(line)]
        return Party(tuple(name), address_in(rest), score)

    def _is_contact(self, line: Segment) -> bool:
        """A person or department between the name and the street is no part of the address."""
        return not line.has_digits and (
            self._facts.begins_with(line, "person") or self._facts.begins_with(line, "department")
        )

    @staticmethod
    def _only_street(lines: list[Segment], index: int) -> bool:
        """The address begins with its street: `Harper & Lane` over a street is a name all the same."""
        name = lines[index].text
        if not is_street(name) or company_score(name):
            return False
        words = [word for word, _, _ in lines[index].words]
        edges = {words[0], words[-1]} & lexicon().words["street"]
        return any(char.isdigit() for char in name) or (
            bool(edges) and not any(is_street(line.text) for line in lines[index + 1 :])
        )


def _goes_on(name: str, following: str) -> bool:
    """`(haftungsbeschränkt)` under `Lampen Handel UG` is the rest of the legal form."""
    return company_score(name) == 1 and following.startswith("(") and following.rstrip(" ,").endswith(")")


def _whole_address(segment: Segment) -> bool:
    """Name, street and town on one line: a sender line rather than the first line of an address."""
    parts = [segment.text[start:end] for start, end in parts_of(segment)]
    return len(parts) >= _TUNED.address_parts and any(map(is_street, parts[1:])) and any(map(is_postal, parts[1:]))


def _begins_with_street(text: str) -> bool:
    """`Av. de la Gare 10, Pully` after `Chantier :` is a place without a name."""
    first = text.split(",")[0]
    return is_street(first) and any(char.isdigit() for char in first) and not company_score(text)


def _precedes_address(label: Label) -> bool:
    """`Ship To The Mill Ltd, 4 Dock Road, Leeds LS1 4AP`: name, street and town after a heading of two words."""
    rest = label.segment.text[label.value_start :]
    if " " not in label.segment.text[label.start : label.end].strip() or not is_postal(rest):
        return False
    parts = [part.strip() for part in rest.split(",")]
    town = next((index for index, part in enumerate(parts) if is_postal(part)), 0)
    return town > 1 and namelike(parts[0]) and not is_street(parts[0]) and any(map(is_street, parts[1:town]))


def _heads(label: Label) -> bool:
    """A heading is alone on its line, or followed by a colon or a whole address; running text is not a heading."""
    rest = label.segment.text[label.value_start :]
    return (
        label.alone
        or label.has_colon
        or _precedes_address(label)
        or (label.end - label.start >= _TUNED.long_heading and not company_score(label.segment.text + " " + rest))
    )


def _under(head: Segment, segment: Segment, lines: list[Segment]) -> bool:
    reference = lines[-1] if lines else head
    aligned = abs(segment.left - reference.left) < _TUNED.under_edge * head.height
    return aligned or (
        not lines
        and min(segment.right, head.right) - max(segment.left, head.left) > 0
        and segment.left >= head.left - head.height
    )


def _between(label: Label, segment: Segment) -> bool:
    """A line above the key's own, yet nearer to it than a line of text: the key is at the middle of two lines."""
    return label.segment.middle - segment.middle < _TUNED.between * label.segment.height


def keyword_line(facts: Facts, segment: Segment) -> bool:
    """`Kunden-Nr.: 123`, `GLN 430...`, a phone line, `Original`: details that are neither name nor address."""
    if compact(segment.text) in lexicon().words["copy"]:
        return True
    labels = facts.labels.get(segment, ())
    following = segment.row.segments[segment.row.segments.index(segment) + 1 :]
    keyed = bool(following) and following[0].text.startswith(":")
    if labels and labels[0].first and (labels[0].has_colon or keyed):
        names = {"name", "address", *ROLES}
        if not any(meaning.concept in names for meaning in labels[0].meanings):
            return True
    if (
        labels
        and labels[0].first
        and any(meaning.concept in _DETAILS and meaning.weight > PLAIN for meaning in labels[0].meanings)
    ):
        return labels[0].has_colon or labels[0].alone or segment.has_digits
    if labels and _only_label(labels[0]):
        return True
    return names_web(segment.text)


def _only_label(label: Label) -> bool:
    """`Amount due`, `Vos références`: a key or heading of another field, not a line of an address."""
    concepts = {meaning.concept for meaning in label.meanings if meaning.weight > PLAIN}
    return label.first and label.alone and bool(concepts) and not concepts & {"name", "address", *ROLES}
