"""Measures the ink in the image of one text line: font size and exact ends of words.

The detector's boxes are generous, and the recogniser locates characters only to 8 of 48 pixels. Rows and columns of a
table are separated by smaller distances.
"""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Heights as fractions of the font size (em), as in most text faces.
_ASCENT, _X_HEIGHT, _DESCENT, _COMMA = 0.73, 0.52, 0.20, 0.13
_BOX_ABOVE_BASELINE, _BOX_BELOW_BASELINE = 0.75, 0.22
_TALL = frozenset("bdfhijklt0123456789ß€$£%&!?'\"/\\()[]{}|§#@")
_DEEP = frozenset("gjpqy()[]{}|/\\Q§@")
_NO_HEIGHT = frozenset("-–—_.:·•=~+*'\"°")
_USUAL_EM = 0.72
_LEAST_CONTRAST = 25.0
_RULE_SHARE = 0.75


@dataclass(frozen=True)
class LineInk:
    """Ink of a line. `inked[x]`: whether image column `x` has ink. `top` and `bottom` bound it, in pixel rows."""

    inked: NDArray[np.bool_]
    top: int
    bottom: int
    height: int

    @property
    def width(self) -> int:
        return len(self.inked)

    def print_box(self, text: str) -> tuple[float, float]:
        """Top and bottom of the line as a font's box would have them, as fractions of the image's height.

        As with native text, they depend on the font size alone, not on the letters in the line.
        """
        above, below = _extent(text)
        em = (self.bottom - self.top) / (above + below) if above else 0.0
        if not 0.4 * self.height <= em <= 1.1 * self.height:
            middle = 0.5
            return middle - _USUAL_EM / 2, middle + _USUAL_EM / 2
        baseline = self.bottom - below * em
        return (baseline - _BOX_ABOVE_BASELINE * em) / self.height, (baseline + _BOX_BELOW_BASELINE * em) / self.height

    def widest_gap(self, start: float, end: float) -> tuple[int, int] | None:
        """The widest run of columns without ink between two columns: its first column, and the one after its last."""
        first, last = max(round(start), 0), min(round(end), self.width)
        edges = np.flatnonzero(np.diff(np.concatenate(([True], self.inked[first:last], [True])).astype(np.int8)))
        if len(edges) < 2:
            return None
        starts, ends = edges[::2], edges[1::2]
        widest = int(np.argmax(ends - starts))
        return first + int(starts[widest]), first + int(ends[widest])

    @property
    def ends(self) -> tuple[int, int]:
        """First column with ink and the one after the last; the whole width when there is none."""
        columns = np.flatnonzero(self.inked)
        return (int(columns[0]), int(columns[-1]) + 1) if len(columns) else (0, self.width)


def line_ink(crop: NDArray[np.uint8]) -> LineInk | None:
    """Ink in the image (height, width, 3) of one line, dark on light or light on dark; `None` when it has none."""
    grey = crop.mean(axis=2, dtype=np.float32)
    height, width = grey.shape
    difference = np.abs(grey - np.median(grey))
    strongest = float(np.percentile(difference, 99.5))
    if strongest < _LEAST_CONTRAST:
        return None
    ink = difference > 0.4 * strongest
    # Rules above and below the text are not part of its letters.
    per_row = ink.sum(axis=1)
    if width > 3 * height:
        ink[per_row > _RULE_SHARE * width] = False
        per_row = ink.sum(axis=1)
    rows = _band(per_row > 0)
    if rows is None:
        return None
    top, bottom = rows
    return LineInk(ink[top:bottom].any(axis=0), top, bottom, height)


def _band(inked_rows: NDArray[np.bool_]) -> tuple[int, int] | None:
    """The run of inked rows around the middle, without the parts of neighbouring lines."""
    height = len(inked_rows)
    rows = np.flatnonzero(inked_rows)
    if not len(rows):
        return None
    middle = int(rows[np.argmin(np.abs(rows - height / 2))])
    reach = 0.15 * height
    top = bottom = middle
    # Dots and accents are slightly apart from their letters.
    bridge = max(1, round(0.06 * height))
    while top > 0 and (inked_rows[max(top - bridge, 0) : top].any() or middle - top < reach):
        top -= 1
    while bottom < height - 1 and (inked_rows[bottom + 1 : bottom + 1 + bridge].any() or bottom - middle < reach):
        bottom += 1
    inside = rows[(rows >= top) & (rows <= bottom)]
    return int(inside[0]), int(inside[-1]) + 1


def _extent(text: str) -> tuple[float, float]:
    """How far `text` reaches above and below the baseline, in em; 0 above when that is unknown."""
    letters = [character for character in text if character not in _NO_HEIGHT and not character.isspace()]
    if not any(character not in ",;" for character in letters):
        return 0.0, 0.0
    tall = any(
        character in _TALL or character.isupper() or unicodedata.decomposition(character) for character in letters
    )
    below = 0.0
    if any(character in ",;" for character in letters):
        below = _COMMA
    if any(character in _DEEP for character in letters):
        below = _DESCENT
    return (_ASCENT if tall else _X_HEIGHT), below
