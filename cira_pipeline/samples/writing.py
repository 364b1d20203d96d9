"""Formats numbers, amounts and dates as a company prints them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Literal

from babel.dates import format_date

Sign = Literal["symbol_after", "symbol_before", "code_after", "code_before", "bare"]

_SYMBOLS = {"EUR": "€", "GBP": "£", "PLN": "zł", "DKK": "kr.", "SEK": "kr", "USD": "$"}
# Nobody writes pounds behind the amount, or złoty before it.
_CUSTOMARY: Mapping[str, Sign] = {
    "£": "symbol_before",
    "$": "symbol_before",
    "zł": "symbol_after",
    "Rs.": "symbol_before",
    "CHF": "symbol_before",
}
NO_BREAK_SPACE = "\u00a0"


@dataclass(frozen=True)
class Writing:
    """`grouping` parts thousands, `decimal` the cents; `date_pattern` is one of Unicode's (UTS 35).

    `symbol`: the printed currency, where it is not the usual one. `lakh`: hundreds above the thousands are grouped.
    """

    locale: str
    currency: str
    grouping: str
    decimal: str
    date_pattern: str
    sign: Sign
    symbol: str = ""
    lakh: bool = False

    @property
    def currency_mark(self) -> str:
        """The printed form of the currency: its symbol or its code."""
        return self.symbol or (self.currency if self.sign.startswith("code") else _SYMBOLS[self.currency])

    def date(self, day: date) -> str:
        return format_date(day, self.date_pattern, locale=self.locale)

    def number(self, value: Decimal, decimals: int) -> str:
        digits = _in_lakhs(f"{value:.{decimals}f}") if self.lakh else f"{value:,.{decimals}f}"
        return digits.replace(",", "\0").replace(".", self.decimal).replace("\0", self.grouping)

    def amount(self, value: Decimal) -> str:
        """With two decimals and no currency."""
        return self.number(value, 2)

    def money(self, value: Decimal) -> str:
        """With the currency, where this company prints it."""
        digits = self.amount(value)
        if self.sign == "bare":
            return digits
        if self.symbol and value < 0:
            return f"-{self.money(-value)}"
        match _CUSTOMARY.get(self.currency_mark, self.sign):
            case "symbol_after" | "code_after":
                return f"{digits}{NO_BREAK_SPACE}{self.currency_mark}"
            case "symbol_before":
                space = "" if self.currency_mark in "£$" else NO_BREAK_SPACE
                return f"{self.currency_mark}{space}{digits}"
            case _:
                return f"{self.currency_mark}{NO_BREAK_SPACE}{digits}"

    def quantity(self, value: Decimal) -> str:
        """As many decimals as it has."""
        decimals = max(0, -int(value.normalize().as_tuple().exponent))
        return self.number(value, decimals)

    def rate(self, value: Decimal) -> str:
        """A percentage without its sign."""
        return self.quantity(value)


def _in_lakhs(digits: str) -> str:
    """`1234567.00` as `12,34,567.00`."""
    whole, point, cents = digits.partition(".")
    sign, whole = ("-", whole[1:]) if whole.startswith("-") else ("", whole)
    head = whole[:-3]
    groups = [head[max(0, end - 2) : end] for end in range(len(head), 0, -2)][::-1]
    return f"{sign}{','.join([*groups, whole[-3:]])}{point}{cents}"
