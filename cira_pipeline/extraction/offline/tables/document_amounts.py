"""Document-level amounts besides the four totals: BG-20, BG-21, BT-106 to BT-108, BT-113, BT-114 and withheld taxes."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from itertools import product

from cira_pipeline.extraction.offline.page.canvas import Span
from cira_pipeline.extraction.offline.tables.adjustments import (
    IN_NET,
    Adjustment,
    Position,
    in_block,
    position_of,
)
from cira_pipeline.extraction.offline.tables.labelled_amounts import Amount
from cira_pipeline.extraction.offline.tables.totals import Totals
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.invoice import AllowanceCharge, Withholding


@dataclass(frozen=True, slots=True)
class _Tuned:
    label_least: float


_TUNED = thresholds(_Tuned)

_HUNDRED = Decimal(100)
_CENT = Decimal("0.01")
_SUMMED = {
    "tip": "tip_amount",
    "rounding": "rounding_amount",
    "prepaid": "prepaid_amount",
    "previous_balance": "previous_balance",
    "withholding": "withholding_total",
}
# Recorded as positive where they lower the amount due.
_LOWERING = frozenset({"prepaid", "withholding"})


@dataclass
class DocumentAmounts:
    """Header values with the places of their addends, and the rows of two tables with the places of their values."""

    header: dict[str, tuple[Decimal, tuple[Span, ...]]] = field(default_factory=dict)
    allowances_charges: list[tuple[AllowanceCharge, dict[str, Span]]] = field(default_factory=list)
    withholdings: list[tuple[Withholding, dict[str, Span]]] = field(default_factory=list)

    def add(self, name: str, value: Decimal, span: Span) -> None:
        known, spans = self.header.get(name, (Decimal(0), ()))
        self.header[name] = known + value, (*spans, span)


def document_amounts(
    totals: Totals, amounts: dict[str, list[Amount]], named: Sequence[Adjustment], lines: Decimal | None, last_item: int
) -> DocumentAmounts:
    """What the totals block states besides the totals. `lines`: the sum of the item table; `last_item`: its last row.

    A discount or charge counts only where the lines alone do not make the net total: else they contain it already.
    """
    found = DocumentAmounts()
    places = [each.span for each in (totals.net, totals.tax, totals.gross, totals.due) if each is not None]
    places += [each.span for each in (*totals.net_parts, *totals.tax_parts)]
    printed = {abs(each.value) for each in (totals.net, totals.gross, totals.due) if each is not None}
    taken = {each.span for each in (totals.net, totals.tax, totals.gross, totals.due, *totals.tax_parts) if each}
    # `Charges 8.22` above `Total 8.22` is another name of the total.
    block = [
        each
        for each in in_block(named, places)
        if each.position[0] > last_item
        and each.number.span not in taken
        and (each.concept not in IN_NET or abs(each.value) not in printed)
    ]
    used = {each.number.span: value for each, value in totals.adjustments}
    end = max((position_of(each.span) for each in (totals.gross,) if each is not None), default=None)
    goods = _line_total(totals, amounts, places)
    contained = totals.net is not None and totals.net.value in (lines, goods.value if goods is not None else None)
    repeated = _repeated(block, goods.value if goods is not None else lines, totals, end, used)
    for each in block:
        if each in repeated:
            continue
        value = used.get(each.number.span, _value(each, block, totals))
        if each.concept not in IN_NET:
            found.add(_SUMMED[each.concept], -value if each.concept in _LOWERING else value, each.number.span)
            if each.concept == "withholding":
                found.withholdings.append(_withheld(each, -value, totals))
        elif end is not None and each.position > end:
            if each.concept == "shipping":
                found.add("shipping_amount", value, each.number.span)
        elif each.number.span in used or not contained:
            _add_to_net(found, each, abs(value), goods.value if goods is not None else lines)
    for number in totals.payments:
        found.add("prepaid_amount", abs(number.value), number.span)
    adjusted = "allowance_total" in found.header or "charge_total" in found.header
    # Where the net total differs and nothing is read that says why, it may be a sum of some lines only.
    known = totals.net is None or adjusted or (goods is not None and goods.value == totals.net.value)
    if goods is not None and known and (totals.net is None or goods.number.span != totals.net.span):
        found.add("line_total", goods.value, goods.number.span)
    return found


def _repeated(
    block: Sequence[Adjustment], goods: Decimal | None, totals: Totals, end: Position | None, used: Collection[Span]
) -> list[Adjustment]:
    """Discounts or charges that are printed again, as a row, as the sum of rows or in a summary.

    What is printed below the gross total repeats an equal amount above it. Above it, the net total shows how many of
    equal amounts count.
    """
    own = [each for each in block if each.concept in IN_NET]
    above = [each for each in own if end is None or each.position <= end]
    again = [each for each in own if each not in above and any(other.value == each.value for other in above)]
    if totals.net is None or goods is None:
        return again
    excess = goods + sum((each.value for each in above), Decimal(0)) - totals.net.value
    equal = [[each for each in above if each.value == value] for value in dict.fromkeys(each.value for each in above)]
    for counts in product(*(range(len(group)) for group in equal)) if excess else ():
        dropped = sum((count * group[0].value for count, group in zip(counts, equal, strict=True)), Decimal(0))
        if dropped == excess:
            for count, group in zip(counts, equal, strict=True):
                again += sorted(group, key=lambda each: each.number.span in used)[:count]
            break
    return again


def _value(each: Adjustment, block: Sequence[Adjustment], totals: Totals) -> Decimal:
    """The value of an adjustment that the gross total does not contain. Of a rounding's two the one that fits."""
    gross, due = totals.gross, totals.due
    negative = gross is not None and gross.value < 0
    values = each.entering(negative=negative)
    if len(values) == 1 or gross is None:
        return values[0]
    others = sum(
        (other.entering(negative=negative)[0] for other in block if other is not each and other.concept not in IN_NET),
        Decimal(0),
    )
    before = [part.value for part in (totals.net, totals.tax) if part is not None]
    before += [part.value for part in (*totals.net_parts, *totals.tax_parts)]
    for value in values:
        if due is not None and gross.value + others + value == due.value:
            return value
        if sum(before, Decimal(0)) + value == gross.value:
            return value
    return values[0]


def _line_total(totals: Totals, amounts: dict[str, list[Amount]], places: Iterable[Span]) -> Amount | None:
    """The sum of the lines printed above the net total and its tax, or the start of a net total that is not printed."""
    labelled = [
        amount
        for amount in amounts.get("line_total", ())
        if amount.score >= _TUNED.label_least and _in_rows_of(places, amount.number.span)
    ]
    if totals.net_parts:
        start = totals.net_parts[0].span
        return next((amount for amount in labelled if amount.number.span == start), None) or next(
            (amount for amount in amounts.get("net_total", ()) if amount.number.span == start), None
        )
    if totals.net is None:
        return None
    end: Position = position_of(totals.net.span)
    above = [amount for amount in labelled if position_of(amount.number.span) <= end]
    return max(above, key=lambda amount: position_of(amount.number.span), default=None)


def _in_rows_of(places: Iterable[Span], span: Span) -> bool:
    return any(place.page == span.page for place in places)


def _add_to_net(found: DocumentAmounts, each: Adjustment, amount: Decimal, base: Decimal | None) -> None:
    kind = "allowance" if each.concept == "allowance" else "charge"
    found.add(f"{kind}_total", amount, each.number.span)
    if each.concept == "shipping":
        found.add("shipping_amount", amount, each.number.span)
    places = {"amount": each.number.span, "reason": each.label}
    values: dict[str, Decimal] = {}
    if each.percent is not None:
        values["percent"], places["percent"] = each.percent.value, each.percent.span
        if base is not None and abs(base * abs(each.percent.value) / _HUNDRED - amount) <= _CENT:
            values["percent"] = abs(each.percent.value)
        else:
            # The rate of a tax, or of another base.
            del values["percent"], places["percent"]
    row = AllowanceCharge(kind=kind, amount=amount, reason=each.label.text, **values)
    found.allowances_charges.append((row, places))


def _withheld(each: Adjustment, amount: Decimal, totals: Totals) -> tuple[Withholding, dict[str, Span]]:
    places = {"amount": each.number.span, "name": each.label}
    values: dict[str, Decimal] = {}
    net = totals.net.value if totals.net is not None else None
    if each.percent is not None:
        values["rate"], places["rate"] = abs(each.percent.value), each.percent.span
        if net is not None and totals.net is not None and abs(net * values["rate"] / _HUNDRED - abs(amount)) <= _CENT:
            values["base"], places["base"] = net, totals.net.span
    return Withholding(name=each.label.text, amount=amount, **values), places
