"""Amounts as they are printed on the pages, whatever they stand for."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from cira_pipeline.models import Reading
from cira_pipeline.printed.numbers import NumberReading, NumberText, numbers_in

# Words for the unit of currencies without decimals, which stand behind the number.
_UNITS: Final = ("円", "圓", "元", "원")
# A code, a telephone number, a date: digits that are tied to what stands beside them.
_TIED_BEFORE: Final = re.compile(r"(?:[\w#/]|\w-)$")
_TIED_AFTER: Final = re.compile(r"[-/]?\w")
_LEAST_UNPARTED: Final = 1000
_USUAL: Final = 2


def amounts_by_line(reading: Reading, decimals: int, currency: str | None) -> Mapping[int, Counter[Decimal]]:
    """Line number -> how often each amount with `decimals` decimals stands on it, without signs.

    Decimals tell an amount from a count or a code. Where there are none, something else must: thousands that are
    parted, a sign of a currency or the code `currency` beside the number, or, in a document that never parts thousands,
    four digits that stand alone.
    """
    printed = {line.number: tuple(numbers_in(line.text)) for line in reading.lines}
    parted = any(each.group for numbers in printed.values() for number in numbers for each in number.readings)
    found = {}
    for line in reading.lines:
        amounts = Counter(
            each.value
            for number in printed[line.number]
            for each in number.readings
            if _is_amount(number, each, line.text, decimals, currency, parted=parted)
        )
        if amounts:
            found[line.number] = amounts
    return found


def _is_amount(
    number: NumberText, reading: NumberReading, text: str, decimals: int, currency: str | None, *, parted: bool
) -> bool:
    before, after = text[: number.start], text[number.end :]
    if after.lstrip().startswith("%"):
        return False
    if decimals:
        return reading.decimals == decimals
    if reading.decimals:
        # Some programs print all currencies alike: `JPY 20,000.00`.
        return reading.decimals == _USUAL and reading.value == int(reading.value)
    if _has_currency(before.rstrip(), after.lstrip(), currency):
        return True
    if _TIED_BEFORE.search(before) or _TIED_AFTER.match(after):
        return False
    return bool(reading.group) or (not parted and reading.value >= _LEAST_UNPARTED)


def _has_currency(before: str, after: str, currency: str | None) -> bool:
    if any(char and unicodedata.category(char) == "Sc" for char in (before[-1:], after[:1])):
        return True
    if after.startswith(_UNITS):
        return True
    return currency is not None and (
        (before.endswith(currency) and not before[: -len(currency)][-1:].isalnum())
        or (after.startswith(currency) and not after[len(currency) :][:1].isalnum())
    )
