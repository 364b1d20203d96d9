"""Counts cross-checks: equations that hold between amounts printed in different places of an invoice."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from decimal import Decimal
from typing import Final

from cira_pipeline.invoice import HeaderField
from cira_pipeline.validation.checks.arithmetic import part_is_paid
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
    if net is not None and tax and gross is not None and _equal(subject, net + tax, gross):
        yield "net_total", "tax_total", "gross_total"
    if (due is not None and due == gross and _several_places(subject, "amount_due", "gross_total")) or part_is_paid(
        subject
    ):
        yield "amount_due", "gross_total"
    lines = [item.net_amount for _, item in subject.invoiced_lines if item.net_amount is not None]
    if lines and len(lines) == len(subject.invoiced_lines):
        total = sum(lines, Decimal(0))
        if net is not None and _equal(subject, total, net):
            yield ("net_total",)
        elif gross is not None and _equal(subject, total, gross):
            yield ("gross_total",)
    if net is not None and tax is not None and _rates_give(subject, net, tax):
        yield "net_total", "tax_total"


def _rates_give(subject: ValidationInput, net: Decimal, tax: Decimal) -> bool:
    """Whether the printed rates, applied to the printed net amounts, give this tax on this net total."""
    rows = subject.invoice.tax_breakdown
    expected, base = Decimal(0), Decimal(0)
    for row in rows:
        if row.rate is None or row.net is None or not row.rate:
            return False
        expected += row.net * row.rate / 100
        base += row.net
    tolerance = subject.minor_unit * max(len(rows), 1)
    return bool(rows) and abs(tax) >= _LEAST_TAX and base == net and abs(expected - tax) <= tolerance


def _equal(subject: ValidationInput, left: Decimal, right: Decimal) -> bool:
    return abs(left - right) < subject.minor_unit


def _several_places(subject: ValidationInput, *names: HeaderField) -> bool:
    """Whether the fields `names` were read in different places."""
    places = [
        {(each.page, each.line, each.box) for each in subject.extraction.evidence if each.field == name}
        for name in names
    ]
    return all(places) and not set.intersection(*places)
