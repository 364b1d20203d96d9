"""Line items, BG-25: the rows under an item table's header, over wrapped descriptions and page breaks.

A row is an item when it carries an amount in the amount column, or quantity and price. Text in the description column
belongs to the nearest item. Repeated headers, carried-over sums and totals are not items.
"""

from __future__ import annotations

import re
from bisect import bisect_left, bisect_right
from collections.abc import Iterator
from dataclasses import dataclass, field
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import HIGHEST_RATE, lexicon
from cira_pipeline.extraction.offline.normal import compact, words_of
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span, whole
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.parse.labels import Label, phrases
from cira_pipeline.extraction.offline.tables.header import NUMERIC, Column, Header, header_at, other_readings
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    wrap_gap: float
    over_gap: float
    page_foot: float
    longest_unit: int
    telling_rows: int
    no_chance: int
    sum_rows: int
    same_header: float
    total_text: float
    described_cells: int
    half_line: float
    carried_text: float
    inside: float
    overlap: float
    furthest: int
    first_text: float
    column_slack: float
    column_edge: float
    column_share: float


_TUNED = thresholds(_Tuned)

_TOTAL_CONCEPTS = frozenset({"net_total", "tax_total", "gross_total", "amount_due", "line_total", "prepaid"})
_HUNDRED = Decimal(100)
_POSITION = re.compile(r"\d{1,3}\.?")
_UNIT = re.compile(r"\s*([^\W\d_]{1,12}\.?(?:\(s\)|[²³23])?)")
_UP_TO_DIGITS = re.compile(r"[^\d]*[\d.,'’\s]*\d")


@dataclass
class Item:
    """One line item: values with their places, and the rows it takes up."""

    cells: dict[str, Number] = field(default_factory=dict)
    description: list[Span] = field(default_factory=list)
    unit: Span | None = None
    rows: list[Row] = field(default_factory=list)

    def value(self, concept: str) -> Decimal | None:
        number = self.cells.get(concept)
        return number.value if number is not None else None

    @property
    def multiplies(self) -> bool | None:
        """Whether quantity x price (less a discount in percent) makes the amount; `None` when one is missing."""
        quantity, price = self.value("quantity"), self.value("unit_price")
        amount = self.value("net_amount") if "net_amount" in self.cells else self.value("gross_amount")
        if quantity is None or price is None or amount is None:
            return None
        if _equal(quantity * price, amount):
            return True
        discount = self.value("discount")
        if discount is None:
            return False
        return _equal(quantity * price * (1 - abs(discount) / _HUNDRED), amount) or _equal(
            quantity * price - abs(discount), amount
        )


@dataclass
class ItemTable:
    """All items of a document. `rows` are those the items take up, `region` all between header and totals."""

    items: list[Item] = field(default_factory=list)
    rows: set[Row] = field(default_factory=set)
    region: set[Row] = field(default_factory=set)
    headers: list[Header] = field(default_factory=list)

    @property
    def without_tax(self) -> bool:
        """Whether the header of the amount column states that tax is excluded."""
        column = next((header.column("net_amount") for header in self.headers), None)
        words = [word for word, _, _ in words_of(column.text)] if column is not None else []
        known = lexicon().words["excluding"]
        return any("".join(words[i : i + n]) in known for i in range(len(words)) for n in (1, 2))

    @property
    def amount_concept(self) -> str:
        """`net_amount`, or `gross_amount` when that is all the table has."""
        return "net_amount" if any("net_amount" in item.cells for item in self.items) else "gross_amount"

    def total(self) -> Decimal | None:
        values = [item.value(self.amount_concept) for item in self.items]
        known = [value for value in values if value is not None]
        return sum(known, Decimal(0)) if known and len(known) == len(values) else None


def _equal(first: Decimal, second: Decimal) -> bool:
    return abs(first - second) <= max(Decimal("0.011"), abs(second) * Decimal("0.0006"))


def item_table(facts: Facts) -> ItemTable:
    """The document's item table; empty when no header is found."""
    table = ItemTable()
    header: Header | None = None
    closed = False
    body: list[Row] = []
    used: set[Row] = set()
    for row in facts.canvas.rows:
        if row in used:
            continue
        found = header_at(facts, row)
        if found is not None and (header is None or _similar(found, header) or (not table.items and not body)):
            _take(facts, table, header, body)
            header, body, closed = found, [], False
            table.headers.append(found)
            used.update(found.rows)
            table.rows.update(found.rows)
            body = [r for r in body if r not in used]
            continue
        if header is None:
            continue
        if found is not None or (_ends(facts, row, header) and not _sums_section(facts, row, header, body)):
            closed = True
        if closed and not _surely_item(facts, row, header):
            continue
        if (
            row.page != header.rows[-1].page
            and body
            and body[-1].page != row.page
            and not _continues(facts, row, header)
        ):
            if _surely_item(facts, row, header):
                body.append(row)
            continue
        body.append(row)
    _take(facts, table, header, body)
    return table


def column_sums(facts: Facts, table: ItemTable) -> Iterator[tuple[str, Number]]:
    """The sums printed under the columns of net, tax and gross amounts, by column."""
    if not table.items:
        return
    header = table.headers[-1]
    sums = {"net_amount", "tax_amount", "gross_amount"} & {column.concept for column in header.columns}
    last = max(row.index for item in table.items for row in item.rows)
    if len(sums) < 2:
        return
    for row in facts.canvas.rows[last + 1 : last + 1 + _TUNED.sum_rows]:
        cells = {concept: number for concept, number in _cells(facts, row, header).items() if concept in sums}
        if row.page == facts.canvas.rows[last].page and len(cells) >= 2:
            yield from cells.items()
            return


def _similar(first: Header, second: Header) -> bool:
    """The same header again, on the next page."""
    own, other = ({column.concept for column in header.columns if column.concept} for header in (first, second))
    return first.rows[0].page != second.rows[0].page and len(own & other) >= _TUNED.same_header * max(
        len(own), len(other)
    )


def _ends(facts: Facts, row: Row, header: Header) -> bool:
    """A row of the totals block, or the header of another table."""
    return (
        any(_names_total(label) for segment in row.segments for label in facts.labels.get(segment, ()))
        and not _described(facts, row, header)
        and not _surely_item(facts, row, header)
    )


def _names_total(label: Label) -> bool:
    """The label of a total, with little other text after it."""
    if not (label.first or _includes(label)) or all(m.concept not in _TOTAL_CONCEPTS for m in label.meanings):
        return False
    text = label.segment.text
    return sum(map(str.isalpha, text[label.value_start :])) <= _TUNED.total_text * len(text)


def _includes(label: Label) -> bool:
    """`Includes GST`: only words for an included tax are before the label."""
    before = [word for word, start, _ in label.segment.words if start < label.start]
    return bool(before) and all(word in lexicon().words["including"] for word in before)


def _sums_section(facts: Facts, row: Row, header: Header, body: list[Row]) -> bool:
    """`Total drinks 516.00`: a named subtotal of the lines above it, after which the table may continue."""
    own = _amount_in(facts, row, header)
    label = next((label for segment in row.segments for label in facts.labels.get(segment, ())), None)
    if not own or label is None:
        return False
    name = [word for word, start, _ in label.segment.words if start >= label.end and word.isalpha()]
    known = lexicon().words["including"] | lexicon().words["excluding"]
    if not name or any(word.upper() in lexicon().currency_codes or word in known for word in name):
        return False
    total = Decimal(0)
    for above in reversed(body):
        amount = _amount_in(facts, above, header)
        if amount is not None and _ends(facts, above, header):
            return False
        total += amount or Decimal(0)
        if total == own:
            return True
    return False


def _amount_in(facts: Facts, row: Row, header: Header) -> Decimal | None:
    cells = _cells(facts, row, header)
    number = cells.get("net_amount") or cells.get("gross_amount")
    return number.value if number is not None else None


def _described(facts: Facts, row: Row, header: Header) -> bool:
    """Text that is no label in the description column, and three numbers in theirs: an item, whatever else is in it."""
    column = header.column("description")
    if column is None or len(_cells(facts, row, header)) < _TUNED.described_cells:
        return False
    texts = [span.segment for span in _texts(facts, row, header, _description_extent(header))]
    return bool(texts) and not any(label.first for label in facts.labels.get(texts[0], ()))


def _surely_item(facts: Facts, row: Row, header: Header) -> bool:
    return Item(cells=_cells(facts, row, header)).multiplies is True


def _continues(facts: Facts, row: Row, header: Header) -> bool:
    """On a new page without a header: a row with an amount and one more number in the columns."""
    cells = _cells(facts, row, header)
    return bool({"net_amount", "gross_amount"} & set(cells)) and len(cells) >= 2


def _take(facts: Facts, table: ItemTable, header: Header | None, body: list[Row]) -> None:
    if header is None or not body:
        return
    header = table.headers[-1] = _proved(facts, header, body)
    items = list(_items(facts, header, body))
    table.region.update(body)
    _describe(facts, header, items, body)
    amounts = {"net_amount", "gross_amount"}
    priced = any(amounts & set(item.cells) for item in [*items, *table.items])
    for item in _without_sums(facts, items, table.items):
        # In tables with amounts, a row of numbers without one is a remark that happens to be in the columns.
        if not priced or amounts & set(item.cells):
            table.items.append(item)
            table.rows.update(item.rows)


def _proved(facts: Facts, header: Header, body: list[Row]) -> Header:
    """The header as more of its rows prove it: quantity x price makes the amount of other columns than was thought."""
    rows = body[: _TUNED.telling_rows]
    most = _products(facts, header, rows)
    improved = True
    while improved:
        improved = False
        for other in other_readings(header):
            count = _products(facts, other, rows)
            if count > most:
                header, most, improved = other, count, True
                break
    return header


def _products(facts: Facts, header: Header, rows: list[Row]) -> int:
    """Items whose quantity, other than one, and price make their amount."""
    return sum(item.multiplies is True and item.value("quantity") != 1 for item in _items(facts, header, rows))


def _without_sums(facts: Facts, items: list[Item], earlier: list[Item]) -> Iterator[Item]:
    """Drops rows that only repeat what the lines above add up to: sums carried over a page or closing a section."""
    kept = list(earlier)
    section: list[Item] = []
    for item in items:
        bare = not item.description and not {"quantity", "unit_price"} & set(item.cells)
        own = _amount_of(item)
        if bare and (own == sum(map(_amount_of, kept)) or not item.cells.keys() - {"net_amount", "gross_amount"}):
            continue
        if _closes_section(facts, item, section) or (kept != section and _closes_section(facts, item, kept)):
            section = []
            continue
        kept.append(item)
        section.append(item)
        yield item


def _amount_of(item: Item) -> Decimal:
    return item.value("net_amount") or item.value("gross_amount") or Decimal(0)


def _closes_section(facts: Facts, item: Item, section: list[Item]) -> bool:
    """A described sum of the section above: it says so, is the one row without quantity and price, or sums many."""
    counted = {"quantity", "unit_price"}
    if not section or counted & set(item.cells) or not item.description:
        return False
    if not _amount_of(item) or _amount_of(item) != sum(map(_amount_of, section)):
        return False
    apart = len(section) > 1 and all(counted <= set(other.cells) for other in section)
    return apart or len(section) >= _TUNED.no_chance or _names_sum(facts, item.description[0])


def _names_sum(facts: Facts, text: Span) -> bool:
    """The text begins like a sum."""
    segment = text.segment
    subtotal = any(
        first == 0 and any(meaning.concept == "subtotal" for meaning in meanings)
        for first, _, _, _, meanings in phrases(segment, lexicon().rows)
    )
    return subtotal or any(
        label.first and any(meaning.concept in _TOTAL_CONCEPTS for meaning in label.meanings)
        for label in facts.labels.get(segment, ())
    )


def _items(facts: Facts, header: Header, body: list[Row]) -> Iterator[Item]:
    """Rows with numbers in the columns, joined when one continues the other (an amount printed half a line lower)."""
    current: Item | None = None
    for row in body:
        cells = _cells(facts, row, header)
        if not cells or (_carried(row) and Item(cells=cells).multiplies is not True):
            continue
        if current is not None and _completes(current, cells, row):
            current.cells.update(cells)
            current.rows.append(row)
            _unit(facts, header, current, row)
            continue
        if current is not None and _whole_item(current):
            yield current
        current = Item(cells=dict(cells), rows=[row])
        _unit(facts, header, current, row)
    if current is not None and _whole_item(current):
        yield current


def _completes(item: Item, cells: dict[str, Number], row: Row) -> bool:
    last = item.rows[-1]
    close = row.page == last.page and row.top - last.bottom < _TUNED.half_line * last.height
    amounts = {"net_amount", "gross_amount"}
    halves = not (amounts & set(item.cells) and {"quantity", "unit_price"} <= set(cells))
    return close and not set(cells) & set(item.cells) and halves


def _whole_item(item: Item) -> bool:
    return bool({"net_amount", "gross_amount"} & set(item.cells)) or {"quantity", "unit_price"} <= set(item.cells)


def _carried(row: Row) -> bool:
    """`Übertrag`, `Transporte`: a sum from another page, unless the row has the number of an item."""
    if all(lexicon().rows.openings.isdisjoint(segment.openings) for segment in row.segments):
        return False
    numbered = len(row.segments) > 2 and _POSITION.fullmatch(row.segments[0].text) is not None
    return not numbered and any(
        meaning.concept in {"carried", "subtotal"}
        for segment in row.segments
        for first, _, start, end, meanings in phrases(segment, lexicon().rows)
        for meaning in meanings
        if first == 0 and _letters(segment.text) <= _TUNED.carried_text * (end - start)
    )


def _letters(text: str) -> int:
    return sum(char.isalpha() or char == " " for char in text)


def _cells(facts: Facts, row: Row, header: Header) -> dict[str, Number]:
    """Numbers of the row by column; not to be changed. A number inside a description stays text."""
    known = header.numbers_of_row.get(row)
    if known is None:
        known = header.numbers_of_row[row] = _read_cells(facts, row, header)
    return known


def _read_cells(facts: Facts, row: Row, header: Header) -> dict[str, Number]:
    best: dict[str, tuple[float, Number]] = {}
    for segment in row.segments:
        for number in _free_numbers(facts, segment, header):
            column, distance = _nearest(number, header, segment)
            if column is None:
                continue
            if column.concept == "tax_rate" and not _is_rate(number):
                continue
            if column.concept != "tax_rate" and number.percent and column.concept != "discount":
                continue
            known = best.get(column.concept)
            if known is None or distance < known[0]:
                best[column.concept] = (distance, number)
    return {concept: number for concept, (_, number) in best.items()}


def _is_rate(number: Number) -> bool:
    return 0 <= number.value <= HIGHEST_RATE and (number.percent or number.value in lexicon().tax_rates)


def _free_numbers(facts: Facts, segment: Segment, header: Header) -> Iterator[Number]:
    """Numbers that stand for themselves: alone in their segment, or at its end under another column's header."""
    numbers = facts.numbers_of(segment)
    if not numbers:
        return
    if is_pure(segment, numbers):
        yield from numbers
        return
    for number in numbers:
        box = number.span.box
        for column in header.numeric:
            inside = (
                box.left >= column.left - _TUNED.inside * segment.height
                and box.right <= column.right + _TUNED.inside * segment.height
            )
            if inside and (number.is_money or number.percent or number.span.start == 0):
                yield number
                break


def is_pure(segment: Segment, numbers: tuple[Number, ...]) -> bool:
    """Nothing but numbers, signs, currencies and units."""
    rest = segment.text
    for number in reversed(numbers):
        rest = rest[: number.span.start] + " " + rest[number.span.end :]
    left = compact(rest)
    if not left:
        return True
    known = lexicon()
    counted = len(numbers) == 1 and numbers[0].span.start == 0 and left.isalpha() and len(left) <= _TUNED.longest_unit
    return counted or (
        left in known.units or left.upper() in known.currency_codes or len(left) <= 1 or left in {"usts", "mwst", "x"}
    )


def _nearest(number: Number, header: Header, segment: Segment) -> tuple[Column | None, float]:
    """The numeric column above a number: by overlap, else by the nearer edge; text columns can win."""
    box = number.span.box
    height = max(segment.height, 1e-6)
    best: tuple[float, Column] | None = None
    left, right, center = box.left, box.right, (box.left + box.right) / 2
    for column in header.columns:
        if not column.concept and not column.text:
            continue
        overlap = min(right, column.right) - max(left, column.left)
        edge = min(abs(right - column.right), abs(left - column.left), abs(center - column.center))
        distance = edge / height - (_TUNED.overlap if overlap > 0 else 0.0) + max(-overlap, 0.0) / height
        if best is None or distance < best[0]:
            best = (distance, column)
    if best is None or best[0] > _TUNED.furthest or best[1].concept not in NUMERIC:
        return None, 0.0
    return best[1], best[0]


def _unit(facts: Facts, header: Header, item: Item, row: Row) -> None:
    """The unit printed in its own column, or after the quantity."""
    if item.unit is not None:
        return
    column = header.column("unit")
    if column is not None:
        for segment in row.segments:
            if min(segment.right, column.right) - max(segment.left, column.left) > 0 and not facts.numbers_of(segment):
                item.unit = whole(segment)
                return
    quantity = item.cells.get("quantity")
    if quantity is None or quantity.span.segment.row is not row:
        return
    segment = quantity.span.segment
    match = _UNIT.match(segment.text, quantity.span.start + _digits_length(quantity))
    if match and compact(match.group(1)) in lexicon().units:
        item.unit = Span(segment, match.start(1), match.end(1))
        return
    following = row.segments[row.segments.index(segment) + 1 :][:1]
    if following and compact(following[0].text) in lexicon().units:
        item.unit = whole(following[0])


def _digits_length(number: Number) -> int:
    match = _UP_TO_DIGITS.match(number.span.text)
    return match.end() if match else len(number.span.text)


def _describe(facts: Facts, header: Header, items: list[Item], body: list[Row]) -> None:
    """Gives every text line of the description column to the item it belongs to."""
    if not items:
        return
    extent = _description_extent(header)
    owner_of = {row: item for item in items for row in item.rows}
    lines = [
        (row, texts)
        for row in body
        if (row in owner_of or not _priced_elsewhere(facts, row)) and (texts := _texts(facts, row, header, extent))
    ]
    for row, texts in lines:
        if row in owner_of:
            owner_of[row].description.extend(texts)
    starts = [item.rows[0].index for item in items]
    # Where no row of figures has a text of its own and a text comes first, the texts stand over their figures.
    over = not any(item.description for item in items) and bool(lines) and lines[0][0].index < starts[0]
    for position, (row, texts) in enumerate(lines):
        if row in owner_of or _carried(row) or facts.canvas.relative_top(texts[0].segment) > _TUNED.page_foot:
            continue
        item = _owner(items, starts, lines, position, over=over)
        if item is not None:
            item.description.extend(texts)
            item.rows.append(row)
    for item in items:
        item.description = item.description or list(_beside_figures(facts, item, header))
        item.description.sort(key=lambda span: (span.segment.row.index, span.segment.left))


def _priced_elsewhere(facts: Facts, row: Row) -> bool:
    """Whether an amount is in no column of the table, as in a total."""
    return len(row.segments) > 1 and any(
        is_pure(segment, numbers) and any(number.is_money and number.decimals for number in numbers)
        for segment in row.segments[1:]
        if (numbers := facts.numbers_of(segment))
    )


def _beside_figures(facts: Facts, item: Item, header: Header) -> Iterator[Span]:
    """The text of a neighbouring column without figures, where the description column is empty."""
    kept = [column for column in header.columns if column.concept in {"article", "position", "unit", "date"}]
    edge = min((column.left for column in header.numeric), default=0.0)
    for segment in item.rows[0].segments:
        coded = any(min(segment.right, column.right) > max(segment.left, column.left) for column in kept)
        if not coded and segment.left < edge and sum(char.isalpha() for char in segment.text) > _TUNED.longest_unit:
            yield whole(segment)


_Lines = list[tuple[Row, list[Span]]]


def _owner(items: list[Item], starts: list[int], lines: _Lines, position: int, *, over: bool) -> Item | None:
    row, texts = lines[position]
    next_above, next_below = bisect_left(starts, row.index), bisect_right(starts, row.index)
    before = items[next_above - 1] if next_above else None
    after = items[next_below] if next_below < len(items) else None
    if (
        over
        and after is not None
        and after.rows[0].page == row.page
        and _precedes(after, row, lines, position, _TUNED.over_gap)
    ):
        return after
    if before is not None and before.rows[0].page == row.page and _follows(before, row, texts):
        return before
    if after is not None and after.rows[0].page == row.page and _precedes(after, row, lines, position):
        return after
    return None


def _follows(item: Item, row: Row, texts: list[Span]) -> bool:
    """Directly under the item's last line of text, or under its numbers when it has no text yet."""
    first = texts[0].segment
    height = max(first.height, 1e-6)
    if not item.description:
        return row.top - item.rows[0].bottom < _TUNED.first_text * height
    last = max((span.segment for span in item.description), key=lambda segment: segment.bottom)
    return first.top - last.bottom < _TUNED.wrap_gap * height


def _precedes(item: Item, row: Row, lines: _Lines, position: int, gap: float = _TUNED.wrap_gap) -> bool:
    """Directly over the item's first line, as where amounts stand beside the last line of a description."""
    first = item.rows[0]
    following = lines[position + 1][0] if position + 1 < len(lines) else first
    nearer = min(first.top, following.top)
    described = bool(item.description) and item.description[0].segment.row is first and position == 0
    return nearer - row.bottom < gap * max(row.height, 1e-6) and not described


@dataclass(frozen=True)
class _Extent:
    """The description column: its header's left edge, and the edges of its neighbours' headers."""

    start: float
    left: float
    right: float


def _description_extent(header: Header) -> _Extent:
    column = (
        header.column("description") or header.column("article") or _unknown_text(header) or header.column("position")
    )
    if column is None:
        return _Extent(float("-inf"), float("-inf"), min(column.left for column in header.numeric))
    right = min((other.left for other in header.columns if other.left >= column.right), default=float("inf"))
    left = max((other.right for other in header.columns if other.right <= column.left), default=float("-inf"))
    return _Extent(column.left, left, right)


def _unknown_text(header: Header) -> Column | None:
    """The first column of an unknown name between the positions and the figures."""
    position = header.column("position")
    edge = min((column.left for column in header.numeric), default=0.0)
    return next(
        (
            column
            for column in header.columns
            if position is not None
            and not column.concept
            and not column.options
            and position.right <= column.left < edge
        ),
        None,
    )


def _texts(facts: Facts, row: Row, header: Header, extent: _Extent) -> list[Span]:
    """The part of the row in the description column."""
    found = []
    for segment in row.segments:
        numbers = facts.numbers_of(segment)
        if numbers and is_pure(segment, numbers) and _nearest(numbers[0], header, segment)[0] is not None:
            continue
        span = _inside(segment, extent)
        if span is not None and sum(map(str.isalpha, span.text)) >= 2:
            found.append(span)
    return found


def _inside(segment: Segment, extent: _Extent) -> Span | None:
    """The words of a segment that stand in the column: readers join neighbouring columns into one line."""
    slack = _TUNED.column_slack * segment.height
    if segment.left >= extent.right or segment.right <= extent.left:
        return None
    first = 0
    if segment.left < extent.left - slack:
        indexes = [
            index
            for index, token in enumerate(segment.tokens)
            if token.left >= extent.start - _TUNED.column_edge * segment.height
        ]
        if not indexes:
            shared = min(segment.right, extent.right) - max(segment.left, extent.left)
            return whole(segment) if shared >= _TUNED.column_share * (segment.right - segment.left) else None
        first = indexes[0]
    last = len(segment.tokens)
    while last > first + 1 and segment.tokens[last - 1].left >= extent.right:
        last -= 1
    start = segment.starts[first]
    end = segment.starts[last - 1] + len(segment.tokens[last - 1].text)
    return Span(segment, start, end)
