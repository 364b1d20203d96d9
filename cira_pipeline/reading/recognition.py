"""From the recogniser's output to words: greedy CTC decoding that knows where each character stands.

The network looks at one line of print, 48 pixels high, and gives for every column of 8 pixels a probability for each
character and for "blank" (A. Graves et al., Connectionist Temporal Classification, ICML 2006).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

_BLANK = 0


@dataclass(frozen=True, slots=True)
class RecognisedWord:
    """`start` and `end` are shares of the line image's width, from the left."""

    text: str
    start: float
    end: float
    confidence: float


@dataclass(frozen=True, slots=True)
class Decoder:
    """Turns probabilities into words. `characters[i]` is what class `i` stands for; class 0 is blank."""

    characters: Sequence[str]
    space_threshold: float = 0.5

    def words(self, probabilities: NDArray[np.float32], line_columns: float) -> tuple[RecognisedWord, ...]:
        """Words of one line. `probabilities`: (columns, classes); `line_columns`: columns without the padding."""
        best = probabilities.argmax(axis=1)
        score = probabilities.max(axis=1)
        if self.space_threshold < 0.5:
            space = len(self.characters) - 1
            lost = (best == _BLANK) & (probabilities[:, space] >= self.space_threshold)
            best = np.where(lost, space, best)
        keep = best != _BLANK
        keep[1:] &= best[1:] != best[:-1]
        columns = np.flatnonzero(keep)
        words: list[RecognisedWord] = []
        current: list[int] = []
        for column in (*columns.tolist(), -1):
            if column >= 0 and not self.characters[best[column]].isspace():
                current.append(column)
                continue
            if current:
                words.append(self._word(current, best, score, line_columns))
                current = []
        return tuple(words)

    def _word(
        self, columns: list[int], best: NDArray[np.int64], score: NDArray[np.float32], line_columns: float
    ) -> RecognisedWord:
        text = "".join(self.characters[best[column]] for column in columns)
        pitch = (columns[-1] - columns[0]) / (len(columns) - 1) if len(columns) > 1 else 2.5
        start = (columns[0] + 0.5 - pitch / 2) / line_columns
        end = (columns[-1] + 0.5 + pitch / 2) / line_columns
        confidence = float(np.mean(score[columns]))
        return RecognisedWord(text, max(start, 0.0), min(max(end, start), 1.0), min(max(confidence, 0.0), 1.0))
