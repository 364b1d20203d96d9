"""Amounts as they are printed on the pages, whatever they stand for."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping
from decimal import Decimal
from typing import Final

from cira_pipeline.values import Reading

# Thousands in groups of three, by any of the signs in use, and decimals after a comma or a point.
_AMOUNT: Final = re.compile(
    r"(?<![\d.,])(?P<whole>\d{1,3}(?:[.,' \u00a0\u202f’]\d{3})+|\d+)[.,](?P<cents>\d{2,3})(?![\d]|[.,]\d)"
)


def amounts_by_line(reading: Reading, decimals: int) -> Mapping[int, Counter[Decimal]]:
    """Line number -> how often each amount with `decimals` decimals stands on it, without signs."""
    found = {}
    for line in reading.lines:
        amounts = Counter(
            Decimal(f"{''.join(filter(str.isdigit, match['whole']))}.{match['cents']}")
            for match in _AMOUNT.finditer(line.text)
            if len(match["cents"]) == decimals
        )
        if amounts:
            found[line.number] = amounts
    return found
