"""Native text of a PDF page: its words, its orientation, and whether it can be trusted."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from statistics import median
from typing import TYPE_CHECKING

from cira_pipeline.ocr.characters import as_printed, readable_count, unreadable_count
from cira_pipeline.ocr.lines import PlacedLine, PlacedWord, Rectangle, lines_of
from cira_pipeline.ocr.turning import TURNS, Turn, Turned
from cira_pipeline.ocr.visibility import LEAST_HEIGHT_PT, PageVisibility

if TYPE_CHECKING:
    from docling_core.types.doc.page import SegmentedPdfPage

    from cira_pipeline.ocr.word_cells import WordCell

_UNREADABLE_SHARE = 0.1
_ASKEW_FROM_DEG = 20
_SMALL_SHARE = 0.4
_COVERED_SHARE = 0.5


def native_text_usable(cells: Sequence[WordCell]) -> bool:
    """Whether the page has native text whose fonts map glyphs to characters."""
    text = "".join([cell.text for cell in cells])
    readable, unreadable = readable_count(text), unreadable_count(text)
    return readable > 0 and unreadable <= _UNREADABLE_SHARE * (readable + unreadable)


@dataclass(frozen=True)
class NativeText:
    """A page's own text in points, origin top left, after the page was turned clockwise by `turned.turn`.

    `words` run from left to right; `rotated` are lines that run up, down or askew beside them.
    `contested` are upright words that must be confirmed by OCR of the page's image: they overlap each other, or some of
    their ink is missing where they should be.
    `layer`: the words are the invisible text that a scanner's software put over the page's image.
    """

    words: tuple[PlacedWord, ...]
    contested: tuple[PlacedWord, ...]
    rotated: tuple[PlacedLine, ...]
    turned: Turned
    layer: bool

    @property
    def all_words(self) -> tuple[PlacedWord, ...]:
        return (*self.words, *self.contested, *(word for line in self.rotated for word in line.words))

    @property
    def characters(self) -> int:
        return sum(len(word.text) for word in self.all_words)


@dataclass(frozen=True)
class _NativeWord:
    """A word in the page's own orientation. `turn`: clockwise degrees to bring it upright; `None` when it is askew."""

    text: str
    box: Rectangle
    turn: Turn | None
    hidden: bool
    height: float
    unclear: bool = False


def native_text(page: SegmentedPdfPage, cells: Iterable[WordCell], visibility: PageVisibility) -> NativeText:
    """The page's text, without words that are off the page, too small to read, or invisible."""
    found = list(_words_on_page(page, cells))
    layer = sum([word.hidden for word in found]) > len(found) / 2
    found = found if layer else list(_seen(found, visibility))
    turned = Turned(page.dimension.width, page.dimension.height, _prevailing_turn(found))
    upright = without_repeats([_placed(word, turned) for word in found if word.turn == turned.turn])
    doubtful = overprinted(upright) | {_placed(word, turned) for word in found if word.unclear}
    contested = tuple(word for word in upright if word in doubtful) if doubtful else ()
    words = [word for word in upright if word not in contested] if contested else upright
    turns = {word.turn for word in found}
    rotated = [
        line
        for turn in TURNS
        if turn in turns and turn != turned.turn
        for line in _lines_turned_by(turn, found, turned)
    ]
    rotated += [PlacedLine((_placed(word, turned),)) for word in found if word.turn is None]
    return NativeText(tuple(words), contested, tuple(rotated), turned, layer)


def _words_on_page(page: SegmentedPdfPage, cells: Iterable[WordCell]) -> Iterator[_NativeWord]:
    width, height = page.dimension.width, page.dimension.height
    pictures = [bitmap.rect.to_bounding_box().to_top_left_origin(height) for bitmap in page.bitmap_resources]
    for cell in cells:
        text = as_printed(cell.text).strip()
        left, top, right, bottom = cell.box
        x, y = (left + right) / 2, (top + bottom) / 2
        if not text or not (0 <= x <= width and 0 <= y <= height):
            continue
        # Over a picture it is a scanner's OCR text; elsewhere it is never visible.
        if cell.unpainted and not any(each.l <= x <= each.r and each.t <= y <= each.b for each in pictures):
            continue
        yield _NativeWord(text, cell.box, _turn_of(cell.angle_deg), cell.unpainted, cell.height)


def _seen(words: Sequence[_NativeWord], visibility: PageVisibility) -> Iterator[_NativeWord]:
    """Words that are, or may be, visible. The small print of a page that is small as a whole is kept."""
    usual = median(word.height for word in words) if words else 0.0
    least = min(LEAST_HEIGHT_PT, _SMALL_SHARE * usual)
    for word in words:
        if word.hidden or word.height < least:
            continue
        # A lone colon states nothing, so keeping it does no harm.
        bare = not any(map(str.isalnum, word.text))
        if visibility.sees(*word.box):
            clear = word.turn != 0 or visibility.sees_each_figure(word.text, *word.box)
        elif visibility.sees_around(*word.box):
            clear = bare
        else:
            continue
        clear = clear or (word.turn == 0 and visibility.sees_where_drawn(word.text, *word.box))
        yield word if clear else replace(word, unclear=True)


def _turn_of(angle_deg: int) -> Turn | None:
    # Docling counts counter-clockwise from the baseline; the clockwise turn that undoes it is as large.
    nearest = round(angle_deg / 90) * 90
    return TURNS[nearest // 90 % 4] if abs(angle_deg - nearest) <= _ASKEW_FROM_DEG else None


def _prevailing_turn(words: Iterable[_NativeWord]) -> Turn:
    """Clockwise degrees that bring most of the text upright."""
    characters: Counter[Turn] = Counter()
    for word in words:
        if word.turn is not None:
            characters[word.turn] += len(word.text)
    return max(TURNS, key=lambda turn: (characters[turn], -turn))


def _lines_turned_by(turn: Turn, words: Iterable[_NativeWord], turned: Turned) -> Iterator[PlacedLine]:
    """Lines that are upright on a page turned by `turn`, in the coordinates of the page turned as `turned`."""
    own = Turned(turned.width, turned.height, turn)
    back = Turned(*own.size, TURNS[(360 - turn) // 90 % 4])
    for line in lines_of(without_repeats([_placed(word, own) for word in words if word.turn == turn])):
        yield PlacedLine(
            tuple(
                replace(word, left=box[0], top=box[1], right=box[2], bottom=box[3])
                for word in line.words
                for box in [turned.box(*back.box(word.left, word.top, word.right, word.bottom))]
            )
        )


def _placed(word: _NativeWord, turned: Turned) -> PlacedWord:
    return PlacedWord(word.text, *turned.box(*word.box))


def without_repeats(words: Sequence[PlacedWord]) -> list[PlacedWord]:
    """Removes words printed twice at almost the same position, as some programs print bold."""
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


def overprinted(words: Sequence[PlacedWord]) -> frozenset[PlacedWord]:
    """Words that overlap words of another text by half of their area or more."""
    found: set[PlacedWord] = set()
    by_top = sorted((word for word in words if _states_something(word)), key=lambda word: word.top)
    for index, word in enumerate(by_top):
        for other in by_top[index + 1 :]:
            if other.top >= word.bottom:
                break
            if other.left >= word.right or word.left >= other.right:
                continue
            if _share_covered(word, other) >= _COVERED_SHARE and not _same_print(word, other):
                found |= {word, other}
    return frozenset(found)


def _states_something(word: PlacedWord) -> bool:
    return any(map(str.isalnum, word.text))


def _share_covered(first: PlacedWord, second: PlacedWord) -> float:
    """Overlap as a share of the smaller one's area."""
    width = min(first.right, second.right) - max(first.left, second.left)
    height = min(first.bottom, second.bottom) - max(first.top, second.top)
    smaller = min((word.right - word.left) * word.height for word in (first, second))
    return width * height / smaller if width > 0 and height > 0 and smaller > 0 else 0.0


def _same_print(first: PlacedWord, second: PlacedWord) -> bool:
    return first.text in second.text or second.text in first.text
