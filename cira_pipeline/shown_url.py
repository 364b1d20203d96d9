"""Addresses as people may see them: without user, password, or a query, which may hold either."""

from __future__ import annotations

import re

# Only what is beyond doubt is shown: a password with an unescaped `/` or `@` puts parts of itself where hosts stand.
_CLEAR = re.compile(
    r"(?P<scheme>[a-z][a-z0-9+.-]*://)(?:[^/?#@]*@)?(?P<place>[^/?#@:]*(?::\d+)?|\[[^/?#@]*\](?::\d+)?)"
    r"(?P<path>/[^?#@]*)?(?:[?#][^@]*)?",
    re.IGNORECASE,
)
HIDDEN = "set, hidden"


def shown_url(url: str) -> str:
    """Scheme, host, port and path; `HIDDEN` where it is not certain that these hold no part of a secret."""
    found = _CLEAR.fullmatch(url.strip())
    return f"{found['scheme']}{found['place']}{found['path'] or ''}" if found else HIDDEN


def shown_host(url: str) -> str:
    """Host and port alone, with the same caution."""
    found = _CLEAR.fullmatch(url.strip())
    return found["place"] if found else "the address that is set"
