"""Checks that the amounts of an invoice add up, within rounding."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from decimal import Decimal

from cira_pipeline.invoice import LineItem, TaxLine
from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.checks.equation import Equation, check_equation
from cira_pipeline.validation.validation_input import ValidationInput


def check_arithmetic(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-ARITH-*`."""
    equation = equation_of(subject)
    yield from check_equation(subject, equation)
    yield from _lines_sum(subject)
    yield from _tax_of_rates(subject)
    yield from _tax_sums(subject)
    yield from _breakdown_sum(subject)
    yield from _line_products(subject)
    if not _confirmed(subject, equation):
        yield rules.UNCHECKABLE.finding(
            "no two amounts confirm each other, so a misread amount would go unnoticed: "
            "compare the totals with the document",
            "gross_total",
        )


def equation_of(subject: ValidationInput) -> Equation:
    """The sums from the lines to the amount due, with the stated amounts in their places."""
    return Equation(subject, _tax_total(subject))


def _lines_sum(subject: ValidationInput) -> Iterator[Finding]:
    """BR-CO-10: the lines against their printed sum, or against the net total with its allowances and charges."""
    total, net, printed = _sum_of_lines(subject), subject.invoice.net_total, subject.invoice.line_total
    if total is None or net is None:
        return
    if printed is not None:
        if abs(total - printed) > _rounding(subject, len(subject.invoiced_lines)):
            yield rules.LINES_SUM.finding(
                f"the line items sum to {total}, but the printed sum of the lines is {printed}: "
                "check for missing or misread lines",
                "line_items",
                "line_total",
            )
        return
    if subject.explained("net_total") or subject.invoice.allowance_total or subject.invoice.charge_total:
        return
    if abs(total - net) <= _rounding(subject, len(subject.invoiced_lines)):
        return
    if sum_of_lines_is_printed(subject, total):
        yield rules.LINES_BEFORE_ALLOWANCES.finding(
            f"the line items sum to the printed subtotal {total}; the net total is {net}", "line_items", "net_total"
        )
        return
    gross = subject.invoice.gross_total
    including_tax = gross is not None and abs(total - gross) <= _rounding(subject, len(subject.invoiced_lines))
    reason = f"; {total} is the gross total, so the line amounts seem to include tax" if including_tax else ""
    yield rules.LINES_SUM.finding(
        f"the line items sum to {total}, but the net total is {net}{reason}: check for missing or misread lines",
        "line_items",
        "net_total",
    )


def _tax_of_rates(subject: ValidationInput) -> Iterator[Finding]:
    for position, line in enumerate(subject.invoice.tax_breakdown):
        if line.rate is None or line.net is None or line.tax is None:
            continue
        expected = line.net * line.rate / 100
        # Tax may have been rounded line by line.
        if abs(expected - line.tax) > _rounding(subject, len(subject.invoice.line_items) + 1):
            yield rules.TAX_OF_RATE.finding(
                f"{line.rate}% of {line.net} is {expected:.{subject.decimals}f}, but the tax stated is {line.tax}: "
                "compare rate, net amount and tax with the document",
                f"tax_breakdown[{position}]",
            )


def _tax_sums(subject: ValidationInput) -> Iterator[Finding]:
    invoice = subject.invoice
    rows = len(invoice.tax_breakdown)
    names = {line.name for line in invoice.tax_breakdown}
    taxes = [line.tax for line in invoice.tax_breakdown if line.tax is not None]
    nets = [line.net for line in invoice.tax_breakdown if line.net is not None]
    if rows and len(taxes) == rows and invoice.tax_total is not None:
        total = sum(taxes, Decimal(0))
        if abs(total - invoice.tax_total) > _rounding(subject, rows):
            yield rules.TAX_SUM.finding(
                f"the taxes of all rates sum to {total}, but the tax total is {invoice.tax_total}: "
                "compare the tax breakdown and the tax total with the document",
                "tax_breakdown",
                "tax_total",
            )
    if rows and len(nets) == rows and invoice.net_total is not None:
        # Several taxes, such as CGST and SGST, are raised on the same amounts.
        total = max((_base(invoice.tax_breakdown, name) for name in names), key=abs)
        if abs(total - invoice.net_total) > _rounding(subject, rows):
            yield rules.TAX_NET_SUM.finding(
                f"the net amounts of all rates sum to {total}, but the net total is {invoice.net_total}",
                "tax_breakdown",
                "net_total",
            )


def _base(rows: Iterable[TaxLine], name: str | None) -> Decimal:
    return sum((row.net for row in rows if row.name == name and row.net is not None), Decimal(0))


def _breakdown_sum(subject: ValidationInput) -> Iterator[Finding]:
    """The breakdown against the gross total, where the net or tax total is missing for the comparison of totals."""
    invoice = subject.invoice
    rows = invoice.tax_breakdown
    if invoice.gross_total is None or not rows or None not in (invoice.net_total, invoice.tax_total):
        return
    if len({row.name for row in rows}) > 1:
        return
    parts = [part for row in rows for part in (row.net, row.tax) if part is not None]
    total = sum(parts, Decimal(0))
    if len(parts) == 2 * len(rows) and abs(total - invoice.gross_total) > _rounding(subject, len(parts)):
        yield rules.BREAKDOWN_SUM.finding(
            f"net amounts and taxes of all rates sum to {total}, but the gross total is {invoice.gross_total}: "
            "compare the tax breakdown and the gross total with the document",
            "tax_breakdown",
            "gross_total",
        )


def _line_products(subject: ValidationInput) -> Iterator[Finding]:
    wrong = [
        position
        for position, item in subject.invoiced_lines
        if position not in subject.lines_with_unknown_parts and not _product_holds(item, subject)
    ]
    if wrong:
        numbers = ", ".join(str(position + 1) for position in wrong[:10])
        more = " and more" if len(wrong) > 10 else ""
        yield rules.LINE_PRODUCT.finding(
            f"quantity times unit price is not the net amount in line {numbers}{more}",
            *(f"line_items[{position}].net_amount" for position in wrong),
        )


def _product_holds(item: LineItem, subject: ValidationInput) -> bool:
    if item.quantity is None or item.unit_price is None or item.net_amount is None:
        return True
    # The unit price is rounded itself: an error of up to half of its last digit for each unit.
    decimals = max(subject.decimals, len(format(item.unit_price, "f").partition(".")[2]))
    tolerance = subject.minor_unit + abs(item.quantity) * Decimal(1).scaleb(-decimals) / 2
    return abs(item.quantity * item.unit_price - item.net_amount) <= tolerance


def sum_of_lines_is_printed(subject: ValidationInput, total: Decimal) -> bool:
    """Whether `total`, the sum of the lines, is printed as a subtotal, apart from the lines and the totals.

    Then no line is missing, and the difference from the net total is a document-level allowance or charge.
    """
    return len(subject.invoiced_lines) > 1 and subject.count_printed_elsewhere(total) > 0


def _confirmed(subject: ValidationInput, equation: Equation) -> bool:
    """Whether at least one relation between independently read amounts could be checked."""
    invoice = subject.invoice
    if invoice.gross_total is None:
        return False
    gross, due = equation.gross, equation.due
    if gross is not None and equation.is_independent(gross):
        return True
    if due is not None and len(due.addends) > 1 and equation.is_independent(due):
        return True
    total = _sum_of_lines(subject)
    against = (invoice.line_total, invoice.net_total, invoice.gross_total)
    tolerance = _rounding(subject, len(subject.invoiced_lines))
    return total is not None and any(abs(total - amount) <= tolerance for amount in against if amount is not None)


def _tax_total(subject: ValidationInput) -> Decimal | None:
    """The tax total (BT-110), or the sum of the tax breakdown where only that is printed."""
    invoice = subject.invoice
    if invoice.tax_total is not None or not invoice.tax_breakdown:
        return invoice.tax_total
    taxes = [line.tax for line in invoice.tax_breakdown if line.tax is not None]
    return sum(taxes, Decimal(0)) if len(taxes) == len(invoice.tax_breakdown) else None


def _sum_of_lines(subject: ValidationInput) -> Decimal | None:
    nets = [item.net_amount for _, item in subject.invoiced_lines if item.net_amount is not None]
    return sum(nets, Decimal(0)) if nets and len(nets) == len(subject.invoiced_lines) else None


def _rounding(subject: ValidationInput, addends: int) -> Decimal:
    """Tolerance for a sum of rounded amounts: half a minor unit for each addend, at least one minor unit."""
    return max(subject.minor_unit, subject.minor_unit * addends / 2)
