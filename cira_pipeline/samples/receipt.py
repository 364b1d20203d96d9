"""Prints till receipts: narrow paper, prices with tax, no customer; each layout has its own form of receipt."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from decimal import ROUND_CEILING, ROUND_HALF_UP, Decimal
from random import Random
from typing import Literal

from cira_pipeline.invoice import Invoice, TaxLine
from cira_pipeline.samples.bill import Bill, BilledLine
from cira_pipeline.samples.catalogue import Words, words
from cira_pipeline.samples.layout import Layout
from cira_pipeline.samples.page import Printed
from cira_pipeline.samples.sheet import Sheet, family
from cira_pipeline.samples.writing import Writing

_LEADING = 12.2
_CENT = Decimal("0.01")
_MILLIMETRE = 72 / 25.4


@dataclass(frozen=True)
class _Till:
    """How one till prints; `pricing` is how the lines say quantity and price."""

    width: float
    font: Literal["courier", "helvetica", "vera"]
    size: float
    separator: str
    centred: bool
    titled: bool
    pricing: Literal["below", "before", "column"]
    tax_table: bool
    cash: bool
    date_labelled: bool
    subtotal: bool
    footer_vat: bool

    @classmethod
    def of(cls, layout: Layout) -> _Till:
        random = Random(layout.id)  # noqa: S311
        wide = random.random() < 0.7
        font: Literal["courier", "helvetica", "vera"]
        font = "vera" if layout.font == "vera" else random.choice(("courier", "courier", "helvetica"))
        return cls(
            width=(80 if wide else 62) * _MILLIMETRE,
            font=font,
            size=9.0 if wide else 7.6,
            separator=random.choice(("-", "-", "=", "*", "")),
            centred=random.random() < 0.75,
            titled=random.random() < 0.4,
            pricing=random.choice(("below", "before", "column")),
            tax_table=random.random() < 0.4,
            cash=random.random() < 0.4,
            date_labelled=random.random() < 0.4,
            subtotal=random.random() < 0.3,
            footer_vat=random.random() < 0.3,
        )


@dataclass
class _Roll:
    """The paper under way; `y` is the last line's base."""

    till: _Till
    sheet: Sheet
    bill: Bill
    words: Words
    spelling: int
    write: Writing
    y: float = 26.0
    clock: str = ""
    taxes: tuple[TaxLine, ...] = field(default=())

    @property
    def left(self) -> float:
        return self.till.width * 0.07

    @property
    def right(self) -> float:
        return self.till.width * 0.93

    def word(self, path: str) -> str:
        return self.words.pick(path, self.spelling)

    def pair(self, label: str, value: str, *, size: float | None = None, bold: bool = False) -> None:
        """Label left, value right."""
        size = size or self.till.size
        self.y += _LEADING * max(1.0, size / 9)
        room = self.right - self.left - self.sheet.width_of(value, size, bold=bold) - 6
        while self.sheet.width_of(label, size, bold=bold) > room:
            # Tills cut off what is too long.
            label = label[:-1].rstrip()
        self.sheet.text(self.left, self.y, label, size, bold=bold)
        self.sheet.text(self.right, self.y, value, size, bold=bold, align="right")

    def line(self, text: str, *, size: float | None = None, bold: bool = False, centred: bool = False) -> None:
        size = self.sheet.fitted(self.right - self.left, text, size or self.till.size, bold=bold)
        self.y += _LEADING * max(1.0, size / 9)
        if centred:
            self.sheet.text(self.till.width / 2, self.y, text, size, bold=bold, align="centre")
        else:
            self.sheet.text(self.left, self.y, text, size, bold=bold)

    def separate(self) -> None:
        self.y += _LEADING * 0.8
        if self.till.separator:
            count = int((self.right - self.left) / self.sheet.width_of(self.till.separator, self.till.size))
            self.sheet.text(self.left, self.y, self.till.separator * count, self.till.size)
            self.y += 2


def print_receipt(bill: Bill, layout: Layout, random: Random) -> Printed:
    """The receipt of `bill`, paid with tax included; `random` gives the time of day."""
    clock = f"{random.randint(8, 19):02}:{random.randint(0, 59):02}"
    lines = [(line, _with_tax(line)) for line in bill.lines]
    total = sum((price * line.quantity for line, price in lines), Decimal(0)).quantize(_CENT, ROUND_HALF_UP)
    # A till cuts the paper where the printing ends, so it is drawn twice.
    length = _drawn(bill, layout, clock, lines, total, length=3000).y
    roll = _drawn(bill, layout, clock, lines, total, length=length + 30)
    named = layout.sign != "bare" or bill.supplier.currency in roll.word("receipt.total")
    # Only a table shows the net amount of a rate.
    taxes = roll.taxes if roll.till.tax_table else tuple(TaxLine(rate=row.rate, tax=row.tax) for row in roll.taxes)
    return Printed(roll.sheet.finished(), 1, _truth(bill, total, taxes, currency=named))


def _drawn(
    bill: Bill,
    layout: Layout,
    clock: str,
    lines: Sequence[tuple[BilledLine, Decimal]],
    total: Decimal,
    *,
    length: float,
) -> _Roll:
    till, language = _Till.of(layout), words(bill.supplier.language)
    roll = _Roll(
        till=till,
        sheet=Sheet(family(till.font), width=till.width, height=length, title=bill.number),
        bill=bill,
        words=language,
        spelling=layout.spelling,
        write=layout.writing(bill.supplier, language.locale),
        clock=clock,
        taxes=_taxes(lines),
    )
    _draw_head(roll)
    for line, price in lines:
        _draw_item(roll, line, price)
    roll.separate()
    _draw_total(roll, total)
    _draw_taxes(roll)
    roll.y += _LEADING
    roll.line(roll.word("thanks"), centred=True)
    return roll


def _draw_head(roll: _Roll) -> None:
    supplier, centred = roll.bill.supplier, roll.till.centred
    roll.line(supplier.name, size=roll.till.size * 1.5, bold=True, centred=centred)
    for text in (supplier.slogan, supplier.street, supplier.town, supplier.phone):
        roll.line(text, centred=centred)
    if not roll.till.footer_vat:
        roll.line(f"{roll.word('supplier_vat_id')} {supplier.vat_id}", centred=centred)
    if roll.till.titled:
        roll.y += _LEADING * 0.4
        roll.line(roll.word("receipt.title"), size=roll.till.size + 2, bold=True, centred=True)
    roll.y += _LEADING * 0.4
    roll.line(f"{roll.word('receipt.number')} {roll.bill.number}")
    day = roll.write.date(roll.bill.issue_date)
    roll.pair(f"{roll.word('receipt.date')}: {day}" if roll.till.date_labelled else day, roll.clock)
    roll.separate()


def _draw_item(roll: _Roll, line: BilledLine, price: Decimal) -> None:
    write, quantity = roll.write, roll.write.quantity(line.quantity)
    amount = write.amount((price * line.quantity).quantize(_CENT, ROUND_HALF_UP))
    match roll.till.pricing:
        case "below":
            roll.line(line.name)
            roll.pair(f"   {quantity} x {write.amount(price)}", amount)
        case "before":
            roll.pair(f"{quantity} {line.name}", amount)
        case _:
            roll.pair(line.name, amount)
            if line.quantity != 1:
                roll.line(f"   {quantity} @ {write.amount(price)}")


def _draw_total(roll: _Roll, total: Decimal) -> None:
    write = roll.write
    if roll.till.subtotal:
        roll.pair(roll.word("receipt.subtotal"), write.amount(total))
    roll.pair(roll.word("receipt.total"), write.money(total), size=roll.till.size + 3, bold=True)
    if roll.till.cash:
        given = (total / 10).to_integral_value(ROUND_CEILING) * 10
        roll.pair(roll.word("receipt.cash"), write.amount(given))
        roll.pair(roll.word("receipt.change"), write.amount(given - total))
    else:
        roll.pair(roll.word("receipt.card"), write.amount(total))
    roll.separate()


def _draw_taxes(roll: _Roll) -> None:
    write = roll.write
    if roll.till.tax_table:
        edges = [roll.left + (roll.right - roll.left) * share for share in (0.28, 0.64, 1.0)]
        heads = [roll.word("total.rate"), roll.word("total.base"), roll.word("total.amount")]
        _cells(roll, edges, heads)
        for row in roll.taxes:
            values = [f"{write.rate(row.rate or Decimal(0))} %"]
            _cells(roll, edges, values + [write.amount(each or Decimal(0)) for each in (row.net, row.tax)])
    else:
        for row in roll.taxes:
            label = roll.word("receipt.tax").format(rate=write.rate(row.rate or Decimal(0)))
            roll.pair(label, write.amount(row.tax or Decimal(0)))
    if roll.till.footer_vat:
        roll.line(f"{roll.word('supplier_vat_id')} {roll.bill.supplier.vat_id}", centred=True)


def _cells(roll: _Roll, edges: Sequence[float], texts: Sequence[str]) -> None:
    roll.y += _LEADING
    for index, (edge, text) in enumerate(zip(edges, texts, strict=True)):
        width = edge - (edges[index - 1] if index else roll.left) - 4
        roll.sheet.text(edge, roll.y, text, roll.sheet.fitted(width, text, roll.till.size), align="right")


def _with_tax(line: BilledLine) -> Decimal:
    """The price of one, tax included."""
    return (line.unit_price * (100 + line.tax_rate) / 100).quantize(_CENT, ROUND_HALF_UP)


def _taxes(lines: Sequence[tuple[BilledLine, Decimal]]) -> tuple[TaxLine, ...]:
    rows = []
    for rate in sorted({line.tax_rate for line, _ in lines}):
        gross = sum((price * line.quantity for line, price in lines if line.tax_rate == rate), Decimal(0))
        tax = (gross * rate / (100 + rate)).quantize(_CENT, ROUND_HALF_UP)
        rows.append(TaxLine(rate=rate, net=gross.quantize(_CENT, ROUND_HALF_UP) - tax, tax=tax))
    return tuple(rows)


def _truth(bill: Bill, total: Decimal, taxes: tuple[TaxLine, ...], *, currency: bool) -> Invoice:
    """Neither lines, whose amounts here are with tax, nor totals that the paper does not print."""
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
