"""The text a PDF page carries itself: its words, how the page is turned, and whether the text can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from cira_pipeline.reading.characters import as_printed, readable_count, unreadable_count
from cira_pipeline.reading.lines import PlacedWord
from cira_pipeline.reading.turning import TURNS, Turn, Turned

if TYPE_CHECKING:
    from docling_core.types.doc.page import SegmentedPdfPage, TextCell

_UNREADABLE_SHARE = 0.1
# Text rendering modes "invisible" and "clip only" (ISO 32000-1, 9.3.6).
_UNPAINTED = (3, 7)


def native_text_usable(page: SegmentedPdfPage) -> bool:
    """Whether the page has text of its own and a font told what its glyphs mean."""
    text = "".join(cell.text for cell in page.word_cells)
    readable, unreadable = readable_count(text), unreadable_count(text)
    return readable > 0 and unreadable <= _UNREADABLE_SHARE * (readable + unreadable)


@dataclass(frozen=True)
class NativeText:
    """A page's own words in points, origin top left, after it was turned clockwise by `turned.turn`.

    `layer`: the words are the invisible text a scanner's software laid over the page's picture.
    """

    words: tuple[PlacedWord, ...]
    turned: Turned
    layer: bool

    @property
    def characters(self) -> int:
        return sum(len(word.text) for word in self.words)


def native_text(page: SegmentedPdfPage) -> NativeText:
    """What the page's text says, without what stands off the page or is shown to nobody."""
    width, height = page.dimension.width, page.dimension.height
    turned = Turned(width, height, turn_of(page.word_cells))
    pictures = [bitmap.rect.to_bounding_box().to_top_left_origin(height) for bitmap in page.bitmap_resources]
    words: list[PlacedWord] = []
    hidden = 0
    for cell in page.word_cells:
        text = as_printed(cell.text).strip()
        box = cell.rect.to_bounding_box().to_top_left_origin(height)
        x, y = (box.l + box.r) / 2, (box.t + box.b) / 2
        if not text or not (0 <= x <= width and 0 <= y <= height):
            continue
        if getattr(cell, "rendering_mode", None) in _UNPAINTED:
            # Over a picture it is a scanner's reading of it; elsewhere no person ever sees it.
            if not any(each.l <= x <= each.r and each.t <= y <= each.b for each in pictures):
                continue
            hidden += 1
        words.append(PlacedWord(text, *turned.box(box.l, box.t, box.r, box.b)))
    return NativeText(tuple(without_repeats(words)), turned, layer=hidden > len(words) / 2)


def turn_of(cells: Iterable[TextCell]) -> Turn:
    """Clockwise degrees that bring most of the text upright."""
    characters: Counter[int] = Counter()
    for cell in cells:
        # Angles count counter-clockwise from the baseline.
        characters[round(cell.rect.angle_360 / 90) % 4 * 90] += len(cell.text)
    return max(TURNS, key=lambda turn: (characters[turn], -turn))


def without_repeats(words: Sequence[PlacedWord]) -> list[PlacedWord]:
    """Bold print is sometimes made by printing twice, a hair apart."""
    kept: list[PlacedWord] = []
    by_text: dict[str, list[PlacedWord]] = {}
    for word in words:
        same = by_text.setdefault(word.text, [])
        near = 0.25 * word.height
        if any(abs(word.left - other.left) < near and abs(word.top - other.top) < near for other in same):
            continue
        same.append(word)
        kept.append(word)
    return kept
