"""Numbers as printed: which character is the decimal sign is decided by the whole document, not number by number.

`1.234` is one thousand in a document that writes `12,50` and one and a bit in one that writes `12.50`. Where a document
gives no evidence, the language's own convention (Unicode CLDR, through babel) decides and the number says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from decimal import Decimal
from functools import lru_cache
from itertools import pairwise

from babel import Locale

from cira_pipeline.extraction.offline.canvas import Segment, Span
from cira_pipeline.extraction.offline.lexicon import lexicon

_SIGN = "-−–"
_GROUP_SIGNS = re.compile(r"[\s'’\u00a0\u202f]")
_SIGN_CLASS = r"\-−–"
# A space inside a number: in multiples of the text's height, or of a digit's width in type of one width.
_SPACE_GROUP_GAP = 0.45
_SPACE_GROUP_DIGITS = 1.3
_WIDE_GROUP_GAP = 1.0


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


@dataclass(frozen=True)
class Convention:
    """The document's decimal sign, and whether it showed it clearly."""

    decimal: str
    certain: bool


@lru_cache(maxsize=1)
def _pattern() -> re.Pattern[str]:
    known = lexicon()
    signs = sorted((re.escape(sign) for sign in known.symbols), key=len, reverse=True)
    codes = sorted(known.currency_codes)
    # Few words have the form of a code: asked first, it spares the comparison with each of them.
    currency = "(?:" + "|".join(signs) + "|(?=[A-Z]{3}(?![A-Za-z]))(?:" + "|".join(codes) + "))"
    grouped = r"\d{1,3}(?:(?P<group>[.,'’\u00a0\u202f ])\d{3})(?:(?P=group)\d{3})*(?:[.,]\d{1,4})?"
    # Indian grouping: 12,34,567.00.
    lakhs = r"\d{1,2}(?:,\d{2})+,\d{3}(?:\.\d{1,4})?(?![\d])"
    plain = r"\d+(?:[.,]\d{1,6})?|[.,]\d{2}"
    return re.compile(
        rf"(?<![\w/])(?P<open>\()?(?P<sign>[{_SIGN_CLASS}+]\s?)?(?:(?P<before>{currency})\s?)?(?P<inner>[{_SIGN_CLASS}]\s?)?"
        rf"(?P<number>{lakhs}|{grouped}(?![\d])|{plain})(?![\d]|[.,:/]\d|/\w)"
        rf"(?:,[{_SIGN_CLASS}]+)?(?P<trail>\s?[{_SIGN_CLASS}](?![\w{_SIGN_CLASS}]))?(?P<close>\))?"
        rf"(?:\s?(?P<percent>%)|\s?(?P<after>{currency})(?P<trail2>\s?-(?!\w))?|(?P<unit>[A-Za-zµ²³]{{1,5}}\b)?)"
    )


def convention_of(segments: Iterable[Segment], language: str | None) -> Convention:
    """The decimal sign that the document's unambiguous numbers use; else the language's; else the point."""
    votes: Counter[str] = Counter()
    for segment in segments:
        if not segment.has_digits or not ("." in segment.text or "," in segment.text):
            continue
        for match in _pattern().finditer(segment.text):
            sign = _clear_decimal_sign(match.group("number"))
            if sign:
                votes[sign] += 1
    if votes:
        sign, count = votes.most_common(1)[0]
        return Convention(sign, certain=count >= 2 * (sum(votes.values()) - count))
    return Convention(_cldr_decimal(language or "en"), certain=False)


@lru_cache(maxsize=32)
def _cldr_decimal(language: str) -> str:
    symbols = Locale.parse(language).number_symbols
    symbols = symbols.get("latn", symbols)
    return "," if str(symbols.get("decimal", ".")) == "," else "."


def _clear_decimal_sign(text: str) -> str:
    """The decimal sign of a number that allows one reading only, else an empty string."""
    signs = [char for char in text if char in ".,"]
    if not signs:
        return ""
    if len(set(signs)) == 2:
        return signs[-1] if signs.count(signs[-1]) == 1 else ""
    if len(signs) > 1:
        return "," if signs[0] == "." else "."
    whole_part, fraction = text.split(signs[0])
    if len(fraction) == 2 and whole_part:
        return signs[0]
    return ""


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
    heights = _WIDE_GROUP_GAP if convention.decimal == "," and "," in match.group("number") else _SPACE_GROUP_GAP
    return all(
        second.left - first.right
        <= max(heights * first.height, _SPACE_GROUP_DIGITS * (first.right - first.left) / max(len(first.text), 1))
        for first, second in pairwise(tokens)
    )


def _number(segment: Segment, match: re.Match[str], convention: Convention) -> Number | None:
    text, group, before, after, unit, percent = match.group("number", "group", "before", "after", "unit", "percent")
    parsed = parse(text, convention)
    if parsed is None:
        return None
    value, decimals, certain = parsed
    signed = any(map(_is_minus, match.group("sign", "inner", "trail", "trail2")))
    bracketed = decimals == 2 and bool(match.group("open") and match.group("close"))
    return Number(
        value=-value if signed or bracketed else value,
        span=Span(segment, match.start(), match.end()),
        decimals=decimals,
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


def parse(text: str, convention: Convention) -> tuple[Decimal, int, bool] | None:
    """Value, number of decimals, and whether the text allowed no other reading in this document."""
    bare = text if text.isdigit() else _GROUP_SIGNS.sub("", text)
    signs = [char for char in bare if char in ".,"]
    if not signs:
        return (Decimal(bare), 0, True) if bare.isdigit() else None
    if len(set(signs)) == 2:
        return _with_decimal(bare, signs[-1], certain=True)
    if len(signs) > 1:
        return _with_decimal(bare, "", certain=True)
    sign = signs[0]
    whole_part, fraction = bare.split(sign)
    if len(fraction) != 3 or not whole_part or whole_part.startswith("0") or len(whole_part) > 3:
        return _with_decimal(bare, sign, certain=True)
    if sign == convention.decimal:
        return _with_decimal(bare, sign, certain=convention.certain)
    return _with_decimal(bare, "", certain=convention.certain)


def _with_decimal(bare: str, decimal: str, *, certain: bool) -> tuple[Decimal, int, bool] | None:
    kept = "".join(char for char in bare if char.isdigit() or char == decimal)
    if decimal and kept.count(decimal) != 1:
        return None
    plain = kept.replace(decimal, ".") if decimal else kept
    decimals = len(plain.split(".")[1]) if "." in plain else 0
    return Decimal(plain if not plain.startswith(".") else "0" + plain), decimals, certain
