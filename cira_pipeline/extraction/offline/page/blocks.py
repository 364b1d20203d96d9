"""Blocks of lines below each other with a common left edge or middle: addresses, letterheads, footers."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

from cira_pipeline.extraction.offline.lexicon import lexicon
from cira_pipeline.extraction.offline.page.canvas import Canvas, Segment
from cira_pipeline.extraction.offline.thresholds import thresholds
from cira_pipeline.languages import words_of
from cira_pipeline.printed.letters import folded


@dataclass(frozen=True, slots=True)
class _Tuned:
    line_gap: float
    extra_gap: float
    open_gap: int
    overlap: float
    size_step: float
    same_left: float
    same_middle: float
    same_right: float
    longest_street: int


_TUNED = thresholds(_Tuned)

_POSTAL = re.compile(
    r"(?:^|[\s,(\-])(?:(?:[A-Z]{1,3}\s?[-–]?\s?)?(?:\d{5}|\d{4}(?!\s[a-zµ])|\d{2}-\d{3}|\d{3}\s\d{2}|\d{4}\s?-\s?\d\s?\d\s?\d)(?:\s?[A-Z]{2})?,?\s+[^\W\d_]{2,}"
    r"|[A-Z]{1,2}\d[A-Z\d]?\s?\d[A-Z]{2}\b"
    r"|\b[A-Z]{2},?\s\d{5}(?:-\d{4})?\b"
    r"|[^\W\d_]{3,},?\s(?:ACT|NSW|NT|QLD|SA|TAS|VIC|WA)\s\d{4}\b"
    r"|\b[AC-FHKNPRTV-Y]\d[\dW]\s?[A-Z\d]{4}\b"
    r"|\b[ABCEGHJ-NPRSTVXY]\d[A-Z]\s?\d[A-Z]\d\b"
    r"|[^\W\d_]{3,}\s?[-–]\s?[1-9]\d{2}\s?\d{3}\b"
    r"|[^\W\d_]{4,},?\s+\d{5,6}\b)"
)
# `4156 County Road 68`: the number of a house before its street is no postal code before a place.
_NUMBER_FIRST = re.compile(r"\s*\d{4,5}\s+([^,;|·•]+)")
_HOUSE_NUMBER = re.compile(
    r"(?:[^\W\d_]{3,}\.?\s+\d{1,4}\s?[a-zA-Z]?(?:\s?[-/]\s?\d{1,4})?\b|^\d{1,4}[a-zA-Z]?,?\s+[^\W\d_]{2,})"
)
# The year in which a business was founded is neither a house number nor a postal code.
_FOUNDED = re.compile(
    r"(?i)\b(?:since|seit|depuis|desde|dal|od|sedan|siden|sinds|anno|est\.?|established|founded|gegr(?:\.|ündet)"
    r"|fond[ée]e?|fundad[ao]|fondata|opgericht|grundat|grundlagt)\s+(?:\w{1,3}\s+)?(?:1[5-9]|20)\d\d\b"
)
# `HRB 8820 LB`: an entry in a register, with the letters of its court, looks like a postal code and a place.
_REGISTER_ENTRY = re.compile(r"\b(?:HR\s?[AB]|GnR|PartR|PR)\b[\s:.]*(?:Nr\.?\s*)?\d+(?:\s?[A-Z]{1,3}\b)?")
# `9000 St. Gallen` is a town, though a street may end with `St.`
_SAINT_TOWN = re.compile(r"\s*(?:[A-Z]{1,2}[- ]{1,3})?\d{4,5}\s+(?:St|Ste|Sankt|Saint|Sainte)[. -]")
_DIGIT = re.compile(r"\d")
_LETTERS = re.compile(r"[^\W\d_]+")
# `Pune - 411001`: the dash before an Indian postal code is none.
_SEPARATORS = re.compile(
    r"\s+[-–—](?!\s+[1-9]\d{2}\s?\d{3}\s*(?:[,·•|]|$))\s+|\s+[•●·|*/∙♦■]\s+|\s*[•●·|∙♦■]\s*|,\s+|;\s+|\s{2,}"
)


_LEGAL_TAIL = re.compile(
    r"(?i)(?:s\.?\s?a\.?|s\.?\s?l\.?|lda|ltda|inc|llc|ltd|limited|gmbh|corp|plc|unipessoal|s\.?r\.?l|s\.?p\.?a)\b"
)


@dataclass(eq=False)
class Block:
    """Segments top to bottom."""

    segments: tuple[Segment, ...]

    @property
    def page(self) -> int:
        return self.segments[0].page

    @property
    def text(self) -> str:
        return "\n".join(segment.text for segment in self.segments)

    @property
    def postal_line(self) -> Segment | None:
        return next((segment for segment in self.segments if is_postal(segment.text)), None)


def blocks_of(canvas: Canvas) -> list[Block]:
    """All blocks of the document, by page, in the order of their first lines."""
    chains: list[list[Segment]] = []
    for page in canvas.by_page:
        open_chains: list[list[Segment]] = []
        for row in canvas.by_page[page]:
            for segment in row.segments:
                home = next((chain for chain in reversed(open_chains) if _continues(chain, segment)), None)
                if home is None:
                    home = []
                    open_chains.append(home)
                    chains.append(home)
                home.append(segment)
            open_chains = [
                chain for chain in open_chains if row.top - chain[-1].bottom < _TUNED.open_gap * chain[-1].height
            ]
    return [Block(tuple(chain)) for chain in chains]


def _continues(chain: list[Segment], segment: Segment) -> bool:
    last = chain[-1]
    if last.row is segment.row:
        return False
    height = max(min(last.height, segment.height), 1e-6)
    gap = segment.top - last.bottom
    if (
        gap > _TUNED.line_gap * height
        or gap < -_TUNED.overlap * height
        or max(last.height, segment.height) > _TUNED.size_step * height
    ):
        return False
    if len(chain) > 1 and gap > max(last.top - chain[-2].bottom, 0.0) + _TUNED.extra_gap * height:
        return False
    same_left = abs(last.left - segment.left) < _TUNED.same_left * height
    same_middle = abs((last.left + last.right) - (segment.left + segment.right)) < _TUNED.same_middle * height
    same_right = abs(last.right - segment.right) < _TUNED.same_right * height
    return same_left or same_middle or same_right


@lru_cache(maxsize=8192)
def is_postal(text: str) -> bool:
    """Whether the line contains a postal code next to the name of a place."""
    if not _DIGIT.search(text):
        return False
    if _FOUNDED.search(text):
        return False
    text = _REGISTER_ENTRY.sub("", text)
    first = _NUMBER_FIRST.match(text)
    if first is not None and _names_street(first.group(1)):
        text = text[first.end() :]
    return bool(_POSTAL.search(text))


def _names_street(text: str) -> bool:
    """Whether one of several words is that of a street. A place may have such a word as its name, or begin with St."""
    words = _LETTERS.findall(folded(text))
    if words[:1] == ["st"]:
        del words[0]
    return len(words) > 1 and not _streets_after_numbers().isdisjoint(words)


@lru_cache(maxsize=1)
def _streets_after_numbers() -> frozenset[str]:
    """Street words of languages that put the number of the house first: `7270 Davos Platz` is a place."""
    return frozenset(folded(word) for language in ("en", "fr") for word in words_of(language)["words"]["street"])


@lru_cache(maxsize=8192)
def is_street(text: str) -> bool:
    """Whether the line looks like a street with a house number, or begins or ends with a street word."""
    if _DIGIT.search(text):
        if _FOUNDED.search(text) or _SAINT_TOWN.match(text):
            return False
        if len(text) < _TUNED.longest_street and _HOUSE_NUMBER.search(text):
            return True
    words = _LETTERS.findall(folded(text))
    streets = lexicon().words["street"]
    return any(word in streets for word in words[:2] + words[-2:]) or any(
        word.endswith(suffix)
        for word in words
        for suffix in ("strasse", "straat", "gatan", "vagen", "gade", "katu", "laan", "weg", "vej")
    )


def parts_of(segment: Segment) -> tuple[tuple[int, int], ...]:
    """Stretches of a line between separators, as in a sender line: `Firma - Straße 1 - 12345 Ort`."""
    return _parts_of(segment.text)


@lru_cache(maxsize=8192)
def _parts_of(text: str) -> tuple[tuple[int, int], ...]:
    parts = []
    position = 0
    for match in _SEPARATORS.finditer(text):
        if match.group().startswith(",") and _LEGAL_TAIL.match(text, match.end()):
            continue
        if match.start() > position:
            parts.append((position, match.start()))
        position = match.end()
    if position < len(text):
        parts.append((position, len(text)))
    return tuple(parts)
