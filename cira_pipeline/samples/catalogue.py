"""Invented suppliers, customers, goods and words, from the TOML files in `data`."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from importlib.resources import files
from typing import Any


@dataclass(frozen=True)
class Party:
    """A company; `country` is ISO 3166-1 alpha-2, `language` ISO 639-1."""

    key: str
    name: str
    street: str
    postcode: str
    city: str
    country: str
    language: str
    vat_id: str
    email: str
    contact: str = ""

    @property
    def town(self) -> str:
        """Postcode and city in the order of the country."""
        if self.country in ("GB", "IE"):
            return f"{self.city} {self.postcode}"
        return f"{self.postcode} {self.city}"

    @property
    def address(self) -> str:
        """On one line, without name and country."""
        return f"{self.street}, {self.town}"


@dataclass(frozen=True, kw_only=True)
class Supplier(Party):
    """`number` is the pattern of its invoice numbers; `trade` names its goods."""

    slogan: str
    currency: str
    register: str
    managers: str
    phone: str
    web: str
    iban: str
    bic: str
    bank: str
    trade: str
    number: str

    @property
    def printed_iban(self) -> str:
        """In groups of four."""
        return " ".join(self.iban[start : start + 4] for start in range(0, len(self.iban), 4))


@dataclass(frozen=True)
class Good:
    """`price` is the usual net price of one `unit` (UN/ECE Rec 20), `quantity` the usual range, `rate` its kind."""

    name: str
    unit: str
    price: Decimal
    quantity: tuple[int, int]
    rate: str = "standard"
    detail: str = ""


@dataclass(frozen=True)
class Words:
    """Words of one language. A list contains alternative spellings, of which a layout uses one."""

    locale: str
    entries: Mapping[str, Any]

    def pick(self, path: str, spelling: int) -> str:
        """The word at the dotted `path`, in the spelling that a layout with this number prefers."""
        found: Any = self.entries
        for part in path.split("."):
            found = found[part]
        return str(found if isinstance(found, str) else found[spelling % len(found)])

    def has(self, path: str) -> bool:
        found: Any = self.entries
        for part in path.split("."):
            if part not in found:
                return False
            found = found[part]
        return True


@cache
def suppliers() -> Mapping[str, Supplier]:
    return {key: Supplier(key=key, **row) for key, row in _toml("suppliers").items()}


@cache
def customers() -> Mapping[str, Party]:
    return {key: Party(key=key, **row) for key, row in _toml("customers").items()}


@cache
def companies() -> Mapping[str, Any]:
    """Parts for invented companies, by country."""
    return _toml("companies")


@cache
def trades() -> Mapping[str, Any]:
    """Trades by language: words for company names, and slogans."""
    return _toml("trades")


@cache
def goods(trade: str) -> Sequence[Good]:
    return tuple(
        Good(**{**row, "price": Decimal(row["price"]), "quantity": tuple(row["quantity"])})
        for row in _toml("goods")[trade]
    )


@cache
def rates(country: str) -> Mapping[str, Decimal]:
    """VAT in percent by kind: `standard`, `reduced` and, in some countries, `intermediate`."""
    return {kind: Decimal(rate) for kind, rate in _toml("rates")[country].items()}


@cache
def words(language: str) -> Words:
    entries = _toml(f"words/{language}")
    return Words(locale=entries["locale"], entries=entries)


@cache
def _toml(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8"))
