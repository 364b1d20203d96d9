"""Bill: the data of one sale with all its sums, from which every document and its ground truth are generated."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from random import Random

from cira_pipeline.invoice import TaxLine
from cira_pipeline.samples.catalogue import Good, Party, Supplier, goods, rates
from cira_pipeline.samples.national import National

CREDIT_NOTE = "381"
INVOICE = "380"
_CENT = Decimal("0.01")
_BY_METRE_OR_WEIGHT = frozenset({"KGM", "MTR", "MTK", "MTQ", "HUR"})


@dataclass(frozen=True)
class BilledLine:
    """A line of a bill. `unit_price` is before the discount, which is a percentage of it."""

    name: str
    detail: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount: Decimal
    tax_rate: Decimal
    rate_kind: str = "standard"
    commodity: str = ""

    @property
    def net_amount(self) -> Decimal:
        return _cents(self.quantity * self.unit_price * (100 - self.discount) / 100)

    @property
    def tax_amount(self) -> Decimal:
        return _cents(self.net_amount * self.tax_rate / 100)


@dataclass(frozen=True)
class Bill:
    """`days` until it is due. `corrects` is number and date of the invoice that a credit note takes back.

    `allowance_rate` is the discount on the whole, in percent; it needs a single VAT rate. `miscalculated` is by how
    much the supplier got its gross total wrong. `withheld` is the rate in percent of a tax that the customer withholds,
    `tax_reduction` what the state pays for the customer.
    """

    supplier: Supplier
    customer: Party
    kind: str
    number: str
    issue_date: date
    days: int
    delivery_date: date
    purchase_order: str
    order_date: date
    contact: str
    delivery_place: str
    customer_number: str
    lines: tuple[BilledLine, ...]
    reverse_charge: bool = False
    prepaid: Decimal = Decimal(0)
    corrects: tuple[str, date] | None = None
    miscalculated: Decimal = Decimal(0)
    allowance_rate: Decimal = Decimal(0)
    shipping: Decimal = Decimal(0)
    tip: Decimal = Decimal(0)
    previous_balance: Decimal = Decimal(0)
    withheld: Decimal = Decimal(0)
    tax_reduction: Decimal = Decimal(0)
    national: National | None = None

    @property
    def due_date(self) -> date:
        return self.issue_date + timedelta(days=self.days)

    @property
    def is_credit(self) -> bool:
        return self.kind == CREDIT_NOTE

    @property
    def taxes(self) -> tuple[TaxLine, ...]:
        """One row for each rate, the lowest first; in the habits of a country one for each tax and rate."""
        if self.national is not None:
            return tuple(self._national_taxes(self.national))
        rows = []
        for rate in sorted({line.tax_rate for line in self.lines}):
            net = sum((line.net_amount for line in self.lines if line.tax_rate == rate), Decimal(0)) - self.allowance
            rows.append(TaxLine(rate=rate, net=net, tax=_cents(net * rate / 100)))
        return tuple(rows)

    def _national_taxes(self, national: National) -> Iterator[TaxLine]:
        bases: dict[str, Decimal] = {}
        for line in self.lines:
            bases[line.rate_kind] = bases.get(line.rate_kind, Decimal(0)) + line.net_amount
        # Goods that are taxed at the usual rate come first; the discount on the whole is theirs, like the freight.
        main = "standard" if "standard" in bases else next(iter(bases))
        bases[main] += (self.shipping if national.habits.shipping_taxed else Decimal(0)) - self.allowance
        for kind in sorted(bases, key=national.regime.rate):
            for tax in national.regime.taxes:
                rate = tax.rates.get(kind, Decimal(0))
                yield TaxLine(name=tax.name, rate=rate, net=bases[kind], tax=_cents(bases[kind] * rate / 100))

    def negative(self) -> Bill:
        """This bill with every amount negative, as some companies print credit notes."""
        return replace(self, lines=tuple(replace(line, quantity=-line.quantity) for line in self.lines))

    @property
    def line_total(self) -> Decimal:
        return sum((line.net_amount for line in self.lines), Decimal(0))

    @property
    def allowance(self) -> Decimal:
        """The amount of the document-level discount."""
        return _cents(self.line_total * self.allowance_rate / 100)

    @property
    def net_total(self) -> Decimal:
        return self.line_total - self.allowance + self.shipping

    @property
    def tax_total(self) -> Decimal:
        return sum((row.tax or Decimal(0) for row in self.taxes), Decimal(0))

    @property
    def gross_total(self) -> Decimal:
        return self.net_total + self.tax_total + self.miscalculated

    @property
    def withholding(self) -> Decimal:
        """The amount that the customer withholds."""
        return _cents(self.net_total * self.withheld / 100)

    @property
    def rounding(self) -> Decimal:
        """What rounds the amount due to the smallest unit that is paid."""
        step = self.national.habits.rounding if self.national is not None else None
        if step is None:
            return Decimal(0)
        whole = (self._exact_due / step).quantize(Decimal(1), rounding=ROUND_HALF_UP) * step
        return _cents(whole - self._exact_due)

    @property
    def amount_due(self) -> Decimal:
        return self._exact_due + self.rounding

    @property
    def _exact_due(self) -> Decimal:
        deducted = self.withholding + self.prepaid + self.tax_reduction
        return self.gross_total - deducted + self.previous_balance + self.tip


@dataclass(frozen=True)
class Wish:
    """What a bill shall be like. `lines` is how many, `rates` how many different VAT rates at the most; `retail` is a
    few pieces, as over the counter.
    """

    lines: int = 4
    rates: int = 1
    credit: bool = False
    discount: bool = False
    reverse_charge: bool = False
    prepaid: bool = False
    allowance: bool = False
    retail: bool = False
    shipping: bool = False
    tip: bool = False
    previous_balance: bool = False
    tax_reduction: bool = False


def compose_bill(
    random: Random,
    supplier: Supplier,
    customer: Party,
    wish: Wish,
    *,
    issue_date: date,
    sequence: int,
    contact: str = "",
    delivery_place: str = "",
    national: National | None = None,
) -> Bill:
    """A bill as `wish` says; `sequence` makes its number, so that no two of a supplier are alike.

    `contact` is a person of the supplier, `delivery_place` an address on one line. `national`: what it states by
    the habits of its country.
    """
    number = _number(supplier, issue_date, sequence)
    bill = Bill(
        supplier=supplier,
        customer=customer,
        kind=CREDIT_NOTE if wish.credit else INVOICE,
        number=number,
        issue_date=issue_date,
        # Longer than any term for an early-payment discount.
        days=random.choice((10, 14, 14, 21, 30, 30, 30, 45)),
        delivery_date=issue_date - timedelta(days=random.randint(1, 9)),
        purchase_order=random.choice(("PO-{:05}", "{:06}", "B{:05}", "45{:08}")).format(random.randint(10_000, 99_999)),
        order_date=issue_date - timedelta(days=random.randint(12, 40)),
        contact=contact,
        delivery_place=delivery_place,
        customer_number=str(random.randint(10_000, 99_999)),
        lines=_lines(random, supplier, wish, national),
        reverse_charge=wish.reverse_charge,
        national=national,
    )
    if wish.credit:
        corrected = issue_date - timedelta(days=random.randint(6, 30))
        bill = replace(bill, corrects=(_number(supplier, corrected, max(1, sequence - 9)), corrected))
    if wish.allowance and (national is not None or len(bill.taxes) == 1):
        bill = replace(bill, allowance_rate=Decimal(random.choice((2, 3, 5, 10))))
    if national is not None:
        bill = _with_national_amounts(random, bill, national, wish)
    if wish.prepaid:
        bill = replace(bill, prepaid=_cents(bill.gross_total * random.choice((20, 25, 30, 50)) / 100))
    return bill


def _with_national_amounts(random: Random, bill: Bill, national: National, wish: Wish) -> Bill:
    unit = national.habits.prices
    withheld = national.habits.withheld
    wages = sum((line.net_amount + line.tax_amount for line in bill.lines if line.unit == "HUR"), Decimal(0))
    share = national.habits.tax_reduction or Decimal(0)
    return replace(
        bill,
        shipping=_cents(Decimal(random.randint(900, 9_900)) / 100 * unit) if wish.shipping else Decimal(0),
        tip=_cents(bill.line_total * random.choice((15, 18, 20)) / 100) if wish.tip else Decimal(0),
        previous_balance=_cents(Decimal(random.randint(2_000, 90_000)) / 100 * unit)
        if wish.previous_balance
        else Decimal(0),
        withheld=random.choice(withheld.rates) if withheld is not None and national.side.person else Decimal(0),
        # Whole units are paid by the state.
        tax_reduction=(wages * share / 100).quantize(Decimal(1)) if wish.tax_reduction else Decimal(0),
    )


def _lines(random: Random, supplier: Supplier, wish: Wish, national: National | None) -> tuple[BilledLine, ...]:
    offered = _of_few_rates(random, goods(supplier.trade), wish.rates)
    chosen: list[Good] = []
    while len(chosen) < wish.lines:
        # No good is taken twice before all were taken.
        chosen += random.sample(list(offered), min(len(offered), wish.lines - len(chosen)))
    by_kind = {good.rate: national.regime.rate(good.rate) for good in offered} if national else rates(supplier.country)
    factor = national.habits.prices if national is not None else Decimal(1)
    lines = []
    for position, good in enumerate(chosen):
        rate = Decimal(0) if wish.reverse_charge else by_kind[good.rate]
        line = _line(random, replace(good, price=good.price * factor), rate, wish)
        if position >= len(offered):
            # The same good again, for another place of the customer.
            line = replace(line, name=f"{line.name} ({random.choice('ABCDEFG')}-{random.randint(100, 999)})")
        lines.append(line)
    return tuple(lines)


def _of_few_rates(random: Random, offered: Sequence[Good], rates_wanted: int) -> Sequence[Good]:
    kinds = sorted({good.rate for good in offered})
    kept: set[str] = set()
    while len(kept) < min(rates_wanted, len(kinds)):
        # By the number of goods, so that a bill of one rate has several goods to choose from.
        kept.add(random.choice(offered).rate)
    return [good for good in offered if good.rate in kept]


def _line(random: Random, good: Good, rate: Decimal, wish: Wish) -> BilledLine:
    low, high = (1, 3) if wish.retail else good.quantity
    quantity = Decimal(random.randint(low, high))
    if good.unit in _BY_METRE_OR_WEIGHT and not wish.retail and random.random() < 0.5:
        quantity += random.choice((Decimal("0.25"), Decimal("0.5"), Decimal("0.75")))
    # Prices differ a little between customers.
    price = good.price * random.choice((100, 100, 100, 97, 98, 102, 103)) / 100
    return BilledLine(
        name=good.name,
        detail=good.detail,
        quantity=quantity,
        unit=good.unit,
        unit_price=_cents(price),
        discount=Decimal(random.choice((0, 0, 5, 10))) if wish.discount else Decimal(0),
        tax_rate=rate,
        rate_kind=good.rate,
        commodity=good.commodity,
    )


def _number(supplier: Supplier, issued: date, sequence: int) -> str:
    return supplier.number.format(year=issued.year, sequence=sequence)


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)
