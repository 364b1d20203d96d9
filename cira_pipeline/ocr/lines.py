"""Groups words of a page into lines: phrases stay together, columns stay apart, rows run from top to bottom.

All lengths are in the page's own units, origin top left.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from statistics import median

Rectangle = tuple[float, float, float, float]
"""Left, top, right, bottom."""

# A space is about 0.25 to 0.35 of the text's height, stretched to twice that in justified text. Columns of a table are
# rarely closer than one character and a space.
_COLUMN_GAP_HEIGHTS = 0.72
_COLUMN_GAP_CHARACTERS = 1.6
# Kerned pieces of one word touch or overlap slightly.
_GLUE_GAP_HEIGHTS = 0.08
# A font's own boxes exceed its ink by this much, left and right of a word together.
_SIDE_BEARINGS_HEIGHTS = 0.12
_OVERLAP_HEIGHTS = 0.5
_SAME_ROW_SHARE = 0.5
_REACH_HEIGHTS = 2.0


@dataclass(frozen=True, slots=True)
class PlacedWord:
    """A word, or a kerned piece of one, with its position. `glued`: no space is printed before it."""

    text: str
    left: float
    top: float
    right: float
    bottom: float
    confidence: float = 1.0
    glued: bool = False

    @property
    def height(self) -> float:
        return self.bottom - self.top

    @property
    def middle(self) -> float:
        return (self.top + self.bottom) / 2

    def scaled(self, x: float, y: float) -> PlacedWord:
        return replace(self, left=self.left * x, top=self.top * y, right=self.right * x, bottom=self.bottom * y)

    def moved(self, x: float, y: float) -> PlacedWord:
        return replace(self, left=self.left + x, top=self.top + y, right=self.right + x, bottom=self.bottom + y)

    @property
    def box(self) -> Rectangle:
        return self.left, self.top, self.right, self.bottom


@dataclass(frozen=True)
class PlacedLine:
    """Words that follow each other with ordinary spaces."""

    words: tuple[PlacedWord, ...]

    @cached_property
    def text(self) -> str:
        return "".join(word.text if word.glued else f" {word.text}" for word in self.words).lstrip()

    @cached_property
    def box(self) -> Rectangle:
        lefts, tops, rights, bottoms = zip(*[word.box for word in self.words], strict=True)
        return min(lefts), min(tops), max(rights), max(bottoms)

    @cached_property
    def confidence(self) -> float:
        """Mean confidence over the characters."""
        if all(word.confidence == 1.0 for word in self.words):
            return 1.0
        sizes = [max(len(word.text), 1) for word in self.words]
        mean = sum(word.confidence * size for word, size in zip(self.words, sizes, strict=True)) / sum(sizes)
        return min(max(mean, 0.0), 1.0)


def lines_of(words: Iterable[PlacedWord], *, ink_boxes: bool = False) -> list[PlacedLine]:
    """Groups upright words of one page into lines in reading order: rows top to bottom, each from left to right.

    `ink_boxes`: words are whole and end where their ink ends (OCR). Otherwise they end as their font declares and may
    be kerned pieces (native text).
    """
    return in_reading_order(_join(words, ink_boxes))


def in_reading_order(lines: Iterable[PlacedLine]) -> list[PlacedLine]:
    """Orders lines: rows from top to bottom, the lines of a row from left to right."""
    rows: list[list[PlacedLine]] = []
    for line in sorted(lines, key=_height_on_page):
        if rows and _beside([member.box for member in rows[-1]], line.box):
            rows[-1].append(line)
        else:
            rows.append([line])
    return [line for row in rows for line in sorted(row, key=lambda member: member.box[0])]


def _height_on_page(line: PlacedLine) -> float:
    _, top, _, bottom = line.box
    return (top + bottom) / 2


def _beside(row: Sequence[Rectangle], box: Rectangle) -> bool:
    """Whether `box` continues the row: level with most of it, and neither above nor below one of its members."""
    box_left, box_top, box_right, box_bottom = box
    top, bottom = median(member[1] for member in row), median(member[3] for member in row)
    shared = min(bottom, box_bottom) - max(top, box_top)
    if shared < _SAME_ROW_SHARE * min(bottom - top, box_bottom - box_top):
        return False
    reach = 0.3 * (box_bottom - box_top)
    return all(box_right <= left + reach or box_left >= right - reach for left, _, right, _ in row)


def _join(words: Iterable[PlacedWord], ink_boxes: bool) -> list[PlacedLine]:
    """Appends each word, from left to right, to the line that ends just before it at the same height."""
    bearings = _SIDE_BEARINGS_HEIGHTS if ink_boxes else 0.0
    open_lines: list[list[PlacedWord]] = []
    # Lines sorted by the middle of their last word, so that a page with thousands of words stays fast.
    middles: list[tuple[float, int]] = []
    tallest = 0.0
    for word in sorted(words, key=lambda word: (word.left, word.top)):
        height, middle = word.height, word.middle
        tallest = max(tallest, height)
        best: int | None = None
        best_gap = float("inf")
        out_of_reach: list[tuple[float, int]] = []
        nearby = slice(bisect_left(middles, (middle - tallest, -1)), bisect_left(middles, (middle + tallest, -1)))
        for place in middles[nearby]:
            _, index = place
            last = open_lines[index][-1]
            gap = word.left - last.right - bearings * min(last.height, height)
            if gap > _REACH_HEIGHTS * tallest:
                # Words come from left to right: no later one is nearer.
                out_of_reach.append(place)
            elif _level(last, word) and _follows(open_lines[index], word, gap) and abs(gap) < abs(best_gap):
                best, best_gap = index, gap
        for place in out_of_reach:
            middles.remove(place)
        if best is None:
            middles.insert(bisect_left(middles, (middle, len(open_lines))), (middle, len(open_lines)))
            open_lines.append([word])
            continue
        last = open_lines[best][-1]
        glued = not ink_boxes and best_gap < _GLUE_GAP_HEIGHTS * min(last.height, height)
        open_lines[best].append(word if word.glued == glued else replace(word, glued=glued))
        middles.remove((last.middle, best))
        middles.insert(bisect_left(middles, (middle, best)), (middle, best))
    return [PlacedLine(tuple(line)) for line in open_lines]


def _level(first: PlacedWord, second: PlacedWord) -> bool:
    """Whether both are on one printed line; a superscript and a slightly larger digit still are."""
    smaller, larger = sorted((first.height, second.height))
    shared = min(first.bottom, second.bottom) - max(first.top, second.top)
    return shared >= 0.6 * smaller and larger <= 2.2 * smaller


def _follows(line: Sequence[PlacedWord], word: PlacedWord, gap: float) -> bool:
    last = line[-1]
    height = min(last.height, word.height)
    if gap < -_OVERLAP_HEIGHTS * height:
        return False
    ending = [*line[-4:], word]
    characters = sum([len(each.text) for each in ending])
    character_width = sum([each.right - each.left for each in ending]) / max(characters, 1)
    return gap <= max(_COLUMN_GAP_HEIGHTS * height, _COLUMN_GAP_CHARACTERS * min(character_width, 0.7 * height))
