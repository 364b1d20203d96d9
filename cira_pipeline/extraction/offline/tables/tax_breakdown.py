"""Extracts the VAT breakdown (BG-23): rows with base x rate = tax, in a table or in running text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import HIGHEST_RATE, lexicon
from cira_pipeline.extraction.offline.normal import compact
from cira_pipeline.extraction.offline.page.canvas import Row, Segment, Span
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.parse.labels import phrases
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    heads_of_one_text: int
    header_rows: int
    small_base: int
    label_words: int
    most_selections: int
    name_words: int


_TUNED = thresholds(_Tuned)

# Tax is rounded to the cent, in some systems line by line.
_ROUNDING = Decimal("0.03")
_HUNDRED = Decimal(100)
_AFTER_NAME = " .,:@(%0123456789"


@dataclass(frozen=True)
class TaxRow:
    """One row: `rate` in percent, with the places of what was printed. `name` is the tax where it is not the VAT."""

    rate: Decimal | None
    net: Decimal | None
    tax: Decimal | None
    rate_span: Span | None
    net_span: Span | None
    tax_span: Span | None
    row: Row
    name: Span | None = None

    @property
    def complete(self) -> bool:
        return self.net is not None and self.tax is not None

    @property
    def tax_name(self) -> str:
        """The name in a form that is the same for every spelling; empty for the VAT."""
        return compact(self.name.text) if self.name is not None else ""


def tax_rows(facts: Facts, skip: frozenset[Row]) -> list[TaxRow]:
    """Candidate rows of the breakdown in reading order. `skip` are the rows of the item table."""
    found: list[TaxRow] = []
    header: tuple[int, dict[str, Segment]] | None = None
    for row in facts.canvas.rows:
        if row in skip:
            header = None
            continue
        columns = _header_of(facts, row)
        if columns:
            header = (row.index, columns)
            continue
        near = (
            header is not None
            and row.index - header[0] <= _TUNED.header_rows
            and facts.canvas.rows[header[0]].page == row.page
        )
        found.extend(_rows_in(facts, row, headed=near))
    return found


def _header_of(facts: Facts, row: Row) -> dict[str, Segment]:
    """Columns of a breakdown's header, when the row names at least base and tax, or rate and tax."""
    columns: dict[str, Segment] = {}
    heads: set[tuple[int, int]] = set()
    lettered = [segment for segment in row.segments if not segment.has_digits]
    for segment in lettered:
        for _, _, start, end, meanings in phrases(segment, lexicon().breakdown):
            meant = facts.meant(meanings, end - start)
            heads |= {(id(segment), start) for meaning in meant if meaning.concept not in columns}
            for meaning in meant:
                columns.setdefault(meaning.concept, segment)
    if "tax" not in columns or not {"net", "rate"} & set(columns):
        return {}
    cells = len({id(segment) for segment in columns.values()})
    if len(lettered) < len(row.segments):
        # The box of the totals may stand beside the breakdown; a row of figures of its own is no header.
        apart = cells >= 2 or len(heads) >= _TUNED.heads_of_one_text
        return columns if apart and len(row.segments) - len(lettered) == 1 else {}
    return columns if cells >= 2 or len(row.segments) <= 2 else {}


def _rows_in(facts: Facts, row: Row, *, headed: bool) -> Iterator[TaxRow]:
    numbers = [number for segment in row.segments for number in facts.numbers_of(segment)]
    rates = [number for number in numbers if number.percent]
    taxed = any(_is_tax_label(facts, segment) for segment in row.segments)
    if not rates and (headed or taxed):
        rates = [
            number
            for number in numbers
            if number.value in lexicon().tax_rates and number.decimals <= 2 and not number.currency
        ]
        if not headed:
            rates = [rate for rate in rates if rate.decimals <= 1]
    money = [number for number in numbers if number.is_money]
    for rate in rates:
        if not 0 <= rate.value <= HIGHEST_RATE:
            continue
        others = [number for number in money if number is not rate]
        pair = _base_and_tax(rate.value, others) if rate.value or headed or _labels_rate(facts, rate) else None
        if pair is not None:
            base, tax = pair
            yield TaxRow(rate.value, base.value, tax.value, rate.span, base.span, tax.span, row, name_of_tax(row))
            return
        if rate.percent and others and bool(rate.value) == bool(others[-1].value) and _labels_rate(facts, rate):
            yield TaxRow(rate.value, None, others[-1].value, rate.span, None, others[-1].span, row, name_of_tax(row))
            return


def name_of_tax(row: Row) -> Span | None:
    """The name of a tax other than the VAT in a row that names one of them: `CGST`, `Sales Tax`, `TVQ`."""
    known = lexicon().words["tax_name"]
    for segment in row.segments:
        words = segment.words
        for index in range(len(words)):
            # `CGST9`: the rate is written to the name.
            parts = [word.rstrip("0123456789") for word, _, _ in words[index : index + _TUNED.name_words]]
            for count in range(len(parts), 0, -1):
                if parts[count - 1] and "".join(parts[:count]) in known:
                    start, end = words[index][1], words[index + count - 1][2]
                    return Span(segment, start, start + len(segment.text[start:end].rstrip(_AFTER_NAME)))
    return None


def _base_and_tax(rate: Decimal, money: list[Number]) -> tuple[Number, Number] | None:
    """The pair of the row's amounts with base x rate = tax. At zero rate the tax must be printed as nothing."""
    fits: list[tuple[Decimal, Number, Number]] = []
    for index, tax in enumerate(money):
        for other_index, base in enumerate(money):
            if index == other_index:
                continue
            if rate == 0:
                if tax.value == 0 and base.value != 0 and other_index < index:
                    return base, tax
                continue
            allowed = _ROUNDING if abs(base.value) > _TUNED.small_base else Decimal("0.011")
            error = abs(base.value * rate / _HUNDRED - tax.value)
            if tax.value and error <= allowed:
                fits.append((error, base, tax))
    if not fits:
        return None
    _, base, tax = min(fits, key=lambda fit: fit[0])
    return base, tax


def _labels_rate(facts: Facts, rate: Number) -> bool:
    """`MwSt 19 %`: the rate is in a short line that names the tax."""
    segment = rate.span.segment
    return len(segment.tokens) <= _TUNED.label_words and _is_tax_label(facts, segment)


def _is_tax_label(facts: Facts, segment: Segment) -> bool:
    return any(meaning.concept == "tax_total" for label in facts.labels.get(segment, ()) for meaning in label.meanings)


def merged(rows: Iterable[TaxRow]) -> list[TaxRow]:
    """One row for each tax and rate: complete ones first, repeats of the same figures once."""
    chosen: list[TaxRow] = []
    for row in sorted(rows, key=lambda row: (not row.complete, row.row.index)):
        same = [other for other in chosen if (other.rate, other.tax_name) == (row.rate, row.tax_name)]
        if not same or (row.complete and all(other.net != row.net for other in same)):
            chosen.append(row)
    return sorted(chosen, key=lambda row: row.row.index)


def consistent_with(rows: list[TaxRow], net: Decimal | None, tax: Decimal | None) -> list[TaxRow]:
    """The rows that sum to the totals: all of them, or one for each rate; none when they contradict the totals."""
    if not rows:
        return []
    complete = [_completed(row, net, rows) for row in rows]
    for selection in _selections(complete):
        taxes = sum((row.tax or Decimal(0) for row in selection), Decimal(0))
        tax_fits = tax is None or abs(taxes - tax) <= _ROUNDING
        base = base_of(selection)
        if tax_fits and (net is None or base is None or abs(base - net) <= _ROUNDING):
            return selection
    return []


def base_of(rows: Iterable[TaxRow]) -> Decimal | None:
    """What the rows were raised on: the largest base of one tax, as several taxes are raised on the same amounts.

    `None` where a base is not stated.
    """
    bases: dict[str, Decimal] = {}
    for row in rows:
        if row.net is None:
            return None
        bases[row.tax_name] = bases.get(row.tax_name, Decimal(0)) + row.net
    return max(bases.values(), key=abs, default=None)


def _completed(row: TaxRow, net: Decimal | None, rows: list[TaxRow]) -> TaxRow:
    """A row without its base gets the net total when that makes the tax, and when it is the only one of its tax."""
    if row.net is not None or row.tax is None or net is None or row.rate is None:
        return row
    alone = sum(other.tax_name == row.tax_name for other in rows) == 1
    if alone and abs(net * row.rate / _HUNDRED - row.tax) <= _ROUNDING:
        return replace(row, net=net)
    return row


def _selections(rows: list[TaxRow]) -> Iterator[list[TaxRow]]:
    yield rows
    by_rate: dict[tuple[Decimal | None, str], TaxRow] = {}
    for row in rows:
        by_rate.setdefault((row.rate, row.tax_name), row)
    if len(by_rate) < len(rows):
        yield list(by_rate.values())
    complete = [row for row in rows if row.complete]
    if len(complete) < len(rows):
        yield complete
    if len(rows) <= _TUNED.most_selections:
        for row in rows:
            if len(rows) > 1:
                yield [row]


def one_rate(facts: Facts, net: Candidate[Decimal], tax: Candidate[Decimal]) -> TaxRow | None:
    """The only printed rate with net x rate = tax, in any place; `None` for none or several."""
    if not tax.value:
        return None
    found = {
        number.value: number
        for numbers in facts.numbers.values()
        for number in numbers
        if number.percent and 0 < number.value <= HIGHEST_RATE
        if abs(net.value * number.value / _HUNDRED - tax.value) <= _ROUNDING
    }
    if len(found) != 1:
        return None
    rate = next(iter(found.values()))
    row = tax.span.segment.row
    return TaxRow(rate.value, net.value, tax.value, rate.span, net.span, tax.span, row, name_of_tax(row))


def _head_of(facts: Facts, amount: Span) -> Segment | None:
    """The name of a tax right above its amount, where the sums are side by side."""
    row = amount.segment.row
    if any(_is_tax_label(facts, segment) for segment in row.segments) or not row.index:
        return None
    above = facts.canvas.rows[row.index - 1]
    over = [other for other in above.segments if min(other.right, amount.box.right) > max(other.left, amount.box.left)]
    return over[0] if above.page == row.page and len(over) == 1 and _is_tax_label(facts, over[0]) else None


def rows_of_parts(facts: Facts, parts: Sequence[Candidate[Decimal]], net: Decimal | None) -> list[TaxRow]:
    """A row for each of several taxes without a breakdown: its name, the rate in its row, and its base if certain."""
    rows = []
    for part in parts:
        row = part.span.segment.row
        head = _head_of(facts, part.span)
        heads = row.segments if head is None else (head,)
        rates = [n for segment in heads for n in facts.numbers_of(segment) if n.percent]
        rate = rates[0] if len({each.value for each in rates}) == 1 else None
        value = rate.value if rate is not None else None
        span = rate.span if rate is not None else None
        rows.append(TaxRow(value, None, part.value, span, None, part.span, row, name_of_tax(row)))
    return [_completed(row, net, rows) for row in rows]
