"""Finds web and e-mail addresses on the page, whose domain often contains the supplier's name."""

from __future__ import annotations

import re
from collections.abc import Iterator

_DOMAIN = re.compile(
    r"(?:www\.|@|https?://(?:www\.)?)([a-z0-9äöüß\-]+(?:\.[a-z0-9\-]+)*)\.[a-z]{2,14}\b", re.IGNORECASE
)
_PUBLIC_MAIL = frozenset(
    {"gmail", "gmx", "web", "outlook", "hotmail", "yahoo", "orange", "free", "t-online", "icloud", "wanadoo"}
)


def domains_in(text: str) -> Iterator[str]:
    """The names before the top-level domains, without providers of private mail."""
    for match in _DOMAIN.finditer(text):
        name = match.group(1).lower().split(".")[-1]
        if name not in _PUBLIC_MAIL and len(name) > 2:
            yield name


def names_web(text: str) -> bool:
    """Whether the text contains a web or e-mail address."""
    return bool(_DOMAIN.search(text))
