"""The text a PDF page carries itself: its words, how the page is turned, and whether the text can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING

from cira_pipeline.reading.characters import as_printed, readable_count, unreadable_count
from cira_pipeline.reading.lines import PlacedWord
from cira_pipeline.reading.turning import TURNS, Turn, Turned

if TYPE_CHECKING:
    from docling_core.types.doc.page import SegmentedPdfPage, TextCell

# A page with fewer characters than this may be a scan with a stamp or a page number printed on it.
FEW_CHARACTERS = 120
_UNREADABLE_SHARE = 0.1
_LARGE_PICTURE_SHARE = 0.3


def native_text_usable(page: SegmentedPdfPage) -> bool:
    """Whether the page's own text says what the page shows: present, mapped to Unicode, and not a mere stamp."""
    text = "".join(cell.text for cell in page.word_cells)
    readable, unreadable = readable_count(text), unreadable_count(text)
    if readable == 0 or unreadable > _UNREADABLE_SHARE * (readable + unreadable):
        return False
    return readable >= FEW_CHARACTERS or picture_share(page) < _LARGE_PICTURE_SHARE


def picture_share(page: SegmentedPdfPage) -> float:
    """Share of the page that its largest picture covers, 0 to 1."""
    bounds = page.dimension.rect.to_bounding_box()
    page_area = abs(bounds.width * bounds.height) or 1.0
    areas = (abs(box.width * box.height) for box in (b.rect.to_bounding_box() for b in page.bitmap_resources))
    return min(max(areas, default=0.0) / page_area, 1.0)


def native_words(page: SegmentedPdfPage) -> tuple[list[PlacedWord], Turn, tuple[float, float]]:
    """Words in points, origin top left, on the page turned clockwise by the second value, whose size is the third."""
    width, height = page.dimension.width, page.dimension.height
    turn = turn_of(page.word_cells)
    turned = Turned(width, height, turn)
    words: list[PlacedWord] = []
    for cell in page.word_cells:
        text = as_printed(cell.text).strip()
        box = cell.rect.to_bounding_box().to_top_left_origin(height)
        if not text or box.r < 0 or box.l > width or box.b < 0 or box.t > height:
            continue
        words.append(PlacedWord(text, *turned.box(box.l, box.t, box.r, box.b)))
    return without_repeats(words), turn, turned.size


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
