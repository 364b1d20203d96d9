"""Checks the whole equation of an invoice's totals, EN 16931 BR-CO-10 to BR-CO-16 and what other countries add to them.

    net total  = sum of lines - allowances + charges
    gross total = net total + taxes
    amount due = gross total - withheld taxes - paid before + rounding + previous balance

A rounding, a tip, and freight that is no charge of the net total may be printed before the gross total or after it:
each has its place where both sums hold with it. Only stated fields take part; an amount that would make a sum hold but
is no field of the record explains nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cached_property
from itertools import product
from typing import Final

from cira_pipeline.invoice import HeaderField
from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.rules import Rule
from cira_pipeline.validation.validation_input import ValidationInput

Addend = tuple[HeaderField, Decimal]

_NAMES: Final[Mapping[HeaderField, str]] = {
    "line_total": "sum of lines",
    "allowance_total": "allowances",
    "charge_total": "charges",
    "shipping_amount": "shipping",
    "tip_amount": "tip",
    "prepaid_amount": "paid before",
    "withholding_total": "withheld taxes",
    "rounding_amount": "rounding",
    "previous_balance": "previous balance",
    "amount_due": "amount due",
    "net_total": "net total",
    "tax_total": "tax total",
    "gross_total": "gross total",
}
_LOWERING: Final[tuple[HeaderField, ...]] = ("withholding_total", "prepaid_amount")
_BEFORE_OR_AFTER: Final[tuple[HeaderField, ...]] = ("rounding_amount", "tip_amount")


@dataclass(frozen=True)
class Sum:
    """`addends`, with their signs, that should make the field `total`, stated as `stated`."""

    total: HeaderField
    stated: Decimal
    addends: tuple[Addend, ...]

    @property
    def expected(self) -> Decimal:
        return sum((value for _, value in self.addends), Decimal(0))

    @property
    def names(self) -> tuple[HeaderField, ...]:
        return (*(name for name, _ in self.addends), self.total)

    def holds(self, tolerance: Decimal) -> bool:
        return abs(self.expected - self.stated) <= tolerance


class Equation:
    """The sums that lead from the lines to the amount due, with the stated amounts in their places."""

    def __init__(self, subject: ValidationInput, tax: Decimal | None) -> None:
        """`tax`: the tax total, or the sum of the breakdown where only that is stated."""
        self._subject = subject
        self._tax = tax

    def _value(self, name: HeaderField) -> Decimal:
        value: Decimal | None = getattr(self._subject.invoice, name)
        return value or Decimal(0)

    @cached_property
    def net(self) -> Sum | None:
        """BR-CO-13; `None` where the sum of the lines or the net total is not stated."""
        invoice = self._subject.invoice
        start = invoice.line_total
        if start is None and (invoice.allowance_total or invoice.charge_total):
            nets = [item.net_amount for _, item in self._subject.invoiced_lines]
            known = [net for net in nets if net is not None]
            start = sum(known, Decimal(0)) if nets and len(known) == len(nets) else None
        if start is None or invoice.net_total is None:
            return None
        sign = -1 if start < 0 and self._subject.read_from_page else 1
        return _sum_of(
            "net_total",
            invoice.net_total,
            ("line_total", start),
            ("allowance_total", -sign * self._value("allowance_total")),
            ("charge_total", sign * self._value("charge_total")),
        )

    @cached_property
    def _placed(self) -> tuple[Sum | None, Sum | None]:
        """The sums of the gross total and of the amount due, with the amounts of either place where both hold."""
        either: list[Addend] = [(name, self._value(name)) for name in _BEFORE_OR_AFTER if self._value(name)]
        places: list[tuple[int | None, ...]] = [(1, 0)] * len(either)
        if self._value("shipping_amount") and not self._value("charge_total"):
            # Freight may also be one of the lines, and is then no addend of its own.
            either.append(("shipping_amount", self._value("shipping_amount")))
            places.append((None, 0, 1))
        possible = [self._sums(either, chosen) for chosen in product(*places)]
        unit = self._subject.minor_unit

        def rank(sums: tuple[Sum | None, Sum | None]) -> tuple[bool, bool]:
            gross, due = sums
            gross_holds = gross is None or gross.holds(unit)
            return gross_holds and (due is None or due.holds(unit)), gross_holds

        return max(possible, key=rank)

    def _sums(self, either: Sequence[Addend], chosen: Sequence[int | None]) -> tuple[Sum | None, Sum | None]:
        invoice = self._subject.invoice
        first, second = ([addend for addend, place in zip(either, chosen, strict=True) if place == n] for n in (0, 1))
        gross = due = None
        if invoice.gross_total is not None and invoice.net_total is not None and self._tax is not None:
            addends = (("net_total", invoice.net_total), ("tax_total", self._tax), *first)
            gross = _sum_of("gross_total", invoice.gross_total, *addends)
        if invoice.amount_due is not None and invoice.gross_total is not None:
            lowering = [(name, -self._value(name)) for name in _LOWERING]
            balance = ("previous_balance", self._value("previous_balance"))
            addends = (("gross_total", invoice.gross_total), *lowering, *second, balance)
            due = _sum_of("amount_due", invoice.amount_due, *addends)
        return gross, due

    @property
    def gross(self) -> Sum | None:
        """BR-CO-15; `None` where one of its totals is not stated."""
        return self._placed[0]

    @property
    def due(self) -> Sum | None:
        """BR-CO-16; `None` where the gross total or the amount due is not stated."""
        return self._placed[1]

    def is_independent(self, one: Sum) -> bool:
        """Whether the total was read in a place of its own, and not computed from its addends."""
        places = {name: self._places(name) for name in one.names}
        addends = set[object]().union(*(places[name] for name, _ in one.addends))
        return not places[one.total] or not places[one.total] <= addends

    def _places(self, name: HeaderField) -> set[object]:
        evidence = self._subject.extraction.evidence
        return {
            (each.page, each.line, each.box, each.xpath)
            for each in evidence
            if each.field == name and (each.page is not None or each.xpath is not None)
        }


def _sum_of(total: HeaderField, stated: Decimal, first: Addend, second: Addend, *others: Addend) -> Sum:
    """The sum without addends of nothing, but for the first; the tax counts also where it is nothing."""
    rest = tuple(each for each in (second, *others) if each[1] or each[0] == "tax_total")
    return Sum(total, stated, (first, *rest))


def check_equation(subject: ValidationInput, equation: Equation) -> Iterator[Finding]:
    """Findings of the sums that do not hold, each with the gap, and of amounts without a place in them."""
    unit = subject.minor_unit
    if equation.net is not None and not equation.net.holds(unit):
        yield _gap(rules.NET_OF_LINES, equation.net, subject)
    if equation.gross is not None and not equation.gross.holds(unit):
        yield _gap(rules.NET_PLUS_TAX, equation.gross, subject)
    due = equation.due
    # An e-invoice may also contain payments collected for others, with which its engine checks the sum.
    if due is not None and not subject.explained("amount_due"):
        if not due.holds(unit):
            yield _gap(rules.AMOUNT_DUE, due, subject)
        elif len(due.addends) > 1:
            yield rules.DUE_EXPLAINED.finding(_equation_text(due, subject), "amount_due")
    yield from _without_place(subject, equation)
    yield from _rows(subject)


def _gap(rule: Rule, one: Sum, subject: ValidationInput) -> Finding:
    gap = one.stated - one.expected
    named = " ".join(
        f"{'-' if value < 0 and index else '+' if index else ''} {_NAMES[name]}".strip()
        for index, (name, value) in enumerate(one.addends)
    )
    comparison = "too much" if gap > 0 else "too little"
    if len(one.addends) == 1:
        [(name, value)] = one.addends
        return rule.finding(
            f"the {_NAMES[one.total]} is printed as {_amount(one.stated, subject)}, the {_NAMES[name]} as "
            f"{_amount(value, subject)}: {_amount(abs(gap), subject)} {comparison}, and no amount with a name explains "
            "it: compare them with the document",
            *one.names,
        )
    return rule.finding(
        f"{_equation_text(one, subject)}, printed {_amount(one.stated, subject)}: "
        f"{_amount(abs(gap), subject)} {comparison} ({named} = {_NAMES[one.total]}): compare them with the document",
        *one.names,
    )


def _equation_text(one: Sum, subject: ValidationInput) -> str:
    """`2,728.23 + 545.65 = 3,273.88`."""
    text = ""
    for index, (_, value) in enumerate(one.addends):
        sign = (" - " if value < 0 else " + ") if index else ""
        text += sign + _amount(abs(value) if index else value, subject)
    return f"{text} = {_amount(one.expected, subject)}"


def _amount(value: Decimal, subject: ValidationInput) -> str:
    decimals = max(subject.decimals, len(format(value, "f").partition(".")[2]))
    return f"{value:,.{decimals}f}"


def _without_place(subject: ValidationInput, equation: Equation) -> Iterator[Finding]:
    """Amounts that are stated while a total of their sum is not."""
    invoice = subject.invoice
    lost: list[HeaderField] = []
    if equation.due is None:
        lost += [name for name in (*_LOWERING, "previous_balance") if getattr(invoice, name)]
        if equation.gross is None:
            lost += [name for name in _BEFORE_OR_AFTER if getattr(invoice, name)]
    if equation.net is None and not subject.explained("net_total"):
        lost += [name for name in ("allowance_total", "charge_total") if getattr(invoice, name)]
    if lost:
        shown = ", ".join(f"{_NAMES[name]} {_amount(getattr(invoice, name), subject)}" for name in lost)
        yield rules.WITHOUT_PLACE.finding(
            f"{shown}: no total is stated that contains it, so it cannot be checked: compare it with the document",
            *lost,
        )


def _rows(subject: ValidationInput) -> Iterator[Finding]:
    """BR-CO-11, BR-CO-12, and the rows of withheld taxes: the rows of the document sum to their totals."""
    invoice = subject.invoice
    rows = [row for row in invoice.allowances_charges if row.line is None]
    for table, total, kind, amounts in (
        ("allowances_charges", "allowance_total", "allowances", [r.amount for r in rows if r.kind == "allowance"]),
        ("allowances_charges", "charge_total", "charges", [r.amount for r in rows if r.kind == "charge"]),
        ("withholdings", "withholding_total", "withheld taxes", [r.amount for r in invoice.withholdings]),
    ):
        stated: Decimal | None = getattr(invoice, total)
        known = [amount for amount in amounts if amount is not None]
        found = sum(known, Decimal(0))
        if stated is None or not known or len(known) < len(amounts) or abs(found - stated) <= subject.minor_unit:
            continue
        yield rules.ROWS_SUM.finding(
            f"the rows of {kind} sum to {_amount(found, subject)}, their total is {_amount(stated, subject)}: "
            "compare them with the document",
            table,
            total,
        )
