"""Positions at which PDFium draws the characters of a word.

docling-parse sums up the widths that a font declares. A viewer substitutes fonts that are not in the file, with other
widths, so towards the end of a line the two can differ by several letters.
"""

from __future__ import annotations

import ctypes
from collections.abc import Iterator, Sequence
from typing import Any

import pypdfium2 as pdfium
import pypdfium2.raw as pdfium_c
from docling.utils.locks import pypdfium2_lock

from cira_pipeline.ocr.lines import Rectangle

# Device units of a point, as PDFium counts in whole units.
_UNITS = 100


class DrawnText:
    """Text of page `number` (from 1) of an open document, loaded only when `places` is called."""

    def __init__(self, document: pdfium.PdfDocument, number: int) -> None:
        self._document = document
        self._number = number
        self._text: tuple[Any, Any] | None = None

    def places(self, word: str) -> list[Sequence[Rectangle]]:
        """Each position of `word` as a separate word: a box for each of its characters, in points from the top left.

        A box covers the full height of the font and the full width of the character, whether it leaves ink or not.
        """
        with pypdfium2_lock:
            if self._text is None:
                # Loaded again: the text of a page that was loaded before may have been removed.
                page = self._document[self._number - 1]
                self._text = page, page.get_textpage()
            return list(_places(*self._text, word))


def _places(page: Any, text: Any, word: str) -> Iterator[Sequence[Rectangle]]:
    size = tuple(round(side * _UNITS) for side in page.get_size())
    found = text.search(word, match_case=True)
    while (place := found.get_next()) is not None:
        first, count = place
        if count == len(word) and not any(_joins(text, index) for index in (first - 1, first + count)):
            boxes = (text.get_charbox(index, loose=True) for index in range(first, first + count))
            yield [_shown_box(page, size, box) for box in boxes]


def _joins(text: Any, index: int) -> bool:
    """Whether there is a letter or a digit, so that its neighbour is not a separate word."""
    character = pdfium_c.FPDFText_GetUnicode(text, index) if 0 <= index < text.count_chars() else 0
    return chr(character).isalnum()


def _shown_box(page: Any, size: Sequence[int], box: Sequence[float]) -> Rectangle:
    """`size`: width and height of the page in device units."""
    left, bottom, right, top = box
    (x0, y0), (x1, y1) = _shown(page, size, left, bottom), _shown(page, size, right, top)
    return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)


def _shown(page: Any, size: Sequence[int], x: float, y: float) -> tuple[float, float]:
    """Converts a point of the page's own coordinates to the page as a viewer shows it, turned and cropped."""
    across, down = ctypes.c_int(), ctypes.c_int()
    pdfium_c.FPDF_PageToDevice(page, 0, 0, *size, 0, x, y, across, down)
    return across.value / _UNITS, down.value / _UNITS
