"""Checks that the amounts of an invoice add up, within rounding."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal

from cira_pipeline.invoice import LineItem
from cira_pipeline.models import Finding
from cira_pipeline.validation import rules
from cira_pipeline.validation.validation_input import ValidationInput


def check_arithmetic(subject: ValidationInput) -> Iterator[Finding]:
    """Findings of the rules `CIRA-ARITH-*`."""
    yield from _net_plus_tax(subject)
    yield from _lines_sum(subject)
    yield from _tax_of_rates(subject)
    yield from _tax_sums(subject)
    yield from _breakdown_sum(subject)
    yield from _line_products(subject)
    yield from _amount_due(subject)
    if not _confirmed(subject):
        yield rules.UNCHECKABLE.finding(
            "no two amounts confirm each other, so a misread amount would go unnoticed: "
            "compare the totals with the document",
            "gross_total",
        )


def _net_plus_tax(subject: ValidationInput) -> Iterator[Finding]:
    invoice = subject.invoice
    net, tax, gross = invoice.net_total, _tax_total(subject), invoice.gross_total
    if net is None or tax is None or gross is None or abs(net + tax - gross) <= subject.minor_unit:
        return
    yield rules.NET_PLUS_TAX.finding(
        f"net total {net} plus tax total {tax} is {net + tax}, but the gross total is {gross}: "
        "compare the three totals with the document",
        "net_total",
        "tax_total",
        "gross_total",
    )


def _lines_sum(subject: ValidationInput) -> Iterator[Finding]:
    total, net = _sum_of_lines(subject), subject.invoice.net_total
    if total is None or net is None or subject.explained("net_total"):
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
        total = sum(nets, Decimal(0))
        if abs(total - invoice.net_total) > _rounding(subject, rows):
            yield rules.TAX_NET_SUM.finding(
                f"the net amounts of all rates sum to {total}, but the net total is {invoice.net_total}",
                "tax_breakdown",
                "net_total",
            )


def _breakdown_sum(subject: ValidationInput) -> Iterator[Finding]:
    """The breakdown against the gross total, where the net or tax total is missing for the comparison of totals."""
    invoice = subject.invoice
    rows = invoice.tax_breakdown
    if invoice.gross_total is None or not rows or None not in (invoice.net_total, invoice.tax_total):
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


def part_is_paid(subject: ValidationInput) -> bool:
    """Whether the gross total minus the amount due is printed as a separate amount: a part was paid before."""
    due, gross = subject.invoice.amount_due, subject.invoice.gross_total
    if due is None or gross is None or not 0 < abs(due) < abs(gross) or due * gross < 0:
        return False
    return gross - due not in _amounts_of_parts(subject) and subject.count_printed_elsewhere(gross - due) > 0


def _amounts_of_parts(subject: ValidationInput) -> set[Decimal | None]:
    """Amounts of the invoice that are printed for another reason than a payment."""
    invoice = subject.invoice
    rows = invoice.tax_breakdown
    return {
        invoice.net_total,
        _tax_total(subject),
        *(item.net_amount for item in invoice.line_items),
        *(row.net for row in rows),
        *(row.tax for row in rows),
    }


def _amount_due(subject: ValidationInput) -> Iterator[Finding]:
    due, gross = subject.invoice.amount_due, subject.invoice.gross_total
    if due is None or gross is None or subject.explained("amount_due"):
        return
    if part_is_paid(subject):
        yield rules.PARTLY_PAID.finding(
            f"the amount due is {due}; the gross total is {gross}, and the difference of {gross - due} is printed",
            "amount_due",
            "gross_total",
        )
    elif abs(due - gross) > subject.minor_unit:
        comparison = "less" if due < gross else "more"
        yield rules.AMOUNT_DUE.finding(
            f"the amount due is {due}, {abs(due - gross)} {comparison} than the gross total {gross}, and no printed "
            "amount explains it: compare both with the document",
            "amount_due",
            "gross_total",
        )


def _confirmed(subject: ValidationInput) -> bool:
    """Whether at least one relation between independently read amounts could be checked."""
    invoice = subject.invoice
    if invoice.gross_total is None:
        return False
    if invoice.net_total is not None and _tax_total(subject) is not None:
        return True
    total = _sum_of_lines(subject)
    against = [amount for amount in (invoice.net_total, invoice.gross_total) if amount is not None]
    tolerance = _rounding(subject, len(subject.invoiced_lines))
    return total is not None and any(abs(total - amount) <= tolerance for amount in against)


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
