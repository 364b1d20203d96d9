"""A till receipt: narrow paper, prices with tax, no customer."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from cira_pipeline.invoice import Invoice, TaxLine
from cira_pipeline.samples.bill import Bill, BilledLine
from cira_pipeline.samples.catalogue import words
from cira_pipeline.samples.layout import Layout
from cira_pipeline.samples.page import Printed
from cira_pipeline.samples.sheet import Sheet, family
from cira_pipeline.samples.writing import Writing

_WIDTH = 226.8  # 80 mm
_MARGIN = 16.0
_SIZE = 9.0
_LEADING = 12.2
_CENT = Decimal("0.01")


def print_receipt(bill: Bill, layout: Layout, random: Random) -> Printed:
    """The receipt of `bill`; a receipt knows one currency sign, and lines without their VAT are not on it."""
    language = words(bill.supplier.language)
    write = layout.writing(bill.supplier, language.locale)
    lines = [(line, _with_tax(line)) for line in bill.lines]
    taxes = _taxes(lines)
    sheet = Sheet(family("courier"), width=_WIDTH, height=_height(len(lines), len(taxes)), title=bill.number)
    y = _head(sheet, bill, language.pick("supplier_vat_id", layout.spelling))
    left, right = _MARGIN, _WIDTH - _MARGIN

    clock = f"{random.randint(8, 18):02}:{random.randint(0, 59):02}"
    y += _LEADING * 1.4
    sheet.text(left, y, f"{language.pick('receipt.number', layout.spelling)} {bill.number}", _SIZE)
    y += _LEADING
    sheet.text(left, y, write.date(bill.issue_date), _SIZE)
    sheet.text(right, y, clock, _SIZE, align="right")
    y = _dashes(sheet, y)
    for line, price in lines:
        y = _item(sheet, y, line, price, write)
    y = _dashes(sheet, y)

    total = sum((price * line.quantity for line, price in lines), Decimal(0))
    y += _LEADING * 1.3
    sheet.text(left, y, language.pick("receipt.total", layout.spelling), 12.5, bold=True)
    sheet.text(right, y, write.money(total), 12.5, bold=True, align="right")
    y += _LEADING * 1.3
    sheet.text(left, y, language.pick("receipt.card", layout.spelling), _SIZE)
    sheet.text(right, y, write.amount(total), _SIZE, align="right")
    y = _dashes(sheet, y)
    for row in taxes:
        y += _LEADING
        label = language.pick("receipt.tax", layout.spelling).format(rate=write.rate(row.rate or Decimal(0)))
        sheet.text(left, y, label, _SIZE)
        sheet.text(right, y, write.amount(row.tax or Decimal(0)), _SIZE, align="right")
    y += _LEADING * 2
    sheet.text(_WIDTH / 2, y, language.pick("thanks", layout.spelling), _SIZE, align="centre")
    named = layout.sign != "bare" or bill.supplier.currency in language.pick("receipt.total", layout.spelling)
    return Printed(sheet.finished(), 1, _truth(bill, total, taxes, currency=named))


def _with_tax(line: BilledLine) -> Decimal:
    """The price of one, tax included."""
    return (line.unit_price * (100 + line.tax_rate) / 100).quantize(_CENT, rounding=ROUND_HALF_UP)


def _taxes(lines: Sequence[tuple[BilledLine, Decimal]]) -> tuple[TaxLine, ...]:
    rows = []
    for rate in sorted({line.tax_rate for line, _ in lines}):
        gross = sum((price * line.quantity for line, price in lines if line.tax_rate == rate), Decimal(0))
        tax = (gross * rate / (100 + rate)).quantize(_CENT, rounding=ROUND_HALF_UP)
        rows.append(TaxLine(rate=rate, tax=tax))
    return tuple(rows)


def _truth(bill: Bill, total: Decimal, taxes: tuple[TaxLine, ...], *, currency: bool) -> Invoice:
    """Neither lines, whose amounts here are with tax, nor a net total: the paper does not print them."""
    return Invoice(
        invoice_number=bill.number,
        issue_date=bill.issue_date,
        currency=bill.supplier.currency if currency else None,
        supplier_name=bill.supplier.name,
        supplier_vat_id=bill.supplier.vat_id,
        supplier_address=bill.supplier.address,
        gross_total=total,
        tax_breakdown=taxes,
    )


def _height(lines: int, taxes: int) -> float:
    return 40 + _LEADING * (19 + 2 * lines + taxes)


def _head(sheet: Sheet, bill: Bill, vat_label: str) -> float:
    supplier, middle = bill.supplier, _WIDTH / 2
    y = 38.0
    size = sheet.fitted(_WIDTH - 2 * _MARGIN, supplier.name, 14, bold=True)
    sheet.text(middle, y, supplier.name, size, bold=True, align="centre")
    for line in (supplier.slogan, supplier.street, supplier.town, supplier.phone, f"{vat_label} {supplier.vat_id}"):
        y += _LEADING
        fitted = sheet.fitted(_WIDTH - 2 * _MARGIN, line, _SIZE)
        sheet.text(middle, y, line, fitted, align="centre")
    return y


def _item(sheet: Sheet, y: float, line: BilledLine, price: Decimal, write: Writing) -> float:
    y += _LEADING
    sheet.text(_MARGIN, y, line.name, sheet.fitted(_WIDTH - 2 * _MARGIN, line.name, _SIZE))
    y += _LEADING
    sheet.text(_MARGIN + 10, y, f"{write.quantity(line.quantity)} x {write.amount(price)}", _SIZE)
    sheet.text(_WIDTH - _MARGIN, y, write.amount(price * line.quantity), _SIZE, align="right")
    return y


def _dashes(sheet: Sheet, y: float) -> float:
    y += _LEADING * 0.8
    sheet.text(_MARGIN, y, "-" * 36, _SIZE)
    return y + 2
