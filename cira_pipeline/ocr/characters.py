"""Normalises characters to their printed appearance: look-alikes become one character, invisible ones are removed."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter

# Fonts often map the hyphen's glyph to the soft or the non-breaking hyphen; on paper all look the same.
_HYPHENS = dict.fromkeys(map(ord, "\u00ad\u2010\u2011\u2212\ufe63"), "-")
# Zero-width characters, direction marks, variation selectors.
_INVISIBLE: dict[int, None] = dict.fromkeys(
    (
        *(0x034F, 0x061C, 0x180E, 0xFEFF),
        *range(0x200B, 0x2010),
        *range(0x202A, 0x202F),
        *range(0x2060, 0x2070),
        *range(0xFE00, 0xFE10),
    )
)
_SHOWN = str.maketrans(_HYPHENS | _INVISIBLE)
# Only where NFKC changes the code and not the meaning: it would turn m² into m2 and ½ into 1⁄2.
_COMPATIBLE = re.compile(
    "[\u0132\u0133\u01c4-\u01cc\u01f1-\u01f3\ufb00-\ufb06\uff01-\uff5e\U0001d400-\U0001d7ff\u2000-\u200a]"
)
_PLACEHOLDER = re.compile(r"GLYPH<[^>]*>|\(cid:\d+\)|/(?:g|glyph|uni|gid|cid)\d+\b", re.IGNORECASE)


def as_printed(text: str) -> str:
    """`text` in NFC, with ligatures expanded, one kind of hyphen and space, and no invisible characters."""
    if text.isascii() and text.isprintable():
        return text
    text = _COMPATIBLE.sub(lambda match: unicodedata.normalize("NFKC", match[0]), text)
    text = unicodedata.normalize("NFC", text).translate(_SHOWN)
    return "".join(
        " " if character.isspace() else character
        for character in text
        if character.isspace() or unicodedata.category(character) != "Cc"
    )


def unreadable_count(text: str) -> int:
    """Number of characters of `text` that name a glyph instead of a letter, from fonts without a map to Unicode."""
    placeholders = sum(1 for _ in _PLACEHOLDER.finditer(text))
    rest = Counter(_PLACEHOLDER.sub("", text))
    return placeholders + sum(
        times
        for character, times in rest.items()
        if character == "\ufffd" or unicodedata.category(character) in ("Co", "Cn", "Cc")
    )


def readable_count(text: str) -> int:
    """Number of letters, digits and signs of `text` that are usable."""
    rest = Counter(_PLACEHOLDER.sub("", text))
    return sum(
        times
        for character, times in rest.items()
        if not character.isspace()
        and character != "\ufffd"
        and unicodedata.category(character) not in ("Co", "Cn", "Cc")
    )
