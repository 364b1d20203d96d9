"""Normalises text for comparison: without case, accents and punctuation."""

from __future__ import annotations

import re
from functools import lru_cache

from cira_pipeline.printed.letters import folded

_WORD = re.compile(r"[^\W_]+", re.UNICODE)
_NUMBERED = re.compile(r"(?i)(n[o°º]|nr)(\d{3,})$")
_WORD_AND_NUMBER = re.compile(r"([^\W\d_]{3,})(\d+)$")
_CASE_CHANGE = re.compile(r"(?<=[a-zß-öø-ÿ]{3})(?=[A-ZÀ-Þ][a-zß-öø-ÿ]{2})")


OPENING = 4
"""Length of the prefix by which most words are ruled out before a lookup."""


@lru_cache(maxsize=8192)
def words_of(text: str) -> tuple[tuple[str, int, int], ...]:
    """Folded words with their position in `text`: (word, start, end). `n°562` gives `no` and `562`."""
    found: list[tuple[str, int, int]] = []
    for match in _WORD.finditer(text):
        start, end = match.span()
        word = match.group()
        plain = (word.isalpha() and (word[1:].islower() or word.isupper())) or word.isdigit()
        if plain and (end == len(text) or text[end] not in "°º"):
            # Most words are such: neither a number nor a capital within them could part them.
            found.append((word.lower() if word.isascii() else folded(word), start, end))
            continue
        if end < len(text) and text[end] in "°º" and text[start:end].lower() in {"n", "no", "nr"}:
            found.append(("no", start, end + 1))
            continue
        found.extend(_split_letters(text, start, end))
    return tuple(found)


def _split_letters(text: str, start: int, end: int) -> list[tuple[str, int, int]]:
    """`nº562044387` and `vom30` are a word and a number; `A4` and `RE2020` stay whole. `PreisMenge` is two words."""
    word = text[start:end]
    match = _NUMBERED.match(word)
    if match:
        return [("no", start, start + match.end(1)), (match.group(2), start + match.start(2), end)]
    parts = _CASE_CHANGE.split(word) if not word.isupper() else [word]
    if len(parts) > 1:
        found = []
        for part in parts:
            found.extend(_split_letters(text, start, start + len(part)))
            start += len(part)
        return found
    glued = _WORD_AND_NUMBER.match(word)
    if glued and not word.isupper():
        return [(folded(glued.group(1)), start, start + glued.end(1)), (glued.group(2), start + glued.start(2), end)]
    return [(folded(word), start, end)]


@lru_cache(maxsize=8192)
def compact(text: str) -> str:
    """Folded letters and digits only: OCR loses spaces more readily than letters."""
    return "".join(word for word, _, _ in words_of(text))
