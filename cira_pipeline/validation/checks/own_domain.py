"""Compares the supplier's name with the web and e-mail domains printed on the page.

Most suppliers print their own address, and most of these domains contain the company's name. A domain that does not
match indicates that a platform, a bank or the customer was mistaken for the supplier.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Iterator
from typing import Final

from rapidfuzz.fuzz import partial_ratio

_ADDRESS: Final = re.compile(r"(?:www\.|@|https?://)((?:[\w-]+\.)+[a-z]{2,})", re.IGNORECASE)
# Domains of mail providers and the like, which identify no company.
_SHARED_DOMAINS: Final = frozenset(
    {"gmail", "googlemail", "hotmail", "outlook", "yahoo", "aol", "icloud", "gmx", "web", "localhost"}
)
_SECOND_LEVEL: Final = frozenset({"co", "com", "org", "net", "gov", "ac"})
_LETTERS: Final = str.maketrans({"ß": "ss", "ø": "o", "æ": "ae", "œ": "oe", "ł": "l", "đ": "d"})
_LEAST_WORD_LENGTH: Final = 4
_LEAST_LOGO_LENGTH: Final = 3
_MOST_WORDS: Final = 3
_LEAST_SIMILARITY: Final = 92.0


def domain_matches_name(lines: Iterable[str], name: str, customer: str | None) -> bool | None:
    """Whether any domain on `lines` contains a word of `name`; `None` if there is no domain except the customer's."""
    domains = set(_domains(lines))
    if customer:
        domains = {domain for domain in domains if not _matches(domain, _plain(customer))}
    return any(_contains_word(domain, name) for domain in domains) if domains else None


def other_name_printed(lines: Iterable[str], name: str, customer: str | None) -> bool:
    """Whether the page prints, besides a domain that does not match `name`, the name that this domain does match.

    Example: the logo `Acme.com` on an invoice whose stated seller is another company. Either may be the supplier.
    """
    texts = tuple(lines)
    others = {domain for domain in _domains(texts) if not _contains_word(domain, name)}
    if customer:
        others = {domain for domain in others if not _matches(domain, _plain(customer))}
    return any(_printed_as_name(domain, _ADDRESS.sub(" ", text)) for domain in others for text in texts)


def _printed_as_name(domain: str, text: str) -> bool:
    """Whether `text` contains the words of the domain, or consists of its first word only, as a logo does."""
    words = [word for word in map(_plain, re.split(r"[\s.,:;()&/-]+", text)) if word]
    if len(words) == 1 and len(words[0]) >= _LEAST_LOGO_LENGTH and domain.startswith(words[0]):
        return True
    return len(domain) >= _LEAST_WORD_LENGTH and any(
        "".join(words[first:last]) == domain
        for first in range(len(words))
        for last in range(first + 1, min(first + _MOST_WORDS + 1, len(words)) + 1)
    )


def _domains(lines: Iterable[str]) -> Iterator[str]:
    """The registered name in each address: `shop` of www.shop.co.uk."""
    for line in lines:
        if "." not in line:
            continue
        for match in _ADDRESS.finditer(line):
            parts = match.group(1).casefold().split(".")[:-1]
            while len(parts) > 1 and parts[-1] in _SECOND_LEVEL:
                parts.pop()
            owner = _plain(parts[-1])
            if owner and owner not in _SHARED_DOMAINS:
                yield owner


def _contains_word(domain: str, name: str) -> bool:
    words = [word for word in map(_plain, re.split(r"[\s.,&-]+", name)) if len(word) >= _LEAST_WORD_LENGTH]
    return any(word in domain for word in words) or _matches(domain, _plain(name))


def _matches(domain: str, whole: str) -> bool:
    return (len(domain) >= _LEAST_WORD_LENGTH and domain in whole) or partial_ratio(domain, whole) >= _LEAST_SIMILARITY


def _plain(text: str) -> str:
    """The letters and digits of `text`, in lower case and without accents."""
    if text.isascii():
        return "".join(filter(str.isalnum, text.lower()))
    folded = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(filter(str.isalnum, folded))
