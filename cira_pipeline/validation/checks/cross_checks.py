"""Counts cross-checks: equations that hold between amounts printed in different places of an invoice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from cira_pipeline.invoice import HeaderField
from cira_pipeline.validation.checks.arithmetic import equation_of
from cira_pipeline.validation.checks.equation import Equation, Sum
from cira_pipeline.validation.validation_input import ValidationInput

# Below this amount of tax, many products of a net amount and a rate hold by chance.
_LEAST_TAX: Final = Decimal(1)


def count_cross_checks(subject: ValidationInput) -> Counter[HeaderField]:
    """Total -> the number of equations it takes part in that hold.

    Sums must be exact to the minor unit: one that holds only within rounding does not confirm its amounts.
    """
    counts: Counter[HeaderField] = Counter()
    for names in _equations_that_hold(subject):
        counts.update(names)
    return counts


def _equations_that_hold(subject: ValidationInput) -> Iterator[tuple[HeaderField, ...]]:
    invoice = subject.invoice
    net, tax, gross, due = invoice.net_total, invoice.tax_total, invoice.gross_total, invoice.amount_due
    equation = equation_of(subject)
    if tax and _confirms(subject, equation, total := equation.gross) and total is not None:
        yield total.names
    if due is not None and due == gross and _several_places(subject, "amount_due", "gross_total"):
        yield "amount_due", "gross_total"
    elif _confirms(subject, equation, rest := equation.due) and rest is not None and len(rest.addends) > 1:
        computed = equation.gross is not None and not equation.is_independent(equation.gross)
        # A gross total that is the sum of net and taxes is confirmed by what it leads to, and they with it.
        yield (*rest.names, "net_total", "tax_total") if computed else rest.names
    yield from _sums_of_lines(subject, equation)
    if net is not None and tax is not None and _rates_give(subject, net, tax):
        yield "net_total", "tax_total"


def _sums_of_lines(subject: ValidationInput, equation: Equation) -> Iterator[tuple[HeaderField, ...]]:
    invoice = subject.invoice
    lines = [item.net_amount for _, item in subject.invoiced_lines if item.net_amount is not None]
    if not lines or len(lines) < len(subject.invoiced_lines):
        return
    total = sum(lines, Decimal(0))
    if invoice.net_total is not None and _equal(subject, total, invoice.net_total):
        yield ("net_total",)
    elif invoice.gross_total is not None and _equal(subject, total, invoice.gross_total):
        yield ("gross_total",)
    elif (net := equation.net) is not None and _equal(subject, total, net.addends[0][1]) and _is_exact(subject, net):
        yield net.names


def _confirms(subject: ValidationInput, equation: Equation, one: Sum | None) -> bool:
    """Whether the sum holds to the minor unit, and its total was read in a place of its own."""
    return one is not None and _is_exact(subject, one) and equation.is_independent(one)


def _is_exact(subject: ValidationInput, one: Sum) -> bool:
    return _equal(subject, one.expected, one.stated)


def _rates_give(subject: ValidationInput, net: Decimal, tax: Decimal) -> bool:
    """Whether the printed rates, applied to the printed net amounts, give this tax on this net total."""
    rows = subject.invoice.tax_breakdown
    expected, bases = Decimal(0), dict[str | None, Decimal]()
    for row in rows:
        if row.rate is None or row.net is None or not row.rate:
            return False
        expected += row.net * row.rate / 100
        bases[row.name] = bases.get(row.name, Decimal(0)) + row.net
    tolerance = subject.minor_unit * max(len(rows), 1)
    same = all(base == net for base in bases.values())
    return bool(rows) and abs(tax) >= _LEAST_TAX and same and abs(expected - tax) <= tolerance


def _equal(subject: ValidationInput, left: Decimal, right: Decimal) -> bool:
    return abs(left - right) < subject.minor_unit


def _several_places(subject: ValidationInput, *names: HeaderField) -> bool:
    """Whether the fields `names` were read in different places."""
    places = [
        {(each.page, each.line, each.box) for each in subject.extraction.evidence if each.field == name}
        for name in names
    ]
    return all(places) and not set.intersection(*places)
