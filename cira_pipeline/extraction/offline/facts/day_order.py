"""Decides whether a document writes the month before the day, by its country, its language and its own dates.

`04/05/2026` is a day in April in the United States and in May nearly everywhere else; Canada writes both. Where neither
dates nor countries decide, the order is uncertain, and whatever rests on it goes to a person.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Sequence
from typing import Final

from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.printed.dates import DateText, DayOrder, day_order_of

_MONTH_FIRST: Final = frozenset({"US", "PR", "PH"})
_EITHER: Final = frozenset({"CA"})
# What is printed in these says nothing about the order: they are used where the month comes first, or anywhere.
_NO_EVIDENCE: Final = frozenset({"USD", "CAD", "PHP"})
_CODES: Final = re.compile(r"(?<![A-Za-z])[A-Z]{3}(?![A-Za-z])")
_NORTH_AMERICAN_PHONE: Final = re.compile(r"(?<!\d)(?:\+?1[\s.-]?)?(?:\(\d{3}\)\s?|\d{3}[-.])\d{3}[-.]\d{4}(?!\d)")
_USUAL_DAYS: Final = frozenset({7, 8, 10, 14, 15, 20, 21, 28, 29, 30, 31, 45, 60, 61, 90})
"""Days from issue to due date under usual terms of payment."""


def day_order(
    texts: Sequence[str],
    countries: Collection[str],
    language: str,
    issued: Iterable[DateText] = (),
    due: Iterable[DateText] = (),
) -> DayOrder:
    """The order of day and month; `certain` where the document's own dates, its terms or its countries decide it.

    `texts`: all with digits; `issued`, `due`: dates that their labels point at, the likeliest first.
    """
    own = [day_order_of(texts, american=american) for american in (True, False)]
    if own[0] == own[1]:
        return own[0]
    by_terms = _by_terms(next(iter(issued), None), next(iter(due), None))
    if by_terms is not None:
        return DayOrder(by_terms, certain=True)
    named = frozenset(countries)
    month = bool(named & _MONTH_FIRST)
    other = bool(named - _MONTH_FIRST - _EITHER) or _other_currency(texts)
    if language != "en":
        return DayOrder(month and not other, certain=not month)
    if month is not other and not named & _EITHER:
        return DayOrder(month, certain=True)
    dollars = not other and any(_NORTH_AMERICAN_PHONE.search(text) for text in texts)
    return DayOrder(month or dollars, certain=False)


def _other_currency(texts: Iterable[str]) -> bool:
    """Whether amounts are in a currency of countries that write the day first."""
    known = lexicon()
    signs = [sign for sign, codes in known.symbols.items() if len(codes) == 1 and not sign.isascii()]
    for text in texts:
        found = set(_CODES.findall(text)) & known.currency_codes
        found |= {known.symbols[sign][0] for sign in signs if sign in text}
        if found - _NO_EVIDENCE:
            return True
    return False


def _by_terms(issued: DateText | None, due: DateText | None) -> bool | None:
    """The only order in which the invoice is due on a usual day: `None` where both or neither are possible."""
    if issued is None or due is None:
        return None
    usual = []
    for first in ("month", "day"):
        days = [
            (last.value - start.value).days
            for start in issued.readings
            for last in due.readings
            if {start.first if len(issued.readings) > 1 else first, last.first if len(due.readings) > 1 else first}
            == {first}
        ]
        usual.append(any(each in _USUAL_DAYS for each in days))
    return usual[0] if usual[0] is not usual[1] else None
