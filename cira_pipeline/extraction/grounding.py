"""Grounding: finds a text that a model quoted in the reading, and its place.

Four kinds of match, in order of confidence: at the line named, on a line nearby, anywhere, and, on pages read by OCR,
approximate. Case, accents, spaces and kinds of dashes never matter. An approximate match is one of:

- the same characters except for look-alikes that OCR confuses with digits (`O` for `0`, `I`, `l` for `1`, `S` for `5`,
  `Z` for `2`, `B` for `8`), at most one in three of the letters and digits and at least one allowed; or
- for text of at least `LEAST_FUZZY` characters that is not a number, date or identifier: a similarity (Indel,
  rapidfuzz) of at least `LEAST_SIMILARITY`, and the same digits in the same order.

So no digit of an amount can change between page and record: `119,00` is found in `ll9,00`, never in `118,00`, and
`5010` never in `SOLO`. On pages with a text layer only exact text counts.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from rapidfuzz.fuzz import partial_ratio_alignment, ratio

from cira_pipeline.models import Box, Line, Reading

VERSION = "2"
NEARBY_LINES = 3
LEAST_SIMILARITY = 90.0
LEAST_FUZZY = 6
LOOKALIKES_ONE_IN = 3
"""One look-alike is allowed for each of so many letters and digits."""
# Shorter texts (`1`, `h`) occur on every page, so that a match far from the line named proves nothing.
LEAST_ANYWHERE = 3
# Names of suppliers and products may be wrapped once or twice.
LONGEST_WRAP = 3

_AT_LINE, _NEARBY, _ANYWHERE, _NEARLY = 0.97, 0.92, 0.8, 0.85
_ALIKE = {
    "–": "-",
    "—": "-",
    "−": "-",
    "‐": "-",
    "‑": "-",
    "’": "'",
    "`": "'",
    "´": "'",
    "‘": "'",
    "“": '"',
    "”": '"',
    "„": '"',
}
_LOOKALIKES = str.maketrans("oilszb", "011528")


@dataclass(frozen=True)
class Piece:
    """A part of a line: `line.text[start:end]`."""

    line: Line
    start: int
    end: int

    @property
    def text(self) -> str:
        return self.line.text[self.start : self.end]

    @cached_property
    def box(self) -> Box:
        """Rectangle of the piece: by word boxes where the reading has them, else by its share of the line."""
        return _box_by_words(self) or _box_by_share(self)


@dataclass(frozen=True)
class Place:
    """Place of a text: one piece, or one for each line it is wrapped over. `exact`: false for approximate matches."""

    pieces: tuple[Piece, ...]
    confidence: float
    exact: bool

    @property
    def text(self) -> str:
        """The text of the document at this place."""
        return " ".join(piece.text.strip() for piece in self.pieces)


@dataclass(frozen=True)
class _Normal:
    """Normalised text for comparison, with the index in the original line for each of its characters."""

    text: str
    origin: tuple[int, ...]


class Grounder:
    """Finds texts in one reading."""

    def __init__(self, reading: Reading) -> None:
        self._lines = reading.lines
        self._at = {line.number: index for index, line in enumerate(reading.lines)}
        self._ocr_pages = frozenset(page.number for page in reading.pages if page.source == "ocr")
        self._normals: dict[int, _Normal] = {}

    def find(self, text: str, line_number: int, *, literal: bool) -> Place | None:
        """The place of `text` nearest to line `line_number`; `None` when the document does not contain it.

        `literal`: for numbers, dates and identifiers, which must not match by similarity.
        """
        needle = _normal(text).text
        if not any(char.isalnum() for char in needle) and not _is_sign(needle):
            return None
        found = self._exactly(needle, line_number)
        if found is None and self._ocr_pages:
            found = self._by_lookalikes(needle, line_number)
            if found is None and not literal and len(needle) >= LEAST_FUZZY:
                found = self._by_similarity(needle, line_number)
        return found

    def everywhere(self, text: str) -> tuple[Place, ...]:
        """All exact places of `text` within one line, in reading order."""
        needle = _normal(text).text
        if not any(char.isalnum() for char in needle):
            return ()
        pieces = (self._piece(index, needle) for index in range(len(self._lines)))
        return tuple(self._place((piece,), 0, exact=True) for piece in pieces if piece is not None)

    def _exactly(self, needle: str, line_number: int) -> Place | None:
        for distance, index in self._from(line_number, needle):
            piece = self._piece(index, needle)
            if piece is not None:
                return self._place((piece,), distance, exact=True)
        for distance, index in self._from(line_number, needle):
            if distance is not None:
                pieces = self._wrapped(index, needle)
                if pieces:
                    return self._place(pieces, distance, exact=True)
        return None

    def _by_lookalikes(self, needle: str, line_number: int) -> Place | None:
        wanted = needle.translate(_LOOKALIKES)
        for distance, index in self._from(line_number, needle):
            if self._lines[index].page in self._ocr_pages:
                piece = self._piece(index, wanted, lookalikes=True)
                if piece is not None and _few_lookalikes(needle, _normal(piece.text).text):
                    return self._place((piece,), distance, exact=False)
        return None

    def _by_similarity(self, needle: str, line_number: int) -> Place | None:
        for distance, index in self._from(line_number, needle):
            if distance is None or self._lines[index].page not in self._ocr_pages:
                continue
            hay = self._normal(index)
            aligned = partial_ratio_alignment(needle, hay.text, score_cutoff=LEAST_SIMILARITY)
            if aligned is None or aligned.dest_start >= aligned.dest_end:
                continue
            stretch = hay.text[aligned.dest_start : aligned.dest_end]
            if _same_digits(needle, stretch) and ratio(needle, stretch) >= LEAST_SIMILARITY:
                start, end = _whole_words(hay, aligned.dest_start, aligned.dest_end, self._lines[index].text)
                return self._place((Piece(self._lines[index], start, end),), distance, exact=False)
        return None

    def _from(self, line_number: int, needle: str) -> Iterator[tuple[int | None, int]]:
        """Distance from the line named and index of each line: that line, its neighbours, then all others (`None`)."""
        near: list[int] = []
        home = self._at.get(line_number)
        if home is not None:
            for offset in range(NEARBY_LINES + 1):
                for index in {home - offset, home + offset}:
                    if 0 <= index < len(self._lines):
                        near.append(index)
                        yield offset, index
        if sum(char.isalnum() for char in needle) >= LEAST_ANYWHERE:
            skipped = set(near)
            yield from ((None, index) for index in range(len(self._lines)) if index not in skipped)

    def _piece(self, index: int, needle: str, *, lookalikes: bool = False) -> Piece | None:
        line, hay = self._lines[index], self._normal(index)
        text = hay.text.translate(_LOOKALIKES) if lookalikes else hay.text
        at = text.find(needle)
        while at >= 0:
            start, end = hay.origin[at], hay.origin[at + len(needle) - 1] + 1
            if _stands_alone(line.text, start, end):
                return Piece(line, start, end)
            at = text.find(needle, at + 1)
        return None

    def _wrapped(self, index: int, needle: str) -> tuple[Piece, ...]:
        """The pieces of `needle` where it begins in the line and continues at the start of the next lines."""
        for count in range(2, LONGEST_WRAP + 1):
            run = range(index, index + count)
            if run.stop > len(self._lines) or self._lines[run[-1]].page != self._lines[index].page:
                return ()
            joined = "".join(self._normal(each).text for each in run)
            at = joined.find(needle)
            if at >= 0:
                pieces = self._cut(run, at, at + len(needle))
                if len(pieces) == count and all(_stands_alone(p.line.text, p.start, p.end) for p in pieces):
                    return pieces
        return ()

    def _cut(self, run: Sequence[int], start: int, end: int) -> tuple[Piece, ...]:
        pieces, offset = [], 0
        for index in run:
            normal = self._normal(index)
            first, last = max(start - offset, 0), min(end - offset, len(normal.text))
            if first < last:
                pieces.append(Piece(self._lines[index], normal.origin[first], normal.origin[last - 1] + 1))
            offset += len(normal.text)
        return tuple(pieces)

    def _place(self, pieces: tuple[Piece, ...], distance: int | None, *, exact: bool) -> Place:
        confidence = _ANYWHERE if distance is None else _AT_LINE if distance == 0 else _NEARBY
        confidence *= min(piece.line.confidence for piece in pieces)
        return Place(pieces, confidence if exact else confidence * _NEARLY, exact)

    def _normal(self, index: int) -> _Normal:
        if index not in self._normals:
            self._normals[index] = _normal(self._lines[index].text)
        return self._normals[index]


def _normal(text: str) -> _Normal:
    """`text` without spaces, case, accents and typographic variants."""
    characters: list[str] = []
    origin: list[int] = []
    for index, original in enumerate(text):
        for char in unicodedata.normalize("NFKD", _ALIKE.get(original, original)).casefold():
            if not char.isspace() and not unicodedata.combining(char) and unicodedata.category(char) != "Cf":
                characters.append(_ALIKE.get(char, char))
                origin.append(index)
    return _Normal("".join(characters), tuple(origin))


def _same_digits(claimed: str, printed: str) -> bool:
    """Whether both have the same digits, as printed or with look-alikes replaced by digits."""
    return _digits(claimed) == _digits(printed) or _digits(claimed.translate(_LOOKALIKES)) == _digits(
        printed.translate(_LOOKALIKES)
    )


def _digits(text: str) -> str:
    return "".join(char for char in text if char.isdigit())


def _few_lookalikes(claimed: str, printed: str) -> bool:
    differing = sum(mine != theirs for mine, theirs in zip(claimed, printed, strict=True))
    return differing <= max(1, sum(char.isalnum() for char in claimed) // LOOKALIKES_ONE_IN)


def _is_sign(text: str) -> bool:
    """Whether `text` consists of currency signs, which are values without letters."""
    return bool(text) and all(unicodedata.category(char) == "Sc" for char in text)


def _stands_alone(text: str, start: int, end: int) -> bool:
    """Whether `text[start:end]` is not part of a longer word or number: `64,43` does not match in `1.064,43`."""
    before, after = text[:start], text[end:]
    if text[start].isdigit():
        if before[-1:].isdigit() or (before[-1:] in {".", ",", "'", "’"} and before[-2:-1].isdigit()):
            return False
    elif text[start].isalpha() and before[-1:].isalpha():
        return False
    if text[end - 1].isdigit():
        if after[:1].isdigit() or (after[:1] in {".", ",", "'", "’"} and after[1:2].isdigit()):
            return False
    elif text[end - 1].isalpha() and after[:1].isalpha():
        return False
    return True


def _whole_words(hay: _Normal, first: int, last: int, text: str) -> tuple[int, int]:
    start, end = hay.origin[first], hay.origin[last - 1] + 1
    while start > 0 and text[start - 1].isalnum() and text[start].isalnum():
        start -= 1
    while end < len(text) and text[end].isalnum() and text[end - 1].isalnum():
        end += 1
    return start, end


def _box_by_words(piece: Piece) -> Box | None:
    position, boxes = 0, []
    for word in piece.line.words:
        at = piece.line.text.find(word.text, position)
        if at < 0:
            return None
        position = at + len(word.text)
        if at < piece.end and position > piece.start:
            size, width = max(len(word.text), 1), word.box.right - word.box.left
            first, last = max(piece.start - at, 0), min(piece.end - at, size)
            boxes.append(
                Box(
                    left=word.box.left + width * first / size,
                    top=word.box.top,
                    right=word.box.left + width * last / size,
                    bottom=word.box.bottom,
                )
            )
    if not boxes:
        return None
    return Box(
        left=min(box.left for box in boxes),
        top=min(box.top for box in boxes),
        right=max(box.right for box in boxes),
        bottom=max(box.bottom for box in boxes),
    )


def _box_by_share(piece: Piece) -> Box:
    box, size = piece.line.box, max(len(piece.line.text), 1)
    width = box.right - box.left
    return Box(
        left=box.left + width * piece.start / size,
        top=box.top,
        right=box.left + width * piece.end / size,
        bottom=box.bottom,
    )
