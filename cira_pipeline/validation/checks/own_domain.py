"""Whether the web and mail addresses on a page bear the name that was read as the supplier's.

Who sends an invoice mostly prints an own address on it, and that mostly holds the company's name: a platform, a bank or
a customer that was mistaken for the supplier is betrayed by it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from rapidfuzz.fuzz import partial_ratio

_ADDRESS: Final = re.compile(r"(?:www\.|@|https?://)((?:[\w-]+\.)+[a-z]{2,})", re.IGNORECASE)
# Anybody's, and nobody's.
_NOBODYS: Final = frozenset(
    {"gmail", "googlemail", "hotmail", "outlook", "yahoo", "aol", "icloud", "gmx", "web", "localhost"}
)
_OFFICIAL: Final = frozenset({"co", "com", "org", "net", "gov", "ac"})
_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d"})
_TELLING: Final = 4
_SHORTEST: Final = 3
_MOST_WORDS: Final = 3
_ALIKE: Final = 92.0


def bears_name(lines: Iterable[str], name: str, customer: str | None) -> bool | None:
    """Whether any address on `lines` holds a word of `name`; `None` when there is none but the customer's."""
    domains = set(_domains(lines))
    if customer:
        domains = {domain for domain in domains if not _is(domain, _plain(customer))}
    return any(_alike(domain, name) for domain in domains) if domains else None


def other_name_printed(lines: Iterable[str], name: str, customer: str | None) -> bool:
    """Whether the page prints, besides addresses that do not bear `name`, the name that they do bear: a brand's.

    `Acme.com` over an invoice that somebody else signs as its seller: two could be meant as the supplier.
    """
    texts = tuple(lines)
    strangers = {domain for domain in _domains(texts) if not _alike(domain, name)}
    if customer:
        strangers = {domain for domain in strangers if not _is(domain, _plain(customer))}
    return any(_printed_as_name(domain, _ADDRESS.sub(" ", text)) for domain in strangers for text in texts)


def _printed_as_name(domain: str, text: str) -> bool:
    """The domain's words stand in `text`, or its first word is all of it: a logo."""
    words = [word for word in map(_plain, re.split(r"[\s.,:;()&/-]+", text)) if word]
    if len(words) == 1 and len(words[0]) >= _SHORTEST and domain.startswith(words[0]):
        return True
    return len(domain) >= _TELLING and any(
        "".join(words[first:last]) == domain
        for first in range(len(words))
        for last in range(first + 1, min(first + _MOST_WORDS + 1, len(words)) + 1)
    )


def _domains(lines: Iterable[str]) -> Iterator[str]:
    """The part of each address that its owner chose: `shop` of www.shop.co.uk."""
    for line in lines:
        if "." not in line:
            continue
        for match in _ADDRESS.finditer(line):
            parts = match.group(1).casefold().split(".")[:-1]
            while len(parts) > 1 and parts[-1] in _OFFICIAL:
                parts.pop()
            owner = _plain(parts[-1])
            if owner and owner not in _NOBODYS:
                yield owner


def _alike(domain: str, name: str) -> bool:
    words = [word for word in map(_plain, re.split(r"[\s.,&-]+", name)) if len(word) >= _TELLING]
    return any(word in domain for word in words) or _is(domain, _plain(name))


def _is(domain: str, whole: str) -> bool:
    return (len(domain) >= _TELLING and domain in whole) or partial_ratio(domain, whole) >= _ALIKE


def _plain(text: str) -> str:
    """Letters and digits only, without case and accents."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(filter(str.isalnum, folded))
