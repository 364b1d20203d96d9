"""Parses numbers in a segment, with adjacent signs, currencies and units.

The convention of the whole document decides what a number means (`cira_pipeline/printed/numbers.py`).
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.page.canvas import Segment, Span
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.printed.numbers import NUMBER, Convention, choose


@dataclass(frozen=True, slots=True)
class _Tuned:
    space_gap: float
    space_digits: float
    wide_space_gap: float


_TUNED = thresholds(_Tuned)

_SIGN = "-−–"
_SIGN_CLASS = r"\-−–"


@dataclass(frozen=True)
class Number:
    """A number in a segment. `percent`: a percent sign follows; `currency`: ISO 4217 candidates of a sign or code."""

    value: Decimal
    span: Span
    decimals: int
    currency: tuple[str, ...]
    percent: bool
    unit: str
    grouped: bool
    certain: bool

    @property
    def is_money(self) -> bool:
        """Looks like an amount: two decimals, or a currency beside it."""
        return not self.percent and (self.decimals == 2 or bool(self.currency))


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    known = lexicon()
    # `5 leichte Stühle` names no lei.
    signs = [
        re.escape(sign) + (r"(?![^\W\d_])" if sign[-1].isalpha() else "")
        for sign in sorted(known.symbols, key=len, reverse=True)
    ]
    codes = sorted(known.currency_codes)
    # Few words have the form of a code: asked first, it spares the comparison with each of them.
    currency = "(?:" + "|".join(signs) + "|(?=[A-Z]{3}(?![A-Za-z]))(?:" + "|".join(codes) + "))"
    return re.compile(
        rf"(?<![\w/])(?P<open>\()?(?P<sign>[{_SIGN_CLASS}+]\s?)?(?:(?P<before>{currency})\s?)?(?P<inner>[{_SIGN_CLASS}]\s?)?"
        rf"(?P<number>{NUMBER})(?![\d]|[.,:/]\d|/\w)"
        rf"(?:,[{_SIGN_CLASS}]+)?(?P<trail>\s?[{_SIGN_CLASS}](?![\w{_SIGN_CLASS}]))?(?P<close>\))?"
        rf"(?:\s?(?P<percent>%)|\s?(?P<after>{currency})(?P<trail2>\s?-(?!\w))?|(?P<unit>[A-Za-zµ²³]{{1,5}}\b)?)"
    )


def number_texts(segments: Iterable[Segment]) -> Iterator[tuple[str, tuple[str, ...]]]:
    """The numbers of `segments` that may show which decimal sign the document uses, and the currencies beside them."""
    for segment in segments:
        if segment.has_digits and ("." in segment.text or "," in segment.text):
            for match in _pattern().finditer(segment.text):
                yield match["number"], currencies_of(match["before"] or match["after"] or "")


def numbers_in(segment: Segment, convention: Convention, start: int = 0, end: int | None = None) -> Iterator[Number]:
    """Numbers of a segment, left to right. Dates, phone numbers and codes with letters are not numbers."""
    limit = len(segment.text) if end is None else end
    position = start
    while position < limit:
        match = _pattern().search(segment.text, position, limit)
        if match is None:
            return
        if match.group("group") in {" ", "\u00a0"} and not _one_number(segment, match, convention):
            head = segment.text.index(match.group("group"), match.start("number"))
            shorter = _pattern().search(segment.text, match.start(), head)
            number = _number(segment, shorter, convention) if shorter else None
            position = head + 1
        else:
            number = _number(segment, match, convention)
            position = max(match.end(), position + 1)
        if number is not None:
            yield number


def _one_number(segment: Segment, match: re.Match[str], convention: Convention) -> bool:
    """`1 234,56` is one number when its parts stand as close as a space of the text, two columns otherwise.

    Where the comma is the decimal sign, spaces part thousands, and one that scanning widened is still a space.
    """
    tokens = segment.tokens_between(match.start("number"), match.end("number"))
    heights = _TUNED.wide_space_gap if convention.decimal == "," and "," in match.group("number") else _TUNED.space_gap
    return all(
        second.left - first.right
        <= max(heights * first.height, _TUNED.space_digits * (first.right - first.left) / max(len(first.text), 1))
        for first, second in pairwise(tokens)
    )


def _number(segment: Segment, match: re.Match[str], convention: Convention) -> Number | None:
    text, group, before, after, unit, percent = match.group("number", "group", "before", "after", "unit", "percent")
    chosen = choose(text, convention)
    if chosen is None:
        return None
    reading, certain = chosen
    value = reading.value
    signed = any(map(_is_minus, match.group("sign", "inner", "trail", "trail2")))
    bracketed = reading.decimals == 2 and bool(match.group("open") and match.group("close"))
    return Number(
        value=-value if signed or bracketed else value,
        span=Span(segment, match.start(), match.end()),
        decimals=reading.decimals,
        currency=currencies_of(before or after or ""),
        percent=bool(percent),
        unit=unit or "",
        grouped=group is not None,
        certain=certain,
    )


def _is_minus(text: str | None) -> bool:
    return bool(text) and text is not None and text.strip() in _SIGN


def currencies_of(sign: str) -> tuple[str, ...]:
    """ISO 4217 codes a printed sign or code may mean, the commonest first."""
    if not sign:
        return ()
    return lexicon().symbols.get(sign, (sign,) if sign in lexicon().currency_codes else ())
