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
    region: str = ""

    @property
    def town(self) -> str:
        """Postcode, city and region in the order of the country."""
        form = companies()[self.country].get("town", "{postcode} {city}")
        return str(form).format(postcode=self.postcode, city=self.city, region=self.region)

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
    """`price` is the usual net price of one `unit` (UN/ECE Rec 20), `quantity` the usual range, `rate` its kind.

    `commodity`: its code in the Harmonised System, or of services in India's.
    """

    name: str
    unit: str
    price: Decimal
    quantity: tuple[int, int]
    rate: str = "standard"
    detail: str = ""
    commodity: str = ""


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
    folder = files(__package__) / "data" / "countries"
    national = (_toml(f"countries/{entry.name.removesuffix('.toml')}") for entry in sorted(folder.iterdir(), key=str))
    own = {row["locale"][-2:]: row["companies"] for row in national if "companies" in row}
    return {**_toml("companies"), **own}


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


def merged(usual: Mapping[str, Any], own: Mapping[str, Any]) -> Mapping[str, Any]:
    """`usual` with the entries of `own`, table by table."""
    tables = {name: merged(usual[name], value) for name, value in own.items() if isinstance(usual.get(name), Mapping)}
    return {**usual, **own, **tables}


@cache
def _toml(name: str) -> Mapping[str, Any]:
    return tomllib.loads((files(__package__) / "data" / f"{name}.toml").read_text(encoding="utf-8"))
