"""Finds every amount printed on the pages, whatever field it belongs to."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from cira_pipeline.models import Reading
from cira_pipeline.printed.numbers import NumberReading, NumberText, numbers_in

# Units of currencies without decimals, printed after the number.
_UNITS: Final = ("円", "圓", "元", "원")
# Adjacent characters that make the digits part of a code, telephone number or date.
_TIED_BEFORE: Final = re.compile(r"(?:[\w#/]|\w-)$")
_TIED_AFTER: Final = re.compile(r"[-/]?\w")
_LEAST_UNGROUPED: Final = 1000
_USUAL_DECIMALS: Final = 2


def amounts_by_line(reading: Reading, decimals: int, currency: str | None) -> Mapping[int, Counter[Decimal]]:
    """Line number -> how often each amount with `decimals` decimals is printed on it, as absolute values.

    Decimals distinguish an amount from a count or a code. Without decimals (`decimals` is 0), a number counts as an
    amount when it has thousands separators, is next to a currency sign or the code `currency`, or, in a document
    without any thousands separators, is a separate number of at least four digits.
    """
    printed = {line.number: tuple(numbers_in(line.text)) for line in reading.lines}
    grouped = any(each.group for numbers in printed.values() for number in numbers for each in number.readings)
    found = {}
    for line in reading.lines:
        amounts = Counter(
            each.value
            for number in printed[line.number]
            for each in number.readings
            if _is_amount(number, each, line.text, decimals, currency, grouped=grouped)
        )
        if amounts:
            found[line.number] = amounts
    return found


def _is_amount(
    number: NumberText, reading: NumberReading, text: str, decimals: int, currency: str | None, *, grouped: bool
) -> bool:
    before, after = text[: number.start], text[number.end :]
    if after.lstrip().startswith("%"):
        return False
    if decimals:
        return reading.decimals == decimals
    if reading.decimals:
        # Some programs print every currency with two decimals: `JPY 20,000.00`.
        return reading.decimals == _USUAL_DECIMALS and reading.value == int(reading.value)
    if _has_currency(before.rstrip(), after.lstrip(), currency):
        return True
    if _TIED_BEFORE.search(before) or _TIED_AFTER.match(after):
        return False
    return bool(reading.group) or (not grouped and reading.value >= _LEAST_UNGROUPED)


def _has_currency(before: str, after: str, currency: str | None) -> bool:
    if any(char and unicodedata.category(char) == "Sc" for char in (before[-1:], after[:1])):
        return True
    if after.startswith(_UNITS):
        return True
    return currency is not None and (
        (before.endswith(currency) and not before[: -len(currency)][-1:].isalnum())
        or (after.startswith(currency) and not after[len(currency) :][:1].isalnum())
    )
