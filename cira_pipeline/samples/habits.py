"""Habits: what invoices of a country state and how they write it, from the TOML files in `data/countries`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

from cira_pipeline.samples.catalogue import Words, merged, words
from cira_pipeline.samples.writing import Sign, Writing


class _Data(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Tax(_Data):
    """A tax of a regime: `rates` in percent by the kind of goods, `labels` as printed before its amount."""

    name: str
    rates: Mapping[str, Decimal]
    labels: tuple[str, ...]


class Regime(_Data):
    """The taxes of one sale.

    `regions`: regions of the customer in which it applies, empty for all. `same_region`: whether supplier and customer
    must be in one region, `None` where that does not matter. `line_rates`: whether lines name their rate.
    """

    taxes: tuple[Tax, ...] = ()
    regions: tuple[str, ...] = ()
    same_region: bool | None = None
    line_rates: bool = False

    def rate(self, kind: str) -> Decimal:
        """The sum of its rates for goods of `kind`, in percent."""
        return sum((tax.rates.get(kind, Decimal(0)) for tax in self.taxes), Decimal(0))


class IdForm(_Data):
    """A tax id that companies state. `maker` names a function of `invented_ids`; `customer`: customers have it too."""

    scheme: str
    maker: str
    labels: tuple[str, ...]
    customer: bool = False
    share: float = 1.0
    regions: tuple[str, ...] = ()
    persons: bool | None = None
    """Whether only persons (`true`) or only companies (`false`) have it."""


class AccountForm(_Data):
    """A way to be paid. `maker` names a function of `invented_ids`; labels are printed before its parts."""

    scheme: str
    maker: str
    routing: tuple[str, ...] = ()
    account: tuple[str, ...] = ()
    name: tuple[str, ...] = ()
    share: float = 1.0


class ReferenceForm(_Data):
    """The payment reference. `accounts`: schemes of the accounts it belongs to, empty for all."""

    maker: str
    labels: tuple[str, ...]
    accounts: tuple[str, ...] = ()
    share: float = 1.0


class Registration(_Data):
    """The company register: `texts` with `{number}`, drawn by `number` (# is a digit)."""

    texts: tuple[str, ...]
    number: str


class Withheld(_Data):
    """A tax that customers withhold from persons."""

    name: str
    rates: tuple[Decimal, ...]


class Shares(_Data):
    """The share of invoices, 0 to 1, that have each part."""

    shipping: float = 0
    allowance: float = 0
    prepaid: float = 0
    previous_balance: float = 0
    tip: float = 0
    cash_discount: float = 0
    ship_to: float = 0
    remit_to: float = 0
    persons: float = 0
    tax_reduction: float = 0
    second_language: float = 0


class Habits(_Data):
    """What invoices of a country state.

    `numbers`: grouping and decimal sign, of which a layout prefers one, like `dates` (patterns of UTS 35). `marks`: the
    printed currency, its symbol first. `rounding`: smallest unit of the amount due. `facts`: references of which a
    supplier states some. `professions`: trades of persons. `tax_reduction`: percent of the wages that the state pays.
    `words` replaces words of the language, `companies` has the parts of invented names and addresses.
    """

    language: str
    locale: str
    currency: str
    marks: tuple[str, str]
    prices: Decimal = Decimal(1)
    paper: Literal["a4", "letter"] = "a4"
    numbers: tuple[str, ...]
    lakh: bool = False
    dates: tuple[str, ...]
    trades: tuple[str, ...]
    professions: tuple[str, ...] = ()
    regimes: tuple[Regime, ...]
    region_codes: Mapping[str, str] = {}
    shipping_taxed: bool = True
    rounding: Decimal | None = None
    withheld: Withheld | None = None
    tax_reduction: Decimal | None = None
    tax_ids: tuple[IdForm, ...]
    registration: Registration | None = None
    accounts: tuple[AccountForm, ...]
    reference: ReferenceForm | None = None
    facts: tuple[str, ...] = ()
    banks: tuple[tuple[str, str], ...] = ()
    second_language: str = ""
    classification: bool = False
    shares: Shares = Shares()
    words: Mapping[str, Any] = {}
    companies: Mapping[str, Any] | None = None

    def writing(self, sign: Sign, numbers: int, dates: int) -> Writing:
        """Numbers and dates as a layout with these preferences writes them."""
        style = self.numbers[numbers % len(self.numbers)]
        return Writing(
            locale=self.locale,
            currency=self.currency,
            grouping=style[0],
            decimal=style[1],
            date_pattern=self.dates[dates % len(self.dates)],
            sign=sign,
            symbol=self.marks[0] if not sign.startswith("code") else self.marks[1],
            lakh=self.lakh,
        )


@cache
def habits(country: str) -> Habits:
    """The habits of `country` (ISO 3166-1 alpha-2), one of `national_countries()`."""
    text = (files(__package__) / "data" / "countries" / f"{country}.toml").read_text(encoding="utf-8")
    return Habits.model_validate(tomllib.loads(text))


@cache
def national_countries() -> Sequence[str]:
    """The countries whose habits are known, in alphabetical order."""
    names = (entry.name for entry in (files(__package__) / "data" / "countries").iterdir())
    return tuple(sorted(name.removesuffix(".toml") for name in names if name.endswith(".toml")))


@cache
def national_words(country: str) -> Words:
    """The words of the country's language with those of the country."""
    known = habits(country)
    return Words(locale=known.locale, entries=merged(words(known.language).entries, known.words))
