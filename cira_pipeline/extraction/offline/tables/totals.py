"""Extracts net, tax and gross total and amount due, chosen jointly so that they add up.

Every label proposes amounts for its field; a triple with net + tax = gross outweighs the three best single amounts. Tax
breakdown and sum of the lines support a triple, too. An amount without arithmetic support is kept only when its label
is plain; amounts that two rules contradict are left out, with a finding.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal
from itertools import combinations, product

from cira_pipeline.extraction.offline.facts import candidates as confidence
from cira_pipeline.extraction.offline.facts.candidates import Candidate
from cira_pipeline.extraction.offline.facts.document_facts import Facts
from cira_pipeline.extraction.offline.lexicon import HIGHEST_RATE
from cira_pipeline.extraction.offline.page.canvas import Row, Span
from cira_pipeline.extraction.offline.parse.amounts import Number
from cira_pipeline.extraction.offline.tables.adjustments import (
    AFTER_GROSS,
    IN_NET,
    Adjustment,
    balances,
    in_block,
    position_of,
)
from cira_pipeline.extraction.offline.tables.labelled_amounts import Amount
from cira_pipeline.extraction.offline.tables.listed_payments import listed_payments
from cira_pipeline.extraction.offline.thresholds import thresholds


@dataclass(frozen=True, slots=True)
class _Tuned:
    most: int
    triple_bonus: float
    as_net: float
    as_gross: float
    highest: float
    inexact: float
    no_tax_bonus: float
    untaxed: float
    tax_free: float
    split_bonus: float
    label_least: float
    most_taxes: int
    part_least: float
    parts_bonus: float
    by_parts: float
    by_rate: float
    adjusted_bonus: float
    confirmed_bonus: float
    net_agrees: float
    net_differs: float
    tax_agrees: float
    tax_differs: float
    lines_net: float
    lines_gross: float
    one_rate: float
    pair_bonus: float
    single_least: float
    contradicting: float
    by_net: float
    by_tax: float
    lone_net: float
    equal: float
    due_least: float
    due_proved: float
    due_gross: float
    due_other: float
    due_other_base: float
    due_unprinted: float
    rest_rows: int
    rest: float


_TUNED = thresholds(_Tuned)

CENT = Decimal("0.01")
TOLERANCE = Decimal("0.02")
_LARGEST_ROUNDING = Decimal("0.99")
_TOTALS = ("line_total", "net_total", "gross_total", "amount_due")


@dataclass(frozen=True)
class Part:
    """An addend of a total that is not printed itself, with its sign in the sum."""

    span: Span
    value: Decimal


@dataclass
class Totals:
    """The chosen amounts, `None` where none is found.

    `tax_parts` are several taxes (CGST and SGST, two rates) that lead from net to gross without a printed sum, and
    `net_parts` the goods with discounts and charges where their sum, the net, is not printed. `adjustments` are the
    named amounts that the sum of the totals was found with, each with its value in that sum. `payments` are listed
    without a label of payments received, and make the difference of gross total and amount due.
    """

    net: Candidate[Decimal] | None = None
    tax: Candidate[Decimal] | None = None
    gross: Candidate[Decimal] | None = None
    due: Candidate[Decimal] | None = None
    tax_parts: tuple[Candidate[Decimal], ...] = ()
    net_parts: tuple[Candidate[Decimal], ...] = ()
    adjustments: tuple[tuple[Adjustment, Decimal], ...] = ()
    payments: tuple[Number, ...] = ()
    contradictions: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class Support:
    """Further evidence about the totals: sums of the tax breakdown and of the lines.

    `parts` are the breakdown's rows with a base other than nothing: (net, tax).
    """

    breakdown_net: Decimal | None = None
    breakdown_tax: Decimal | None = None
    lines: Decimal | None = None
    rates: int = 0
    parts: tuple[tuple[Decimal, Decimal], ...] = ()

    def is_part(self, net: Decimal | None, tax: Decimal | None) -> bool:
        """`net` and `tax` are those of one rate among several: a part of the totals, not the totals."""
        if net is None or tax is None or len(self.parts) < 2:
            return False
        return any(abs(part[0] - net) <= CENT and abs(part[1] - tax) <= CENT for part in self.parts)


@dataclass(frozen=True)
class _Choice:
    net: Amount | None
    tax: Amount | None
    gross: Amount | None
    score: float
    proof: float = 0.0
    taxes: tuple[Amount, ...] = ()
    nets: tuple[Part, ...] = ()
    due: Amount | None = None
    adjustments: tuple[tuple[Adjustment, Decimal], ...] = ()


def choose_totals(
    facts: Facts,
    amounts: dict[str, list[Amount]],
    support: Support,
    named: Sequence[Adjustment] = (),
    skip: frozenset[Row] = frozenset(),
    *,
    tax_free: bool,
) -> Totals:
    """The best joint choice; see the module's docstring. `named` are the amounts beside the totals, `skip` the rows of
    the item table.
    """
    nets = _with_free(amounts.get("net_total", []), amounts, ("line_total", "charge"), _TUNED.as_net)
    taxes = amounts.get("tax_total", [])
    grosses = list(
        _not_left_to_pay(_with_free(amounts.get("gross_total", []), amounts, ("amount_due",), _TUNED.as_gross), amounts)
    )
    choices = [
        choice
        for gross in grosses
        for net in nets
        if (choice := _triple(net, gross, taxes, support, tax_free=tax_free)) is not None
    ]
    choices += _rounded(nets, taxes, grosses, amounts.get("rounding", ()), support)
    choices += _split_taxes(nets, grosses, support)
    choices += _several_taxes(nets, taxes, grosses)
    if not any(choice.proof == confidence.TRIPLE for choice in choices):
        choices += _taxes_by_their_rates(facts, nets, grosses, skip)
        printed = [each for concept in _TOTALS for each in amounts.get(concept, ())]
        choices += _with_adjustments(nets, taxes, grosses, named, printed)
    choices += _pairs(grosses, taxes, support)
    choices += _confirmed(grosses, support)
    choices += _singles(nets, taxes, grosses, support, tax_free=tax_free)
    chosen = max(choices, key=lambda choice: choice.score, default=None)
    totals = Totals()
    if chosen is None:
        return totals
    proof = chosen.proof
    if not proof and support.lines is not None and chosen.gross is not None and support.lines == chosen.gross.value:
        proof = confidence.LINES
    lead = _lead(chosen, choices)
    totals.net = _candidate(chosen.net, proof, lead)
    totals.tax = _candidate(chosen.tax, proof, lead)
    totals.gross = _candidate(chosen.gross, proof, lead)
    totals.tax_parts = tuple(part for tax in chosen.taxes if (part := _candidate(tax, proof, lead)) is not None)
    sure = min(confidence.contested(confidence.proven(confidence.LABELLED_AMOUNT, proof), lead), _TUNED.highest)
    totals.net_parts = tuple(Candidate(part.value, part.span, sure) for part in chosen.nets)
    totals.due = _candidate(chosen.due, proof, lead)
    totals.adjustments = chosen.adjustments
    if totals.tax is None and not totals.tax_parts:
        totals.tax = _tax_by_its_rate(facts, totals, skip)
    if totals.net is None and not totals.net_parts:
        totals.net = _net_by_its_rate(facts, totals, skip)
    if totals.due is None:
        _amount_due(facts, totals, amounts, named)
    return totals


def _tax_by_its_rate(facts: Facts, totals: Totals, skip: frozenset[Row]) -> Candidate[Decimal] | None:
    """`Stawka 23% 1 923,73`: an amount beside a rate that makes it of the net total, and that leads to the gross."""
    if totals.net is None or totals.gross is None or totals.net.value == totals.gross.value:
        return None
    net, wanted = totals.net.value, totals.gross.value - totals.net.value
    for row in facts.canvas.rows:
        numbers = [number for segment in row.segments for number in facts.numbers_of(segment)]
        taxes = [number for number in numbers if number.is_money and number.value == wanted]
        rates = [number.value for number in numbers if number.percent and 0 < number.value <= HIGHEST_RATE]
        if row not in skip and taxes and any(abs(net * rate / 100 - wanted) <= TOLERANCE for rate in rates):
            score = confidence.proven(confidence.LABELLED_AMOUNT, confidence.TRIPLE)
            return Candidate(wanted, taxes[-1].span, min(score, totals.net.score, totals.gross.score))
    return None


def _net_by_its_rate(facts: Facts, totals: Totals, skip: frozenset[Row]) -> Candidate[Decimal] | None:
    """A net under an unknown label: what tax and gross leave for it, where a printed rate makes the tax of it."""
    if totals.tax is None or totals.gross is None or not totals.tax.value:
        return None
    tax, wanted = totals.tax.value, totals.gross.value - totals.tax.value
    numbers = [
        number for row in facts.canvas.rows if row not in skip for s in row.segments for number in facts.numbers_of(s)
    ]
    rates = {number.value for number in numbers if number.percent and 0 < number.value <= HIGHEST_RATE}
    nets = [number for number in numbers if number.is_money and number.value == wanted]
    if not nets or not any(abs(wanted * rate / 100 - tax) <= TOLERANCE for rate in rates):
        return None
    score = confidence.proven(confidence.LABELLED_AMOUNT, confidence.TRIPLE)
    return Candidate(wanted, nets[0].span, min(score, totals.tax.score, totals.gross.score))


def _lead(chosen: _Choice, choices: Iterable[_Choice]) -> float:
    """By how much `chosen` outdoes the best choice with another total; choices that add up are ahead of single ones."""
    own = {amount.value for amount in (chosen.gross, chosen.net) if amount is not None}
    others = [
        other.score
        for other in choices
        if (top := other.gross or other.net) is not None and top.value not in own and (other.proof or not chosen.proof)
    ]
    return chosen.score - max(others, default=float("-inf"))


def _candidate(amount: Amount | None, proof: float, lead: float) -> Candidate[Decimal] | None:
    """The amount with its confidence: its label, what proves it, and how far ahead of other totals it is."""
    if amount is None:
        return None
    score = confidence.proven(confidence.LABELLED_AMOUNT * amount.score, proof)
    return Candidate(amount.value, amount.number.span, min(confidence.contested(score, lead), _TUNED.highest))


def _with_free(
    amounts: Sequence[Amount], all_amounts: dict[str, list[Amount]], concepts: tuple[str, ...], factor: float
) -> list[Amount]:
    """`amounts` and, less trusted, those of neighbouring concepts."""
    merged = {(amount.number.span.segment, amount.number.span.start): amount for amount in amounts}
    for concept in concepts:
        for amount in all_amounts.get(concept, ()):
            key = (amount.number.span.segment, amount.number.span.start)
            weaker = replace(amount, score=amount.score * factor)
            if key not in merged or merged[key].score < weaker.score:
                merged[key] = weaker
    return sorted(merged.values(), key=lambda amount: -amount.score)[: _TUNED.most]


def _triple(net: Amount, gross: Amount, taxes: Sequence[Amount], support: Support, *, tax_free: bool) -> _Choice | None:
    """net + tax = gross with all three printed, or net = gross in a document without tax."""
    wanted = gross.value - net.value
    fitting = [tax for tax in taxes if abs(tax.value - wanted) <= TOLERANCE and _apart(net, tax, gross)]
    if fitting:
        tax = max(fitting, key=lambda amount: (amount.value == wanted, amount.score))
        exact = 0.0 if tax.value == wanted else _TUNED.inexact
        bonus = _TUNED.triple_bonus if wanted else _TUNED.no_tax_bonus
        score = (
            net.score + tax.score + gross.score + bonus - exact + _agreement(net.value, tax.value, gross.value, support)
        )
        return _Choice(net, tax, gross, score, confidence.TRIPLE if wanted else confidence.LINES)
    if wanted == 0 and (tax_free or not taxes):
        score = _TUNED.untaxed * (net.score + gross.score) + _agreement(net.value, None, gross.value, support)
        return _Choice(net, None, gross, score + (_TUNED.tax_free if tax_free else 0.0))
    return None


def _split_taxes(nets: Sequence[Amount], grosses: Sequence[Amount], support: Support) -> Iterable[_Choice]:
    """Several rates and no sum of their taxes printed: net and gross that differ by that sum."""
    if support.breakdown_tax is None or support.rates < 2:
        return
    for gross in grosses:
        for net in nets:
            if gross.value != net.value and abs(gross.value - net.value - support.breakdown_tax) <= TOLERANCE:
                score = net.score + gross.score + _TUNED.split_bonus + _agreement(net.value, None, gross.value, support)
                yield _Choice(net, None, gross, score, confidence.TWO_OF_THREE)


def _rounded(
    nets: Sequence[Amount],
    taxes: Sequence[Amount],
    grosses: Sequence[Amount],
    roundings: Sequence[Amount],
    support: Support,
) -> Iterable[_Choice]:
    """Totals that lead to the gross with the rounding printed between them, whichever sign it has, to the cent."""
    for rounding in roundings:
        if rounding.score < _TUNED.label_least or not 0 < abs(rounding.value) <= _LARGEST_ROUNDING:
            continue
        for gross in grosses:
            for exact in (gross.value - rounding.value, gross.value + rounding.value):
                even = Amount(replace(gross.number, value=exact), gross.score)
                one = (_triple(net, even, taxes, support, tax_free=False) for net in nets)
                found = [choice for choice in one if choice is not None and choice.tax is not None]
                for choice in [*found, *_several_taxes(nets, taxes, [even])]:
                    parts = choice.taxes or ((choice.tax,) if choice.tax is not None else ())
                    if choice.net is not None and choice.net.value + sum(tax.value for tax in parts) == exact:
                        yield replace(choice, gross=gross)


def _several_taxes(nets: Sequence[Amount], taxes: Sequence[Amount], grosses: Sequence[Amount]) -> Iterable[_Choice]:
    """Two or three taxes of different places that together lead from net to gross, with no sum of them printed.

    Those of one row stand under heads of their own and must lead there to the cent.
    """
    plain = [tax for tax in taxes[: _TUNED.most_taxes] if tax.score >= _TUNED.part_least and tax.value != 0]
    for count in (2, 3):
        for parts in combinations(plain, count):
            if len({tax.number.span.segment for tax in parts}) < count:
                continue
            one_row = len({tax.number.span.segment.row.index for tax in parts}) < count
            tolerance = Decimal(0) if one_row else TOLERANCE
            total = sum((tax.value for tax in parts), Decimal(0))
            for gross in grosses:
                for net in nets:
                    if abs(total) > abs(net.value) * HIGHEST_RATE / 100:
                        # One of them is the base that a tax was taken of.
                        continue
                    if abs(net.value + total - gross.value) <= tolerance and net.value != gross.value:
                        score = (
                            net.score
                            + gross.score
                            + _TUNED.parts_bonus
                            + _TUNED.by_parts * sum(tax.score for tax in parts) / count
                        )
                        yield _Choice(net, None, gross, score, confidence.TRIPLE, parts)


def _taxes_by_their_rates(
    facts: Facts, nets: Sequence[Amount], grosses: Sequence[Amount], skip: frozenset[Row]
) -> Iterable[_Choice]:
    """Two or three rows of a rate and what it makes of the net, by whatever name, that lead to the gross to the cent.

    One country's taxes have many names: the arithmetic knows them all.
    """
    for net in nets:
        parts = list(_parts_of(facts, net.value, skip))
        for count in (2, 3):
            for taxes in combinations(parts[: _TUNED.most_taxes], count):
                total = sum((tax.value for tax in taxes), Decimal(0))
                for gross in grosses:
                    if net.value and net.value + total == gross.value:
                        score = net.score + gross.score + _TUNED.parts_bonus
                        yield _Choice(net, None, gross, score, confidence.TRIPLE, taxes)


def _parts_of(facts: Facts, net: Decimal, skip: frozenset[Row]) -> Iterable[Amount]:
    """Amounts at the end of rows that print, before them, the rate which makes them of `net`."""
    for row in facts.canvas.rows:
        numbers = [number for segment in row.segments for number in facts.numbers_of(segment)]
        if row in skip or len(numbers) < 2 or not numbers[-1].is_money or not numbers[-1].value:
            continue
        rates = [number.value for number in numbers[:-1] if number.percent and 0 < number.value <= HIGHEST_RATE]
        if any(abs(net * rate / 100 - numbers[-1].value) <= CENT for rate in rates):
            yield Amount(numbers[-1], _TUNED.by_rate)


def _with_adjustments(
    nets: Sequence[Amount],
    taxes: Sequence[Amount],
    grosses: Sequence[Amount],
    named: Sequence[Adjustment],
    printed: Sequence[Amount],
) -> Iterable[_Choice]:
    """Goods, what is deducted and added under a name, and the taxes make the total to the cent.

    Discounts and charges are part of the net total, which is their sum where none is printed. After withheld taxes and
    payments the total is what is due, and the gross total the sum of net and taxes.
    """
    for found in balances(nets, taxes, grosses, named, printed):
        concepts = {each.concept for each, _ in found.adjustments}
        parts = tuple(Part(each.number.span, value) for each, value in found.adjustments if each.concept in IN_NET)
        net_parts = (Part(found.start.number.span, found.start.value), *parts) if parts else ()
        score = found.start.score + found.end.score + _TUNED.adjusted_bonus
        score += sum(tax.score for tax in found.taxes) / max(len(found.taxes), 1)
        due = bool(concepts & AFTER_GROSS)
        yield _Choice(
            None if parts else found.start,
            found.taxes[0] if len(found.taxes) == 1 else None,
            None if due else found.end,
            score,
            confidence.TRIPLE,
            found.taxes if len(found.taxes) > 1 else (),
            net_parts,
            found.end if due else None,
            tuple(found.adjustments),
        )


def _not_left_to_pay(grosses: Sequence[Amount], amounts: dict[str, list[Amount]]) -> Iterable[Amount]:
    """Without what remains to be paid of another one of them after a printed payment: that is no total."""
    totals = {amount.value for amount in amounts.get("gross_total", ())}
    paid = {
        abs(amount.value)
        for amount in amounts.get("prepaid", ())
        if amount.score >= _TUNED.label_least and amount.value
    }
    for gross in grosses:
        if gross.value in totals or not any(gross.value + part in totals for part in paid):
            yield gross


def _confirmed(grosses: Sequence[Amount], support: Support) -> Iterable[_Choice]:
    """A gross total that the rows of several rates add up to, where neither net nor tax is totalled."""
    if support.breakdown_net is None or support.breakdown_tax is None or len(support.parts) < 2:
        return
    for gross in grosses:
        if abs(support.breakdown_net + support.breakdown_tax - gross.value) <= TOLERANCE:
            yield _Choice(None, None, gross, gross.score + _TUNED.confirmed_bonus, confidence.TWO_OF_THREE)


def _apart(net: Amount, tax: Amount, gross: Amount) -> bool:
    """Three amounts of three places, unless the tax is nothing."""
    places = {(amount.number.span.segment, amount.number.span.start) for amount in (net, tax, gross)}
    if len(places) == 3:
        return True
    return tax.value == 0 and tax.number.span not in {net.number.span, gross.number.span}


def _agreement(net: Decimal | None, tax: Decimal | None, gross: Decimal | None, support: Support) -> float:
    score = 0.0
    if support.breakdown_net is not None and net is not None:
        score += _TUNED.net_agrees if abs(support.breakdown_net - net) <= TOLERANCE else -_TUNED.net_differs
    if support.breakdown_tax is not None and tax is not None:
        score += _TUNED.tax_agrees if abs(support.breakdown_tax - tax) <= TOLERANCE else -_TUNED.tax_differs
    if support.lines is not None and support.lines in (net, gross):
        score += _TUNED.lines_net if support.lines == net else _TUNED.lines_gross
    if support.is_part(net, tax):
        score -= _TUNED.one_rate
    return score


def _pairs(grosses: Sequence[Amount], taxes: Sequence[Amount], support: Support) -> Iterable[_Choice]:
    """Gross and tax that the breakdown confirms, without a printed net total."""
    for gross in grosses:
        for tax in taxes:
            if support.breakdown_net is None or support.breakdown_tax is None:
                continue
            fits = abs(support.breakdown_net + support.breakdown_tax - gross.value) <= TOLERANCE
            if fits and abs(tax.value - support.breakdown_tax) <= TOLERANCE:
                yield _Choice(None, tax, gross, gross.score + tax.score + _TUNED.pair_bonus, confidence.TWO_OF_THREE)


def _singles(
    nets: Sequence[Amount],
    taxes: Sequence[Amount],
    grosses: Sequence[Amount],
    support: Support,
    *,
    tax_free: bool,
) -> Iterable[_Choice]:
    """The best of each alone, where nothing adds up. Plain labels only, and not against the arithmetic."""
    gross = _largest_of_best(grosses)
    net = nets[0] if nets and nets[0].score >= _TUNED.single_least else None
    plain = [tax for tax in taxes if tax.score >= _TUNED.single_least]
    tax = next((tax for tax in plain if _possible_tax(tax, gross, support)), None)
    if gross is not None and net is not None and tax is not None:
        # All three are printed and do not add up: the wrong one cannot be identified here.
        score = _TUNED.contradicting * (gross.score + net.score + tax.score) + _agreement(
            net.value, tax.value, gross.value, support
        )
        yield _Choice(net, tax, gross, score)
    if gross is not None:
        yield _Choice(None, None, gross, gross.score + _agreement(None, None, gross.value, support))
        if net is not None and tax is None and (net.value != gross.value or tax_free):
            yield _Choice(net, None, gross, gross.score + _TUNED.by_net * net.score)
        if tax is not None:
            yield _Choice(None, tax, gross, gross.score + _TUNED.by_tax * tax.score)
    elif net is not None:
        yield _Choice(net, None, None, _TUNED.lone_net * net.score)


def _possible_tax(tax: Amount, gross: Amount | None, support: Support) -> bool:
    """Not more than a rate makes of the total, and not against the rows of several rates.

    A larger amount is a sum next to the name of a tax: `Total (incl. GST) 28.50`.
    """
    if gross is not None and abs(tax.value) > abs(gross.value) * HIGHEST_RATE / 100:
        return False
    several = len(support.parts) >= 2 and support.breakdown_tax is not None
    return not several or abs(tax.value - (support.breakdown_tax or Decimal(0))) <= TOLERANCE


def _largest_of_best(amounts: Sequence[Amount]) -> Amount | None:
    """Of equally good labels the last one printed, because totals are below their parts."""
    if not amounts:
        return None
    top = [amount for amount in amounts if amount.score >= amounts[0].score - _TUNED.equal]
    return max(top, key=lambda amount: (amount.number.span.page, amount.number.span.segment.row.index))


def _amount_due(facts: Facts, totals: Totals, amounts: dict[str, list[Amount]], named: Sequence[Adjustment]) -> None:
    """BT-115: the gross total with what its adjustments make of it, or printed as such, or the gross total."""
    if totals.gross is None:
        return
    gross = totals.gross.value
    prepaid = [
        amount for amount in amounts.get("prepaid", ()) if amount.score >= _TUNED.label_least and amount.value != 0
    ]
    taken = {candidate.span for candidate in (totals.net, totals.tax) if candidate is not None}
    printed = [
        amount
        for amount in amounts.get("amount_due", ())
        if amount.score >= _TUNED.due_least and (amount.number.span not in taken or amount.value == gross)
    ]
    later = _after_gross(totals, named)
    for rest in printed + amounts.get("gross_total", []):
        if later and rest.number.span != totals.gross.span and _makes_due(totals, later, rest.value):
            totals.due = Candidate(rest.value, rest.number.span, _TUNED.due_proved)
            return
    for paid in prepaid:
        for rest in printed + amounts.get("gross_total", []):
            if abs(gross - abs(paid.value) - rest.value) <= TOLERANCE and rest.value != gross:
                totals.due = Candidate(rest.value, rest.number.span, _TUNED.due_proved)
                return
    if printed:
        same = [amount for amount in printed if amount.value == gross]
        totals.payments = () if same or later or prepaid else listed_payments(facts, gross - printed[0].value)
        if same:
            totals.due = Candidate(gross, same[0].number.span, max(totals.gross.score, _TUNED.due_gross))
        elif totals.payments:
            totals.due = Candidate(printed[0].value, printed[0].number.span, _TUNED.due_proved)
        else:
            totals.due = Candidate(
                printed[0].value, printed[0].number.span, _TUNED.due_other * printed[0].score + _TUNED.due_other_base
            )
            totals.contradictions.append("amount_due")
        return
    if not prepaid and not [each for each in later if each.concept in AFTER_GROSS]:
        totals.due = Candidate(gross, totals.gross.span, _TUNED.due_unprinted * totals.gross.score)
        return
    _rest_below(facts, totals, prepaid)


def _after_gross(totals: Totals, named: Sequence[Adjustment]) -> list[Adjustment]:
    """The adjustments in the block of the totals that neither the net nor the gross total contains."""
    spans = [each.span for each in (totals.net, totals.tax, totals.gross) if each is not None]
    used = {each.number.span for each, _ in totals.adjustments}
    end = position_of(totals.gross.span) if totals.gross is not None else None
    return [
        each
        for each in in_block(named, spans)
        if each.number.span not in used
        and (each.concept not in IN_NET or (each.concept == "shipping" and end is not None and each.position > end))
    ]


def _makes_due(totals: Totals, later: Sequence[Adjustment], due: Decimal) -> bool:
    """Whether the gross total and all of `later` make `due`; roundings that lie in the gross total itself are left."""
    if totals.gross is None:
        return False
    gross = totals.gross.value
    for some in (later, [each for each in later if each.concept != "rounding"]):
        values = product(*(each.entering(negative=gross < 0) for each in some))
        if some and any(gross + sum(each, Decimal(0)) == due for each in values):
            return True
    return False


def _rest_below(facts: Facts, totals: Totals, prepaid: Sequence[Amount]) -> None:
    """What remains after a payment under a name that is not known: the amount in a row below both."""
    if totals.gross is None:
        return
    for paid in prepaid:
        rest = totals.gross.value - abs(paid.value)
        lowest = max(totals.gross.span.segment.row.index, paid.number.span.segment.row.index)
        for row in facts.canvas.rows[lowest + 1 : lowest + 1 + _TUNED.rest_rows]:
            numbers = [number for segment in row.segments for number in facts.numbers_of(segment)]
            if rest and numbers and numbers[-1].is_money and numbers[-1].value == rest:
                totals.due = Candidate(rest, numbers[-1].span, _TUNED.rest)
                return
