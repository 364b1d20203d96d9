"""Parser of printed numbers: all values that a text may mean, and the choice among them by a document's convention.

`1.234` is one thousand where `12,50` is a price, and a little over one where `12.50` is. The parser gives both values.
A choice between them needs a convention, and states whether that convention was certain.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from typing import Final

from babel import Locale
from babel.core import get_global

_SPACES: Final = " \u00a0\u2009\u202f"
_APOSTROPHES: Final = "'’"
_SEPARATORS_UNIFIED: Final = str.maketrans({**dict.fromkeys(_SPACES, " "), **dict.fromkeys(_APOSTROPHES, "'")})

# Indian grouping: 12,34,567.00.
_LAKHS: Final = r"\d{1,2}(?:,\d{2})+,\d{3}"
NUMBER: Final = (
    rf"(?:{_LAKHS}(?:\.\d{{1,4}})?(?!\d)"
    rf"|\d{{1,3}}(?:(?P<group>[.,{_APOSTROPHES}{_SPACES}])\d{{3}})(?:(?P=group)\d{{3}})*(?:[.,]\d{{1,4}})?(?!\d)"
    r"|\d+(?:[.,]\d{1,6})?|[.,]\d{2})"
)
"""Regular expression of an unsigned number in running text; its group `group` is the thousands separator."""

_STANDS_ALONE: Final = re.compile(rf"(?<!\d)(?<!\d[.,{_APOSTROPHES}])(?![.,](?<=[\w/.,].)){NUMBER}(?!\d|[.,]\d)")
_IN_LAKHS: Final = re.compile(_LAKHS)
_IN_THOUSANDS: Final = re.compile(r"(?P<first>\d{1,3})(?P<group>[., '])\d{3}(?:(?P=group)\d{3})*")
_OTHER_SIGN: Final = {".": ",", ",": "."}
# Longer than any printed amount, in characters.
_LONGEST: Final = 64
# More than any printed amount has, in groups of thousands.
_MOST_GROUPS: Final = 10


@dataclass(frozen=True, slots=True)
class NumberReading:
    """One value that a printed number may mean. `decimal` and `group` are the decimal sign and the thousands separator
    under this reading: `.`, `,`, a space or an apostrophe, empty where the number has none.
    """

    value: Decimal
    decimals: int
    decimal: str
    group: str

    @property
    def is_regular(self) -> bool:
        """False for `1.234.56`: the same thousands separator and decimal sign, an OCR error for `1.234,56`."""
        return not self.decimal or self.decimal != self.group


@dataclass(frozen=True, slots=True)
class Convention:
    """A document's decimal sign, and whether the document proves it."""

    decimal: str
    certain: bool


@dataclass(frozen=True, slots=True)
class NumberText:
    """Position of an unsigned number in a text."""

    text: str
    start: int
    end: int

    @property
    def readings(self) -> tuple[NumberReading, ...]:
        return readings(self.text)


@lru_cache(maxsize=8192)
def readings(text: str) -> tuple[NumberReading, ...]:
    """Every value that `text`, one unsigned number without other text, may mean; empty where it is no number."""
    if len(text) > _LONGEST:
        return ()
    plain = text.translate(_SEPARATORS_UNIFIED)
    found = [_reading(plain, "", "")]
    for sign in ".,":
        whole, decimal, fraction = plain.rpartition(sign)
        if decimal and fraction.isdecimal():
            found.append(_reading(whole, sign, fraction))
    return tuple(reading for reading in found if reading is not None)


def _reading(whole: str, decimal: str, fraction: str) -> NumberReading | None:
    if not whole:
        return NumberReading(Decimal(f"0.{fraction}"), 2, decimal, "") if len(fraction) == 2 else None
    group = _group_of(whole)
    if group is None or (group and group == decimal and len(fraction) != 2):
        return None
    digits = whole.replace(group, "") if group else whole
    return NumberReading(Decimal(f"{digits}.{fraction}" if fraction else digits), len(fraction), decimal, group)


def _group_of(whole: str) -> str | None:
    """Thousands separator of `whole`, empty where there is none; `None` where `whole` is no integer."""
    if whole.isdecimal():
        return ""
    thousands = _IN_THOUSANDS.fullmatch(whole)
    if thousands is not None:
        group = thousands["group"]
        return None if group in ".," and thousands["first"].startswith("0") else group
    return "," if _IN_LAKHS.fullmatch(whole) else None


def choose(text: str, convention: Convention) -> tuple[NumberReading, bool] | None:
    """The value of `text` under `convention`, and whether it is certain: `text` has no other reading, or the document
    proves its convention.
    """
    found = readings(text)
    if len(found) < 2:
        return (found[0], found[0].is_regular) if found else None
    # The two readings take the only sign as thousands separator or as decimal sign.
    whole, fraction = found
    return fraction if fraction.decimal == convention.decimal else whole, convention.certain


def convention_of(numbers: Iterable[tuple[str, Sequence[str]]], language: str | None) -> Convention:
    """The decimal sign of a document's unambiguous numbers; else that of its amounts, since most currencies have no
    thousandths; else that of `language` (CLDR); else the full stop.

    Each number comes with the currencies (ISO 4217) that a sign or code beside it may mean.
    """
    clear: Counter[str] = Counter()
    money: Counter[str] = Counter()
    whole = True
    for text, currencies in numbers:
        if sign := _decimal_sign_shown(text):
            clear[sign] += 1
        elif currencies and (sign := _decimal_sign_of_money(text, currencies)):
            money[sign] += 1
            whole = whole and all(map(is_printed_whole, currencies))
    votes = clear or money
    if votes:
        sign, count = votes.most_common(1)[0]
        return Convention(sign, certain=(bool(clear) or whole) and count >= 2 * (sum(votes.values()) - count))
    return Convention(_cldr_decimal(language or "en"), certain=False)


def _decimal_sign_of_money(text: str, currencies: Sequence[str]) -> str:
    """Decimal sign proved by an amount: `110.000 HUF` has a thousands separator, as the forint has no thousandths."""
    found = readings(text)
    if len(found) < 2 or any(decimals_of(code) >= found[1].decimals for code in currencies):
        return ""
    return _OTHER_SIGN[found[0].group]


def _decimal_sign_shown(text: str) -> str:
    """The decimal sign that a document printing `text` must use, if `text` proves it; else an empty string."""
    found = readings(text)
    if len(found) != 1 or not found[0].is_regular:
        return ""
    [only] = found
    if only.decimal:
        # `1.5` is a version or a chapter as often as a number.
        return only.decimal if only.group in {".", ","} or (only.decimals == 2 and text[0].isdecimal()) else ""
    return _OTHER_SIGN.get(only.group, "")


@lru_cache(maxsize=32)
def _cldr_decimal(language: str) -> str:
    symbols = Locale.parse(language).number_symbols
    symbols = symbols.get("latn", symbols)
    return "," if str(symbols.get("decimal", ".")) == "," else "."


def numbers_in(text: str) -> Iterator[NumberText]:
    """The unsigned numbers in `text`, the longest at each position: `1 234` is one number."""
    for match in _STANDS_ALONE.finditer(text):
        yield NumberText(match.group(), match.start(), match.end())


def values_in(text: str) -> Iterator[Decimal]:
    """Every value that any number in `text` may mean, also where a space separates two columns instead of thousands."""
    for number in numbers_in(text):
        parts = number.text.translate(_SEPARATORS_UNIFIED).split(" ")
        for first in range(len(parts)):
            for last in range(first + 1, min(len(parts), first + _MOST_GROUPS) + 1):
                for reading in readings(" ".join(parts[first:last])):
                    yield reading.value


def decimals_of(currency: str | None) -> int:
    """Number of decimals of the currency's amounts (ISO 4217 code, CLDR digits); 2 where the currency is unknown."""
    return int(_fractions(currency)[0])


def is_printed_whole(currency: str | None) -> bool:
    """Whether the currency's amounts are often printed without decimals, though accounts may keep them: HUF, SEK."""
    return int(_fractions(currency)[2]) == 0


def _fractions(currency: str | None) -> tuple[int, int, int, int]:
    fractions = get_global("currency_fractions")
    found: tuple[int, int, int, int] = fractions.get(currency or "", fractions["DEFAULT"])
    return found
