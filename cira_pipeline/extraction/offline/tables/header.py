"""Finds header rows of item tables: their columns and positions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import Meaning, lexicon
from cira_pipeline.extraction.offline.normal import words_of
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.parse.labels import closest, phrases
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    stack_gap: float
    known_share: float
    fewest_numeric: int
    stacked_rows: int
    cell_words: int
    cell_height: float
    under_edge: float
    beside: float
    pull: float


_TUNED = thresholds(_Tuned)

# Between the words of two languages: `MWST % / VAT %`, `Art.-Nr. / Code`.
_OR = re.compile(r"[\s.%]*/\s*")
_Hit = tuple[int, int, int, int, tuple[Meaning, ...]]
NUMERIC = ("quantity", "unit_price", "discount", "tax_rate", "tax_amount", "net_amount", "gross_amount")
TEXT = ("position", "article", "description", "unit", "date")
_AMOUNTS = frozenset({"net_amount", "gross_amount"})


@dataclass(frozen=True)
class Cell:
    """Words of a header: their text and place."""

    text: str
    left: float
    right: float
    top: float
    bottom: float
    concepts: frozenset[str]


@dataclass(frozen=True)
class Column:
    """A column with its meaning (empty when unknown), the extent of its header and all that its text can mean."""

    concept: str
    left: float
    right: float
    text: str
    options: frozenset[str] = frozenset()

    @cached_property
    def center(self) -> float:
        return (self.left + self.right) / 2


@dataclass(frozen=True)
class Header:
    """A table's header: rows it takes up and its columns, left to right."""

    rows: tuple[Row, ...]
    columns: tuple[Column, ...]
    numbers_of_row: dict[Row, dict[str, Number]] = field(default_factory=dict, init=False, repr=False, compare=False)
    """The numbers under the columns, of each row that was looked at: one row is asked for them many times."""

    def column(self, concept: str) -> Column | None:
        return next((column for column in self.columns if column.concept == concept), None)

    @cached_property
    def numeric(self) -> tuple[Column, ...]:
        return tuple(column for column in self.columns if column.concept in NUMERIC)


def other_readings(header: Header) -> Iterator[Header]:
    """The header with one column taken for something else that its text can mean, or for a price when it is unknown.

    An amount that gives way to another one includes tax, where no other column does.
    """
    held = {column.concept for column in header.columns}
    for index, column in enumerate(header.columns):
        unknown = not column.options and not column.concept and "unit_price" not in held
        for concept in sorted(column.options & set(NUMERIC) | ({"unit_price"} if unknown else set())):
            if concept == column.concept:
                continue
            left = "gross_amount" if concept == "net_amount" and "gross_amount" not in held else ""
            yield replace(
                header,
                columns=tuple(
                    replace(other, concept=concept if place == index else left)
                    if place == index or other.concept == concept
                    else other
                    for place, other in enumerate(header.columns)
                ),
            )


def header_at(facts: Facts, row: Row) -> Header | None:
    """The header whose main row is `row`, or `None`."""
    ocr = row.page in facts.canvas.ocr_pages
    if not _may_head(facts, row):
        return None
    cells = [cell for segment in row.segments for cell in _cells(facts, segment)]
    if not _main(row, cells):
        return None
    rows = [row]
    for other in _stacked(facts, row):
        rows.append(other)
        cells.extend(cell for segment in other.segments for cell in _cells(facts, segment))
    columns = tuple(_columns(facts, _clusters(cells), ocr=ocr))
    concepts = {column.concept for column in columns}
    numeric = concepts & set(NUMERIC)
    if not concepts & _AMOUNTS and not {"unit_price", "quantity"} <= concepts:
        return None
    if len(numeric) < 2 and not (numeric and {"description", "article", "position"} & concepts):
        return None
    if not (concepts & {"description", "article", "position"}) and len(numeric) < _TUNED.fewest_numeric:
        return None
    if not concepts & {"description", "article", "quantity", "unit_price", "position"}:
        return None
    return Header(tuple(sorted(rows, key=lambda r: r.index)), columns)


def _may_head(facts: Facts, row: Row) -> bool:
    """Whether the row contains nothing that headers do not have, such as amounts, dates and keys."""
    return not any(
        segment.text.rstrip().endswith(":")
        or facts.dates_of(segment)
        or any(number.decimals for number in facts.numbers_of(segment))
        for segment in row.segments
    )


def _main(row: Row, cells: list[Cell]) -> bool:
    known = [cell for cell in cells if cell.concepts]
    if len(known) < 2:
        return False
    meanings = {concept for cell in known for concept in cell.concepts}
    if not meanings & set(NUMERIC):
        return False
    # Words of a sentence that could head columns (`service charge`) are few of all its words.
    return sum(len(cell.text) for cell in known) >= _TUNED.known_share * sum(
        len(segment.text) for segment in row.segments
    )


def _stacked(facts: Facts, row: Row) -> Iterator[Row]:
    """Rows above and below that belong to the same header: close, without amounts, under or over its cells."""
    for step in (-1, 1):
        edge = row
        index = row.index + step
        while 0 <= index < len(facts.canvas.rows):
            other = facts.canvas.rows[index]
            gap = (edge.top - other.bottom) if step < 0 else (other.top - edge.bottom)
            close = other.page == row.page and gap < _TUNED.stack_gap * row.height
            if not close or not _headerlike(facts, other, row):
                break
            yield other
            edge = other
            index += step
            if abs(index - row.index) > _TUNED.stacked_rows:
                break


def _headerlike(facts: Facts, other: Row, main: Row) -> bool:
    letters = "".join(segment.text for segment in other.segments)
    if any(char.isdigit() for char in letters) or not any(char.isalnum() or char in "%#€$£" for char in letters):
        # Figures are no header, and neither is a rule of dashes.
        return False
    cells = [cell for segment in other.segments for cell in _cells(facts, segment)]
    known = sum(bool(cell.concepts) for cell in cells)
    if len(other.segments) > 1 and known * 2 < len(cells):
        return False
    if len(other.segments) == 1 and not known and other.index > main.index and _under_text(facts, other, main):
        # The first line of a description, where figures stand below their texts.
        return False
    if not all(
        any(min(segment.right, own.right) - max(segment.left, own.left) > 0 for own in main.segments)
        or any(cell.concepts for cell in _cells(facts, segment))
        for segment in other.segments
    ):
        return False
    return (
        all(len(segment.words) <= _TUNED.cell_words for segment in other.segments)
        and other.height <= _TUNED.cell_height * main.height
    )


def _under_text(facts: Facts, other: Row, main: Row) -> bool:
    """The row's one text begins under the head of the descriptions and is longer than it."""
    text = other.segments[0]
    return any(
        "description" in cell.concepts
        and abs(cell.left - text.left) < _TUNED.under_edge * text.height
        and text.right - text.left > cell.right - cell.left
        for segment in main.segments
        for cell in _cells(facts, segment)
    )


def _cells(facts: Facts, segment: Segment) -> Iterator[Cell]:
    """The segment's header cells: one for each phrase the lexicon knows, with what lies between going to neighbours."""
    hits = list(_bilingual(facts, segment))
    if len(hits) <= 1:
        concepts: frozenset[str] = frozenset()
        if hits and _most(segment, hits[0]):
            concepts = frozenset(meaning.concept for meaning in hits[0][4])
        yield Cell(segment.text, segment.left, segment.right, segment.top, segment.bottom, concepts)
        return
    for _, _, start, end, meanings in hits:
        box = Span(segment, start, end).box
        yield Cell(
            segment.text[start:end],
            box.left,
            box.right,
            segment.top,
            segment.bottom,
            frozenset(meaning.concept for meaning in meanings),
        )


def _bilingual(facts: Facts, segment: Segment) -> Iterator[_Hit]:
    """Phrases the lexicon knows; `Antal / Qty` is one, when both can mean the same."""
    pending: _Hit | None = None
    for first, last, start, end, meanings in phrases(segment, facts.column_entries):
        meant = facts.meant(meanings, end - start)
        if not meant:
            continue
        hit = (first, last, start, end, meant)
        if pending is not None:
            shared = {meaning.concept for meaning in pending[4]} & {meaning.concept for meaning in hit[4]}
            if shared and _OR.fullmatch(segment.text[pending[3] : hit[2]]):
                meanings = tuple(meaning for meaning in pending[4] if meaning.concept in shared)
                pending = (pending[0], hit[1], pending[2], hit[3], meanings)
                continue
            yield pending
        pending = hit
    if pending is not None:
        yield pending


def _most(segment: Segment, hit: _Hit) -> bool:
    """Whether the phrase is the better part of the segment."""
    return (hit[3] - hit[2]) * 2 >= len(segment.text) or len(segment.words) <= 2


def _clusters(cells: Iterable[Cell]) -> list[list[Cell]]:
    """Joins cells above each other into one column."""
    clusters: list[list[Cell]] = []
    for cell in sorted(cells, key=lambda cell: (cell.top, cell.left)):
        home: list[Cell] | None = None
        best_shared = 0.0
        for cluster in clusters:
            left, right = min(other.left for other in cluster), max(other.right for other in cluster)
            shared = min(cell.right, right) - max(cell.left, left)
            beside = any(
                min(cell.bottom, other.bottom) - max(cell.top, other.top) > _TUNED.beside * (cell.bottom - cell.top)
                for other in cluster
            )
            if shared > best_shared and not beside:
                best_shared, home = shared, cluster
        if home is None:
            clusters.append([cell])
        else:
            home.append(cell)
    return sorted(clusters, key=lambda cluster: min(cell.left for cell in cluster))


def _columns(facts: Facts, clusters: list[list[Cell]], *, ocr: bool) -> Iterator[Column]:
    texts = [" ".join(cell.text for cell in sorted(cluster, key=lambda cell: cell.top)) for cluster in clusters]
    options = [_options(facts, text, cluster, ocr=ocr) for text, cluster in zip(texts, clusters, strict=True)]
    chosen = _assigned(options)
    for text, cluster, concept, possible in zip(texts, clusters, chosen, options, strict=True):
        yield Column(concept, min(cell.left for cell in cluster), max(cell.right for cell in cluster), text, possible)


def _options(facts: Facts, text: str, cluster: list[Cell], *, ocr: bool) -> frozenset[str]:
    """What a column can mean: its whole text if the lexicon knows it, else what its lines mean.

    On pages read by OCR a text that is unknown throughout means what the one entry means that it nearly is.
    """
    key = "".join(word for word, _, _ in words_of(text))
    whole = facts.meant(facts.column_entries.get(key, ()), len(key))
    if whole:
        return frozenset(meaning.concept for meaning in whole)
    lines = [cell.concepts for cell in cluster if cell.concepts]
    if not lines:
        near = closest(key, table="columns") if ocr else None
        return frozenset(meaning.concept for meaning in lexicon().columns[near]) if near is not None else frozenset()
    lines = [concepts for cell in cluster if (concepts := cell.concepts) and not _qualifies(cell.text)] or lines
    shared = frozenset.intersection(*lines)
    return shared or max(lines, key=lambda concepts: _SPECIFIC.get(next(iter(sorted(concepts))), 0))


def _qualifies(text: str) -> bool:
    """`excl. btw`, `HT`: says what the word over it means, and is no column of its own."""
    words = lexicon().words["excluding"] | lexicon().words["including"]
    return any(word in words for word, _, _ in words_of(text))


_SPECIFIC = {"description": 5, "net_amount": 4, "gross_amount": 4, "unit_price": 3, "tax_rate": 3, "quantity": 2}
_ORDER = (
    "position",
    "article",
    "description",
    "quantity",
    "unit",
    "unit_price",
    "discount",
    "tax_rate",
    "tax_amount",
    "net_amount",
    "gross_amount",
    "date",
)


def _assigned(options: list[frozenset[str]]) -> list[str]:
    """One meaning a column, each meaning once: plain columns first, then the rest by what is still missing."""
    chosen = ["" for _ in options]
    taken: set[str] = set()
    for index, concepts in enumerate(options):
        if len(concepts) == 1:
            concept = next(iter(concepts))
            if concept not in taken:
                chosen[index] = concept
                taken.add(concept)
            elif concept == "net_amount":
                # Two columns of amounts: the last one is the line's.
                previous = chosen.index(concept)
                chosen[previous], chosen[index] = "", concept
    for index in range(len(options) - 1, -1, -1):
        if chosen[index] or not options[index]:
            continue
        free = [concept for concept in _preferred(options, index) if concept not in taken]
        if free:
            chosen[index] = free[0]
            taken.add(free[0])
    if not taken & _AMOUNTS and len(options) > 2 and not chosen[-1] and "unit_price" in options[-1]:
        # A second column of prices or costs, the last one: what the line costs.
        chosen[-1] = "net_amount"
    return chosen


def _preferred(options: list[frozenset[str]], index: int) -> list[str]:
    """The column's possible meanings, likeliest first: amounts on the right, text on the left."""
    share = index / max(len(options) - 1, 1)

    def distance(concept: str) -> float:
        return abs(_ORDER.index(concept) / (len(_ORDER) - 2) - share) - (
            _TUNED.pull if concept in {"description", "net_amount"} else 0
        )

    return sorted(options[index], key=distance)
