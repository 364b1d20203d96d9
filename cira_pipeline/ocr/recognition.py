"""Greedy CTC decoding of the recogniser's output into words, with the position of each character.

The network reads one line, 48 pixels high, and gives for every column of 8 pixels a probability for each character and
for "blank" (A. Graves et al., Connectionist Temporal Classification, ICML 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from cira_pipeline.ocr.ink import LineInk

_BLANK = 0
# The network often rates a space just below "blank": on 32 scanned pages 118 of 3017 spaces were lost by taking the
# likeliest class, 31 at 0.05, while wrong spaces inside words rose from 2 to 4 of 27558 gaps. The value was chosen on
# those same pages.
_SPACE_PROBABILITY = 0.05
# The model has 18,000 characters, most of them Chinese, and mistakes an unusual sign or a speck for one of them.
_WESTERN = frozenset(
    chr(code) for code in (*range(0x21, 0x7F), *range(0xA1, 0x180), *range(0x218, 0x21C), *range(0x20A0, 0x20C0))
) | frozenset("ƒẞ–—‘’‚“”„†‡•…‰‹›№™℮−≤≥≈≠∅Ω●○■□▪☐☑☒✓✔✗ ")
_OTHER_SCRIPT_SHARE = 0.3
_OTHER_SCRIPT_LETTERS = 3


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """A word. `start` and `end` are fractions of the line image's width, from the left."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class _Character:
    """A character. `column` is where its probability is highest; columns are 8 pixels of a line 48 pixels high."""

    text: str
    column: int
    confidence: float


@dataclass(frozen=True)
class Decoder:
    """Decodes probabilities into words. `characters[i]` belongs to class `i`; 0 is blank, the last is space."""

    characters: Sequence[str]

    @cached_property
    def _western(self) -> NDArray[np.bool_]:
        return np.array([index == _BLANK or text in _WESTERN for index, text in enumerate(self.characters)])

    def words(
        self, probabilities: NDArray[np.float32], line_columns: float, ink: LineInk | None
    ) -> tuple[RecognisedWord, ...]:
        """Words of one line. `probabilities`: (columns, classes); `line_columns`: columns without the padding."""
        words = self._split(probabilities)
        if not words:
            return ()
        boundaries = _boundaries(words, line_columns, ink)
        return tuple(
            RecognisedWord(
                "".join(character.text for character in word),
                start,
                end,
                sum(character.confidence for character in word) / len(word),
            )
            for word, (start, end) in zip(words, boundaries, strict=True)
        )

    def _split(self, probabilities: NDArray[np.float32]) -> list[list[_Character]]:
        best = self._likeliest(probabilities)
        score = np.take_along_axis(probabilities, best[:, None], axis=1)[:, 0]
        space = len(self.characters) - 1
        best = np.where((best == _BLANK) & (probabilities[:, space] >= _SPACE_PROBABILITY), space, best)
        keep = best != _BLANK
        keep[1:] &= best[1:] != best[:-1]
        words: list[list[_Character]] = [[]]
        for column in np.flatnonzero(keep).tolist():
            text = self.characters[best[column]]
            if text.isspace():
                words.append([])
            else:
                words[-1].append(_Character(text, column, min(max(float(score[column]), 0.0), 1.0)))
        return [word for word in words if word]

    def _likeliest(self, probabilities: NDArray[np.float32]) -> NDArray[np.intp]:
        """The likeliest class of each column; of another script only where the line is written in that script."""
        best: NDArray[np.intp] = probabilities.argmax(axis=1)
        foreign: NDArray[np.bool_] = ~self._western[best]
        if not foreign.any():
            return best
        printed = (best != _BLANK) & (best != len(self.characters) - 1)
        letters = len(set(best[foreign].tolist()))
        if letters >= _OTHER_SCRIPT_LETTERS and foreign.sum() >= _OTHER_SCRIPT_SHARE * printed.sum():
            return best
        western = np.flatnonzero(self._western)
        best[foreign] = western[probabilities[np.ix_(foreign, western)].argmax(axis=1)]
        return best


def _boundaries(
    words: Sequence[Sequence[_Character]], line_columns: float, ink: LineInk | None
) -> list[tuple[float, float]]:
    """Start and end of each word as fractions of the width: at the ends of the ink, else at the likeliest columns."""
    columns = [character.column for word in words for character in word]
    pitch = (columns[-1] - columns[0]) / max(len(columns) - 1 + len(words) - 1, 1) or 2.5
    starts = [max((word[0].column + 0.5 - pitch / 2) / line_columns, 0.0) for word in words]
    ends = [min((word[-1].column + 0.5 + pitch / 2) / line_columns, 1.0) for word in words]
    if ink is not None:
        first, last = ink.ends
        starts[0], ends[-1] = first / ink.width, last / ink.width
        for index, (before, after) in enumerate(pairwise(words)):
            column_px = ink.width / line_columns
            gap = ink.widest_gap(before[-1].column * column_px, (after[0].column + 1) * column_px)
            if gap is not None:
                ends[index], starts[index + 1] = gap[0] / ink.width, gap[1] / ink.width
    return [(start, max(end, start)) for start, end in zip(starts, ends, strict=True)]
