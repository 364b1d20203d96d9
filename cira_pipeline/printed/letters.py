"""Case folding and accent stripping for comparing texts."""

from __future__ import annotations

import unicodedata
from functools import lru_cache

_LETTERS = str.maketrans({"ß": "ss", "æ": "ae", "ø": "o", "œ": "oe", "ł": "l", "đ": "d", "º": "o", "°": "o", "ı": "i"})


@lru_cache(maxsize=8192)
def folded(text: str) -> str:
    """Lower case without accents; `ß` is `ss`. The length may differ from the text's."""
    if text.isascii():
        return text.lower()
    decomposed = unicodedata.normalize("NFKD", text.casefold().translate(_LETTERS))
    return "".join(char for char in decomposed if not unicodedata.combining(char))
